//! The operator's source without the inventories: roles, profiles, templates,
//! specs. It comes from a work tree or from a release directory.

use crate::spec::Spec;
use crate::{Profile, Role, SourceFile};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the parts are read from. A release brings roles, profiles and
/// templates of its own; the inventory always comes from the work tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Holds `roles/`, `profiles/`, `templates/` and, in a work tree, `specs/`.
    pub parts: PathBuf,
    /// Holds the inventories and their secrets.
    pub inventories: PathBuf,
}

impl Source {
    /// Everything from one work tree.
    pub fn work_tree(root: &Path) -> Self {
        Self {
            parts: root.to_owned(),
            inventories: root.join("inventories"),
        }
    }

    /// Roles, profiles and templates from a release directory, inventories
    /// from the work tree.
    pub fn release(release: &Path, work_tree: &Path) -> Self {
        Self {
            parts: release.to_owned(),
            inventories: work_tree.join("inventories"),
        }
    }
}

/// Everything that is the same in all environments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Where it came from.
    pub source: Source,
    /// Roles by name, includes merged in.
    pub roles: BTreeMap<String, Role>,
    /// Profiles by name.
    pub profiles: BTreeMap<String, Profile>,
    /// Templates by path below `templates/`.
    pub templates: BTreeMap<String, Arc<SourceFile>>,
    /// Package specs by name; `None` where the source has no `specs/` (a
    /// release carries the built packages instead).
    pub specs: Option<BTreeMap<String, Spec>>,
}
