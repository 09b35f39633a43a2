//! Reading a spec's payload: every byte into memory, nothing of this machine's
//! file system (modes, times, owners, links, order) into the package.

use crate::archive;
use crate::assemble::{Entry, EntryKind};
use crate::problem::Problem;
use crate::shared_directory::is_shared;
use std::collections::BTreeMap;
use std::fs::FileType;
use std::path::{Path, PathBuf};
use tandem_model::spec::{Spec, SpecFile, SpecFileKind};

/// Mode of the directories that a tree brings.
const DIRECTORY_MODE: u32 = 0o755;

/// The entries of a spec, in rpm's order; mistakes go to `problems`.
pub(crate) fn collect(spec: &Spec, problems: &mut Vec<Problem>) -> Vec<Entry> {
    let mut reader = Reader {
        spec,
        payload: &spec.payload,
        entries: Vec::new(),
        problems,
    };
    for file in &spec.files {
        if is_shortest(&file.path) {
            reader.entry(file);
        } else {
            reader.problems.push(Problem::NotAPath(file.path.clone()));
        }
    }
    reader.entries.sort_by(|a, b| a.path.cmp(&b.path));
    reader.entries
}

fn is_shortest(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|rest| {
        !rest.is_empty()
            && rest
                .split('/')
                .all(|part| !part.is_empty() && part != "." && part != "..")
    })
}

fn is_war(path: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("war"))
}

