//! When a peer counts as lost.

use super::*;

const STEP: Duration = Duration::from_millis(10);

/// Until anybody asks a device: how long that took.
fn until_asked(pair: &mut Pair) -> Duration {
    let began = pair.now;
    while pair.asked.is_empty() {
        assert!(pair.now.since(began) < LONG, "nobody asks");
        pair.run(STEP);
    }
    pair.now.since(began)
}

#[test]
fn who_is_silent_for_a_deadtime_is_lost_and_no_later() {
    let (keepalive, deadtime) = (settings(ONE).keepalive, settings(ONE).deadtime);
    for early in 0..10 {
        let mut pair = Pair::started();
        pair.run(STEP * early);
        pair.power_off(TWO);
        let took = until_asked(&mut pair);
        assert!(took <= deadtime + STEP, "{took:?}");
        assert!(took + keepalive + STEP >= deadtime, "{took:?}");
    }
}

#[test]
fn a_daemon_that_is_started_anew_is_not_lost() {
    for early in 0..20 {
        for id in [ONE, TWO] {
            let mut pair = Pair::started();
            let holder = pair.holder();
            pair.run(STEP * early);
            pair.restart(id);
            pair.run(LONG);
            assert_eq!(pair.asked, [], "{id} was started anew, {early}");
            assert_eq!(pair.holders(), [holder]);
        }
    }
}

#[test]
fn nor_does_anybody_go_on_alone_who_looks_around() {
    for early in 0..20 {
        for id in [ONE, TWO] {
            let mut pair = Pair::by_reach();
            pair.run(STEP * early);
            pair.restart(id);
            for _ in 0..200 {
                pair.run(STEP);
                assert_eq!([ONE, TWO].map(|id| pair.alone(id)), [None, None]);
            }
        }
    }
}

#[test]
fn two_daemons_that_are_started_anew_wait_for_each_other() {
    for early in 0..10 {
        for away in 1..5 {
            let mut pair = Pair::started();
            let holder = pair.holder();
            pair.run(STEP * early);
            let machine = pair.machines.remove(&TWO).expect("it is on");
            pair.restart(ONE);
            pair.run(STEP * 10 * away);
            pair.launch(TWO, machine.disk, machine.armed, machine.active);
            pair.run(LONG);
            assert_eq!(pair.asked, [], "{early}, {away}");
            assert_eq!(pair.holders(), [holder]);
        }
    }
}

#[test]
fn who_is_heard_again_has_time_to_say_that_it_hears() {
    for early in 0..30 {
        let mut pair = Pair::started();
        let holder = pair.holder();
        pair.device = Some(FenceOutcome::Failed);
        pair.cut = true;
        pair.run(LONG + STEP * 7 * early);
        assert!(pair.asked.len() > 2, "nobody has the other one off");
        pair.cut = false;
        for _ in 0..1_500 {
            pair.asked.clear();
            pair.run(Duration::from_millis(1));
            for (by, node, _) in &pair.asked {
                let view = pair.machines[by].node.view(pair.now);
                assert!(!view.peers[node].there, "{early}: {by} hears who it fences");
            }
        }
        pair.run(LONG);
        assert_eq!(pair.holders(), [holder]);
    }
}

#[test]
fn two_whose_disks_hang_at_once_wait_for_each_other() {
    for late in 1..20 {
        let mut pair = Pair::started();
        let holder = pair.holder();
        pair.stalled = [ONE, TWO].into();
        let command = Command::Target {
            resource: "database".to_owned(),
            role: Some(TargetRole::Started),
        };
        let number = 1;
        pair.step(ONE, Event::Command { number, command });
        pair.run(Duration::from_secs(5));
        pair.stalled = [TWO].into();
        pair.run(STEP * late);
        pair.stalled.clear();
        pair.run(LONG);
        assert_eq!(pair.asked, [], "{late}");
        assert_eq!(pair.holders(), [holder]);
    }
}

