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
fn who_slept_reads_what_came_in_before_it_believes_that_it_is_alone() {
    for span in [500, 650, 2_000, 4_000] {
        let mut pair = Pair::started();
        pair.asleep = Some(ONE);
        pair.run(Duration::from_millis(span));
        pair.asleep = None;
        pair.step(ONE, Event::Tick);
        pair.run(LONG);
        assert_eq!(pair.asked, [], "{span} ms");
    }
}
