//! What the work tree says and the release does not: roles, profiles and
//! templates that were changed and not built.

use crate::workspace::Workspace;
use std::path::Path;
use tandem_generation::Digest;
use tandem_package::release::Release;

/// At most so many files are named.
const NAMED: usize = 3;

/// In words, with the way out; `None`: they agree, or there is no work tree
/// beside the release.
pub(crate) fn unbuilt(space: &Workspace, release: &Release) -> Option<String> {
    let differs = changed(&space.root, release);
    let first = differs.first()?;
    let version = &release.manifest().version;
    let which = match differs.len() {
        1 => format!("{first} differs"),
        some if some <= NAMED => format!("{} differ", differs.join(", ")),
        some => format!(
            "{} and {} more differ",
            differs[..NAMED].join(", "),
            some - NAMED
        ),
    };
    Some(format!(
        "{which} from release {version}: what is new counts once it is built (raise `VERSION`, `tandem build`)"
    ))
}

/// Files that both have and that are not the same, and new roles.
fn changed(root: &Path, release: &Release) -> Vec<String> {
    let files = &release.manifest().files;
    let mut differs: Vec<String> = release
        .copied()
        .filter(|path| {
            let there = std::fs::read(root.join(path)).map(Digest::of);
            let wanted = files.get(*path).map(|file| &file.digest);
            there.is_ok_and(|there| Some(&there) != wanted)
        })
        .map(str::to_owned)
        .collect();
    let roles = std::fs::read_dir(root.join("roles"));
    for entry in roles.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let path = format!("roles/{}", name.display());
        let is_role = Path::new(&name)
            .extension()
            .is_some_and(|end| end == "yaml");
        if is_role && !files.contains_key(&path) {
            differs.push(path);
        }
    }
    differs.sort();
    differs
}