/// They hear each other for a moment, after one of them could not fence for long. (If only
/// that one hears the other, both may fence: nothing tells the one that waited.)
#[test]
fn a_glimpse_makes_both_wait_from_then_on() {
    let mut glimpses = 0;
    for (early, glimpse) in (0..20).flat_map(|early| [(early, 2), (early, 6), (early, 10)]) {
        let mut pair = Pair::started();
        // Their heartbeats are not at the same time.
        pair.run(STEP * 4);
        pair.restart(ONE);
        pair.run(LONG);
        pair.stalled = [ONE].into();
        let command = Command::Target {
            resource: "database".to_owned(),
            role: Some(TargetRole::Started),
        };
        let number = 1;
        pair.step(ONE, Event::Command { number, command });
        pair.run(STEP * 60);
        pair.cut = true;
        // The delay of the other one is all but over.
        pair.run(Duration::from_millis(5_200) + STEP * early);
        assert_eq!(pair.asked, []);
        pair.stalled.clear();
        pair.run(STEP);
        pair.cut = false;
        pair.run(STEP * glimpse);
        pair.cut = true;
        let heard = pair.machines[&TWO].node.view(pair.now).peers[&ONE].heard;
        if heard.is_none_or(|ago| ago > STEP * glimpse) {
            continue;
        }
        glimpses += 1;
        pair.device = Some(FenceOutcome::Failed);
        pair.run(Duration::from_secs(4));
        let by: BTreeSet<NodeId> = pair.asked.iter().map(|(by, ..)| *by).collect();
        assert_eq!(by, [ONE].into(), "{early}, {glimpse}");
    }
    assert!(glimpses > 20, "{glimpses} were long enough");
}

#[test]
fn who_dozes_again_and_again_still_notices() {
    let mut pair = Pair::started();
    pair.power_off(TWO);
    for _ in 0..20 {
        pair.asleep = Some(ONE);
        pair.run(settings(ONE).keepalive * 13 / 10);
        pair.asleep = None;
        pair.step(ONE, Event::Tick);
    }
    assert_eq!(pair.asked.len(), 1);
}

/// Its daemon begins again and again, and dies before it has said that it hears anybody.
#[test]
fn who_never_comes_to_hear_anybody_is_lost() {
    for first in [ONE, TWO] {
        let mut pair = Pair::started();
        pair.device = Some(FenceOutcome::Failed);
        for _ in 0..120 {
            let machine = pair.machines.remove(&first).expect("it is on");
            pair.run(STEP * 5);
            pair.launch(first, machine.disk, machine.armed, machine.active);
            pair.run(STEP);
        }
        let by: BTreeSet<NodeId> = pair.asked.iter().map(|(by, ..)| *by).collect();
        assert_eq!(by, [other(first)].into());
    }
}

#[test]
fn who_slept_reads_what_came_in_before_it_believes_that_it_is_alone() {
    // It heard nobody for so long before it slept, and somebody while it did.
    for (before, span) in (0..45).flat_map(|before| [(before, 8), (before, 50), (before, 400)]) {
        let mut pair = Pair::started();
        pair.cut = true;
        pair.run(STEP * before);
        pair.cut = false;
        pair.asleep = Some(ONE);
        pair.run(STEP * span);
        pair.asleep = None;
        pair.step(ONE, Event::Tick);
        pair.run(LONG);
        assert_eq!(pair.asked, [], "{before}, {span}");
    }
}

/// Its delay comes to an end while it sleeps, and so does what cut it off.
#[test]
fn who_sleeps_when_its_delay_is_over_reads_before_it_fences() {
    for span in [30, 50, 200, 2_000] {
        let mut pair = Pair::started();
        pair.device = Some(FenceOutcome::Failed);
        pair.cut = true;
        pair.run(Duration::from_millis(5_200));
        pair.asleep = Some(TWO);
        pair.run(STEP * 5);
        pair.cut = false;
        pair.run(STEP * span);
        pair.asleep = None;
        pair.asked.clear();
        pair.step(TWO, Event::Tick);
        pair.run(LONG);
        let two = pair.asked.iter().find(|(by, ..)| *by == TWO);
        assert_eq!(two, None, "{span}");
    }
}
