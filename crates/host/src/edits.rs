//! Edits of foreign files: made, taken back, and their originals kept.

use crate::disk;
use crate::place::Place;
use crate::process::{self, Bounds};
use crate::refusal::{Attempt, Refused, Result};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use tandem_generation::{Digest, Edit, FORMAT};

/// A foreign file around a leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditedFile {
    /// The file.
    pub path: String,
    /// Its text before.
    pub before: String,
    /// Its text as the leg makes it.
    pub after: String,
}

/// A foreign file as it was before tandem's first edit.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Original {
    format: u32,
    path: String,
    text: String,
}

/// The text of a foreign file.
pub fn text(place: &Place, path: &str) -> Result<String> {
    fs::read_to_string(place.on_host(path)).map_err(|cause| {
        Refused::invalid(format!("cannot edit {path}: {cause}"))
            .hint("an edit step needs a text file that is there")
    })
}

/// What each foreign file becomes: `unedit` taken back, then `edits` made.
pub fn foresee(place: &Place, unedit: &[Edit], edits: &[Edit]) -> Result<Vec<EditedFile>> {
    let mut files: Vec<EditedFile> = Vec::new();
    for (edit, back) in unedit
        .iter()
        .map(|edit| (edit, true))
        .chain(edits.iter().map(|edit| (edit, false)))
    {
        let there = files.iter().position(|file| file.path == edit.path);
        let index = if let Some(index) = there {
            index
        } else {
            let before = text(place, &edit.path)?;
            files.push(EditedFile {
                path: edit.path.clone(),
                after: before.clone(),
                before,
            });
            files.len() - 1
        };
        let file = &mut files[index];
        file.after = if back {
            match original(place, &edit.path)? {
                Some(original) => taken_back(edit, &file.after, &original),
                None => file.after.clone(),
            }
        } else {
            edit.apply(&file.after)
        };
    }
    Ok(files)
}

/// Keeps the originals of files that are edited for the first time.
pub fn keep_originals(place: &Place, files: &[EditedFile]) -> Result<()> {
    for file in files {
        let path = original_path(place, &file.path);
        if !path.exists() {
            let original = Original {
                format: FORMAT,
                path: file.path.clone(),
                text: file.before.clone(),
            };
            disk::write_document(&path, &original)?;
        }
    }
    Ok(())
}

/// Forgets originals of files that no edit is about any more.
pub fn forget_originals(place: &Place, kept: &[Edit]) -> Result<()> {
    for name in disk::names(&place.originals())? {
        let path = place.originals().join(&name);
        if let Ok(Some(original)) = disk::read_document::<Original>(&path)
            && !kept.iter().any(|edit| edit.path == original.path)
        {
            disk::remove(&path)?;
        }
    }
    Ok(())
}

/// Makes the files what was foreseen.
pub fn make(place: &Place, files: &[EditedFile]) -> Result<()> {
    for file in files {
        // Somebody may have changed it since: what they wrote stays, ours is
        // put on top only if the file is what was looked at.
        let now = text(place, &file.path)?;
        if now == file.after {
            continue;
        }
        if now != file.before {
            return Err(Refused::failed(format!(
                "{} was changed by somebody else while this leg ran",
                file.path
            )));
        }
        replace(place, &file.path, &file.after)?;
    }
    Ok(())
}

/// Puts the files back; where somebody else changed one meanwhile only our
/// settings go.
pub fn unmake(
    place: &Place,
    files: &[EditedFile],
    forward: &[Edit],
    target: &[Edit],
) -> Result<()> {
    for file in files {
        let now = text(place, &file.path)?;
        let mut back = if now == file.after {
            file.before.clone()
        } else if now == file.before {
            continue;
        } else {
            forward
                .iter()
                .filter(|edit| edit.path == file.path)
                .fold(now.clone(), |text, edit| {
                    taken_back(edit, &text, &file.before)
                })
        };
        for edit in target.iter().filter(|edit| edit.path == file.path) {
            back = edit.apply(&back);
        }
        if back != now {
            replace(place, &file.path, &back)?;
        }
    }
    Ok(())
}

