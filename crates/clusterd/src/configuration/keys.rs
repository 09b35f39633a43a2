//! The file of keys. One line each: a number and 64 hexadecimal digits; `use NUMBER` says
//! which one packets are sealed with. All of them are accepted, so that a new key can be
//! spread before it is used.

use anyhow::{Context, Result, bail};
use cluster_wire::{Key, KeyRing};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Reads the keys. Nothing of them gets into a message.
pub(crate) fn read_keys(path: &Path) -> Result<KeyRing> {
    let name = path.display();
    let meta = std::fs::metadata(path).with_context(|| {
        format!(
            "{name}: no keys; every member needs the same ones (`(umask 077; clusterd key > {name})`)"
        )
    })?;
    if meta.mode() & 0o077 != 0 {
        bail!(
            "{name}: others can read it (mode {:04o}); chmod 0600 it, and make new keys if somebody did",
            meta.mode() & 0o7777
        );
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).with_context(|| name.to_string())?);
    parse(&text).with_context(|| name.to_string())
}

/// Understands such a file.
pub(crate) fn parse(text: &str) -> Result<KeyRing> {
    let mut accepted = BTreeMap::new();
    let mut sign = None;
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let Some((first, second)) = text.split_once(char::is_whitespace) else {
            bail!("line {line}: `NUMBER KEY` or `use NUMBER` is wanted");
        };
        let second = second.trim();
        if first == "use" {
            let Ok(number) = second.parse::<u32>() else {
                bail!("line {line}: `use` wants the number of a key");
            };
            sign = Some(number);
            continue;
        }
        let Ok(number) = first.parse::<u32>() else {
            bail!("line {line}: begins with neither a number nor `use`");
        };
        let Ok(key) = Key::parse(second) else {
            bail!("line {line}: key {number} has not 64 hexadecimal digits");
        };
        if accepted.insert(number, key).is_some() {
            bail!("line {line}: key {number} is there twice");
        }
    }
    let Some(sign) = sign.or_else(|| accepted.keys().next_back().copied()) else {
        bail!("no key at all");
    };
    if !accepted.contains_key(&sign) {
        bail!("`use {sign}`: there is no such key");
    }
    Ok(KeyRing::new(accepted, sign)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_key_is_used_unless_it_is_said() {
        let (one, two) = (
            "1 ".to_owned() + &"1a".repeat(32),
            "2 ".to_owned() + &"2b".repeat(32),
        );
        assert!(parse(&format!("# ours\n{one}\n{two}\n")).is_ok());
        assert!(parse(&format!("{one}\n{two}\nuse 1\n")).is_ok());
        let error = parse(&format!("{one}\nuse 3\n")).expect_err("no key 3");
        assert!(error.to_string().contains("use 3"), "{error}");
    }

    #[test]
    fn nothing_of_a_key_gets_into_a_message() {
        for text in ["1 secretsecret", "secretsecret", "x secretsecret", ""] {
            let error = format!("{:#}", parse(text).expect_err("wrong"));
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
