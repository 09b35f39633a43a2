//! One of the two goes down in order: nobody is switched off for that.

use super::*;

impl Pair {
    fn leave(&mut self, id: NodeId) {
        let goes = [(cluster_core::LEAVING.to_owned(), "true".to_owned())];
        self.step(id, Event::Attributes(goes.into()));
    }

    fn may_leave(&self, id: NodeId) -> bool {
        let machine = &self.machines[&id];
        machine.node.may_leave(self.now) && machine.active.is_empty() && !machine.armed
    }

    fn coordinator(&self) -> NodeId {
        let mut machines = self.machines.iter();
        let found = machines.find(|(_, machine)| machine.node.is_coordinator());
        *found.expect("somebody coordinates").0
    }
}

/// Whoever goes, the one that coordinates or the other one, that has something or not.
#[test]
fn who_leaves_in_order_is_not_fenced_and_its_vote_comes_back_with_it() {
    for leaver in [ONE, TWO] {
        let mut pair = Pair::started();
        let stays = other(leaver);
        pair.leave(leaver);
        pair.run(LONG);
        assert_eq!(pair.holders(), [stays]);
        assert_eq!(pair.alone(stays), Some(stays));
        assert_eq!(pair.alone(leaver), Some(stays), "both know it");
        assert!(pair.may_leave(leaver));
        assert!(!pair.may_leave(stays), "it has something");
        // The machine is started anew, after a while.
        pair.power_off(leaver);
        pair.run(LONG);
        assert_eq!(pair.holders(), [stays]);
        let epoch = pair.machines[&stays].node.state().epoch;
        pair.power_on(leaver);
        pair.run(LONG);
        assert_eq!(pair.alone(stays), None, "it votes again");
        assert_eq!(pair.holders(), [stays], "coming back moves nothing");
        assert_eq!(pair.machines[&leaver].node.state().epoch, epoch);
        assert_eq!(pair.asked, [], "nobody was fenced");
        // It has its rights again.
        pair.power_off(stays);
        pair.run(LONG);
        assert_eq!(pair.holders(), [leaver]);
    }
}

/// Both went on alone, and the one whose turn was last goes when the other one is back: what it
/// would leave behind is one that has nothing.
#[test]
fn who_leaves_does_not_outbid_one_that_comes_back() {
    let mut pair = Pair::started();
    pair.device = Some(FenceOutcome::Failed);
    pair.power_off(ONE);
    pair.run(LONG);
    assert_eq!(pair.told_off(TWO, ONE), Ok(()));
    pair.run(LONG);
    let line = |pair: &Pair| pair.machines[&TWO].node.state().epoch;
    let first = line(&pair);
    pair.power_off(TWO);
    pair.power_on(ONE);
    assert_eq!(pair.told_off(ONE, TWO), Ok(()));
    pair.run(LONG);
    pair.leave(ONE);
    pair.power_on(TWO);
    pair.run(LONG);
    assert_eq!(line(&pair), first, "it is not begun anew");
}

#[test]
fn who_left_comes_back_in_the_same_start_of_its_machine() {
    let mut pair = Pair::started();
    let leaver = pair.holder();
    pair.leave(leaver);
    pair.run(LONG);
    pair.restart(leaver);
    pair.run(LONG);
    assert_eq!(pair.alone(leaver), None);
    assert_eq!(pair.asked, []);
    let state = pair.machines[&leaver].node.state();
    assert!(
        !state.members[&leaver]
            .attributes
            .contains_key(cluster_core::LEAVING)
    );
}

/// The last one stops what it has and goes; when both are there again, all goes on.
#[test]
fn when_both_leave_the_last_one_ends_what_is_left() {
    let mut pair = Pair::started();
    let last = pair.coordinator();
    pair.leave(ONE);
    pair.leave(TWO);
    pair.run(LONG);
    assert!(pair.may_leave(other(last)));
    pair.power_off(other(last));
    pair.run(LONG);
    assert!(pair.may_leave(last));
    assert_eq!(pair.holders(), []);
    pair.power_off(last);
    // Who went first has no vote, and waits.
    pair.power_on(other(last));
    pair.run(LONG);
    assert_eq!(pair.holders(), []);
    pair.power_on(last);
    pair.run(LONG);
    assert_eq!(pair.holders().len(), 1);
    assert_eq!(pair.alone(last), None);
    assert_eq!(pair.asked, []);
}

/// Whoever stays and dies takes all with it: who left has no vote and fences nobody.
#[test]
fn who_left_fences_nobody_whatever_happens_to_the_other_one() {
    let mut pair = Pair::started();
    let leaver = pair.holder();
    let stays = other(leaver);
    pair.leave(leaver);
    pair.run(LONG);
    pair.power_off(stays);
    pair.restart(leaver);
    pair.run(LONG);
    assert_eq!(pair.asked, []);
    assert_eq!(pair.told_off(leaver, stays), Err(Refusal::NoVote));
    pair.power_on(stays);
    pair.run(LONG);
    assert_eq!(pair.holders().len(), 1);
}

/// The one that stays was started anew before it wrote down more than the log: it knows
/// that the other one left, and does not fence it.
#[test]
fn who_stays_and_is_started_anew_goes_on_without_the_other_one() {
    let mut pair = Pair::started();
    let leaver = pair.holder();
    let stays = other(leaver);
    pair.leave(leaver);
    pair.run(LONG);
    pair.power_off(leaver);
    pair.restart(stays);
    pair.run(LONG);
    assert_eq!(pair.holders(), [stays]);
    assert_eq!(pair.alone(stays), Some(stays));
    assert!(pair.machines[&stays].node.is_coordinator());
    assert_eq!(pair.asked, []);
}

/// The peer may have read that it votes alone, and its words were lost: who has its own
/// parting in its log does not fence it, whether that was decided or not.
#[test]
fn who_has_its_parting_in_its_log_does_not_fence() {
    for leaver in [ONE, TWO] {
        let stays = other(leaver);
        let mut moments = 0;
        for ms in 0..200 {
            let mut pair = Pair::started();
            pair.leave(leaver);
            pair.run(Duration::from_millis(ms));
            if pair.alone(leaver) == Some(stays) {
                break;
            }
            pair.cut = true;
            let is_mail = |session: Session| session == Session(0);
            pair.queue.retain(|(_, _, session, _)| !is_mail(*session));
            if pair.alone(stays) == Some(stays) {
                moments += 1;
                pair.run(LONG);
                assert_eq!(pair.asked, [], "{ms} ms: the other one decides alone");
            }
        }
        assert!(moments > 0, "the moment was never met");
    }
}

/// It went in order, and its disk was replaced, or is an older copy: in the same line of
/// the log.
#[test]
fn who_left_and_lost_its_disk_gets_everything_anew() {
    for older in [false, true] {
        let mut pair = Pair::started();
        let leaver = pair.holder();
        let stays = other(leaver);
        let copy = pair.machines[&leaver].disk.clone();
        pair.leave(leaver);
        pair.run(LONG);
        pair.power_off(leaver);
        let disk = if older { copy } else { Disk::default() };
        pair.disks.insert(leaver, disk);
        pair.power_on(leaver);
        pair.run(LONG);
        let states = [ONE, TWO].map(|id| pair.machines[&id].node.state().clone());
        assert_eq!(states[0], states[1]);
        assert_eq!(pair.alone(leaver), None, "it votes again");
        assert_eq!(pair.holders(), [stays]);
        assert_eq!(pair.asked, []);
    }
}
