//! What will happen, in the order of time.

use crate::clock::Moment;
use cluster_core::arbitration::FenceOutcome;
use cluster_core::name::{LinkId, NodeId, ResourceId};
use cluster_core::operation::{OperationId, Outcome};
use cluster_core::packet::Packet;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A machine, by its place in the world: the node with the number one higher.
pub type Place = usize;

/// Something that will happen. Whatever may be out of date by then carries the number
/// of the life (of a daemon, of a machine) that it belongs to.
#[derive(Clone, Debug)]
pub enum Coming {
    /// A daemon's deadline.
    Wake {
        /// Where.
        at: Place,
        /// Of which start of the daemon.
        life: u64,
    },
    /// A packet arrives.
    Deliver {
        /// Where.
        at: Place,
        /// Who sent it.
        from: NodeId,
        /// On which network.
        link: LinkId,
        /// When it was sent.
        sent: Moment,
        /// What.
        packet: Packet,
    },
    /// A disk has synced.
    Synced {
        /// Where.
        at: Place,
        /// Which batch of writes.
        batch: u64,
    },
    /// An operation has its effect on the resource, or reads it.
    Effect {
        /// Where.
        at: Place,
        /// Which.
        operation: OperationId,
        /// Of which start of the machine.
        cycle: u64,
    },
    /// An operation ends.
    End {
        /// Where.
        at: Place,
        /// Which.
        operation: OperationId,
        /// Of which start of the machine.
        cycle: u64,
        /// By request, not by itself.
        killed: bool,
    },
    /// The supervisor answers for an operation that ended before.
    Answer {
        /// Where.
        at: Place,
        /// Which start of the daemon asked.
        life: u64,
        /// For which.
        operation: OperationId,
        /// How it ended.
        outcome: Outcome,
    },
    /// The machine tells a daemon that something happened to a resource.
    Stirred {
        /// Where.
        at: Place,
        /// Which start of the daemon.
        life: u64,
        /// To which.
        resource: ResourceId,
    },
    /// A watchdog's time is over, if it was not petted since.
    Bite {
        /// Where.
        at: Place,
        /// Which setting of the watchdog.
        setting: u64,
    },
    /// A machine has booted.
    Boot {
        /// Where.
        at: Place,
        /// Which start of the machine.
        cycle: u64,
    },
    /// The daemon is started by the machine's init.
    Launch {
        /// Where.
        at: Place,
        /// Which start of the machine.
        cycle: u64,
    },
    /// A fencing device powers a machine off.
    Off {
        /// Which.
        target: Place,
        /// Who asked for it.
        by: Place,
        /// When.
        asked: Moment,
        /// The device behaves.
        good: bool,
    },
    /// A fencing device is asked whether a machine is off.
    Status {
        /// Who asks.
        at: Place,
        /// Of which start of the daemon.
        life: u64,
        /// In which attempt.
        number: u64,
        /// About which machine.
        target: Place,
        /// The device answers.
        known: bool,
        /// Whoever asked has given up.
        late: bool,
    },
    /// The answer to an attempt to fence.
    Fenced {
        /// Whose.
        at: Place,
        /// Of which start of the daemon.
        life: u64,
        /// Which attempt.
        number: u64,
        /// How it ended.
        outcome: FenceOutcome,
    },
    /// A daemon notices how many listed hosts answer.
    Noticed {
        /// Whose.
        at: Place,
    },
    /// What a daemon sees that looks around.
    Reached {
        /// Whose.
        at: Place,
        /// Of which start of the daemon.
        life: u64,
        /// Which look.
        number: u64,
    },
    /// DRBD's handler `fence-peer` asks.
    FencePeer {
        /// Where.
        at: Place,
        /// Of which start of the machine.
        cycle: u64,
    },
    /// DRBD's handler `unfence-peer` asks.
    UnfencePeer {
        /// Where.
        at: Place,
        /// Of which start of the machine.
        cycle: u64,
        /// What it takes back.
        since_ms: u64,
    },
    /// The copies may be alike by now.
    CaughtUp,
    /// Somebody presses the power button of a machine that is off.
    Button {
        /// Which.
        at: Place,
        /// Since which start of the machine.
        cycle: u64,
    },
    /// A fault of the plan begins.
    Fault(usize),
    /// A fault of the plan is over.
    Mend(usize),
}

impl Coming {
    /// The machine that it happens to, if it waits while that machine is frozen.
    pub fn waits_at(&self) -> Option<Place> {
        match self {
            Self::Wake { at, .. }
            | Self::Deliver { at, .. }
            | Self::Synced { at, .. }
            | Self::Effect { at, .. }
            | Self::End { at, .. }
            | Self::Answer { at, .. }
            | Self::Stirred { at, .. }
            | Self::Fenced { at, .. }
            | Self::Noticed { at }
            | Self::Reached { at, .. }
            | Self::FencePeer { at, .. }
            | Self::UnfencePeer { at, .. }
            | Self::Boot { at, .. }
            | Self::Launch { at, .. } => Some(*at),
            // A hardware watchdog bites a frozen machine too.
            Self::Bite { .. }
            | Self::Off { .. }
            | Self::Status { .. }
            | Self::Button { .. }
            | Self::CaughtUp
            | Self::Fault(_)
            | Self::Mend(_) => None,
        }
    }
}

#[derive(Debug)]
struct Entry {
    at: Moment,
    number: u64,
    coming: Coming,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    // The heap gives its greatest first: earliest is greatest; of one moment, what was
    // put in first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

/// All that will happen.
#[derive(Debug, Default)]
pub struct Queue {
    heap: BinaryHeap<Entry>,
    number: u64,
}

impl Queue {
    /// It will happen then.
    pub fn put(&mut self, at: Moment, coming: Coming) {
        self.number += 1;
        self.heap.push(Entry {
            at,
            number: self.number,
            coming,
        });
    }

    /// What happens next, unless it is after `until`.
    pub fn next(&mut self, until: Moment) -> Option<(Moment, Coming)> {
        if self.heap.peek()?.at > until {
            return None;
        }
        self.heap.pop().map(|entry| (entry.at, entry.coming))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_one_moment_the_first_put_in_comes_first() {
        let mut queue = Queue::default();
        for (at, fault) in [(2, 0), (1, 1), (2, 2), (1, 3)] {
            queue.put(Moment(at), Coming::Fault(fault));
        }
        let order: Vec<usize> = std::iter::from_fn(|| queue.next(Moment(9)))
            .map(|(_, coming)| match coming {
                Coming::Fault(fault) => fault,
                _ => unreachable!("only faults were put in"),
            })
            .collect();
        assert_eq!(order, [1, 3, 0, 2]);
    }
}
