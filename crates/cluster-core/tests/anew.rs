//! A voter that begins with an empty disk, or with an older one, takes part only once that
//! is safe.

use cluster_core::action::{Action, Note};
use cluster_core::arbitration::Arbitration;
use cluster_core::name::{BootId, NodeId, Session};
use cluster_core::packet::Packet;
use cluster_core::settings::Terms;
use cluster_core::{Disk, Event, Node, Settings, Start, Time};
use cluster_model::Command;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const STEP: Duration = Duration::from_millis(20);
const PROMISE: Duration = Duration::from_millis(10_110);

fn settings(me: NodeId) -> Settings {
    let all: BTreeSet<_> = [1, 2, 3].map(NodeId).into();
    Settings {
        me,
        voters: all.clone(),
        nodes: [1, 2].map(NodeId).into(),
        names: all.iter().map(|id| (*id, format!("n{}", id.0))).collect(),
        links: 1,
        keepalive: Duration::from_millis(250),
        deadtime: Duration::from_secs(1),
        log_max: 500,
        terms: Terms {
            lease: Duration::from_secs(5),
            stop: Duration::from_secs(3),
            watchdog: Duration::from_secs(2),
            drift_ppm: 1_000,
            margin: Duration::from_millis(100),
        },
        arbitration: Arbitration::Quorum,
        first: None,
        bug: None,
    }
}

/// A good network, disks that write at once.
#[derive(Default)]
struct Three {
    now: Time,
    nodes: BTreeMap<NodeId, (Node, Disk)>,
    starts: u64,
    notes: Vec<(NodeId, Note)>,
    /// Nothing of the log gets from one to the other; heartbeats do.
    withheld: Option<(u16, u16)>,
}

impl Three {
    fn begin(&mut self, id: u16, disk: Disk) {
        let id = NodeId(id);
        self.starts += 1;
        let start = Start {
            boot: BootId(u128::from(self.starts)),
            session: Session(self.starts),
            armed: false,
            lease: None,
            leftovers: BTreeMap::new(),
        };
        let (node, actions) =
            Node::new(settings(id), &disk, start, self.now).expect("a disk that can be read");
        self.nodes.insert(id, (node, disk));
        self.act(id, actions);
    }

    fn act(&mut self, at: NodeId, actions: Vec<Action>) {
        let mut todo: Vec<(NodeId, Action)> = actions.into_iter().map(|one| (at, one)).collect();
        while !todo.is_empty() {
            let (at, action) = todo.remove(0);
            let (whom, event) = match action {
                Action::Persist { ticket, write } => {
                    if let Some((_, disk)) = self.nodes.get_mut(&at) {
                        disk.take(&write);
                    }
                    (at, Event::Persisted(ticket))
                }
                Action::Send { to, link, packet } => {
                    let from = at;
                    if matches!(packet, Packet::Raft(_)) && self.withheld == Some((from.0, to.0)) {
                        continue;
                    }
                    (to, Event::Packet { from, link, packet })
                }
                Action::Note(note) => {
                    self.notes.push((at, note));
                    continue;
                }
                _ => continue,
            };
            if let Some((node, _)) = self.nodes.get_mut(&whom) {
                let more = node.step(event, self.now);
                todo.extend(more.into_iter().map(|one| (whom, one)));
            }
        }
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            self.now = self.now + STEP;
            for id in self.nodes.keys().copied().collect::<Vec<_>>() {
                if let Some((node, _)) = self.nodes.get_mut(&id) {
                    let actions = node.step(Event::Tick, self.now);
                    self.act(id, actions);
                }
            }
        }
    }

    /// The number of whoever coordinates.
    fn coordinator(&self) -> Option<u16> {
        let mut nodes = self.nodes.iter();
        let found = nodes.find(|(_, (node, _))| node.is_coordinator());
        found.map(|(id, _)| id.0)
    }

    fn takes_part(&self, id: u16) -> bool {
        self.nodes[&NodeId(id)].0.takes_part()
    }

    fn saw(&self, id: u16, note: &Note) -> bool {
        self.notes.contains(&(NodeId(id), note.clone()))
    }
}

/// All three, for a while; and two who do not coordinate.
fn three() -> (Three, u16, [u16; 2]) {
    let mut three = Three::default();
    for id in 1..=3 {
        three.begin(id, Disk::default());
    }
    three.run(Duration::from_secs(20));
    let leader = three.coordinator().expect("they are a cluster");
    let others: Vec<u16> = (1..=3).filter(|id| *id != leader).collect();
    (three, leader, [others[0], others[1]])
}

