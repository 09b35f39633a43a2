//! Units: policies, what somebody did by hand, and what restarts.

use crate::contents::{APACHE, HEARTBEAT, MPM, Wish, policy};
use crate::world::{World, assert_allowed, only, order, verbs};
use tandem_generation::facts::UnitFact;
use tandem_generation::{Restart, UnitRun};
use tandem_plan::{LegPlan, Plan};

const SNMPD: &str = "snmpd.service";
const CONF: &str = "/etc/tandem/snmpd.conf";

/// A pair on which another service runs on both nodes.
fn watched() -> World {
    let mut world = World::pair();
    world.want(|leg| {
        let units = &mut leg.content.units;
        units.insert(0, policy(SNMPD, Some(true), UnitRun::Started));
        leg.write(CONF, "community 1\n").restarts = vec![SNMPD.to_owned()];
    });
    world.settle("web", "zipi");
    world
}

fn set(world: &mut World, unit: &str, enabled: &str, active: &str) {
    let units = &mut world.facts("zape").units;
    units.retain(|fact| fact.unit != unit);
    units.push(UnitFact {
        unit: unit.to_owned(),
        enabled: enabled.to_owned(),
        active: active.to_owned(),
    });
}

fn changes(leg: &LegPlan) -> Vec<(&str, &str)> {
    leg.units
        .iter()
        .map(|unit| (unit.unit.as_str(), unit.change.as_str()))
        .collect()
}

fn after(plan: &Plan, host: &str) -> Vec<String> {
    verbs(&only(plan, host).after)
}

#[test]
fn a_unit_stopped_by_hand_is_started() {
    let mut world = watched();
    set(&mut world, SNMPD, "enabled", "inactive");
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(changes(only(&plan, "zape")), [(SNMPD, "start")]);
    assert!(only(&plan, "zape").install.is_empty());
}

#[test]
fn a_unit_disabled_by_hand_is_enabled() {
    let mut world = watched();
    set(&mut world, SNMPD, "disabled", "active");
    assert_eq!(
        changes(only(&world.plan(), "zape")),
        [(SNMPD, "start at boot")]
    );
}

#[test]
fn a_unit_that_must_not_run_is_stopped() {
    let mut world = World::pair();
    world.want(|leg| {
        let units = &mut leg.content.units;
        units.push(policy("rpcbind.service", Some(false), UnitRun::Stopped));
    });
    world.settle("web", "zipi");
    set(&mut world, "rpcbind.service", "enabled", "active");
    assert_eq!(
        changes(only(&world.plan(), "zape")),
        [
            ("rpcbind.service", "no longer start at boot"),
            ("rpcbind.service", "stop")
        ]
    );
}

#[test]
fn a_unit_of_the_cluster_that_starts_by_itself_at_boot_is_put_right() {
    let mut world = World::pair();
    set(&mut world, APACHE, "enabled", "inactive");
    assert_eq!(
        changes(only(&world.plan(), "zape")),
        [(APACHE, "no longer start at boot")]
    );
}

#[test]
fn where_a_unit_of_the_cluster_runs_is_not_our_business() {
    let mut world = World::pair();
    set(&mut world, APACHE, "disabled", "failed");
    assert!(world.plan().is_empty());
}

#[test]
fn states_that_satisfy_a_policy_are_no_difference() {
    for (enabled, active) in [("static", "active"), ("enabled", "reloading")] {
        let mut world = watched();
        set(&mut world, SNMPD, enabled, active);
        assert!(world.plan().is_empty(), "{enabled} {active}");
    }
}

#[test]
fn a_unit_that_carries_nothing_restarts_where_it_is() {
    let mut world = watched();
    world.want(|leg| {
        leg.write(CONF, "community 2\n");
    });
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(after(&plan, "zipi"), [format!("restart {SNMPD}")]);
    assert!(plan.impact.is_none());
}

#[test]
fn a_unit_without_a_policy_restarts_where_it_runs() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.write(
            "/etc/systemd/journald.conf.d/60-tandem.conf",
            "SystemMaxUse=1G\n",
        )
        .restarts = vec!["systemd-journald.service".to_owned()];
    });
    let plan = world.plan();
    assert_eq!(
        after(&plan, "zape"),
        ["try-restart systemd-journald.service"]
    );
    assert!(only(&plan, "zipi").disturbs.is_empty());
}

#[test]
fn a_guarded_unit_without_a_policy_disturbs_all_the_same() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.content.guarded_units.push("drbd.service".to_owned());
        leg.write("/etc/drbd.d/r0.res", "resource r0\n").restarts = vec!["drbd.service".to_owned()];
    });
    assert_eq!(only(&world.plan(), "zipi").disturbs, ["drbd.service"]);
}

#[test]
fn a_unit_is_restarted_once_whatever_changes() {
    let mut world = watched();
    world.want(|leg| {
        leg.write(CONF, "community 2\n");
        leg.install("web-site", "1.1.0").restarts = vec![SNMPD.to_owned()];
        leg.write("/etc/tandem/snmpd2.conf", "x\n").reloads = vec![SNMPD.to_owned()];
    });
    assert_eq!(after(&world.plan(), "zape"), [format!("restart {SNMPD}")]);
}

