//! `clusterd key`: a new key, in the form of the file of keys.

use anyhow::Result;
use std::fmt::Write as _;
use std::process::ExitCode;
use zeroize::Zeroizing;

pub(super) fn key(number: u32) -> Result<ExitCode> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    let mut text = Zeroizing::new(String::with_capacity(80));
    for byte in *bytes {
        write!(text, "{byte:02x}")?;
    }
    println!("{number} {}", *text);
    Ok(ExitCode::SUCCESS)
}
