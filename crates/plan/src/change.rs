//! What differs between what a host is and what a leg says.

use crate::desired::DesiredLeg;
use crate::diff::unified;
use crate::plan::{FileChange, FileChangeKind, PackageChange, UnitChange};
use std::collections::{BTreeMap, BTreeSet};
use tandem_generation::{
    Content, Edit, Facts, OwnedFile, Package, PackageId, UnitPolicy, UnitRun, place,
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
    let edited: BTreeSet<&str> = before
        .facts
        .iter()
        .flat_map(|facts| &facts.files)
        .filter(|file| file.is_drift())
        .filter_map(|file| file.package.as_deref())
        .collect();
    for package in &wanted.packages {
        let name = package.id.name.as_str();
        let there = installed.get(name);
        let same = there.is_some_and(|(id, header)| {
            *id == package.id && header.as_deref() == Some(package.header.as_str())
        });
        if same && !edited.contains(name) {
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
    let told: BTreeMap<&str, _> = before
        .facts
        .iter()
        .flat_map(|facts| &facts.files)
        .map(|file| (file.path.as_str(), file))
        .collect();
    for file in &leg.content.files {
        let after = leg.texts.get(&file.path).map(String::as_str);
        if let Some(fact) = told.get(file.path.as_str()) {
            let by_hand = fact.is_drift();
            let mode_differs = fact.mode.is_some_and(|mode| mode & 0o7777 != file.mode);
            if fact.actual.as_ref() == Some(&file.digest) && !mode_differs && !by_hand {
                continue;
            }
            if by_hand {
                change.drift.push(file.path.clone());
            }
            let kind = match (by_hand, fact.actual.is_some()) {
                (true, true) => FileChangeKind::EditedByHand,
                (true, false) => FileChangeKind::RemovedByHand,
                (false, true) => FileChangeKind::Changed,
                (false, false) => FileChangeKind::Added,
            };
            push_file(
                change,
                file,
                kind,
                fact.content.as_deref(),
                after,
                fact.actual.is_some(),
            );
            continue;
        }
        if before.facts.is_some() {
            continue; // asked for, and not told: it is as wanted
        }
        match before.content.file(&file.path) {
            Some(old) if old.digest == file.digest && old.mode == file.mode => {}
            Some(_) => {
                let text = before.texts.get(&file.path).map(String::as_str);
                push_file(change, file, FileChangeKind::Changed, text, after, true);
            }
            None => push_file(change, file, FileChangeKind::Added, None, after, false),
        }
    }
    for old in &before.content.files {
        if leg.content.file(&old.path).is_none() {
            let text = told
                .get(old.path.as_str())
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
    }
    // Files of release packages: told only where somebody edited them.
    for fact in told.values() {
        let rendered =
            leg.content.file(&fact.path).is_some() || before.content.file(&fact.path).is_some();
        if fact.is_drift() && !rendered {
            change.drift.push(fact.path.clone());
            change.files.push(FileChange {
                path: fact.path.clone(),
                kind: if fact.actual.is_some() {
                    FileChangeKind::EditedByHand
                } else {
                    FileChangeKind::RemovedByHand
                },
                diff: match (leg.texts.get(&fact.path), &fact.content) {
                    (Some(after), Some(content)) => {
                        Some(unified(&fact.path, Some(content), Some(after)))
                    }
                    _ => None,
                },
                secret: false,
            });
        }
    }
    change
        .files
        .sort_by(|left, right| left.path.cmp(&right.path));
    change.drift.sort();
}

fn push_file(
    change: &mut Change,
    file: &OwnedFile,
    kind: FileChangeKind,
    before: Option<&str>,
    after: Option<&str>,
    was_there: bool,
) {
    let readable = !file.secret && after.is_some() && (before.is_some() || !was_there);
    change.files.push(FileChange {
        path: file.path.clone(),
        kind,
        diff: readable.then(|| unified(&file.path, before, after)),
        secret: file.secret,
    });
}

fn compare_edits(before: &Before<'_>, wanted: &Content, change: &mut Change) {
    for edit in &wanted.edits {
        let text = before.facts.and_then(|facts| {
            let fact = facts.files.iter().find(|file| file.path == edit.path)?;
            fact.content.as_deref()
        });
        match text {
            Some(text) if edit.holds_in(text) => {}
            Some(text) => change.files.push(FileChange {
                path: edit.path.clone(),
                kind: FileChangeKind::Setting,
                diff: Some(unified(&edit.path, Some(text), Some(&edit.apply(text)))),
                secret: false,
            }),
            None if before.content.edits.contains(edit) => {}
            None => change.files.push(FileChange {
                path: edit.path.clone(),
                kind: FileChangeKind::Setting,
                diff: None,
                secret: false,
            }),
        }
    }
    for old in &before.content.edits {
        if !wanted.edits.iter().any(|edit| edit.path == old.path) {
            change.unedit.push(old.clone());
        }
    }
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
        match policy.enabled {
            Some(true) if fact.enabled != "enabled" => say("start at boot"),
            Some(false) if fact.enabled == "enabled" => say("no longer start at boot"),
            _ => {}
        }
        match policy.run {
            UnitRun::Started if fact.active != "active" => say("start"),
            UnitRun::Stopped if fact.active == "active" => say("stop"),
            _ => {}
        }
    }
    for old in &before.content.units {
        if !wanted.units.iter().any(|policy| policy.unit == old.unit) {
            change.release_units.push(old.clone());
        }
    }
}
