//! The situations of `tests/situations` say what a daemon says today: everything in them
//! that follows from the model beside them (`tests/models`) is worked out again.
//! `UPDATE_SITUATIONS=1` writes what differs.

use super::report::verdict;
use super::survival::{Voters, survival, without_devices};
use cluster_core::policy;
use cluster_model::decision::Decision;
use cluster_model::report::{Health, Report, Resource};
use cluster_model::{Model, state::Role};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = std::fs::read_to_string(path).expect("there");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where the policy is asked nothing special, it is asked about the pair as it should be.
fn model_of(situation: &OsStr) -> PathBuf {
    let own = tests().join("models").join(situation);
    if own.exists() {
        own
    } else {
        tests().join("models/pair.json")
    }
}

/// The report with what follows from the model.
fn again(report: &Report, model: &Model) -> Report {
    let mut report = report.clone();
    let decision = policy::decide(&model.configuration, &model.state);
    for one in &mut report.resources {
        of_resource(one, &decision);
    }
    let heard = model.votes.heard.iter().filter(|(_, there)| **there);
    let voters = Voters {
        heard: heard.map(|(name, _)| name.clone()).collect(),
        needed: usize::try_from(model.votes.needed).expect("a few"),
    };
    let decides = report.arbitration.coordinator.is_some();
    report.survival = if decides {
        survival(&model.configuration, &model.state, &voters)
    } else {
        Vec::new()
    };
    let devices = report.arbitration.fencing.clone();
    for problem in without_devices(&mut report.survival, &devices) {
        assert!(report.problems.contains(&problem), "{problem}");
    }
    report.in_transition =
        !model.state.pending.is_empty() || !decision.transition.actions.is_empty();
    report.verdict.health = Health::Unknown;
    report.verdict = verdict(&report);
    report
}

fn of_resource(resource: &mut Resource, decision: &Decision) {
    let explained = decision.explanation.resources.get(&resource.name);
    resource.why = explained.map_or_else(String::new, |one| one.summary.clone());
    let wanted = decision.placement.get(&resource.name);
    for (node, instance) in &mut resource.instances {
        let role = wanted.and_then(|wanted| wanted.get(node)).copied();
        instance.wanted = role.unwrap_or(Role::Stopped);
    }
    for one in &mut resource.members {
        of_resource(one, decision);
    }
}

#[test]
fn situations_say_what_a_daemon_says_today() {
    let mut differing = Vec::new();
    let files = std::fs::read_dir(tests().join("situations")).expect("situations");
    for file in files {
        let path = file.expect("a file").path();
        let name = path.file_name().expect("a name");
        let report: Report = read(&path);
        let model: Model = read(&model_of(name));
        assert_eq!(report.asked, model.asked, "{name:?}");
        let new = again(&report, &model);
        if new == report {
            continue;
        }
        if std::env::var_os("UPDATE_SITUATIONS").is_some() {
            let text = serde_json::to_string_pretty(&new).expect("JSON");
            std::fs::write(&path, text + "\n").expect("written");
        } else {
            differing.push(format!("{name:?}: {}", new.verdict.because));
        }
    }
    assert!(
        differing.is_empty(),
        "`UPDATE_SITUATIONS=1 cargo test -p clusterd situations` writes them anew: {differing:#?}"
    );
}
