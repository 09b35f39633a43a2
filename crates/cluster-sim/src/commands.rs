//! Operators, in the middle of everything.

use crate::edits::Edit;
use crate::machine::{Daemon, Machine};
use crate::queue::Place;
use crate::topology::{ITEMS, name_of, node_of};
use crate::world::World;
use cluster_core::event::Event;
use cluster_core::name::NodeId;
use cluster_core::operators::Operators;
use cluster_core::resources::Resources;
use cluster_core::state::State;
use cluster_model::Command;
use cluster_model::configuration::{OnFail, TargetRole};
use cluster_model::state::Direction;
use std::collections::BTreeSet;

/// What an operator does, and takes back when the fault is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The node at this place takes nothing.
    Standby(Place),
    /// Whoever coordinates takes nothing; and later everybody does again.
    StandbyOfCoordinator,
    /// Everything is left alone.
    Maintenance,
    /// An item is not to run.
    Stop(usize),
    /// Everything is to be stopped.
    Halt,
    /// An item is moved to a place.
    Move(usize, Place),
    /// Failures are forgotten.
    Cleanup,
    /// The configuration is another one.
    Configure(Edit),
}

impl Wish {
    fn command(self, on: bool) -> Option<Command> {
        let item = |number: usize| (*ITEMS.get(number).unwrap_or(&ITEMS[0])).to_owned();
        let node = |place: Place| name_of(node_of(place));
        Some(match self {
            Self::Standby(place) => Command::Standby {
                node: node(place),
                on,
            },
            Self::Maintenance => Command::Maintenance { node: None, on },
            Self::Stop(number) => Command::Target {
                resource: item(number),
                role: on.then_some(TargetRole::Stopped),
            },
            Self::Halt => Command::Halt { on },
            Self::Move(number, place) if on => Command::Move {
                resource: item(number),
                direction: Direction::To(node(place)),
                for_ms: 30_000,
            },
            Self::Move(number, _) => Command::Unmove {
                resource: item(number),
            },
            Self::Cleanup if on => Command::Cleanup {
                resource: None,
                node: None,
            },
            Self::Cleanup | Self::Configure(_) | Self::StandbyOfCoordinator => return None,
        })
    }
}

/// Is nothing left of what operators asked for, and nothing that only they can end?
pub(crate) fn are_undone(state: &State) -> bool {
    state.operators == Operators::default() && held_back(state).next().is_none()
}

/// Nodes that were reset too often: an operator has to say that they may take resources.
fn held_back(state: &State) -> impl Iterator<Item = NodeId> + '_ {
    let members = state.members.iter();
    let held = members.filter(|(_, member)| member.resets.hold_back());
    held.map(|(node, _)| *node)
}

impl<D: Daemon> World<D> {
    /// An operator speaks to some daemon that answers. False: there is none.
    pub(crate) fn wish(&mut self, wish: Wish, on: bool) -> bool {
        let awake: Vec<Place> = (0..self.machines.len())
            .filter(|at| self.machines[*at].is_awake())
            .collect();
        let Some(at) = self.random.pick(&awake) else {
            return false;
        };
        if let Wish::Configure(edit) = wish {
            return self.configure(at, edit, on);
        }
        if wish == Wish::StandbyOfCoordinator {
            return self.standby_of_coordinator(at, on);
        }
        if let Some(command) = wish.command(on) {
            self.command(at, command);
        }
        true
    }

    /// An operator takes the configuration that a daemon knows, changes it, and gives it
    /// back. False: there is none yet.
    fn configure(&mut self, at: Place, edit: Edit, on: bool) -> bool {
        let known = self.machines[at].resources();
        let Some(known) = known.filter(|known| known.configured() != 0) else {
            return false;
        };
        let configuration = Box::new(edit.make(known.configuration(), on));
        self.commands += 1;
        let number = self.commands;
        self.say(at, 22, number, || {
            format!("is given another configuration: {edit:?} {on}")
        });
        self.step(
            at,
            Event::Configure {
                number,
                configuration,
            },
        );
        true
    }

    fn standby_of_coordinator(&mut self, at: Place, on: bool) -> bool {
        let coordinator = self.machines.iter().position(Machine::is_coordinator);
        let Some(process) = &self.machines[at].process else {
            return false;
        };
        let nodes: Vec<String> = if on {
            let coordinator = coordinator.map(|place| name_of(node_of(place)));
            coordinator.into_iter().collect()
        } else {
            let operators = &process.daemon.state().operators;
            operators.standby.iter().cloned().collect()
        };
        let any = !nodes.is_empty();
        for node in nodes {
            self.command(at, Command::Standby { node, on });
        }
        any
    }

    /// The number of the request.
    pub(crate) fn command(&mut self, at: Place, command: Command) -> u64 {
        self.commands += 1;
        let number = self.commands;
        self.say(at, 20, number, || format!("is asked for {command:?}"));
        self.step(at, Event::Command { number, command });
        number
    }

    /// Everything is taken back that still counts: a daemon may have died before it
    /// could pass it on.
    pub(crate) fn undo_commands(&mut self) {
        let coordinator = self
            .machines
            .iter()
            .position(|machine| machine.is_awake() && machine.is_coordinator());
        let Some(at) = coordinator else {
            return;
        };
        let Some(process) = &self.machines[at].process else {
            return;
        };
        let state = process.daemon.state();
        let operators = state.operators.clone();
        let on = false;
        let mut commands: Vec<Command> = Vec::new();
        let standby: BTreeSet<_> = held_back(state).map(name_of).collect();
        let standby = standby.into_iter().chain(operators.standby.iter().cloned());
        commands.extend(standby.map(|node| Command::Standby { node, on }));
        if operators.all_maintenance {
            commands.push(Command::Maintenance { node: None, on });
        }
        if operators.halted.is_some() {
            commands.push(Command::Halt { on });
        }
        let targets = operators.targets.keys().cloned();
        commands.extend(targets.map(|resource| Command::Target {
            resource,
            role: None,
        }));
        let moves = operators.moves.iter().map(|one| one.resource.clone());
        commands.extend(moves.map(|resource| Command::Unmove { resource }));
        commands.extend(self.alike_by_hand(&operators.outdated));
        for command in commands {
            self.command(at, command);
        }
        // Only a cleanup would end what some failures mean.
        let usual = Edit::OnFail(OnFail::Restart);
        let known = self.machines[at].resources();
        let known = known.map(Resources::configuration);
        if known.is_some_and(|known| usual.make(known, false) != *known) {
            self.configure(at, usual, false);
        }
    }
}
