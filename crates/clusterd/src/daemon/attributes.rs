//! Attributes that agents set: some live until the next boot, some for ever. Both
//! outlive the daemon.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

const FILE: &str = "attributes.json";

/// What is kept, and where.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    until_boot: Shelf,
    for_ever: Shelf,
}

#[derive(Debug, Default)]
struct Shelf {
    path: PathBuf,
    values: BTreeMap<String, String>,
}

impl Shelf {
    /// What cannot be read is as good as not there: agents say it again.
    fn read(directory: &Path) -> Self {
        let path = directory.join(FILE);
        let text = std::fs::read(&path).unwrap_or_default();
        let values = serde_json::from_slice(&text).unwrap_or_default();
        Self { path, values }
    }

    /// What could not be written is not known here either: who asks again is not told that
    /// it is kept.
    fn put(&mut self, name: &str, value: Option<&str>) -> std::io::Result<()> {
        if self.values.get(name).map(String::as_str) == value {
            return Ok(());
        }
        let mut values = self.values.clone();
        match value {
            Some(value) => values.insert(name.to_owned(), value.to_owned()),
            None => values.remove(name),
        };
        self.write(&serde_json::to_vec(&values)?)?;
        self.values = values;
        Ok(())
    }

    fn write(&self, text: &[u8]) -> std::io::Result<()> {
        let part = self.path.with_extension("part");
        let mut file = std::fs::File::create(&part)?;
        file.write_all(text)?;
        file.sync_all()?;
        std::fs::rename(part, &self.path)?;
        // The new name is not on the disk before its directory is.
        let directory = self.path.parent().map(std::fs::File::open).transpose()?;
        directory.map_or(Ok(()), |directory| directory.sync_all())
    }
}

impl Kept {
    /// `run` is emptied by a boot, `state` is not.
    pub(crate) fn read(run: &Path, state: &Path) -> Self {
        Self {
            until_boot: Shelf::read(run),
            for_ever: Shelf::read(state),
        }
    }

    /// All of them; what lives until the next boot outweighs the rest.
    pub(crate) fn all(&self) -> BTreeMap<String, String> {
        let mut all = self.for_ever.values.clone();
        all.extend(self.until_boot.values.clone());
        all
    }

    /// Sets one, or without a value removes it.
    pub(crate) fn put(
        &mut self,
        name: &str,
        value: Option<&str>,
        for_ever: bool,
    ) -> std::io::Result<()> {
        if for_ever {
            self.for_ever.put(name, value)
        } else {
            self.until_boot.put(name, value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_written_is_not_said_to_be_kept() {
        let place = tempfile::tempdir().expect("a directory");
        let (run, state) = (place.path().join("run"), place.path().join("state"));
        std::fs::create_dir(&run).expect("made");
        let mut kept = Kept::read(&run, &state);
        for _ in 0..2 {
            let _ = kept
                .put("master-db", Some("5"), true)
                .expect_err("no directory");
        }
        assert!(kept.all().is_empty());
        std::fs::create_dir(&state).expect("made");
        kept.put("master-db", Some("5"), true).expect("written");
        assert_eq!(Kept::read(&run, &state).all()["master-db"], "5");
    }

    #[test]
    fn what_is_set_is_there_again_and_what_is_removed_is_not() {
        let place = tempfile::tempdir().expect("a directory");
        let (run, state) = (place.path().join("run"), place.path().join("state"));
        for directory in [&run, &state] {
            std::fs::create_dir(directory).expect("made");
        }
        let mut kept = Kept::read(&run, &state);
        kept.put("master-db", Some("100"), false).expect("written");
        kept.put("site", Some("north"), true).expect("written");
        kept.put("master-db", Some("10"), true).expect("written");
        let again = Kept::read(&run, &state);
        assert_eq!(again.all()["master-db"], "100");
        assert_eq!(again.all()["site"], "north");
        kept.put("master-db", None, false).expect("written");
        assert_eq!(Kept::read(&run, &state).all()["master-db"], "10");
        std::fs::write(state.join(FILE), "garbage").expect("written");
        assert!(Kept::read(&run, &state).all().is_empty());
    }
}
