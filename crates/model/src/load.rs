//! Reads the operator's files. The only place of this crate, secrets apart,
//! that touches a disk.

use crate::{Inventory, Mistake, Mistakes, Position, Project, Source, SourceFile, decode};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Larger files are no configuration.
const FILE_LIMIT: u64 = 4 << 20;

impl Project {
    /// Reads roles, profiles, templates and, where there are any, specs.
    pub fn load(source: &Source) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::default();
        let root = &source.parts;
        let templates: BTreeMap<String, Arc<SourceFile>> =
            tree(root, "templates", &mut mistakes).into_iter().collect();
        let mut profiles = BTreeMap::new();
        for (name, file) in documents(root, "profiles", &mut mistakes) {
            if let Some(profile) = decode::profile::profile(&name, &file, &mut mistakes) {
                profiles.insert(name, profile);
            }
        }
        let specs = root.join("specs").is_dir().then(|| {
            let mut specs = BTreeMap::new();
            for (name, file) in documents(root, "specs", &mut mistakes) {
                let payload = root.join("specs").join(&name);
                let contents = contents(&payload);
                let spec = decode::spec::spec(&name, &file, payload, &contents, &mut mistakes);
                if let Some(spec) = spec {
                    specs.insert(name, spec);
                }
            }
            specs
        });
        let files = documents(root, "roles", &mut mistakes);
        let roles = decode::role::roles(&files, &templates, specs.as_ref(), &mut mistakes);
        mistakes.result()?;
        Ok(Self {
            source: source.clone(),
            roles,
            profiles,
            templates,
            specs,
        })
    }

    /// Inventories of the project by name, sorted.
    pub fn inventories(&self) -> Vec<String> {
        yaml_files(&self.source.inventories)
            .unwrap_or_default()
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    }

    /// Reads an inventory: a bare name (`dev`) or a path. Every name in it is
    /// resolved against this project.
    pub fn inventory(&self, name_or_path: &str) -> Result<Inventory, Mistakes> {
        let is_path = name_or_path.contains('/') || is_yaml(Path::new(name_or_path));
        let path = if is_path {
            PathBuf::from(name_or_path)
        } else {
            self.source.inventories.join(format!("{name_or_path}.yaml"))
        };
        let root = self.source.inventories.parent().unwrap_or(Path::new(""));
        match read(&path, root) {
            Ok(file) => {
                let directory = path.parent().unwrap_or(Path::new(""));
                decode::inventory::inventory(self, &file, directory)
            }
            Err(error) => {
                let known = self.inventories();
                let mut mistake = unreadable(&path, root, &error);
                if error.kind() == io::ErrorKind::NotFound && !is_path {
                    mistake = Mistake::new(&mistake.at, "there is no such inventory")
                        .found(format!("`{name_or_path}`"))
                        .among(name_or_path, known.iter().map(String::as_str));
                }
                Err(mistake.into())
            }
        }
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml")
}

fn read(path: &Path, root: &Path) -> io::Result<Arc<SourceFile>> {
    let length = std::fs::metadata(path)?.len();
    if length > FILE_LIMIT {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("{length} bytes are more than the {FILE_LIMIT} that a file may have"),
        ));
    }
    let text = std::fs::read_to_string(path)?;
    Ok(SourceFile::new(shown(path, root), text))
}

/// As people call it: relative to the project where it lies in it.
fn shown(path: &Path, root: &Path) -> PathBuf {
    path.strip_prefix(root).unwrap_or(path).to_owned()
}

fn unreadable(path: &Path, root: &Path, error: &io::Error) -> Mistake {
    let at = Position::start_of(&SourceFile::new(shown(path, root), ""));
    Mistake::new(&at, format!("cannot read this file: {error}"))
}

/// Names and paths of the `.yaml` files of a directory, sorted.
fn yaml_files(directory: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if let Some(name) = path.file_stem().and_then(|name| name.to_str())
            && is_yaml(&path)
        {
            files.push((name.to_owned(), path.clone()));
        }
    }
    files.sort();
    Ok(files)
}

/// The documents of `root/kind`.
fn documents(root: &Path, kind: &str, mistakes: &mut Mistakes) -> Vec<(String, Arc<SourceFile>)> {
    let directory = root.join(kind);
    let files = match yaml_files(&directory) {
        Ok(files) => files,
        Err(error) => {
            mistakes.push(unreadable(&directory, root, &error).expected(format!(
                "a project has the directories roles/, profiles/ and templates/; `{}` has no {kind}/",
                root.display()
            )));
            return Vec::new();
        }
    };
    let mut documents = Vec::new();
    for (name, path) in files {
        match read(&path, root) {
            Ok(file) => documents.push((name, file)),
            Err(error) => mistakes.push(unreadable(&path, root, &error)),
        }
    }
    documents
}

/// Every file below `root/kind`, by its path below it.
fn tree(root: &Path, kind: &str, mistakes: &mut Mistakes) -> Vec<(String, Arc<SourceFile>)> {
    let directory = root.join(kind);
    let mut files = Vec::new();
    for name in contents(&directory)
        .into_iter()
        .filter(|name| !name.ends_with('/'))
    {
        let path = directory.join(&name);
        match read(&path, root) {
            Ok(file) => files.push((name, file)),
            Err(error) => mistakes.push(unreadable(&path, root, &error)),
        }
    }
    files
}

/// Files and, ending in `/`, directories below a directory; none where there
/// is no such directory. Deeper than sixteen levels is not looked at.
fn contents(directory: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![(directory.to_owned(), String::new(), 0)];
    while let Some((path, prefix, depth)) = waiting.pop() {
        let Ok(entries) = std::fs::read_dir(&path) else {
            continue;
        };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let full = format!("{prefix}{name}");
            if entry.path().is_dir() && depth < 16 {
                found.insert(format!("{full}/"));
                waiting.push((entry.path(), format!("{full}/"), depth + 1));
            } else {
                found.insert(full);
            }
        }
    }
    found
}
