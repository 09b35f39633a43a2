//! Whatever a network does to a conversation, it stays one.

use cluster_wire::{DATAGRAM_MAX, Identity, Key, KeyRing, MESSAGE_MAX, Opened, Refused, Wire};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const NOW: Duration = Duration::ZERO;

fn ring(keys: &[(u32, u8)], sign: u32) -> KeyRing {
    let accepted: BTreeMap<u32, Key> = keys
        .iter()
        .map(|(number, byte)| (*number, Key::from_bytes([*byte; 32])))
        .collect();
    KeyRing::new(accepted, sign).expect("its key is there")
}

fn wire(me: u16, session: u64) -> Wire {
    let cluster = "web".to_owned();
    let identity = Identity {
        cluster,
        me,
        session,
    };
    Wire::new(identity, ring(&[(1, 7)], 1), [1, 2].into())
}

fn send(from: &mut Wire, to: u16, message: &[u8]) -> Vec<u8> {
    let mut datagrams = from.seal(to, 1, message).expect("short");
    assert_eq!(datagrams.len(), 1);
    datagrams.remove(0)
}

fn hear(to: &mut Wire, datagram: &[u8]) -> Opened {
    let opened = to.open(datagram, NOW).expect("good");
    opened.expect("whole")
}

/// Both send before either hears.
fn both(one: &mut Wire, two: &mut Wire) -> (bool, bool) {
    let (first, second) = (send(one, 2, b""), send(two, 1, b""));
    (hear(one, &second).proven, hear(two, &first).proven)
}

#[test]
fn a_message_arrives_as_it_was_sent() {
    let (mut one, mut two) = (wire(1, 11), wire(2, 22));
    let datagram = send(&mut one, 2, b"hello");
    let expected = Opened {
        from: 1,
        link: 1,
        message: b"hello".to_vec(),
        proven: false,
    };
    assert_eq!(hear(&mut two, &datagram), expected);
    assert!(!datagram.windows(5).any(|bytes| bytes == b"hello"));
}

#[test]
fn two_that_start_are_proven_within_two_packets() {
    let (mut one, mut two) = (wire(1, 11), wire(2, 22));
    assert_eq!(both(&mut one, &mut two), (false, false));
    assert_eq!(both(&mut one, &mut two), (true, true));
    let (mut one, mut two) = (wire(1, 11), wire(2, 22));
    let first = send(&mut one, 2, b"");
    assert!(!hear(&mut two, &first).proven);
    let second = send(&mut two, 1, b"");
    assert!(hear(&mut one, &second).proven);
    let third = send(&mut one, 2, b"");
    assert!(hear(&mut two, &third).proven);
}

#[test]
fn one_that_starts_anew_is_proven_within_two_packets_and_its_past_is_over() {
    let (mut one, mut two) = (wire(1, 11), wire(2, 22));
    both(&mut one, &mut two);
    both(&mut one, &mut two);
    let late = send(&mut two, 1, b"of the past");
    let mut two = wire(2, 23);
    assert_eq!(both(&mut one, &mut two), (false, false));
    assert_eq!(both(&mut one, &mut two), (true, true));
    assert_eq!(both(&mut one, &mut two), (true, true));
    assert_eq!(one.open(&late, NOW), Err(Refused::OldSession));
    // The same, one after the other.
    let mut two = wire(2, 24);
    let datagram = send(&mut two, 1, b"");
    assert!(!hear(&mut one, &datagram).proven);
    let datagram = send(&mut one, 2, b"");
    assert!(hear(&mut two, &datagram).proven);
    let late = send(&mut two, 1, b"");
    let datagram = send(&mut two, 1, b"");
    assert!(hear(&mut one, &datagram).proven);
    assert!(hear(&mut one, &late).proven);
}

#[test]
fn keys_are_changed_in_three_steps_and_nothing_is_lost() {
    let (mut one, mut two) = (wire(1, 11), wire(2, 22));
    let steps = [
        ring(&[(1, 7), (2, 8)], 1),
        ring(&[(1, 7), (2, 8)], 2),
        ring(&[(2, 8)], 2),
    ];
    let mut proven = 0;
    for step in steps {
        // Node 1 takes each step before node 2 does.
        one.set_keys(step.clone());
        proven += u32::from(both(&mut one, &mut two) == (true, true));
        two.set_keys(step);
        proven += u32::from(both(&mut one, &mut two) == (true, true));
    }
    assert_eq!(proven, 5, "all but the first");
    let old = wire(1, 11).seal(2, 0, b"").expect("short");
    let refused = two.open(&old[0], NOW);
    assert_eq!(refused, Err(Refused::UnknownKey { number: 1 }));
}

#[test]
fn no_two_datagrams_are_alike() {
    let mut one = wire(1, 11);
    let all: BTreeSet<_> = (0..100).map(|_| send(&mut one, 2, b"same")).collect();
    let nonces: BTreeSet<_> = all.iter().map(|datagram| &datagram[13..37]).collect();
    assert_eq!((all.len(), nonces.len()), (100, 100));
}

