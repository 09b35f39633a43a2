//! What a change of packages and files makes units do.

use std::collections::{BTreeMap, BTreeSet};
use tandem_generation::{Action, Content, UnitRun, UnitVerb};

/// Actions around a transaction, and the units with resources that they
/// restart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reaction {
    pub(crate) before: Vec<Action>,
    pub(crate) after: Vec<Action>,
    pub(crate) disturbs: Vec<String>,
}

/// What moving from one content to another asks for. `touched` are paths whose
/// content on the disk changes although both contents agree: hand edits.
pub(crate) fn reaction(from: &Content, to: &Content, touched: &[String]) -> Reaction {
    let mut restarts: BTreeMap<&str, String> = BTreeMap::new();
    let mut reloads: BTreeMap<&str, String> = BTreeMap::new();
    for path in paths(from, to) {
        let (old, new) = (from.file(path), to.file(path));
        let digest = |file: Option<&tandem_generation::OwnedFile>| {
            file.map(|file| (file.digest.clone(), file.mode))
        };
        if digest(old) == digest(new) && !touched.iter().any(|touched| touched == path) {
            continue;
        }
        let Some(rule) = new.or(old) else { continue };
        for unit in &rule.restarts {
            restarts
                .entry(unit)
                .or_insert_with(|| format!("{path} changes"));
        }
        for unit in &rule.reloads {
            reloads
                .entry(unit)
                .or_insert_with(|| format!("{path} changes"));
        }
    }
    for package in &to.packages {
        let old = from.package(&package.id.name);
        if old.is_some_and(|old| old.header == package.header) {
            continue;
        }
        for unit in &package.restarts {
            restarts
                .entry(unit)
                .or_insert_with(|| format!("{} changes", package.id.name));
        }
    }
    let mut reaction = Reaction::default();
    // A unit that goes, or that somebody else will run, stops before its files
    // change, guards first: they may be the ones that run the others.
    for old in from.units.iter().rev() {
        let kept = to.units.iter().any(|unit| unit.unit == old.unit);
        if old.run == UnitRun::Started && !kept {
            reaction.before.push(Action::Unit {
                unit: old.unit.clone(),
                verb: UnitVerb::Stop,
                why: "no longer part of this host".to_owned(),
            });
        }
    }
    if restarts.keys().chain(reloads.keys()).next().is_some() {
        reaction.after.push(Action::DaemonReload);
    }
    // In the order of the policy list: the role puts what others need first.
    for policy in &to.units {
        let fresh = !from.units.iter().any(|unit| unit.unit == policy.unit);
        let (verb, why) = match (
            restarts.get(policy.unit.as_str()),
            reloads.get(policy.unit.as_str()),
        ) {
            (Some(why), _) => match policy.run {
                UnitRun::Started if fresh => continue, // started by its policy
                UnitRun::Started => (UnitVerb::Restart, why),
                UnitRun::Cluster => (UnitVerb::TryRestart, why),
                UnitRun::Stopped | UnitRun::Untouched => continue,
            },
            (None, Some(why)) => match policy.run {
                UnitRun::Started if fresh => continue,
                UnitRun::Started | UnitRun::Cluster => (UnitVerb::TryReloadOrRestart, why),
                UnitRun::Stopped | UnitRun::Untouched => continue,
            },
            (None, None) => continue,
        };
        if verb != UnitVerb::TryReloadOrRestart
            && (policy.run == UnitRun::Cluster || to.guarded_units.contains(&policy.unit))
        {
            reaction.disturbs.push(policy.unit.clone());
        }
        reaction.after.push(Action::Unit {
            unit: policy.unit.clone(),
            verb,
            why: why.clone(),
        });
    }
    // Units on which the role has no policy: only what runs already.
    let ruled = |unit: &str| to.units.iter().any(|policy| policy.unit == unit);
    for (unit, why) in restarts.iter().filter(|(unit, _)| !ruled(unit)) {
        reaction.after.push(Action::Unit {
            unit: (*unit).to_owned(),
            verb: UnitVerb::TryRestart,
            why: why.clone(),
        });
    }
    for (unit, why) in reloads
        .iter()
        .filter(|(unit, _)| !ruled(unit) && !restarts.contains_key(*unit))
    {
        reaction.after.push(Action::Unit {
            unit: (*unit).to_owned(),
            verb: UnitVerb::TryReloadOrRestart,
            why: why.clone(),
        });
    }
    // What carried resources and goes away disturbs too.
    for old in &from.units {
        let kept = to.units.iter().any(|unit| unit.unit == old.unit);
        if !kept && (old.run == UnitRun::Cluster || from.guarded_units.contains(&old.unit)) {
            reaction.disturbs.push(old.unit.clone());
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
    use super::reaction;
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
            }],
            ..Content::default()
        }
    }

    #[test]
    fn a_unit_of_the_cluster_is_restarted_only_where_it_runs() {
        let found = reaction(
            &content("1", UnitRun::Cluster),
            &content("2", UnitRun::Cluster),
            &[],
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
        let found = reaction(&plain("1"), &plain("2"), &[]);
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
        assert_eq!(reaction(&same, &same, &[]), super::Reaction::default());
    }

    #[test]
    fn a_file_edited_by_hand_restarts_what_reads_it() {
        let same = content("1", UnitRun::Started);
        let touched = ["/etc/tandem/web/mpm.conf".to_owned()];
        assert_eq!(reaction(&same, &same, &touched).after.len(), 2);
    }

    #[test]
    fn what_no_longer_belongs_here_stops_first() {
        let found = reaction(&content("1", UnitRun::Started), &Content::default(), &[]);
        assert!(matches!(
            found.before.as_slice(),
            [Action::Unit {
                verb: UnitVerb::Stop,
                ..
            }]
        ));
    }
}
