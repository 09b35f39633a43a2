//! `clusterd key`: a new key, in the form of the file of keys.

use crate::failure::{Exit, Problem};
use crate::terminal;
use std::fmt::Write as _;
use zeroize::Zeroizing;

pub(super) fn key(number: u32) -> Result<Exit, Problem> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes)
        .map_err(|error| Problem::failed(format!("no random numbers: {error}")))?;
    let mut text = Zeroizing::new(String::with_capacity(96));
    let _ = write!(text, "{number} ");
    for byte in *bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
    terminal::result(&text);
    Ok(Exit::Done)
}