#[test]
fn a_new_unit_is_started_by_its_policy_with_its_files() {
    let mut world = World::pair();
    world.want(|leg| {
        let units = &mut leg.content.units;
        units.push(policy(SNMPD, Some(true), UnitRun::Started));
        leg.write(CONF, "community 1\n").restarts = vec![SNMPD.to_owned()];
    });
    set(&mut world, SNMPD, "disabled", "inactive");
    assert_eq!(after(&world.plan(), "zape"), [""; 0]);
    // One that a distribution started runs with other files so far.
    set(&mut world, SNMPD, "enabled", "active");
    assert_eq!(after(&world.plan(), "zape"), [format!("restart {SNMPD}")]);
}

#[test]
fn a_unit_that_goes_stops_before_its_files_do() {
    let mut world = watched();
    world.want(|leg| {
        leg.content.units.retain(|policy| policy.unit != SNMPD);
        leg.remove(CONF);
    });
    let plan = world.plan();
    assert_allowed(&plan);
    let leg = only(&plan, "zape");
    assert_eq!(verbs(&leg.before), [format!("stop {SNMPD}")]);
    assert_eq!(leg.release_units.len(), 1);
    // Its unit file may go with its package: nothing is asked of it later.
    assert_eq!(verbs(&leg.after), [""; 0]);
    assert!(leg.disturbs.is_empty());
}

#[test]
fn the_undo_of_a_first_install_asks_nothing_of_units_that_are_gone() {
    let plan = World::bare().plan();
    let leg = only(&plan, "zape");
    assert_eq!(verbs(&leg.undo_before), [format!("stop {HEARTBEAT}")]);
    assert_eq!(verbs(&leg.undo_after), [""; 0]);
}

#[test]
fn a_unit_handed_to_the_cluster_stops_where_it_ran_by_itself() {
    let mut world = watched();
    world.want(|leg| leg.content.units[0] = policy(SNMPD, None, UnitRun::Cluster));
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(
        verbs(&only(&plan, "zape").before),
        [format!("stop {SNMPD}")]
    );
    // On the node that serves this interrupts: its resources move first.
    assert_eq!(only(&plan, "zipi").disturbs, [SNMPD]);
}

#[test]
fn a_resource_that_is_given_up_disturbs() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.content.units.retain(|policy| policy.unit != APACHE);
        leg.content.guarded_units.retain(|unit| unit != APACHE);
    });
    let plan = world.plan();
    assert_eq!(only(&plan, "zipi").disturbs, [APACHE]);
    // It runs on the holder, and on no other node.
    assert_eq!(
        verbs(&only(&plan, "zipi").before),
        [format!("stop {APACHE}")]
    );
    assert_eq!(verbs(&only(&plan, "zape").before), [""; 0]);
}

#[test]
fn a_policy_nobody_told_about_is_a_change() {
    let mut world = World::pair();
    world.want(|leg| {
        let units = &mut leg.content.units;
        units.push(policy(SNMPD, Some(true), UnitRun::Started));
    });
    assert_eq!(
        changes(only(&world.plan(), "zape")),
        [(SNMPD, "new policy")]
    );
}

/// A pair whose passive node runs the second service too; how it restarts is the
/// role's word.
fn serving(run: UnitRun, restart: Option<Restart>) -> World {
    let mut world = World::pair();
    world.want(|leg| {
        let mut unit = policy(SNMPD, None, run);
        unit.restart = restart;
        leg.content.units.insert(0, unit);
        leg.write(CONF, "community 1\n").restarts = vec![SNMPD.to_owned()];
    });
    world.settle("web", "zipi");
    world.want(|leg| {
        leg.write(CONF, "community 2\n");
    });
    world
}

#[test]
fn what_restarts_in_place_moves_nothing_and_is_told() {
    for run in [UnitRun::Cluster, UnitRun::Started] {
        let plan = serving(run, Some(Restart::InPlace)).plan();
        assert_allowed(&plan);
        assert_eq!(
            order(&plan),
            [
                "activate zape",
                "confirm zape",
                "check zape zipi",
                "activate zipi",
                "confirm zipi",
                "check zape zipi",
            ]
        );
        assert_eq!(plan.impact.restarts, [SNMPD]);
        assert_eq!(plan.impact.moves, 0);
        assert!(plan.impact.seconds > 0.0);
    }
}

#[test]
fn what_restarts_elsewhere_moves_the_resources_though_no_cluster_runs_it() {
    let plan = serving(UnitRun::Started, Some(Restart::Elsewhere)).plan();
    assert_allowed(&plan);
    assert_eq!(plan.impact.moves, 1);
    assert_eq!(only(&plan, "zipi").disturbs, [SNMPD]);
}

#[test]
fn where_something_else_must_move_a_restart_in_place_goes_with_it() {
    let mut world = serving(UnitRun::Cluster, Some(Restart::InPlace));
    world.want(|leg| {
        leg.write(MPM, "processes 8\n");
    });
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(plan.impact.moves, 1);
    assert_eq!(plan.impact.restarts, [""; 0]);
}
