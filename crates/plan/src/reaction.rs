//! What a change of packages and files makes units do.

use std::collections::{BTreeMap, BTreeSet};
use tandem_generation::{Action, Content, OwnedFile, Package, Restart, UnitRun, UnitVerb};

/// Actions around a transaction, and the units with resources that they
/// restart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reaction {
    pub(crate) before: Vec<Action>,
    pub(crate) after: Vec<Action>,
    pub(crate) disturbs: Vec<String>,
    /// Units that restart where they serve: only their own clients notice.
    pub(crate) in_place: Vec<String>,
}

/// What is known of the host besides both contents.
#[derive(Default)]
pub(crate) struct Around<'a> {
    /// Paths whose content on the disk changes although both contents agree:
    /// hand edits.
    pub(crate) touched: &'a [String],
    /// Packages that are installed, again where both contents agree.
    pub(crate) installed: &'a [Package],
    /// Units that run; `None`: nobody can tell yet.
    pub(crate) running: Option<BTreeSet<&'a str>>,
}

/// Units to restart or reload, each with the first reason.
#[derive(Default)]
struct Causes<'a> {
    restarts: BTreeMap<&'a str, String>,
    reloads: BTreeMap<&'a str, String>,
}

impl<'a> Causes<'a> {
    fn of(from: &'a Content, to: &'a Content, around: &Around<'_>) -> Self {
        let mut causes = Self::default();
        for path in paths(from, to) {
            let (old, new) = (from.file(path), to.file(path));
            let looks = |file: Option<&'a OwnedFile>| {
                file.map(|file| (&file.digest, file.mode, &file.owner, &file.group))
            };
            if looks(old) == looks(new) && !around.touched.iter().any(|touched| touched == path) {
                continue;
            }
            let Some(rule) = new.or(old) else { continue };
            let why = format!("{path} changes");
            for unit in &rule.restarts {
                causes.restarts.entry(unit).or_insert_with(|| why.clone());
            }
            for unit in &rule.reloads {
                causes.reloads.entry(unit).or_insert_with(|| why.clone());
            }
        }
        for package in &to.packages {
            let old = from.package(&package.id.name);
            let same = old.is_some_and(|old| old.id == package.id && old.header == package.header);
            let again = || {
                let mut installed = around.installed.iter();
                installed.any(|other| other.id.name == package.id.name)
            };
            if !same || again() {
                causes.package(package, "changes");
            }
        }
        for package in &from.packages {
            if to.package(&package.id.name).is_none() {
                causes.package(package, "goes");
            }
        }
        causes
    }

    fn package(&mut self, package: &'a Package, what: &str) {
        for unit in &package.restarts {
            self.restarts
                .entry(unit)
                .or_insert_with(|| format!("{} {what}", package.id.name));
        }
        for unit in &package.reloads {
            self.reloads
                .entry(unit)
                .or_insert_with(|| format!("{} {what}", package.id.name));
        }
    }

    fn none(&self) -> bool {
        self.restarts.is_empty() && self.reloads.is_empty()
    }
}