#[test]
fn a_new_cluster_begins_with_a_majority_and_the_third_need_not_wait() {
    let mut three = Three::default();
    three.begin(1, Disk::default());
    three.run(Duration::from_secs(5));
    assert!(!three.takes_part(1), "alone it knows nothing");
    three.begin(2, Disk::default());
    three.run(Duration::from_secs(5));
    assert!(three.coordinator().is_some());
    three.begin(3, Disk::default());
    three.run(Duration::from_secs(2));
    assert!(three.takes_part(3));
}

/// It knows that there is a cluster, and has nothing of it: two who have nothing are no new
/// cluster then (seed 10875 of the simulator's `witness`).
#[test]
fn who_came_late_founds_no_cluster_with_one_who_lost_its_disk() {
    let (mut three, leader, [late, third]) = three();
    three.withheld = Some((leader, late));
    let before = three.nodes.remove(&NodeId(late));
    assert!(before.is_some());
    three.run(Duration::from_secs(2));
    three.begin(late, Disk::default());
    three.run(PROMISE + Duration::from_secs(5));
    assert!(three.takes_part(late), "the log has its start");
    assert!(!three.nodes[&NodeId(late)].1.is_blank() || three.coordinator() == Some(leader));
    let (_, kept) = three.nodes.remove(&NodeId(third)).expect("it runs");
    let (_, had) = three.nodes.remove(&NodeId(late)).expect("it runs");
    three.nodes.remove(&NodeId(leader));
    three.withheld = None;
    // The late one is started anew, too: it is on its disk.
    three.begin(late, had);
    three.begin(leader, Disk::default());
    three.run(PROMISE * 2);
    assert_eq!(
        three.coordinator(),
        None,
        "somebody knows more than these two"
    );
    three.begin(third, kept);
    three.run(PROMISE * 2);
    assert!(three.coordinator().is_some());
    assert!(three.takes_part(leader));
}

#[test]
fn a_voter_that_lost_its_disk_waits_for_a_promise_and_for_the_log() {
    let (mut three, leader, [lost, _]) = three();
    // Where everything belongs to one leader, it would know better.
    let old = three.nodes.remove(&NodeId(leader));
    three.run(Duration::from_secs(20));
    let (_, disk) = old.expect("it was there");
    three.begin(leader, disk);
    three.run(Duration::from_secs(5));
    let lost = if three.coordinator() == Some(lost) {
        leader
    } else {
        lost
    };
    three.nodes.remove(&NodeId(lost));
    three.run(Duration::from_secs(2));
    three.begin(lost, Disk::default());
    assert!(three.saw(lost, &Note::Blank));
    three.run(PROMISE * 9 / 10);
    assert!(!three.takes_part(lost));
    three.run(Duration::from_secs(4));
    assert!(three.takes_part(lost));
    let applied = |id| three.nodes[&NodeId(id)].0.state().applied;
    assert_eq!(applied(lost), applied(three.coordinator().expect("one")));
}

#[test]
fn with_a_voter_without_memory_the_others_are_no_majority() {
    let (mut three, leader, [lost, other]) = three();
    three.nodes.remove(&NodeId(leader));
    three.begin(lost, Disk::default());
    three.run(Duration::from_secs(60));
    assert!(!three.takes_part(lost));
    assert_eq!(three.coordinator(), None);
    assert!(three.takes_part(other), "its memory is whole");
}

#[test]
fn an_older_copy_of_a_disk_is_found_out_by_the_leader_that_it_answered() {
    let (mut three, leader, [restored, _]) = three();
    let copy = three.nodes[&NodeId(restored)].1.clone();
    for number in 1..=6 {
        let command = Command::Standby {
            node: "n1".to_owned(),
            on: number % 2 == 1,
        };
        let (node, _) = three.nodes.get_mut(&NodeId(leader)).expect("it leads");
        let actions = node.step(Event::Command { number, command }, three.now);
        three.act(NodeId(leader), actions);
        three.run(Duration::from_secs(1));
    }
    three.nodes.remove(&NodeId(restored));
    three.begin(restored, copy);
    three.run(Duration::from_secs(1));
    assert_eq!(three.coordinator(), Some(leader));
    assert!(three.saw(restored, &Note::OldDisk));
    assert!(!three.takes_part(restored));
    three.run(PROMISE + Duration::from_secs(3));
    assert!(three.takes_part(restored));
}
