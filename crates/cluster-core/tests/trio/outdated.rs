//! Data of which only one node has the newest copy: what DRBD's handlers say.

use super::*;

fn outdate(but: &str) -> Command {
    Command::Outdate {
        resource: "web".to_owned(),
        but: but.to_owned(),
    }
}

fn alike(trio: &Trio) -> Command {
    let operators = &trio.machines[&WITNESS].node.state().operators;
    Command::Alike {
        resource: "web".to_owned(),
        since_ms: operators.outdated["web"].since_ms,
    }
}

/// A trio in which somebody serves: it, its name, and the other node.
fn serving() -> (Trio, NodeId, &'static str, NodeId) {
    let mut trio = Trio::started();
    trio.run(5 * SECOND);
    match trio.holders(SERVER)[..] {
        [ONE] => (trio, ONE, "zipi", TWO),
        _ => (trio, TWO, "zape", ONE),
    }
}

#[test]
fn what_only_a_lost_node_has_runs_nowhere_until_it_is_back_or_given_up() {
    let (mut trio, holder, name, other) = serving();
    assert_eq!(trio.command(holder, outdate(name)), Ok(()));
    trio.power_off(holder);
    trio.run(20 * SECOND);
    assert_eq!(trio.holders(SERVER), [], "{other:?} has old data");
    let back = alike(&trio);
    assert_eq!(trio.command(other, back), Ok(()));
    trio.run(5 * SECOND);
    assert_eq!(trio.holders(SERVER), [other]);
}

/// Who runs anything: what is taken out and put in again has another number.
fn busy(trio: &Trio) -> Vec<NodeId> {
    let machines = trio.machines.iter();
    machines
        .filter(|(_, machine)| !machine.active.is_empty())
        .map(|(id, _)| *id)
        .collect()
}

#[test]
fn data_stay_outdated_while_what_has_them_is_taken_out() {
    let (mut trio, holder, name, other) = serving();
    assert_eq!(trio.command(holder, outdate(name)), Ok(()));
    let nothing = Configuration {
        resources: Vec::new(),
        ..configuration()
    };
    assert_eq!(trio.configure(WITNESS, nothing), Ok(()));
    trio.run(3 * SECOND);
    assert_eq!(busy(&trio), []);
    trio.power_off(holder);
    assert_eq!(trio.configure(WITNESS, configuration()), Ok(()));
    trio.run(20 * SECOND);
    assert_eq!(busy(&trio), []);
    // It can be taken back, also of what is not there.
    let nothing = Configuration {
        resources: Vec::new(),
        ..configuration()
    };
    assert_eq!(trio.configure(WITNESS, nothing), Ok(()));
    let back = alike(&trio);
    assert_eq!(trio.command(other, back), Ok(()));
    assert_eq!(trio.configure(WITNESS, configuration()), Ok(()));
    trio.run(5 * SECOND);
    assert_eq!(busy(&trio), [other]);
}
