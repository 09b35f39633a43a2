//! Whose packages these are: tandem's own keyring, and nobody else's.

use crate::place::{Place, make_private};
use crate::refusal::{Attempt, Refused, Result};
use crate::rpm;
use std::collections::BTreeMap;
use std::fs;
use tandem_generation::{Digest, Package};

/// Adds keys to tandem's keyring; old ones stay, kept generations need them.
pub fn import(place: &Place, keys: &[String]) -> Result<()> {
    let keyring = place.keyring();
    make_private(&keyring)?;
    make_private(&place.scratch())?;
    for key in keys {
        // Which keys are in is remembered by name: importing is slow.
        let mark = keyring.join(format!("{}.asc", Digest::of(key)));
        if mark.exists() {
            continue;
        }
        let file = place.scratch().join("key.asc");
        crate::disk::write(&file, key.as_bytes())?;
        let ended = rpm::run(&[
            "rpmkeys".into(),
            "--dbpath".into(),
            keyring.display().to_string(),
            "--import".into(),
            file.display().to_string(),
        ])?;
        fs::remove_file(&file).attempt(|| format!("remove {}", file.display()))?;
        if !ended.is_good() {
            return Err(Refused::untrusted(format!(
                "rpm cannot import a key of this run: {}",
                ended.said()
            ))
            .hint("rpm 4.18 takes RSA and Ed25519 keys, armoured"));
        }
        crate::disk::write(&mark, key.as_bytes())?;
    }
    Ok(())
}

/// Refuses unless every package carries a good signature by a key of tandem's
/// keyring.
pub fn verify<'a>(place: &Place, packages: impl IntoIterator<Item = &'a Package>) -> Result<usize> {
    let packages: BTreeMap<String, &Package> = packages
        .into_iter()
        .map(|package| (place.package(&package.file).display().to_string(), package))
        .collect();
    if packages.is_empty() {
        return Ok(0);
    }
    let mut argv: Vec<String> = [
        "rpmkeys",
        "--dbpath",
        &place.keyring().display().to_string(),
        // Without this a package without any signature passes.
        "--define",
        "_pkgverify_level all",
        "-Kv",
    ]
    .map(str::to_owned)
    .to_vec();
    argv.extend(packages.keys().cloned());
    let ended = rpm::run(&argv)?;
    let mut path = "";
    let mut said: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in ended.stdout.lines() {
        match line.strip_suffix(':') {
            Some(name) if packages.contains_key(name) => path = name,
            _ => said.entry(path).or_default().push(line.trim()),
        }
    }
    for (path, package) in &packages {
        let lines = said.get(path.as_str()).map_or(&[][..], Vec::as_slice);
        if let Some(reason) = objection(lines) {
            return Err(Refused::untrusted(format!("{} is refused: {reason}", package.id))
                .hint("only packages signed by the release key or the environment's key may be installed"));
        }
    }
    // Whatever the lines look like in another version of rpm, its verdict counts.
    if !ended.is_good() {
        return Err(Refused::untrusted(format!(
            "rpmkeys refuses the packages of this run ({}): {} {}",
            ended.how(),
            ended.stdout.trim(),
            ended.stderr.trim()
        )));
    }
    Ok(packages.len())
}

/// Why a package is not trusted, from the lines of `rpmkeys -Kv` about it.
fn objection(lines: &[&str]) -> Option<String> {
    if let Some(bad) = lines.iter().find(|line| line.contains(": BAD")) {
        return Some(format!(
            "its content was changed after it was signed ({bad})"
        ));
    }
    let signed = |line: &&&str| line.contains("ignature") && line.contains(": OK");
    if lines.iter().find(signed).is_some() {
        return None;
    }
    match lines.iter().find(|line| line.contains("NOKEY")) {
        Some(line) => Some(format!(
            "it is signed by a key that tandem was not given ({line})"
        )),
        None => Some("it is not signed".into()),
    }
}

/// Refuses unless names, versions and headers of the files are what the order
/// says.
pub fn identify<'a>(place: &Place, packages: impl IntoIterator<Item = &'a Package>) -> Result<()> {
    let mut wanted: BTreeMap<&Digest, &Package> = BTreeMap::new();
    for package in packages {
        wanted.insert(&package.file, package);
    }
    let paths: Vec<_> = wanted.keys().map(|file| place.package(file)).collect();
    let found = rpm::files_of(&paths)?.packages;
    for (package, found) in wanted.values().zip(&found) {
        if found.id != package.id || found.header.as_ref() != Some(&package.header) {
            return Err(Refused::untrusted(format!(
                "the file of {} is {} with header {}, not {}",
                package.id,
                found.id,
                found.header.as_ref().map_or("(none)", Digest::short),
                package.header.short()
            )));
        }
    }
    if found.len() == wanted.len() {
        Ok(())
    } else {
        Err(Refused::failed(
            "rpm did not answer for every package of this run",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::objection;

    #[test]
    fn digests_alone_are_no_signature() {
        let lines = ["Header SHA256 digest: OK", "Payload SHA256 digest: OK"];
        assert!(objection(&lines).is_some_and(|why| why.contains("not signed")));
    }

    #[test]
    fn a_good_signature_with_a_bad_digest_is_refused() {
        let lines = [
            "Header V4 EdDSA/SHA512 Signature, key ID 1234: OK",
            "Payload SHA256 digest: BAD (Expected a != b)",
        ];
        assert!(objection(&lines).is_some_and(|why| why.contains("changed")));
    }

    #[test]
    fn a_key_that_is_not_ours_is_named() {
        let lines = ["Header V4 EdDSA/SHA512 Signature, key ID 1234: NOKEY"];
        assert!(objection(&lines).is_some_and(|why| why.contains("1234")));
    }
}
