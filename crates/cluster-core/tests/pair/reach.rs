//! A lone pair that nothing switches off: what each of the two reaches decides.

use super::*;
use cluster_core::REACHED;
use cluster_core::arbitration::ReachTerms;
use cluster_model::Command;

pub(super) fn arbitration() -> Arbitration {
    Arbitration::Reach(ReachTerms {
        listed: 3,
        pause: Duration::from_secs(1),
        limit: Duration::from_secs(1),
        wait: Duration::from_secs(3),
    })
}

impl Pair {
    pub(super) fn by_reach() -> Self {
        let pair = Self {
            by_reach: true,
            ..Self::default()
        };
        pair.start()
    }

    /// Whoever looks around sees, after a while, what is around it; an address is seen by
    /// who reaches anybody.
    pub(super) fn answer_looks(&mut self) {
        for (id, number) in std::mem::take(&mut self.looks) {
            let reached = self.reaches(id);
            let held = !self
                .machines
                .get(&other(id))
                .is_none_or(|its| its.active.is_empty());
            let owned = reached > 0 && self.reaches(other(id)) > 0 && held;
            let session = self.machines[&id].session;
            let event = Event::Reached {
                number,
                reached,
                owned,
            };
            let at = self.now + Duration::from_millis(150);
            self.queue.push((at, id, session, event));
        }
    }

    fn reaches(&self, id: NodeId) -> usize {
        self.reached.get(&id).copied().unwrap_or(3)
    }

    /// So many of the listed addresses answer a node, and its daemon notices.
    fn reach(&mut self, id: NodeId, count: usize) {
        self.reached.insert(id, count);
        let attributes = [(REACHED.to_owned(), count.to_string())];
        self.step(id, Event::Attributes(attributes.into()));
    }

    fn hear_each_other(&mut self, on: bool) {
        self.cut = !on;
    }

    fn is_one_cluster(&self) -> bool {
        self.alone(ONE).is_none()
            && self.machines[&ONE].node.state() == self.machines[&TWO].node.state()
    }
}

#[test]
fn whoever_is_left_goes_on_and_the_other_one_comes_back_and_moves_nothing() {
    let mut pair = Pair::by_reach();
    let lost = pair.holder();
    let survivor = other(lost);
    pair.power_off(lost);
    // Silence, a look around, and the start.
    pair.run(Duration::from_millis(800));
    assert_eq!(pair.holders(), [survivor]);
    pair.power_on(lost);
    pair.run(LONG);
    assert_eq!(pair.holders(), [survivor]);
    assert!(pair.is_one_cluster());
    assert_eq!(pair.asked, [], "nobody is fenced");
}

#[test]
fn who_sees_the_others_address_takes_nothing() {
    let mut pair = Pair::by_reach();
    let holder = pair.holder();
    pair.hear_each_other(false);
    pair.run(LONG);
    assert_eq!(pair.holders(), [holder]);
    pair.hear_each_other(true);
    pair.run(LONG);
    assert_eq!(pair.holders(), [holder]);
    assert!(pair.is_one_cluster());
}

#[test]
fn who_reaches_half_or_less_takes_nothing() {
    let mut pair = Pair::by_reach();
    let holder = pair.holder();
    let survivor = other(holder);
    pair.reach(survivor, 1);
    pair.power_off(holder);
    pair.run(LONG);
    assert!(pair.holders().is_empty());
    pair.reach(survivor, 2);
    pair.run(LONG);
    assert_eq!(pair.holders(), [survivor]);
}

#[test]
fn who_reaches_nobody_stops_and_comes_back_with_nothing() {
    let mut pair = Pair::by_reach();
    let holder = pair.holder();
    pair.hear_each_other(false);
    // Its daemon notices a while later.
    pair.may_be_two = true;
    pair.reached.insert(holder, 0);
    pair.run(Duration::from_secs(4));
    assert_eq!(pair.holders(), [ONE, TWO], "it is reached by nobody");
    pair.reach(holder, 0);
    pair.run(Duration::from_secs(2));
    assert_eq!(pair.holders(), [other(holder)]);
    pair.may_be_two = false;
    // It is reached again, and they do not hear each other yet: it sees who has it.
    pair.reach(holder, 3);
    pair.run(LONG);
    assert_eq!(pair.holders(), [other(holder)]);
    pair.hear_each_other(true);
    pair.run(LONG);
    assert_eq!(pair.holders(), [other(holder)]);
    assert!(pair.is_one_cluster());
}

#[test]
fn whoever_reaches_fewer_gives_away_what_it_has() {
    let mut pair = Pair::by_reach();
    let holder = pair.holder();
    pair.reach(holder, 2);
    pair.reach(other(holder), 3);
    pair.run(LONG);
    assert_eq!(pair.holders(), [other(holder)]);
    pair.reach(other(holder), 2);
    pair.run(LONG);
    assert_eq!(pair.holders(), [other(holder)], "as many is not fewer");
}

#[test]
fn both_off_and_one_comes_back_alone() {
    let mut pair = Pair::by_reach();
    pair.power_off(ONE);
    pair.power_off(TWO);
    pair.run(LONG);
    pair.power_on(TWO);
    pair.run(Duration::from_secs(3));
    assert!(pair.holders().is_empty(), "it waits for the other one");
    pair.run(LONG);
    assert_eq!(pair.holders(), [TWO]);
}

/// Each asks by its own clock.
#[test]
fn a_host_that_dies_for_both_and_comes_back_moves_nothing() {
    let mut pair = Pair::by_reach();
    let holder = pair.holder();
    let second = Duration::from_millis(1_100);
    for (first, count) in [(holder, 2), (other(holder), 3)] {
        pair.reach(first, count);
        pair.run(second);
        pair.reach(other(first), count);
        pair.run(LONG);
        assert_eq!(pair.holders(), [holder], "{count} of 3");
    }
}