/// Edits that do not hold.
pub fn complaints(place: &Place, edits: &[Edit]) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for edit in edits {
        if !edit.holds_in(&text(place, &edit.path)?) {
            complaints.push(format!("the settings of {} do not hold", edit.path));
        }
    }
    Ok(complaints)
}

/// The text with an edit's settings as `original` had them.
pub fn taken_back(edit: &Edit, text: &str, original: &str) -> String {
    if edit.apply(original) == text {
        return original.to_owned();
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match edit.key_in(line) {
            None => out.push_str(line),
            Some(key) => {
                if seen.insert(key) {
                    let lines = original
                        .split_inclusive('\n')
                        .filter(|line| edit.key_in(line) == Some(key));
                    for line in lines {
                        out.push_str(line);
                        if !line.ends_with('\n') {
                            out.push('\n');
                        }
                    }
                }
            }
        }
    }
    out
}

/// Replaces the text of a foreign file, durably, and leaves its owner, mode and
/// security label as they are.
fn replace(place: &Place, path: &str, text: &str) -> Result<()> {
    let file = place.on_host(path);
    // A link stays a link: its target is what is edited.
    let file = fs::canonicalize(&file).attempt(|| format!("find {path}"))?;
    let temporary = disk::beside(&file);
    let result = replace_through(&file, &temporary, text);
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}

fn replace_through(file: &PathBuf, temporary: &PathBuf, text: &str) -> Result<()> {
    let what = || format!("edit {}", file.display());
    disk::write_new(temporary, text.as_bytes(), 0o600).attempt(what)?;
    let argv = [
        "cp",
        "--attributes-only",
        "--preserve=all",
        "--",
        &file.display().to_string(),
        &temporary.display().to_string(),
    ];
    let bounds = Bounds {
        timeout: Some(Duration::from_secs(30)),
        output_bytes: 4096,
    };
    let copied = process::run(&argv, bounds).attempt(what)?;
    if !copied.is_good() {
        return Err(Refused::failed(format!(
            "cannot edit {}: its attributes cannot be copied: {}",
            file.display(),
            copied.said()
        )));
    }
    // The attributes include the old times; readers look at them.
    fs::File::options()
        .write(true)
        .open(temporary)
        .and_then(|file| {
            file.set_modified(std::time::SystemTime::now())?;
            file.sync_all()
        })
        .attempt(what)?;
    fs::rename(temporary, file).attempt(what)?;
    disk::sync_parent(file).attempt(what)
}

fn original(place: &Place, path: &str) -> Result<Option<String>> {
    let original: Option<Original> = disk::read_document(&original_path(place, path))?;
    Ok(original.map(|original| original.text))
}

fn original_path(place: &Place, path: &str) -> PathBuf {
    place.originals().join(format!("{}.json", Digest::of(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(value: &str) -> Edit {
        Edit {
            path: "/etc/login.defs".into(),
            separator: "\t".into(),
            set: [("PASS_MAX_DAYS".to_owned(), value.to_owned())].into(),
        }
    }

    #[test]
    fn taking_back_gives_the_original_bytes() {
        let original = "# x\nPASS_MAX_DAYS   99999\nUMASK 022";
        let edited = days("90").apply(original);
        assert_eq!(taken_back(&days("90"), &edited, original), original);
    }

    #[test]
    fn a_foreign_change_made_meanwhile_survives() {
        let original = "PASS_MAX_DAYS 99999\nUMASK 022\n";
        let edited = days("90").apply(original).replace("022", "077");
        assert_eq!(
            taken_back(&days("90"), &edited, original),
            "PASS_MAX_DAYS 99999\nUMASK 077\n"
        );
    }

    #[test]
    fn a_key_that_was_added_goes() {
        let original = "UMASK 022\n";
        let edited = days("90").apply(original) + "NEW 1\n";
        assert_eq!(
            taken_back(&days("90"), &edited, original),
            "UMASK 022\nNEW 1\n"
        );
    }
}
