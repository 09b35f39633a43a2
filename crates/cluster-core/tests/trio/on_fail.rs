//! What a failure means, from the agent that tells of it to what is done about it.

use super::*;
use cluster_core::policy::aftermath;
use cluster_model::state::Failed;

/// The group, and mail beside it; failures of the server's monitor and start mean this.
fn said(on_fail: OnFail) -> Configuration {
    let mut configuration = configuration();
    let Item::Group(group) = &mut configuration.resources[0] else {
        panic!("it is a group");
    };
    let server = &mut group.members[1];
    server.operations.monitors[0].options.on_fail = Some(on_fail);
    server.operations.start.on_fail = Some(on_fail);
    configuration
        .resources
        .push(Item::Primitive(primitive("mail")));
    configuration
}

const MAIL: ResourceId = ResourceId(3);

/// They run, and the server dies where it is.
fn after_a_failure(on_fail: OnFail) -> (Trio, NodeId) {
    let mut trio = Trio::with(said(on_fail));
    trio.run(5 * SECOND);
    let holder = trio.holders(SERVER)[0];
    trio.kill(holder, SERVER);
    trio.run(5 * SECOND);
    (trio, holder)
}

fn clean(trio: &mut Trio) {
    let command = Command::Cleanup {
        resource: Some("web".to_owned()),
        node: None,
    };
    assert_eq!(trio.command(WITNESS, command), Ok(()));
    trio.run(5 * SECOND);
}

fn other(node: NodeId) -> NodeId {
    if node == ONE { TWO } else { ONE }
}

#[test]
fn what_stays_stopped_starts_nowhere_until_somebody_cleans_up() {
    let (mut trio, holder) = after_a_failure(OnFail::Stop);
    assert_eq!(trio.holders(SERVER), []);
    assert_eq!(trio.holders(ADDRESS), [holder], "what it needs goes on");
    let failed = trio.machines[&WITNESS].node.state().members[&holder].resources[&SERVER].failed;
    let monitor = true;
    assert_eq!(
        failed,
        Failed {
            monitor,
            ..Failed::default()
        }
    );
    trio.power_off(holder);
    trio.run(10 * SECOND);
    assert_eq!(
        trio.holders(SERVER),
        [other(holder)],
        "its failure went with it"
    );
}

#[test]
fn a_configuration_that_says_otherwise_lets_it_start_again() {
    let (mut trio, holder) = after_a_failure(OnFail::Stop);
    let asked = trio.configure(holder, said(OnFail::Restart));
    assert_eq!(asked, Ok(()));
    trio.run(3 * SECOND);
    assert_eq!(trio.holders(SERVER), [holder]);
}

#[test]
fn what_is_blocked_is_not_touched_until_somebody_cleans_up() {
    let (mut trio, holder) = after_a_failure(OnFail::Block);
    let done = trio.done.len();
    let node = settings(holder, configuration()).name_of(holder).to_owned();
    let on = true;
    assert_eq!(trio.command(WITNESS, Command::Standby { node, on }), Ok(()));
    trio.run(5 * SECOND);
    let touched = trio.done[done..].iter();
    let touched = touched.filter(|(.., name, _)| name == "server" || name == "address");
    assert_eq!(touched.count(), 0, "{:?}", &trio.done[done..]);
    let machine = &trio.machines[&WITNESS];
    let asked = machine.node.question(trio.now);
    let blocked = aftermath(machine.node.configuration().expect("one"), &asked).blocked;
    assert_eq!(blocked.len(), 1);
    clean(&mut trio);
    assert_eq!(trio.holders(SERVER), [other(holder)]);
}

#[test]
fn a_node_in_standby_for_a_failure_takes_nothing_until_somebody_cleans_up() {
    let (mut trio, holder) = after_a_failure(OnFail::Standby);
    for resource in [SERVER, ADDRESS, MAIL] {
        assert_eq!(trio.holders(resource), [other(holder)], "{resource}");
    }
    clean(&mut trio);
    let node = settings(WITNESS, configuration())
        .name_of(other(holder))
        .to_owned();
    let on = true;
    assert_eq!(trio.command(WITNESS, Command::Standby { node, on }), Ok(()));
    trio.run(5 * SECOND);
    assert_eq!(trio.holders(SERVER), [holder]);
}

#[test]
fn a_node_that_is_to_be_fenced_for_a_failure_goes_down_and_comes_back() {
    let mut trio = Trio::with(said(OnFail::Fence));
    trio.run(5 * SECOND);
    let holder = trio.holders(SERVER)[0];
    let boot = trio.boots[&holder];
    trio.machines.get_mut(&holder).expect("it is on").stuck = true;
    trio.kill(holder, SERVER);
    trio.run(15 * SECOND);
    assert_ne!(trio.boots[&holder], boot, "it was reset");
    assert_eq!(trio.holders(SERVER), [other(holder)]);
    let boot = trio.boots[&holder];
    trio.run(5 * SECOND);
    assert_eq!(trio.boots[&holder], boot, "once");
}

#[test]
fn a_start_whose_failure_is_ignored_counts_as_done() {
    let mut trio = Trio::with(said(OnFail::Ignore));
    for id in [ONE, TWO] {
        let machine = trio.machines.get_mut(&id).expect("it is on");
        machine.broken.insert(SERVER, Outcome::Failed);
    }
    trio.run(5 * SECOND);
    let tries: u32 = trio.machines.values().map(|machine| machine.tries).sum();
    assert_eq!(tries, 1);
    assert_eq!(trio.holders(ADDRESS).len(), 1);
}