/// While it was cut off, the other one may have come back and taken everything.
#[test]
fn the_last_one_serves_again_once_it_reaches_more_than_half() {
    let mut pair = Pair::by_reach();
    let lost = pair.holder();
    pair.power_off(lost);
    pair.run(LONG);
    pair.reach(other(lost), 0);
    pair.run(LONG);
    assert!(pair.holders().is_empty());
    pair.reach(other(lost), 1);
    pair.run(LONG);
    assert!(pair.holders().is_empty(), "one of three is not enough");
    pair.reach(other(lost), 2);
    pair.run(LONG);
    assert_eq!(pair.holders(), [other(lost)]);
}

#[test]
fn an_operators_word_counts_where_a_look_does_not() {
    let mut pair = Pair::by_reach();
    let lost = pair.holder();
    pair.power_off(lost);
    pair.reach(other(lost), 1);
    pair.run(LONG);
    assert!(pair.holders().is_empty());
    assert_eq!(pair.told_off(other(lost), lost), Ok(()));
    pair.run(LONG);
    assert_eq!(pair.holders(), [other(lost)]);
}

/// The other one went on alone before, unseen, and was off since.
#[test]
fn who_serves_goes_on_when_one_comes_back_that_was_alone_before() {
    for first in [ONE, TWO] {
        let mut pair = Pair::by_reach();
        let last = other(first);
        pair.power_off(last);
        pair.run(LONG);
        assert_eq!(pair.holders(), [first]);
        pair.power_off(first);
        pair.power_on(last);
        pair.run(LONG);
        assert_eq!(pair.holders(), [last]);
        pair.goes_on_while_it_comes_back(last, first);
    }
}

/// Both went on, and the link is mended while the daemon of the one whose line stays is
/// started anew: it was not switched off, and serves.
#[test]
fn a_daemon_that_is_started_anew_is_nobody_who_was_off() {
    let mut pair = Pair::by_reach();
    pair.power_off(TWO);
    pair.run(LONG);
    pair.power_on(TWO);
    pair.run(LONG);
    assert_eq!(pair.holders(), [ONE]);
    pair.may_be_two = true;
    pair.hear_each_other(false);
    pair.run(LONG);
    // Nobody reaches it, which its daemon has not noticed yet.
    pair.reached.insert(ONE, 0);
    pair.run(Duration::from_secs(4));
    assert_eq!(pair.holders(), [ONE, TWO]);
    assert_eq!([pair.alone(ONE), pair.alone(TWO)], [Some(ONE), Some(TWO)]);
    let line = |pair: &Pair, id| pair.machines[&id].node.state().epoch;
    let stays = line(&pair, TWO);
    assert!(stays > line(&pair, ONE));
    pair.reached.clear();
    pair.hear_each_other(true);
    pair.restart(TWO);
    pair.run(LONG);
    assert_eq!([line(&pair, ONE), line(&pair, TWO)], [stays, stays]);
}

#[test]
fn who_holds_nothing_ends_without_its_peer() {
    let mut pair = Pair::by_reach();
    let lost = pair.holder();
    pair.power_off(lost);
    pair.reach(other(lost), 1);
    pair.run(LONG);
    let ends = |pair: &Pair| pair.machines[&other(lost)].node.may_leave(pair.now);
    assert!(ends(&pair));
}

/// Whoever replaces a switch says so before.
#[test]
fn in_maintenance_who_reaches_nobody_keeps_what_it_has() {
    let mut pair = Pair::by_reach();
    let holder = pair.holder();
    let on = true;
    let command = Command::Maintenance { node: None, on };
    pair.step(holder, Event::Command { number: 1, command });
    pair.run(LONG);
    pair.hear_each_other(false);
    pair.reach(holder, 0);
    pair.reach(other(holder), 0);
    pair.run(LONG);
    assert_eq!(pair.holders(), [holder]);
}

/// Each of them may go on alone: nothing that one has in its log binds the other one.
#[test]
fn nobody_is_told_that_the_other_copy_is_outdated() {
    let mut pair = Pair::by_reach();
    pair.run(Duration::from_secs(5));
    let number = 1;
    let command = Command::Outdate {
        resource: "web".to_owned(),
        but: "zipi".to_owned(),
    };
    pair.step(ONE, Event::Command { number, command });
    assert_eq!(pair.answers, [(number, Err(Refusal::NotByReach))]);
}

/// Its vote is decided and in its log, and it has not heard that it is decided.
#[test]
fn who_is_about_to_get_its_vote_and_goes_on_alone_waits_for_nobody() {
    let mut pair = Pair::by_reach();
    let back = pair.holder();
    let survivor = other(back);
    pair.power_off(back);
    pair.run(LONG);
    pair.power_on(back);
    let began = pair.now;
    while pair.alone(survivor).is_some() {
        assert!(pair.now.since(began) < LONG, "they are one cluster again");
        pair.run(Duration::from_millis(1));
    }
    pair.power_off(survivor);
    pair.queue.retain(|(_, to, ..)| *to != back);
    assert_eq!(pair.alone(back), Some(survivor), "it has not read it");
    while pair.alone(back) != Some(back) {
        assert!(pair.now.since(began) < LONG * 2, "it goes on alone");
        pair.run(Duration::from_millis(1));
    }
    for _ in 0..2_000 {
        pair.run(Duration::from_millis(10));
        assert_eq!(pair.alone(back), Some(back));
    }
    assert_eq!(pair.holders(), [back]);
}
