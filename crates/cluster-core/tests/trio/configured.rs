//! What there is to run changes while it runs.

use super::*;
use cluster_core::check::Unfit;

/// The group with other parameters of its members.
fn with_units(units: &[(&str, &str)]) -> Configuration {
    let mut configuration = configuration();
    let Item::Group(group) = &mut configuration.resources[0] else {
        panic!("it is a group");
    };
    for member in &mut group.members {
        let unit = units.iter().find(|(name, _)| *name == member.name);
        if let Some((_, unit)) = unit {
            let unit = (*unit).to_owned();
            member.agent = Agent::Systemd { unit };
        }
    }
    configuration
}

fn without_anything() -> Configuration {
    Configuration {
        resources: Vec::new(),
        ..configuration()
    }
}

impl Trio {
    fn settled() -> (Self, NodeId) {
        let mut trio = Self::started();
        trio.run(5 * SECOND);
        // Whoever joined first has it; from where the policy wants it, nothing moves when all
        // of it is stopped.
        let wish = Command::Move {
            resource: "web".to_owned(),
            direction: Direction::To("zape".to_owned()),
            for_ms: 1_000,
        };
        assert_eq!(trio.command(ONE, wish), Ok(()));
        trio.run(5 * SECOND);
        let holder = trio.holders(SERVER)[0];
        trio.done.clear();
        (trio, holder)
    }

    /// What was done since the beginning of the test, on one node alone.
    fn done_on(&self, node: NodeId) -> Vec<(OperationKind, &str, u32)> {
        let done = self.done.iter();
        done.map(|(at, kind, name, id)| {
            assert_eq!(*at, node, "{kind:?} of {name}");
            (*kind, name.as_str(), id.0)
        })
        .collect()
    }

    fn retired(&self) -> usize {
        let state = self.machines[&WITNESS].node.state();
        state.resources.retired().count()
    }
}

use OperationKind::{Start as Starts, Stop as Stops};

#[test]
fn everybody_knows_the_first_configuration_from_the_log() {
    let (mut trio, holder) = Trio::settled();
    for id in [ONE, TWO, WITNESS] {
        assert_eq!(
            trio.machines[&id].node.configuration(),
            Some(&configuration())
        );
    }
    // What somebody is started with later counts for nothing.
    trio.configuration = without_anything();
    let other = if holder == ONE { TWO } else { ONE };
    trio.restart(other);
    trio.run(3 * SECOND);
    assert_eq!(trio.holders(SERVER), [holder]);
    assert_eq!(trio.done, [], "and nothing was touched");
}

#[test]
fn other_parameters_are_another_resource_and_the_old_one_stops_before_it_starts() {
    let (mut trio, holder) = Trio::settled();
    let changed = with_units(&[("address", "other.service")]);
    assert_eq!(trio.configure(WITNESS, changed.clone()), Ok(()));
    trio.run(2 * SECOND);
    let expected = [
        (Stops, "server", 2),
        (Stops, "address", 1),
        (Starts, "address", 3),
        (Starts, "server", 2),
    ];
    assert_eq!(trio.done_on(holder), expected);
    let node = &trio.machines[&WITNESS].node;
    assert_eq!(node.configuration(), Some(&changed));
    assert_eq!(
        node.definition(ADDRESS),
        None,
        "it is stopped, and forgotten"
    );
    let locals = node.state().members[&holder].resources.values();
    assert_eq!(locals.map(|local| local.failures).sum::<u32>(), 0);
}

#[test]
fn until_the_old_one_is_stopped_it_is_said_to_be_replaced() {
    let (mut trio, holder) = Trio::settled();
    let configuration = Box::new(with_units(&[("address", "other.service")]));
    let number = 1;
    trio.step(
        WITNESS,
        Event::Configure {
            number,
            configuration,
        },
    );
    let node = trio.machines[&WITNESS]
        .node
        .settings()
        .name_of(holder)
        .to_owned();
    let replaced = |trio: &Trio| {
        let asked = trio.machines[&WITNESS].node.question(trio.now);
        let nodes = asked.replaced.get("address");
        nodes.is_some_and(|nodes| nodes.contains(&node))
    };
    let mut seen = false;
    for _ in 0..200 {
        trio.run(SECOND / 100);
        seen |= replaced(&trio);
    }
    assert!(seen && !replaced(&trio));
}

#[test]
fn both_members_of_a_group_change_at_once() {
    let (mut trio, holder) = Trio::settled();
    let changed = with_units(&[("address", "a.service"), ("server", "s.service")]);
    assert_eq!(trio.configure(ONE, changed), Ok(()));
    trio.run(2 * SECOND);
    let expected = [
        (Stops, "server", 2),
        (Stops, "address", 1),
        (Starts, "address", 3),
        (Starts, "server", 4),
    ];
    assert_eq!(trio.done_on(holder), expected);
    assert_eq!(trio.retired(), 0);
}

#[test]
fn what_is_removed_is_stopped_in_the_reverse_order_and_forgotten() {
    let (mut trio, holder) = Trio::settled();
    assert_eq!(trio.configure(TWO, without_anything()), Ok(()));
    trio.run(2 * SECOND);
    let expected = [(Stops, "server", 2), (Stops, "address", 1)];
    assert_eq!(trio.done_on(holder), expected);
    assert_eq!(trio.retired(), 0);
    assert!(!trio.machines[&holder].armed, "nothing is held");
    // Back again, under numbers that nobody had.
    assert_eq!(trio.configure(TWO, configuration()), Ok(()));
    trio.run(2 * SECOND);
    assert_eq!(trio.holders(ResourceId(3)), trio.holders(ResourceId(4)));
    assert_eq!(trio.holders(ResourceId(4)).len(), 1);
}

