//! What differs between what a host is and what a leg says.

use crate::desired::DesiredLeg;
use crate::diff::unified;
use crate::plan::{FileChange, FileChangeKind, PackageChange, UnitChange};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use tandem_generation::facts::FileFact;
use tandem_generation::{
    Content, Digest, Edit, Facts, OwnedFile, Package, PackageId, UnitPolicy, UnitRun, place,
};

/// A host as it is at the start of a leg: as it really is for the first one,
/// as the leg before left it for the others.
pub(crate) struct Before<'a> {
    /// What the last generation says.
    pub(crate) content: Content,
    /// Texts of the rendered files, where they are known.
    pub(crate) texts: BTreeMap<String, String>,
    /// What the host said; only for the first leg.
    pub(crate) facts: Option<&'a Facts>,
}

/// All differences of a leg.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) packages: Vec<PackageChange>,
    pub(crate) files: Vec<FileChange>,
    pub(crate) units: Vec<UnitChange>,
    pub(crate) install: Vec<Package>,
    pub(crate) erase: Vec<PackageId>,
    pub(crate) unedit: Vec<Edit>,
    pub(crate) release_units: Vec<UnitPolicy>,
    /// Paths that somebody edited by hand.
    pub(crate) drift: Vec<String>,
    /// Packages of ours that own such paths.
    edited: BTreeSet<String>,
    /// Foreign files that shall get settings and are not there.
    pub(crate) missing: Vec<String>,
    /// The content's identity differs though nothing above does.
    pub(crate) words_only: bool,
}

impl Change {
    /// True when the host is what the leg says.
    pub(crate) fn is_empty(&self) -> bool {
        self.packages.is_empty()
            && self.files.is_empty()
            && self.units.is_empty()
            && self.unedit.is_empty()
            && self.release_units.is_empty()
            && !self.words_only
    }

    fn drifts(&mut self, fact: &FileFact) {
        self.drift.push(fact.path.clone());
        self.edited.extend(fact.package.clone());
    }
}

/// Compares.
pub(crate) fn compare(before: &Before<'_>, leg: &DesiredLeg) -> Change {
    let mut change = Change::default();
    compare_files(before, leg, &mut change);
    compare_packages(before, &leg.content, &mut change);
    compare_edits(before, &leg.content, &mut change);
    compare_units(before, &leg.content, &mut change);
    change.words_only =
        change.packages.is_empty() && before.content.identity() != leg.content.identity();
    change
}

/// Settings that one content holds and the other does not, by path: what must
/// be taken back on the way from one to the other.
pub(crate) fn given_up(from: &Content, to: &Content) -> Vec<Edit> {
    let kept = |path: &str, key: &str| {
        to.edits
            .iter()
            .any(|edit| edit.path == path && edit.set.contains_key(key))
    };
    from.edits
        .iter()
        .filter_map(|edit| {
            let mut set = edit.set.clone();
            set.retain(|key, _| !kept(&edit.path, key));
            (!set.is_empty()).then(|| Edit {
                set,
                ..edit.clone()
            })
        })
        .collect()
}

/// Units that one content has a word on and the other has not.
pub(crate) fn released(from: &Content, to: &Content) -> Vec<UnitPolicy> {
    from.units
        .iter()
        .filter(|old| !to.units.iter().any(|policy| policy.unit == old.unit))
        .cloned()
        .collect()
}

fn installed(before: &Before<'_>) -> BTreeMap<String, (PackageId, Option<String>)> {
    match before.facts {
        Some(facts) => facts
            .packages
            .iter()
            .filter(|package| package.id.name != place::GENERATION_PACKAGE)
            .map(|package| {
                let header = package
                    .header
                    .as_ref()
                    .map(|digest| digest.as_str().to_owned());
                (package.id.name.clone(), (package.id.clone(), header))
            })
            .collect(),
        None => before
            .content
            .packages
            .iter()
            .map(|package| {
                let header = Some(package.header.as_str().to_owned());
                (package.id.name.clone(), (package.id.clone(), header))
            })
            .collect(),
    }
}