/// What moving from one content to another asks for.
pub(crate) fn reaction(from: &Content, to: &Content, around: &Around<'_>) -> Reaction {
    let causes = Causes::of(from, to, around);
    let mut reaction = Reaction::default();
    let kept = |unit: &str| to.units.iter().find(|policy| policy.unit == unit);
    let carries = |unit: &str| {
        let guarded = from.guarded_units.iter().chain(&to.guarded_units);
        let cluster = from.units.iter().chain(&to.units);
        guarded.into_iter().any(|guarded| guarded == unit)
            || cluster
                .into_iter()
                .any(|policy| policy.unit == unit && policy.run == UnitRun::Cluster)
    };
    let mut disturbs: Vec<&str> = Vec::new();
    let runs = |unit: &str| {
        let running = around.running.as_ref();
        running.is_some_and(|running| running.contains(unit))
    };
    let mut stop = |unit: &str, why: &str| {
        reaction.before.push(Action::Unit {
            unit: unit.to_owned(),
            verb: UnitVerb::Stop,
            why: why.to_owned(),
        });
    };
    // A unit that goes, or that the cluster will run, stops before its files
    // change, guards first: they may be the ones that run the others. One that
    // the cluster ran is stopped only where it is seen to run.
    for old in from.units.iter().rev() {
        let (was, will) = (old.run, kept(&old.unit).map(|new| new.run));
        let why = match (was, will) {
            (UnitRun::Started | UnitRun::Cluster, None) => "no longer part of this host",
            (UnitRun::Started, Some(UnitRun::Cluster)) => "the cluster runs it from now on",
            (UnitRun::Started | UnitRun::Cluster, Some(UnitRun::Stopped)) => {
                "it shall not run any more"
            }
            _ => continue,
        };
        if carries(&old.unit) {
            disturbs.push(&old.unit);
        }
        if was == UnitRun::Started || runs(&old.unit) {
            stop(&old.unit, why);
        }
    }
    for policy in to.units.iter().rev() {
        let fresh = !from.units.iter().any(|old| old.unit == policy.unit);
        if fresh && policy.run == UnitRun::Cluster && runs(&policy.unit) {
            disturbs.push(&policy.unit);
            stop(&policy.unit, "the cluster runs it from now on");
        }
    }
    if !causes.none() {
        reaction.after.push(Action::DaemonReload);
    }
    // In the order of the policy list: the role puts what others need first.
    for policy in &to.units {
        let unit = policy.unit.as_str();
        let (verb, why) = match (causes.restarts.get(unit), causes.reloads.get(unit)) {
            (Some(why), _) => (UnitVerb::Restart, why),
            (None, Some(why)) => (UnitVerb::TryReloadOrRestart, why),
            (None, None) => continue,
        };
        let fresh = !from.units.iter().any(|old| old.unit == policy.unit);
        let verb = match policy.run {
            // Its policy starts it, with its new files, unless it runs already.
            UnitRun::Started if fresh => match &around.running {
                Some(running) if running.contains(unit) => verb,
                Some(_) => continue,
                None if verb == UnitVerb::Restart => UnitVerb::TryRestart,
                None => verb,
            },
            UnitRun::Cluster if verb == UnitVerb::Restart => UnitVerb::TryRestart,
            UnitRun::Started | UnitRun::Cluster => verb,
            UnitRun::Stopped | UnitRun::Untouched => continue,
        };
        if verb != UnitVerb::TryReloadOrRestart {
            match policy.restart {
                Some(Restart::InPlace) => reaction.in_place.push(policy.unit.clone()),
                Some(Restart::Elsewhere) => disturbs.push(unit),
                None if carries(unit) => disturbs.push(unit),
                None => {}
            }
        }
        reaction.after.push(Action::Unit {
            unit: policy.unit.clone(),
            verb,
            why: why.clone(),
        });
    }
    // Units on which the role has no policy: only what runs already. Those that
    // had one are put back as they were found, with the new files.
    let ruled = |unit: &str| {
        let mut policies = from.units.iter().chain(&to.units);
        policies.any(|policy| policy.unit == unit)
    };
    for (unit, why) in causes.restarts.iter().filter(|(unit, _)| !ruled(unit)) {
        if carries(unit) {
            disturbs.push(unit);
        }
        reaction.after.push(Action::Unit {
            unit: (*unit).to_owned(),
            verb: UnitVerb::TryRestart,
            why: why.clone(),
        });
    }
    for (unit, why) in causes
        .reloads
        .iter()
        .filter(|(unit, _)| !ruled(unit) && !causes.restarts.contains_key(*unit))
    {
        reaction.after.push(Action::Unit {
            unit: (*unit).to_owned(),
            verb: UnitVerb::TryReloadOrRestart,
            why: why.clone(),
        });
    }
    for unit in disturbs {
        if !reaction.disturbs.iter().any(|other| other == unit) {
            reaction.disturbs.push(unit.to_owned());
        }
    }
    reaction
}

fn paths<'a>(from: &'a Content, to: &'a Content) -> BTreeSet<&'a str> {
    from.files
        .iter()
        .chain(&to.files)
        .map(|file| file.path.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Around, reaction};
    use tandem_generation::{Action, Content, Digest, OwnedFile, UnitPolicy, UnitRun, UnitVerb};

    fn content(text: &str, run: UnitRun) -> Content {
        Content {
            files: vec![OwnedFile {
                path: "/etc/tandem/web/mpm.conf".into(),
                digest: Digest::of(text),
                mode: 0o644,
                owner: "root".into(),
                group: "root".into(),
                secret: false,
                restarts: vec!["apache2.service".into()],
                reloads: Vec::new(),
            }],
            units: vec![UnitPolicy {
                unit: "apache2.service".into(),
                enabled: Some(false),
                run,
                restart: None,
            }],
            ..Content::default()
        }
    }

    #[test]
    fn a_unit_of_the_cluster_is_restarted_only_where_it_runs() {
        let found = reaction(
            &content("1", UnitRun::Cluster),
            &content("2", UnitRun::Cluster),
            &Around::default(),
        );
        assert_eq!(found.disturbs, ["apache2.service"]);
        assert!(matches!(
            found.after.as_slice(),
            [
                Action::DaemonReload,
                Action::Unit {
                    verb: UnitVerb::TryRestart,
                    ..
                }
            ]
        ));
    }

    #[test]
    fn a_unit_without_a_policy_is_restarted_where_it_runs() {
        let plain = |text| Content {
            units: Vec::new(),
            ..content(text, UnitRun::Untouched)
        };
        let found = reaction(&plain("1"), &plain("2"), &Around::default());
        assert!(matches!(
            found.after.as_slice(),
            [
                Action::DaemonReload,
                Action::Unit {
                    verb: UnitVerb::TryRestart,
                    ..
                }
            ]
        ));
        assert!(found.disturbs.is_empty());
    }

    #[test]
    fn nothing_changed_nothing_restarts() {
        let same = content("1", UnitRun::Started);
        assert_eq!(
            reaction(&same, &same, &Around::default()),
            super::Reaction::default()
        );
    }

    #[test]
    fn a_file_edited_by_hand_restarts_what_reads_it() {
        let same = content("1", UnitRun::Started);
        let touched = ["/etc/tandem/web/mpm.conf".to_owned()];
        let around = Around {
            touched: &touched,
            ..Around::default()
        };
        assert_eq!(reaction(&same, &same, &around).after.len(), 2);
    }

    #[test]
    fn what_no_longer_belongs_here_stops_first() {
        let found = reaction(
            &content("1", UnitRun::Started),
            &Content::default(),
            &Around::default(),
        );
        assert!(matches!(
            found.before.as_slice(),
            [Action::Unit {
                verb: UnitVerb::Stop,
                ..
            }]
        ));
    }
}
