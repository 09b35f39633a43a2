//! Licences of everything that is linked in, against the list in `deny.toml`:
//! what `cargo deny check licenses` does too, but offline and without it.

use crate::checkout::Checkout;
use anyhow::{Context as _, Result, bail};

/// Dependencies whose licence is not among the allowed ones.
pub(crate) fn check(checkout: &Checkout) -> Result<Vec<String>> {
    let file = checkout.root.join("deny.toml");
    let text =
        std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let allowed = allowed(&text)?;
    let metadata = checkout.metadata()?;
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let version = package["version"].as_str().unwrap_or_default();
        let Some(licence) = package["license"].as_str() else {
            found.push(format!("{name} {version} does not say its licence"));
            continue;
        };
        match is_allowed(licence, &allowed) {
            Ok(true) => {}
            Ok(false) => found.push(format!(
                "{name} {version} is licensed {licence}, which deny.toml does not allow"
            )),
            Err(error) => found.push(format!("{name} {version}: {licence}: {error:#}")),
        }
    }
    Ok(found)
}

/// The list `allow` of the table `[licenses]`.
fn allowed(deny: &str) -> Result<Vec<String>> {
    let mut lines = deny
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .skip_while(|line| *line != "[licenses]")
        .skip(1)
        .take_while(|line| !line.starts_with("[["))
        .skip_while(|line| !line.starts_with("allow"));
    let first = lines.next().context("deny.toml has no licenses.allow")?;
    let mut list = first.to_owned();
    while !list.contains(']') {
        list.push_str(
            lines
                .next()
                .context("licenses.allow in deny.toml has no end")?,
        );
    }
    let allowed: Vec<String> = list
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    if allowed.is_empty() {
        bail!("licenses.allow in deny.toml is empty");
    }
    Ok(allowed)
}

/// Whether an SPDX expression can be satisfied with what is allowed. `/` is how
/// old manifests wrote OR.
fn is_allowed(expression: &str, allowed: &[String]) -> Result<bool> {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let good = either(&mut rest, allowed)?;
    if !rest.is_empty() {
        bail!("`{}` is not understood", rest.join(" "));
    }
    Ok(good)
}

fn either(words: &mut &[&str], allowed: &[String]) -> Result<bool> {
    let mut good = both(words, allowed)?;
    while take(words, "OR") {
        good |= both(words, allowed)?;
    }
    Ok(good)
}

fn both(words: &mut &[&str], allowed: &[String]) -> Result<bool> {
    let mut good = one(words, allowed)?;
    while take(words, "AND") {
        good &= one(words, allowed)?;
    }
    Ok(good)
}

fn one(words: &mut &[&str], allowed: &[String]) -> Result<bool> {
    if take(words, "(") {
        let good = either(words, allowed)?;
        if !take(words, ")") {
            bail!("a parenthesis is not closed");
        }
        return Ok(good);
    }
    let Some((first, rest)) = words.split_first() else {
        bail!("it ends in the middle");
    };
    *words = rest;
    let mut licence = (*first).to_owned();
    if take(words, "WITH")
        && let Some((exception, rest)) = words.split_first()
    {
        *words = rest;
        licence = format!("{licence} WITH {exception}");
    }
    Ok(allowed.contains(&licence))
}

fn take(words: &mut &[&str], word: &str) -> bool {
    if words.first() == Some(&word) {
        *words = &words[1..];
        return true;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(expression: &str) -> bool {
        let allowed = ["MIT", "Unicode-3.0"].map(str::to_owned);
        is_allowed(expression, &allowed).expect(expression)
    }

    #[test]
    fn a_choice_is_enough_and_all_conditions_count() {
        assert!(judge("MIT"));
        assert!(judge("GPL-3.0-only OR MIT"));
        assert!(judge("MIT/Apache-2.0"));
        assert!(judge("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(!judge("MIT AND GPL-3.0-only"));
        assert!(!judge("GPL-3.0-only"));
        assert!(!judge("Apache-2.0 OR MIT AND GPL-3.0-only"));
        assert!(!judge("MIT WITH some-exception"));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for wrong in ["(MIT", "MIT MIT", "MIT OR", ""] {
            assert!(is_allowed(wrong, &["MIT".to_owned()]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_list_is_read_over_lines_and_comments() {
        let deny =
            "[advisories]\n[licenses]\n# no \"GPL\"\nallow = [\n \"MIT\", # x\n \"ISC\",\n]\n";
        assert_eq!(allowed(deny).expect("a list"), ["MIT", "ISC"]);
        assert!(allowed("[licenses]\n").is_err());
    }
}