fn compare_packages(before: &Before<'_>, wanted: &Content, change: &mut Change) {
    let installed = installed(before);
    for package in &wanted.packages {
        let name = package.id.name.as_str();
        let there = installed.get(name);
        let same = there.is_some_and(|(id, header)| {
            *id == package.id && header.as_deref() == Some(package.header.as_str())
        });
        if same && !change.edited.contains(name) {
            continue;
        }
        let from = there.map(|(id, _)| id.version_release());
        let to = package.id.version_release();
        let because = if same {
            Some("files edited by hand".to_owned())
        } else if from.as_ref() == Some(&to) {
            Some("same version, other content".to_owned())
        } else {
            None
        };
        change.packages.push(PackageChange {
            name: name.to_owned(),
            from,
            to: Some(to),
            because,
        });
        change.install.push(package.clone());
    }
    for (name, (id, _)) in installed {
        if wanted.package(&name).is_none() {
            change.packages.push(PackageChange {
                name,
                from: Some(id.version_release()),
                to: None,
                because: None,
            });
            change.erase.push(id);
        }
    }
}

fn compare_files(before: &Before<'_>, leg: &DesiredLeg, change: &mut Change) {
    let told: BTreeMap<&str, &FileFact> = before
        .facts
        .iter()
        .flat_map(|facts| &facts.files)
        .map(|file| (file.path.as_str(), file))
        .collect();
    for file in &leg.content.files {
        let old = before.content.file(&file.path);
        let after = leg.texts.get(&file.path).map(String::as_str);
        let Some(fact) = told.get(file.path.as_str()) else {
            // What is not told is as the generation before says.
            let text = before.texts.get(&file.path).map(String::as_str);
            match old {
                Some(old) if is_same(old, file) => {}
                Some(old) => {
                    let side = Side {
                        text,
                        digest: Some(&old.digest),
                        mode: Some(old.mode),
                        owner: Some((&old.owner, &old.group)),
                    };
                    push_file(change, file, FileChangeKind::Changed, &side, after);
                }
                None => push_file(change, file, FileChangeKind::Added, &Side::NOTHING, after),
            }
            continue;
        };
        let by_hand = is_by_hand(fact, old);
        let side = Side {
            text: fact.content.as_deref(),
            digest: fact.actual.as_ref(),
            mode: fact.mode,
            owner: fact
                .owner
                .as_deref()
                .and_then(|owner| owner.split_once(':'))
                .or_else(|| old.map(|old| (old.owner.as_str(), old.group.as_str()))),
        };
        if by_hand {
            change.drifts(fact);
        } else if side.is(file) {
            continue;
        }
        let kind = match (by_hand, fact.actual.is_some()) {
            (true, true) => FileChangeKind::EditedByHand,
            (true, false) => FileChangeKind::RemovedByHand,
            (false, true) => FileChangeKind::Changed,
            (false, false) => FileChangeKind::Added,
        };
        push_file(change, file, kind, &side, after);
    }
    for old in &before.content.files {
        if leg.content.file(&old.path).is_some() {
            continue;
        }
        let fact = told.get(old.path.as_str());
        if let Some(fact) = fact.filter(|fact| is_by_hand(fact, Some(old))) {
            change.drifts(fact);
        }
        let text = fact
            .and_then(|fact| fact.content.as_deref())
            .or_else(|| before.texts.get(&old.path).map(String::as_str));
        let diff = (!old.secret).then(|| text.map(|text| unified(&old.path, Some(text), None)));
        change.files.push(FileChange {
            path: old.path.clone(),
            kind: FileChangeKind::Removed,
            diff: diff.flatten(),
            secret: old.secret,
        });
    }
    let is_edited = |path: &str| {
        let mut edits = leg.content.edits.iter().chain(&before.content.edits);
        edits.any(|edit| edit.path == path)
    };
    for fact in told.values() {
        let rendered =
            leg.content.file(&fact.path).is_some() || before.content.file(&fact.path).is_some();
        // Files of release packages are told only where they are not as the
        // package says: in content, or else in mode.
        if rendered || is_edited(&fact.path) || fact.owned.is_none() {
            continue;
        }
        change.drifts(fact);
        change.files.push(FileChange {
            path: fact.path.clone(),
            kind: if fact.actual.is_some() {
                FileChangeKind::EditedByHand
            } else {
                FileChangeKind::RemovedByHand
            },
            diff: None,
            secret: false,
        });
    }
    change
        .files
        .sort_by(|left, right| left.path.cmp(&right.path));
    change.drift.sort();
}

/// A rendered file as it is there.
struct Side<'a> {
    text: Option<&'a str>,
    digest: Option<&'a Digest>,
    mode: Option<u32>,
    /// User and group: as told, or as the generation says.
    owner: Option<(&'a str, &'a str)>,
}

