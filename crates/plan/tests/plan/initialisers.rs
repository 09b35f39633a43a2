//! What is neither file nor unit is made where it is missing, with consent.

use crate::world::{World, assert_allowed, assert_refused, command, only, verbs};
use tandem_generation::{Action, CommandResult};
use tandem_plan::{RefusalKind, probe_name};

fn database() -> World {
    let mut world = World::pair();
    world.want(|leg| {
        leg.initialisers = vec![Action::Initialise {
            name: "database".to_owned(),
            probe: command("probe"),
            act: command("act"),
            verify: command("verify"),
        }];
    });
    world
}

fn answer(world: &mut World, host: &str, exit: i32) {
    world.facts(host).observed.push(CommandResult {
        name: probe_name("database"),
        exit: Some(exit),
        stdout: String::new(),
        stderr: String::new(),
    });
}

#[test]
fn what_is_missing_is_made_after_the_packages_and_only_with_consent() {
    let mut world = database();
    answer(&mut world, "zape", 1);
    answer(&mut world, "zipi", 0);
    let plan = world.plan();
    assert_refused(
        &plan,
        RefusalKind::NeedsConsent,
        "zape",
        "initialise database",
    );
    assert_eq!(verbs(&only(&plan, "zape").after), ["initialise database"]);
    assert!(only(&plan, "zape").undo_after.is_empty());
    assert_eq!(plan.unchanged, ["zipi"]);
    world.options.accept_irreversible = true;
    assert_allowed(&world.plan());
}

#[test]
fn what_is_there_is_left_alone() {
    let mut world = database();
    for host in ["zape", "zipi"] {
        answer(&mut world, host, 0);
    }
    assert!(world.plan().is_empty());
}

#[test]
fn what_nobody_asked_for_counts_as_missing() {
    let mut world = database();
    world.options.accept_irreversible = true;
    let plan = world.plan();
    assert_eq!(plan.hosts.len(), 2);
    assert_eq!(only(&plan, "zipi").irreversible, ["initialise database"]);
}

#[test]
fn what_the_probe_found_is_part_of_what_is_consented_to() {
    let mut world = database();
    answer(&mut world, "zape", 0);
    answer(&mut world, "zipi", 1);
    let probe = &mut world.facts("zipi").observed[0];
    probe.stdout = "mysql-4.1\ngcc-java-4.0\n".to_owned();
    let plan = world.plan();
    assert_refused(
        &plan,
        RefusalKind::NeedsConsent,
        "zipi",
        "initialise database (mysql-4.1, gcc-java-4.0)",
    );
}

#[test]
fn it_is_made_once_in_a_run_of_several_phases() {
    let mut world = database();
    let mut first = world.leg("zipi").clone();
    first
        .content
        .cluster_values
        .insert("phase".to_owned(), "1".to_owned());
    let last = world.leg("zipi").clone();
    world.want_legs(&[first, last]);
    let plan = world.plan();
    let made: Vec<usize> = plan.hosts["zipi"]
        .legs
        .iter()
        .map(|leg| leg.irreversible.len())
        .collect();
    assert_eq!(made, [1, 0]);
}
