//! Users and groups of the host: what its files say, since a static program
//! cannot ask the name service.

use crate::disk;
use crate::place::Place;
use crate::refusal::Result;
use crate::rpm::PackagedFile;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Names of passwd(5) and group(5) by number, and back.
pub(crate) struct Accounts {
    users: Names,
    groups: Names,
}

impl Accounts {
    /// Those of the host.
    pub(crate) fn of(place: &Place) -> Result<Self> {
        let read = |path: &str| -> Result<Names> {
            let text = disk::read_text_if_there(&place.on_host(path))?;
            Ok(Names::parse(&text.unwrap_or_default()))
        };
        Ok(Self {
            users: read("/etc/passwd")?,
            groups: read("/etc/group")?,
        })
    }

    /// Are mode, user and group of what is there as the package says? Names
    /// that the host does not know cannot be compared: rpm gave such files to
    /// root.
    pub(crate) fn agree(&self, file: &PackagedFile, there: &Path) -> bool {
        let Ok(metadata) = fs::symlink_metadata(there) else {
            return false;
        };
        let (user, group) = &file.owner;
        let known = |names: &Names, name: &str, actual: u32| {
            names
                .number
                .get(name)
                .is_none_or(|number| *number == actual)
        };
        let mode = file.link.is_some() || metadata.mode() & 0o7777 == file.mode & 0o7777;
        mode && known(&self.users, user, metadata.uid())
            && known(&self.groups, group, metadata.gid())
    }

    /// `user:group` of what is there.
    pub(crate) fn owner_of(&self, there: &Path) -> Option<String> {
        let metadata = fs::symlink_metadata(there).ok()?;
        Some(format!(
            "{}:{}",
            self.users.name_of(metadata.uid()),
            self.groups.name_of(metadata.gid())
        ))
    }
}

struct Names {
    number: BTreeMap<String, u32>,
}

impl Names {
    /// Both files have name, password and number first.
    fn parse(text: &str) -> Self {
        let number = text
            .lines()
            .filter_map(|line| {
                let mut fields = line.split(':');
                let name = fields.next()?;
                let number = fields.nth(1)?.parse().ok()?;
                Some((name.to_owned(), number))
            })
            .collect();
        Self { number }
    }

    fn name_of(&self, wanted: u32) -> String {
        self.number
            .iter()
            .find(|(_, number)| **number == wanted)
            .map_or_else(|| wanted.to_string(), |(name, _)| name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn names_and_numbers_are_found_and_nonsense_is_passed_over() {
        let names = Names::parse("root:x:0:0:root:/root:/bin/sh\nodd\nweb:x:33:\n:x:y\n");
        assert_eq!(names.number.get("web"), Some(&33));
        assert_eq!(names.name_of(0), "root");
        assert_eq!(names.name_of(4711), "4711");
        assert_eq!(names.number.len(), 2);
    }
}