impl Side<'_> {
    const NOTHING: Self = Self {
        text: None,
        digest: None,
        mode: None,
        owner: None,
    };

    fn is(&self, file: &OwnedFile) -> bool {
        self.digest == Some(&file.digest) && self.attributes(file).is_empty()
    }

    /// Mode and owner where they change, in the words that git has for it.
    fn attributes(&self, file: &OwnedFile) -> String {
        let mut text = String::new();
        let new = file.mode & 0o7777;
        if let Some(old) = self
            .mode
            .map(|mode| mode & 0o7777)
            .filter(|old| *old != new)
        {
            let _ = writeln!(text, "old mode {old:04o}\nnew mode {new:04o}");
        }
        let new = (file.owner.as_str(), file.group.as_str());
        if let Some(old) = self.owner.filter(|old| *old != new) {
            let _ = writeln!(text, "old owner {}:{}", old.0, old.1);
            let _ = writeln!(text, "new owner {}:{}", new.0, new.1);
        }
        text
    }
}

fn is_same(old: &OwnedFile, file: &OwnedFile) -> bool {
    old.digest == file.digest
        && old.mode & 0o7777 == file.mode & 0o7777
        && (&old.owner, &old.group) == (&file.owner, &file.group)
}

/// Somebody changed a file of ours, or its mode or owner.
fn is_by_hand(fact: &FileFact, old: Option<&OwnedFile>) -> bool {
    let mode = || {
        let (Some(old), Some(mode)) = (old, fact.mode) else {
            return false;
        };
        fact.owned.is_some() && mode & 0o7777 != old.mode & 0o7777
    };
    fact.is_drift() || mode()
}

fn push_file(
    change: &mut Change,
    file: &OwnedFile,
    kind: FileChangeKind,
    before: &Side<'_>,
    after: Option<&str>,
) {
    let was_there = before.digest.is_some();
    let mut diff = String::new();
    if was_there {
        diff = before.attributes(file);
    }
    let same_text = before.digest == Some(&file.digest);
    let readable = after.is_some() && (before.text.is_some() || !was_there);
    if readable && !same_text {
        diff.push_str(&unified(&file.path, before.text, after));
    }
    change.files.push(FileChange {
        path: file.path.clone(),
        kind,
        diff: (!file.secret && (readable || same_text)).then_some(diff),
        secret: file.secret,
    });
}

fn compare_edits(before: &Before<'_>, wanted: &Content, change: &mut Change) {
    for edit in &wanted.edits {
        let fact = before
            .facts
            .and_then(|facts| facts.files.iter().find(|file| file.path == edit.path));
        let diff = match fact {
            Some(fact) if fact.actual.is_none() => {
                change.missing.push(edit.path.clone());
                None
            }
            Some(FileFact {
                content: Some(text),
                ..
            }) => {
                if edit.holds_in(text) {
                    continue;
                }
                Some(unified(&edit.path, Some(text), Some(&edit.apply(text))))
            }
            // Nobody asked, or it cannot be shown.
            _ if before.content.edits.contains(edit) => continue,
            _ => None,
        };
        change.files.push(FileChange {
            path: edit.path.clone(),
            kind: FileChangeKind::Setting,
            diff,
            secret: false,
        });
    }
    change.unedit = given_up(&before.content, wanted);
}

fn compare_units(before: &Before<'_>, wanted: &Content, change: &mut Change) {
    let told: BTreeMap<&str, _> = before
        .facts
        .iter()
        .flat_map(|facts| &facts.units)
        .map(|unit| (unit.unit.as_str(), unit))
        .collect();
    for policy in &wanted.units {
        let mut say = |text: &str| {
            change.units.push(UnitChange {
                unit: policy.unit.clone(),
                change: text.to_owned(),
            });
        };
        let Some(fact) = told.get(policy.unit.as_str()) else {
            if !before.content.units.contains(policy) {
                say("new policy");
            }
            continue;
        };
        // What the cluster starts must not start by itself.
        let at_boot = if policy.run == UnitRun::Cluster {
            Some(false)
        } else {
            policy.enabled
        };
        match (at_boot, fact.enabled.as_str()) {
            (Some(true), "enabled" | "static") => {}
            (Some(true), _) => say("start at boot"),
            (Some(false), "enabled") => say("no longer start at boot"),
            _ => {}
        }
        match (policy.run, fact.active.as_str()) {
            (UnitRun::Started, "active" | "reloading") => {}
            (UnitRun::Started, _) => say("start"),
            (UnitRun::Stopped, "active" | "activating" | "reloading") => say("stop"),
            _ => {}
        }
    }
    change.release_units = released(&before.content, wanted);
}