struct Reader<'a> {
    spec: &'a Spec,
    payload: &'a Path,
    entries: Vec<Entry>,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn entry(&mut self, file: &SpecFile) {
        match &file.kind {
            SpecFileKind::File(source) => self.file(file, source, EntryKind::File),
            SpecFileKind::Doc(source) => self.file(file, source, EntryKind::Doc),
            SpecFileKind::License(source) => self.file(file, source, EntryKind::License),
            SpecFileKind::Symlink(target) => {
                self.push(
                    file,
                    &file.path,
                    file.mode,
                    EntryKind::Symlink(target.clone()),
                );
            }
            SpecFileKind::Directory if is_shared(&file.path) => {
                self.problems
                    .push(Problem::SharedDirectory(file.path.clone()));
            }
            SpecFileKind::Directory => {
                self.push(file, &file.path, file.mode, EntryKind::Directory);
            }
            SpecFileKind::Tree(source) => self.tree(file, source),
            SpecFileKind::War(source) => self.war(file, source),
        }
    }

    fn push(&mut self, file: &SpecFile, path: &str, mode: u32, kind: EntryKind) {
        self.entries.push(Entry {
            path: path.to_owned(),
            mode,
            owner: file.owner.clone(),
            group: file.group.clone(),
            kind,
        });
    }

    fn file(&mut self, file: &SpecFile, source: &Path, kind: fn(Vec<u8>) -> EntryKind) {
        let path = self.payload.join(source);
        let Some(found) = self.kind_inside(&file.path, &path) else {
            return;
        };
        if !found.is_file() {
            self.other_kind(&file.path, path, "a file", found);
        } else if let Some(content) = self.read(&file.path, &path) {
            if is_war(&file.path)
                && let Err(why) = archive::look_into(&content)
            {
                self.problems.push(Problem::NotAnArchive {
                    destination: file.path.clone(),
                    path,
                    why,
                });
                return;
            }
            self.push(file, &file.path, file.mode, kind(content));
        }
    }

    /// One file made of a directory.
    fn war(&mut self, file: &SpecFile, source: &Path) {
        let before = self.entries.len();
        self.tree(file, source);
        let members = self.entries.split_off(before);
        let mut files = BTreeMap::new();
        for member in members {
            let Some(name) = member.path.strip_prefix(&file.path) else {
                continue;
            };
            let name = name.trim_start_matches('/').to_owned();
            match member.kind {
                EntryKind::File(content) => {
                    files.insert(name, content);
                }
                EntryKind::Directory => {}
                _ => self.problems.push(Problem::OtherKind {
                    destination: file.path.clone(),
                    path: self.payload.join(source).join(name),
                    expected: "files and directories",
                    found: "a symbolic link",
                }),
            }
        }
        match archive::war(self.spec, files) {
            Ok(content) => self.push(file, &file.path, file.mode, EntryKind::File(content)),
            Err(why) => self.problems.push(Problem::NotAnArchive {
                destination: file.path.clone(),
                path: self.payload.join(source),
                why,
            }),
        }
    }

    fn tree(&mut self, file: &SpecFile, source: &Path) {
        let path = self.payload.join(source);
        let Some(found) = self.kind_inside(&file.path, &path) else {
            return;
        };
        if !found.is_dir() {
            return self.other_kind(&file.path, path, "a directory", found);
        }
        let before = self.entries.len();
        self.directory(file, &path, &file.path);
        let holds_file = self.entries[before..]
            .iter()
            .any(|entry| !matches!(entry.kind, EntryKind::Directory));
        if !holds_file && self.problems.is_empty() {
            self.problems.push(Problem::EmptyTree {
                destination: file.path.clone(),
                path,
            });
        }
    }

    fn directory(&mut self, file: &SpecFile, path: &Path, destination: &str) {
        if !is_shared(destination) {
            self.push(file, destination, DIRECTORY_MODE, EntryKind::Directory);
        }
        let listing = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let listing = match listing {
            Ok(listing) => listing,
            Err(source) => return self.unreadable(destination, path.to_owned(), source),
        };
        for child in listing {
            let child_path = child.path();
            let Ok(name) = child.file_name().into_string() else {
                self.problems.push(Problem::NotUtf8(child_path));
                continue;
            };
            let child_destination = format!("{destination}/{name}");
            match child.file_type() {
                Err(source) => self.unreadable(&child_destination, child_path, source),
                Ok(kind) if kind.is_dir() => self.directory(file, &child_path, &child_destination),
                Ok(kind) if kind.is_file() => {
                    if let Some(content) = self.read(&child_destination, &child_path) {
                        self.push(
                            file,
                            &child_destination,
                            file.mode,
                            EntryKind::File(content),
                        );
                    }
                }
                Ok(kind) if kind.is_symlink() => self.link(file, child_path, &child_destination),
                Ok(kind) => self.other_kind(&child_destination, child_path, "a file", kind),
            }
        }
    }

    fn link(&mut self, file: &SpecFile, path: PathBuf, destination: &str) {
        match std::fs::read_link(&path).map(|target| target.into_os_string().into_string()) {
            Ok(Ok(target)) => {
                self.push(file, destination, file.mode, EntryKind::Symlink(target));
            }
            Ok(Err(_)) => self.problems.push(Problem::NotUtf8(path)),
            Err(source) => self.unreadable(destination, path, source),
        }
    }

    /// The kind of what the path leads to, provided that this lies inside the
    /// payload directory.
    fn kind_inside(&mut self, destination: &str, path: &Path) -> Option<FileType> {
        let resolved = path
            .canonicalize()
            .and_then(|real| Ok((self.payload.canonicalize()?, real)));
        match resolved {
            Ok((payload, real)) if real.starts_with(&payload) => match real.metadata() {
                Ok(metadata) => Some(metadata.file_type()),
                Err(source) => {
                    self.unreadable(destination, path.to_owned(), source);
                    None
                }
            },
            Ok(_) => {
                self.problems.push(Problem::Outside {
                    destination: destination.to_owned(),
                    path: path.to_owned(),
                });
                None
            }
            Err(source) => {
                self.unreadable(destination, path.to_owned(), source);
                None
            }
        }
    }

    fn read(&mut self, destination: &str, path: &Path) -> Option<Vec<u8>> {
        match std::fs::read(path) {
            Ok(content) => Some(content),
            Err(source) => {
                self.unreadable(destination, path.to_owned(), source);
                None
            }
        }
    }

    fn unreadable(&mut self, destination: &str, path: PathBuf, source: std::io::Error) {
        let destination = destination.to_owned();
        self.problems.push(match source.kind() {
            std::io::ErrorKind::NotFound => Problem::Missing { destination, path },
            _ => Problem::Unreadable {
                destination,
                path,
                source,
            },
        });
    }

    fn other_kind(
        &mut self,
        destination: &str,
        path: PathBuf,
        expected: &'static str,
        found: FileType,
    ) {
        let found = if found.is_dir() {
            "a directory"
        } else if found.is_file() {
            "a file"
        } else {
            "a device, socket or pipe"
        };
        self.problems.push(Problem::OtherKind {
            destination: destination.to_owned(),
            path,
            expected,
            found,
        });
    }
}
