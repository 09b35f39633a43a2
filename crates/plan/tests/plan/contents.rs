//! What the hosts of the tests carry: a site behind Apache, run by Heartbeat.

use std::collections::BTreeMap;
use tandem_generation::manifest::ReleaseRef;
use tandem_generation::{
    Content, Digest, OwnedFile, Package, PackageId, UnitPolicy, UnitRun, place,
};
use tandem_plan::DesiredLeg;

pub(crate) const APACHE: &str = "apache2.service";
pub(crate) const HEARTBEAT: &str = "heartbeat.service";
/// A change of it restarts Apache.
pub(crate) const MPM: &str = "/etc/tandem/web/mpm.conf";
/// A change of it reloads Apache.
pub(crate) const HTTPD: &str = "/etc/tandem/web/httpd.conf";
/// Nobody reads it but people.
pub(crate) const ISSUE: &str = "/etc/issue.d/60-tandem.issue";
/// A secret; a change reloads Heartbeat.
pub(crate) const AUTHKEYS: &str = "/etc/ha.d/authkeys";
/// A file of the release package `web-site`.
pub(crate) const INDEX: &str = "/usr/share/web-site/index.html";

pub(crate) fn package(name: &str, version: &str) -> Package {
    let header = Digest::of(format!("header {name} {version}"));
    Package {
        id: PackageId {
            name: name.to_owned(),
            version: version.to_owned(),
            release: "1".to_owned(),
            arch: "noarch".to_owned(),
        },
        file: Digest::of(format!("file {header}")),
        header,
        size: 1000,
        restarts: Vec::new(),
        reloads: Vec::new(),
    }
}

pub(crate) fn file(path: &str, text: &str) -> OwnedFile {
    OwnedFile {
        path: path.to_owned(),
        digest: Digest::of(text),
        mode: 0o644,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        secret: false,
        restarts: Vec::new(),
        reloads: Vec::new(),
    }
}

pub(crate) fn policy(unit: &str, enabled: Option<bool>, run: UnitRun) -> UnitPolicy {
    UnitPolicy {
        unit: unit.to_owned(),
        enabled,
        run,
        restart: None,
    }
}

/// Changes of what a host shall be.
pub(crate) trait Wish {
    /// A package in this version.
    fn install(&mut self, name: &str, version: &str) -> &mut Package;
    /// No such package.
    fn erase(&mut self, name: &str);
    /// A rendered file with this text.
    fn write(&mut self, path: &str, text: &str) -> &mut OwnedFile;
    /// No such file.
    fn remove(&mut self, path: &str);
    /// The host package as its files are now.
    fn pack(&mut self);
}

impl Wish for DesiredLeg {
    fn install(&mut self, name: &str, version: &str) -> &mut Package {
        let restarts = self
            .content
            .package(name)
            .map(|package| package.restarts.clone());
        self.erase(name);
        let mut new = package(name, version);
        new.restarts = restarts.unwrap_or_default();
        let packages = &mut self.content.packages;
        packages.push(new);
        packages.sort();
        packages
            .iter_mut()
            .find(|package| package.id.name == name)
            .expect("it was just put there")
    }

    fn erase(&mut self, name: &str) {
        let packages = &mut self.content.packages;
        packages.retain(|package| package.id.name != name);
    }

    fn write(&mut self, path: &str, text: &str) -> &mut OwnedFile {
        let files = &mut self.content.files;
        let mut new = files
            .iter()
            .find(|file| file.path == path)
            .cloned()
            .unwrap_or_else(|| file(path, text));
        new.digest = Digest::of(text);
        files.retain(|file| file.path != path);
        files.push(new);
        files.sort_by(|left, right| left.path.cmp(&right.path));
        self.texts.insert(path.to_owned(), text.to_owned());
        self.pack();
        self.content
            .files
            .iter_mut()
            .find(|file| file.path == path)
            .expect("it was just put there")
    }

    fn remove(&mut self, path: &str) {
        self.content.files.retain(|file| file.path != path);
        self.texts.remove(path);
        self.pack();
    }

    fn pack(&mut self) {
        let files: Vec<_> = self
            .content
            .files
            .iter()
            .map(|file| (&file.path, &file.digest, file.mode, &file.owner))
            .collect();
        let hash = Digest::of(format!("{files:?}"));
        self.install(place::CONFIG_PACKAGE, hash.short());
    }
}

/// The site as it is at the beginning.
pub(crate) fn site() -> DesiredLeg {
    let mut leg = DesiredLeg {
        title: String::new(),
        release: ReleaseRef {
            version: "1.0.0".to_owned(),
            digest: Digest::of("1.0.0"),
        },
        inventory: None,
        content: Content {
            units: vec![
                policy(APACHE, None, UnitRun::Cluster),
                policy(HEARTBEAT, Some(true), UnitRun::Started),
            ],
            guarded_units: vec![HEARTBEAT.to_owned(), APACHE.to_owned()],
            ..Content::default()
        },
        texts: BTreeMap::new(),
        initialisers: Vec::new(),
        rollback: None,
    };
    leg.install("web-site", "1.0.0");
    leg.install(place::HELPER_PACKAGE, "0.1.0");
    leg.write(MPM, "processes 4\n").restarts = vec![APACHE.to_owned()];
    leg.write(HTTPD, "KeepAliveTimeout 5\n").reloads = vec![APACHE.to_owned()];
    leg.write(ISSUE, "Authorised use only.\n");
    let keys = leg.write(AUTHKEYS, "auth 1\n1 sha1 first\n");
    keys.secret = true;
    keys.mode = 0o600;
    keys.reloads = vec![HEARTBEAT.to_owned()];
    leg.texts.remove(AUTHKEYS);
    leg.pack();
    leg
}