#[test]
fn long_messages_arrive_whole_and_longer_ones_are_not_sent() {
    let (mut one, mut two) = (wire(1, 11), wire(2, 22));
    let message: Vec<u8> = (0..=250).cycle().take(MESSAGE_MAX).collect();
    let mut datagrams = one.seal(2, 0, &message).expect("not too long");
    assert!(
        datagrams
            .iter()
            .all(|datagram| datagram.len() <= DATAGRAM_MAX)
    );
    datagrams.reverse();
    let last = datagrams.pop().expect("many");
    for datagram in &datagrams {
        assert_eq!(two.open(datagram, NOW), Ok(None));
    }
    assert_eq!(hear(&mut two, &last).message, message);
    assert_eq!(two.open(&last, NOW), Err(Refused::Replayed));
    let longer = vec![0; MESSAGE_MAX + 1];
    let refused = one.seal(2, 0, &longer).expect_err("too long");
    assert_eq!(refused.length, MESSAGE_MAX + 1);
    assert_eq!(one.seal(9, 0, b"").expect("short").len(), 0, "nobody");
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Event {
    Send(usize),
    /// A datagram that was ever sent to this one; whether it stays to be repeated.
    Deliver(usize, usize),
    Restart(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let side = 0..2_usize;
    prop_oneof![
        8 => side.clone().prop_map(Event::Send),
        12 => (side.clone(), 0..1000_usize).prop_map(|(side, which)| Event::Deliver(side, which)),
        1 => side.prop_map(Event::Restart),
    ]
}

/// Two nodes, and everything that was ever sent.
struct World {
    wires: [Wire; 2],
    begun: [usize; 2],
    /// To whom, when, and what.
    sent: Vec<(usize, usize, Vec<u8>)>,
    heard: [BTreeSet<usize>; 2],
    restarts: u64,
    now: usize,
}

impl World {
    fn send(&mut self, from: usize) {
        let message = self.sent.len().to_le_bytes();
        let to = 1 - from;
        let datagram = send(&mut self.wires[from], number(to), &message);
        self.sent.push((to, self.now, datagram));
    }

    fn deliver(&mut self, to: usize, which: usize) -> Result<(), TestCaseError> {
        let (_, at, datagram) = &self.sent[which];
        let Ok(opened) = self.wires[to].open(datagram, NOW) else {
            return Ok(());
        };
        let opened = opened.expect("short");
        prop_assert_eq!(opened.message, which.to_le_bytes().to_vec());
        prop_assert!(self.heard[to].insert(which), "heard twice");
        prop_assert!(!opened.proven || *at >= self.begun[to], "not proven at all");
        Ok(())
    }
}

fn number(side: usize) -> u16 {
    u16::try_from(side + 1).expect("1 or 2")
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::with_cases(400)
    })]

    /// Loss, repetition, any order, restarts of both: nothing is heard twice, nothing old
    /// is proven, and once the network is good, both are proven with their second packet.
    #[test]
    fn a_conversation_survives_anything(events in prop::collection::vec(event(), 1..200)) {
        let mut world = World {
            wires: [wire(1, 1), wire(2, 2)],
            begun: [0, 0],
            sent: Vec::new(),
            heard: Default::default(),
            restarts: 0,
            now: 0,
        };
        for event in events {
            world.now += 1;
            match event {
                Event::Send(from) => world.send(from),
                Event::Deliver(to, which) => {
                    let to_it: Vec<usize> = (0..world.sent.len())
                        .filter(|at| world.sent[*at].0 == to)
                        .collect();
                    if !to_it.is_empty() {
                        world.deliver(to, to_it[which % to_it.len()])?;
                    }
                }
                Event::Restart(side) => {
                    world.restarts += 1;
                    world.wires[side] = wire(number(side), 10 + world.restarts);
                    world.begun[side] = world.now;
                    world.heard[side].clear();
                }
            }
        }
        let [one, two] = &mut world.wires;
        both(one, two);
        for _ in 0..3 {
            prop_assert_eq!(both(one, two), (true, true));
        }
    }

    #[test]
    fn pieces_in_any_order_with_repetitions_are_one_message(
        length in 0..6_000_usize,
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let (mut one, mut two) = (wire(1, 11), wire(2, 22));
        let message: Vec<u8> = (0..=250).cycle().take(length).collect();
        let datagrams = one.seal(2, 3, &message).expect("not too long");
        let shuffled = order.iter().map(|index| index.get(&datagrams)).chain(&datagrams);
        let whole: Vec<_> = shuffled
            .filter_map(|datagram| two.open(datagram, NOW).ok().flatten())
            .collect();
        prop_assert_eq!(whole.len(), 1);
        prop_assert_eq!(&whole[0].message, &message);
    }

    #[test]
    fn noise_is_refused(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(wire(2, 22).open(&noise, NOW), Err(Refused::NotOurs));
    }
}
