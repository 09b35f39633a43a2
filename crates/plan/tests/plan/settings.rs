//! Settings in files of somebody else.

use crate::world::{World, assert_allowed, assert_refused, host, only};
use std::collections::BTreeMap;
use tandem_generation::facts::FileFact;
use tandem_generation::{Digest, Edit};
use tandem_plan::draft::drafts;
use tandem_plan::{FileChangeKind, RefusalKind};

const LOGIN: &str = "/etc/login.defs";

fn edit(settings: &[(&str, &str)]) -> Edit {
    Edit {
        path: LOGIN.to_owned(),
        separator: "\t".to_owned(),
        set: settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
    }
}

fn told(text: Option<&str>) -> FileFact {
    FileFact {
        path: LOGIN.to_owned(),
        owned: None,
        package: None,
        actual: text.map(Digest::of),
        mode: text.map(|_| 0o644),
        owner: None,
        attributes_differ: false,
        content: text.map(str::to_owned),
    }
}

fn wants(settings: &[(&str, &str)]) -> World {
    let mut world = World::pair();
    world.want(|leg| leg.content.edits = vec![edit(settings)]);
    world
}

#[test]
fn a_setting_is_shown_as_a_diff_of_the_foreign_file() {
    let mut world = wants(&[("PASS_MAX_DAYS", "90")]);
    let fact = told(Some("PASS_MAX_DAYS\t99999\n"));
    world.facts("zape").files.push(fact);
    let plan = world.plan();
    assert_allowed(&plan);
    let change = &only(&plan, "zape").files[0];
    assert_eq!(change.kind, FileChangeKind::Setting);
    let diff = change.diff.as_ref().expect("a diff");
    assert!(diff.contains("-PASS_MAX_DAYS\t99999\n+PASS_MAX_DAYS\t90\n"));
    // A foreign file that is edited is nobody's drift.
    assert!(host(&plan, "zape").drift.is_empty());
}

#[test]
fn a_setting_that_holds_changes_nothing() {
    let mut world = wants(&[("PASS_MAX_DAYS", "90")]);
    world.settle("web", "zipi");
    for name in ["zape", "zipi"] {
        let fact = told(Some("PASS_MAX_DAYS\t90\n"));
        world.facts(name).files.push(fact);
    }
    assert!(world.plan().is_empty());
}

#[test]
fn a_setting_that_somebody_changed_is_set_again() {
    let mut world = wants(&[("PASS_MAX_DAYS", "90")]);
    world.settle("web", "zipi");
    let fact = told(Some("PASS_MAX_DAYS\t5\n"));
    world.facts("zape").files.push(fact);
    let plan = world.plan();
    assert_eq!(only(&plan, "zape").files.len(), 1);
    assert!(only(&plan, "zape").install.is_empty());
}

#[test]
fn a_foreign_file_that_is_not_there_forbids_the_run() {
    let mut world = wants(&[("PASS_MAX_DAYS", "90")]);
    world.facts("zape").files.push(told(None));
    assert_refused(&world.plan(), RefusalKind::NotReady, "zape", LOGIN);
    // Also when it was there once.
    let mut world = wants(&[("PASS_MAX_DAYS", "90")]);
    world.settle("web", "zipi");
    world.facts("zape").files.push(told(None));
    assert_refused(&world.plan(), RefusalKind::NotReady, "zape", LOGIN);
}

#[test]
fn settings_that_are_given_up_are_taken_back_and_the_undo_sets_them_again() {
    let mut world = wants(&[("PASS_MAX_DAYS", "90")]);
    world.settle("web", "zipi");
    world.want(|leg| leg.content.edits.clear());
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(
        only(&plan, "zape").unedit,
        [edit(&[("PASS_MAX_DAYS", "90")])]
    );
    let draft = &drafts(&plan, host(&plan, "zape"))[0];
    let back = draft.undo.target.as_ref().expect("a way back");
    assert_eq!(back.content.edits, [edit(&[("PASS_MAX_DAYS", "90")])]);
}

#[test]
fn one_of_two_settings_that_is_given_up_is_taken_back_alone() {
    let mut world = wants(&[("PASS_MAX_DAYS", "90"), ("UMASK", "027")]);
    world.settle("web", "zipi");
    world.want(|leg| leg.content.edits = vec![edit(&[("UMASK", "077")])]);
    let plan = world.plan();
    assert_eq!(
        only(&plan, "zape").unedit,
        [edit(&[("PASS_MAX_DAYS", "90")])]
    );
}

#[test]
fn a_setting_that_nobody_can_show_is_planned_without_a_diff() {
    let mut world = wants(&[("PASS_MAX_DAYS", "90")]);
    let mut fact = told(Some("PASS_MAX_DAYS\t5\n"));
    fact.content = None;
    world.facts("zape").files.push(fact);
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(only(&plan, "zape").files[0].diff, None);
}
