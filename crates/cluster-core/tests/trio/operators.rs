//! What operators ask of the whole cluster, and what is theirs alone to end.

use super::*;

fn halt(on: bool) -> Command {
    Command::Halt { on }
}

#[test]
fn a_stopped_cluster_stays_so_across_a_restart_of_everybody() {
    let mut trio = Trio::with(with_database());
    trio.run(5 * SECOND);
    assert_eq!(trio.command(ONE, halt(true)), Ok(()));
    trio.run(3 * SECOND);
    let is_quiet = |trio: &Trio| {
        let mut machines = trio.machines.values();
        machines.all(|machine| machine.active.is_empty())
    };
    assert!(is_quiet(&trio));
    let disks = [ONE, TWO, WITNESS].map(|id| (id, trio.power_off(id)));
    for (id, disk) in disks {
        trio.power_on(id, disk);
    }
    trio.run(10 * SECOND);
    assert!(is_quiet(&trio), "the log says so");
    let state = trio.machines[&TWO].node.state();
    let halted = state.operators.halted.expect("it is stopped");
    assert_eq!(halted.at, ONE);
    assert_eq!(trio.command(TWO, halt(false)), Ok(()));
    trio.run(3 * SECOND);
    assert_eq!(trio.holders(SERVER).len(), 1);
    assert_eq!(trio.holders(DATABASE), [ONE, TWO]);
}

#[test]
fn a_resource_that_was_stopped_by_itself_stays_so_when_the_cluster_starts() {
    let mut trio = Trio::with(with_database());
    trio.run(5 * SECOND);
    let resource = "web".to_owned();
    let role = Some(TargetRole::Stopped);
    assert_eq!(
        trio.command(ONE, Command::Target { resource, role }),
        Ok(())
    );
    for on in [true, false] {
        assert_eq!(trio.command(ONE, halt(on)), Ok(()));
        trio.run(3 * SECOND);
    }
    assert_eq!(trio.holders(SERVER), []);
    assert_eq!(trio.holders(DATABASE), [ONE, TWO]);
}

/// Its power fails, so often.
fn fails(trio: &mut Trio, id: NodeId, times: u32) {
    for _ in 0..times {
        let disk = trio.power_off(id);
        trio.run(SECOND);
        trio.power_on(id, disk);
        trio.run(5 * SECOND);
    }
}

fn is_held_back(trio: &Trio, id: NodeId) -> bool {
    let members = &trio.machines[&WITNESS].node.state().members;
    members[&id].resets.hold_back()
}

#[test]
fn a_node_that_is_reset_again_and_again_takes_nothing_until_an_operator_says_so() {
    let mut trio = Trio::with(with_database());
    trio.run(5 * SECOND);
    fails(&mut trio, ONE, 2);
    assert!(!is_held_back(&trio, ONE));
    assert_eq!(trio.holders(DATABASE), [ONE, TWO]);
    fails(&mut trio, ONE, 1);
    assert!(is_held_back(&trio, ONE));
    assert_eq!(trio.holders(DATABASE), [TWO]);
    assert_eq!(trio.holders(SERVER), [TWO]);
    let node = "zipi".to_owned();
    let online = Command::Standby { node, on: false };
    assert_eq!(trio.command(TWO, online), Ok(()));
    trio.run(3 * SECOND);
    assert!(!is_held_back(&trio, ONE));
    assert_eq!(trio.holders(DATABASE), [ONE, TWO]);
    assert_eq!(trio.holders(SERVER), [TWO], "nothing moves back for that");
}

#[test]
fn a_node_that_is_held_back_is_better_than_none() {
    let mut trio = Trio::with(with_database());
    trio.run(5 * SECOND);
    fails(&mut trio, ONE, 3);
    assert_eq!(trio.holders(SERVER), [TWO]);
    trio.power_off(TWO);
    trio.run(10 * SECOND);
    assert!(is_held_back(&trio, ONE));
    assert_eq!(trio.holders(SERVER), [ONE]);
}

#[test]
fn what_agents_keep_for_the_cluster_every_node_knows() {
    let mut trio = Trio::started();
    trio.run(5 * SECOND);
    let property = |name: &str, value: &str| Command::Property {
        set: "redis_replication".to_owned(),
        name: name.to_owned(),
        value: Some(value.to_owned()),
    };
    assert_eq!(trio.command(ONE, property("master", "zipi")), Ok(()));
    for id in [ONE, TWO, WITNESS] {
        let operators = &trio.machines[&id].node.state().operators;
        assert_eq!(operators.property(None, "master"), Some("zipi"), "{id}");
    }
    let long = "x".repeat(cluster_core::operators::PROPERTY_BYTES_MAX);
    let refused = trio.command(TWO, property("more", &long));
    assert_eq!(refused, Err(Refusal::NoRoom));
}
