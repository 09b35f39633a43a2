//! What the machine tells by itself is looked at at once, and only an agent says how it is.

use super::*;

/// The server is looked at once a minute.
fn seldom() -> Trio {
    let mut configuration = configuration();
    let Item::Group(group) = &mut configuration.resources[0] else {
        panic!("it is a group");
    };
    group.members[1].operations.monitors[0].interval_ms = 60_000;
    let mut trio = Trio::with(configuration);
    trio.run(5 * SECOND);
    trio
}

fn tell(trio: &mut Trio, holder: NodeId, resource: ResourceId) {
    let now = trio.now;
    trio.queue.push((now, holder, Event::Noticed(resource)));
}

#[test]
fn what_ended_is_started_again_at_once_if_somebody_tells() {
    let mut trio = seldom();
    let holder = trio.holders(SERVER)[0];
    trio.kill(holder, SERVER);
    trio.run(5 * SECOND);
    assert_eq!(trio.holders(SERVER), [], "nobody looks yet");
    tell(&mut trio, holder, SERVER);
    trio.run(SECOND);
    assert_eq!(trio.holders(SERVER), [holder]);
}

#[test]
fn what_runs_goes_on_whatever_is_told() {
    let mut trio = seldom();
    let holder = trio.holders(SERVER)[0];
    let other = if holder == ONE { TWO } else { ONE };
    let done = trio.done.len();
    for node in [holder, other] {
        for resource in [SERVER, ADDRESS, ResourceId(77)] {
            tell(&mut trio, node, resource);
        }
    }
    trio.run(2 * SECOND);
    assert_eq!(trio.holders(SERVER), [holder]);
    assert_eq!(trio.done.len(), done, "{:?}", &trio.done[done..]);
}

/// A look that is under way may have seen it as it was before.
#[test]
fn what_is_told_during_a_look_makes_another_one_follow() {
    let mut trio = seldom();
    let holder = trio.holders(SERVER)[0];
    tell(&mut trio, holder, SERVER);
    // The look has begun, and found that it runs; its answer is on the way.
    trio.run(Duration::from_millis(5));
    trio.kill(holder, SERVER);
    tell(&mut trio, holder, SERVER);
    trio.run(SECOND);
    assert_eq!(trio.holders(SERVER), [holder], "it was looked at again");
    let starts = trio
        .done
        .iter()
        .filter(|(_, kind, name, _)| name == "server" && *kind == OperationKind::Start);
    assert_eq!(starts.count(), 2);
}
