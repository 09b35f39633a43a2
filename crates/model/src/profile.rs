//! An operating system's own words: `profiles/NAME.yaml`.

use crate::Position;
use std::collections::BTreeMap;

/// The names that roles leave open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name, the same as the file's: `debian12`, `el9`.
    pub name: String,
    /// What it is, one line.
    pub summary: String,
    /// Directories and files: `apache_modules` is `/usr/lib64/httpd/modules`.
    pub paths: BTreeMap<String, String>,
    /// Units: `apache` is `httpd.service`.
    pub units: BTreeMap<String, String>,
    /// Programs: `apache` is `/usr/sbin/httpd`.
    pub programs: BTreeMap<String, String>,
    /// Accounts: `apache` is `www-data`.
    pub users: BTreeMap<String, String>,
    /// Groups: `apache` is `www-data`.
    pub groups: BTreeMap<String, String>,
    /// Distribution packages as the host's rpm database names them: `apache`
    /// is `httpd`.
    pub packages: BTreeMap<String, Vec<String>>,
    /// The box that Vagrant makes such a host from: `debian/bookworm64`.
    pub vagrant_box: Option<String>,
    /// Where it begins.
    pub at: Position,
}
