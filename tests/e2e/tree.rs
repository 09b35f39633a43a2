//! What is on a host, so that two moments can be compared.

use crate::stage::Stage;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a generation decides on a host. Two hosts, or one host at two
/// moments, with equal trees carry the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    /// Packages of ours: name to version, release and digest of the header. Not
    /// `tandem-generation`: its number grows with every run.
    pub(crate) packages: BTreeMap<String, String>,
    /// Files of ours and everything under /etc: path to mode, owner, group and
    /// digest, or the target of a link.
    pub(crate) files: BTreeMap<String, String>,
}

impl Tree {
    /// What differs, for messages.
    pub(crate) fn difference(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (mine, theirs) in [
            (&self.packages, &other.packages),
            (&self.files, &other.files),
        ] {
            let keys: BTreeSet<&String> = mine.keys().chain(theirs.keys()).collect();
            for key in keys {
                if mine.get(key) != theirs.get(key) {
                    found.push(format!(
                        "{key}: {:?} -> {:?}",
                        mine.get(key),
                        theirs.get(key)
                    ));
                }
            }
        }
        found
    }
}

/// Fails the test unless two trees are the same.
#[track_caller]
pub(crate) fn assert_same(before: &Tree, after: &Tree, about: &str) {
    let difference = before.difference(after);
    assert!(difference.is_empty(), "{about}: {difference:#?}");
}

/// The helper's own wiring, which a host keeps once it met us; and files that
/// the system itself rewrites.
const NOT_COMPARED: &[&str] = &[
    "/tandem-recover.service",
    "/10-tandem-recover.conf",
    "/etc/resolv.conf",
    "/etc/machine-id",
    "/etc/ld.so.cache",
];

impl Stage {
    /// Packages of ours on a host: name to version, release and SHA256HEADER.
    pub(crate) fn packages(&self, host: &str) -> BTreeMap<String, String> {
        let format = "%{NAME} %{VERSION}-%{RELEASE} %{SHA256HEADER}\\n";
        self.must(
            host,
            &format!("rpm --dbpath /var/lib/rpm -qa --qf '{format}'"),
        )
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, _)| !self.base().contains(*name))
        .map(|(name, rest)| (name.to_owned(), rest.to_owned()))
        .collect()
    }

    /// What is on a host now. Fails the test if packages and files contradict
    /// each other: a tree between two generations is no tree.
    #[track_caller]
    pub(crate) fn tree(&self, host: &str) -> Tree {
        let mut packages = self.packages(host);
        self.assert_verified(host, &packages);
        packages.remove("tandem-generation");
        let names: Vec<&str> = packages.keys().map(String::as_str).collect();
        let owned = if names.is_empty() {
            "true".to_owned()
        } else {
            format!("rpm --dbpath /var/lib/rpm -ql {}", names.join(" "))
        };
        let script = format!(
            "{{ {owned}; find /etc /opt -xdev ! -type d; }} | sort -u | while read -r f; do \
             if [ -L \"$f\" ]; then echo \"$f link $(readlink \"$f\")\"; \
             elif [ -f \"$f\" ]; then echo \"$f $(stat -c '%a %U %G' \"$f\") $(sha256sum < \"$f\")\"; \
             elif [ -d \"$f\" ]; then echo \"$f $(stat -c '%a %U %G directory' \"$f\")\"; \
             else echo \"$f missing\"; fi; done"
        );
        let files = self
            .must(host, &script)
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(path, _)| !NOT_COMPARED.iter().any(|end| path.ends_with(end)))
            .map(|(path, rest)| (path.to_owned(), rest.to_owned()))
            .collect();
        Tree { packages, files }
    }

    /// Trees of both hosts, in the order of their names.
    #[track_caller]
    pub(crate) fn trees(&self) -> Vec<Tree> {
        crate::stage::HOSTS
            .iter()
            .map(|host| self.tree(host))
            .collect()
    }

    /// `rpm -V` of every package of ours finds nothing, and the number in
    /// generation.json is the installed package's.
    #[track_caller]
    fn assert_verified(&self, host: &str, packages: &BTreeMap<String, String>) {
        if packages.is_empty() {
            return;
        }
        let names: Vec<&str> = packages.keys().map(String::as_str).collect();
        let verify = self.exec(
            host,
            &format!("rpm --dbpath /var/lib/rpm -V {}", names.join(" ")),
        );
        assert!(
            verify.success(),
            "rpm -V on {host}: {}{}",
            verify.text(),
            verify.error_text()
        );
        let text = self.must(host, "cat /usr/lib/tandem/generation.json");
        let generation: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            generation["number"].as_u64(),
            self.generation(host),
            "number in generation.json of {host}"
        );
    }

    /// Whatever an interrupted run or transaction could leave behind.
    pub(crate) fn leftovers(&self, host: &str) -> Vec<String> {
        // rpm writes `name;5f3a2b1c` and renames it.
        let script = "find /etc /opt /usr -xdev -name '*;????????'; \
            find /var/lib/tandem -name '*.part'; \
            ls -d /var/lib/tandem/lock.json 2>/dev/null; \
            systemctl list-units --all --plain --no-legend 'tandem-run-*' | grep -v ' inactive ' ; \
            systemctl list-units --plain --no-legend --state=failed 'tandem-*'; true";
        self.must(host, script).lines().map(str::to_owned).collect()
    }
}