#[test]
fn a_member_that_is_removed_from_a_group_goes_alone() {
    let (mut trio, holder) = Trio::settled();
    let mut changed = configuration();
    if let Item::Group(group) = &mut changed.resources[0] {
        group.members.remove(0);
    }
    assert_eq!(trio.configure(TWO, changed), Ok(()));
    trio.run(2 * SECOND);
    // The server does not need it any more.
    assert_eq!(trio.done_on(holder), [(Stops, "address", 1)]);
}

#[test]
fn an_option_moves_nothing_and_counts_at_once() {
    let (mut trio, holder) = Trio::settled();
    let mut changed = configuration();
    changed.resource_defaults.stickiness = Some(Score::new(7));
    changed.resource_defaults.migration_threshold = None;
    if let Item::Group(group) = &mut changed.resources[0] {
        for member in &mut group.members {
            member.operations.monitors[0].interval_ms = 200;
            member.operations.stop.timeout_ms = Some(5_000);
        }
    }
    assert_eq!(trio.configure(ONE, changed), Ok(()));
    trio.run(5 * SECOND);
    assert_eq!(trio.done, []);
    assert_eq!(trio.holders(SERVER), [holder]);
    trio.kill(holder, SERVER);
    trio.run(SECOND / 2);
    assert_eq!(trio.holders(SERVER), [holder], "it is looked at more often");
}

#[test]
fn what_changes_and_changes_back_before_it_was_stopped_goes_on() {
    let (mut trio, holder) = Trio::settled();
    let maintenance = |on| Command::Maintenance { node: None, on };
    assert_eq!(trio.command(ONE, maintenance(true)), Ok(()));
    let changed = with_units(&[("address", "other.service")]);
    assert_eq!(trio.configure(ONE, changed), Ok(()));
    trio.run(3 * SECOND);
    assert_eq!(trio.done, [], "all is left alone");
    assert_eq!(trio.retired(), 1);
    assert_eq!(trio.configure(ONE, configuration()), Ok(()));
    assert_eq!(trio.command(ONE, maintenance(false)), Ok(()));
    trio.run(3 * SECOND);
    assert_eq!(trio.done, []);
    assert_eq!(trio.retired(), 0);
    assert_eq!(trio.holders(ADDRESS), [holder]);
}

#[test]
fn what_is_removed_in_maintenance_is_stopped_afterwards() {
    let (mut trio, holder) = Trio::settled();
    let maintenance = |on| Command::Maintenance { node: None, on };
    assert_eq!(trio.command(ONE, maintenance(true)), Ok(()));
    assert_eq!(trio.configure(ONE, without_anything()), Ok(()));
    trio.run(3 * SECOND);
    assert_eq!(trio.holders(SERVER), [holder]);
    assert_eq!(trio.command(ONE, maintenance(false)), Ok(()));
    trio.run(3 * SECOND);
    assert_eq!(trio.holders(SERVER), []);
    assert_eq!(trio.retired(), 0);
}

#[test]
fn an_old_form_that_cannot_be_stopped_takes_its_node_down_before_the_new_one_starts() {
    for changed in [
        with_units(&[("address", "other.service")]),
        without_anything(),
    ] {
        let (mut trio, holder) = Trio::settled();
        let removed = changed.resources.is_empty();
        let machine = trio.machines.get_mut(&holder).expect("it is on");
        machine.stuck = true;
        assert_eq!(trio.configure(WITNESS, changed), Ok(()));
        trio.run(5 * SECOND);
        assert!(!trio.machines[&holder].stuck, "it was started anew");
        assert_eq!(trio.retired(), 0);
        let other = trio.holders(ResourceId(3));
        assert_eq!(other.len(), usize::from(!removed));
        assert!(!other.contains(&holder), "{other:?}");
    }
}

#[test]
fn a_configuration_for_other_nodes_is_refused() {
    let (mut trio, _) = Trio::settled();
    let mut other = configuration();
    other.nodes.insert("third".to_owned());
    let members = configuration().nodes;
    let refused = Err(Refusal::Unfit(Unfit::OtherNodes { members }));
    assert_eq!(trio.configure(ONE, other), refused);
    assert_eq!(
        trio.machines[&TWO].node.configuration(),
        Some(&configuration())
    );
}

#[test]
fn what_was_asked_for_of_a_resource_ends_when_it_is_removed() {
    let (mut trio, _) = Trio::settled();
    let resource = "web".to_owned();
    let unmanage = Command::Unmanage { resource, on: true };
    assert_eq!(trio.command(ONE, unmanage.clone()), Ok(()));
    assert_eq!(trio.configure(ONE, without_anything()), Ok(()));
    trio.run(2 * SECOND);
    assert_eq!(trio.holders(SERVER), []);
    let refused = Err(Refusal::NoSuchResource("web".to_owned()));
    assert_eq!(trio.command(TWO, unmanage), refused);
}

/// A restarted daemon that hears nobody has to stop what it finds, and knows how: the
/// configuration is known before anything is started by it.
#[test]
fn a_daemon_that_is_started_alone_stops_what_an_earlier_one_started() {
    let (mut trio, holder) = Trio::settled();
    for id in [ONE, TWO, WITNESS] {
        if id != holder {
            trio.power_off(id);
        }
    }
    trio.restart(holder);
    assert_eq!(trio.holders(SERVER), [holder]);
    trio.run(5 * SECOND);
    assert_eq!(trio.holders(SERVER), []);
    assert_eq!(trio.holders(ADDRESS), []);
    assert!(!trio.machines[&holder].armed);
}
