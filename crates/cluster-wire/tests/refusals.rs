//! Whatever is wrong with a datagram is refused, by name.

use chacha20poly1305::aead::{AeadInPlace, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use cluster_wire::{FragmentFault, Identity, Key, KeyRing, Refused, Wire};
use std::collections::BTreeMap;
use std::time::Duration;

const NOW: Duration = Duration::ZERO;
const HEADER: usize = 4 + 1 + 1 + 3 + 4;

fn ring(keys: &[(u32, u8)], sign: u32) -> KeyRing {
    let accepted: BTreeMap<u32, Key> = keys
        .iter()
        .map(|(number, byte)| (*number, Key::from_bytes([*byte; 32])))
        .collect();
    KeyRing::new(accepted, sign).expect("its key is there")
}

fn wire_of(cluster: &str, me: u16, keys: KeyRing) -> Wire {
    let identity = Identity {
        cluster: cluster.to_owned(),
        me,
        session: 100 + u64::from(me),
    };
    Wire::new(identity, keys, [1, 2, 3].into())
}

fn wire(me: u16) -> Wire {
    wire_of("web", me, ring(&[(1, 7)], 1))
}

fn one(from: &mut Wire, to: u16, message: &[u8]) -> Vec<u8> {
    let mut datagrams = from.seal(to, 1, message).expect("short");
    assert_eq!(datagrams.len(), 1);
    datagrams.remove(0)
}

/// Seals any text with the right key under number 1.
fn sealed(text: &[u8]) -> Vec<u8> {
    let header = [&b"tndm\x02\x03web"[..], &1_u32.to_le_bytes()].concat();
    let nonce = [3; 24];
    let mut text = text.to_vec();
    let tag = XChaCha20Poly1305::new(&[7; 32].into())
        .encrypt_in_place_detached(XNonce::from_slice(&nonce), &header, &mut text)
        .expect("short");
    [&header, &nonce[..], &text, &tag].concat()
}

#[test]
fn what_is_cut_off_anywhere_is_refused() {
    let datagram = one(&mut wire(1), 2, b"hello");
    let mut to = wire(2);
    for length in 0..datagram.len() {
        let refused = to.open(&datagram[..length], NOW).expect_err("cut off");
        let expected = match length {
            _ if length < HEADER + 24 => Refused::NotOurs,
            _ => Refused::Forged,
        };
        assert_eq!(refused, expected, "{length}");
    }
    assert!(to.open(&datagram, NOW).expect("whole").is_some());
    let longer = [&datagram[..], &[0]].concat();
    assert_eq!(to.open(&longer, NOW), Err(Refused::Forged));
}

#[test]
fn one_changed_bit_anywhere_is_refused() {
    let datagram = one(&mut wire(1), 2, b"hello");
    let mut to = wire(2);
    for bit in 0..datagram.len() * 8 {
        let mut changed = datagram.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let refused = to.open(&changed, NOW).expect_err("changed");
        let fits = match bit / 8 {
            0..4 | 5 => matches!(refused, Refused::NotOurs | Refused::OtherCluster { .. }),
            4 => matches!(refused, Refused::OtherVersion { .. }),
            6..9 => matches!(refused, Refused::OtherCluster { .. }),
            9..HEADER => matches!(refused, Refused::UnknownKey { .. }),
            _ => refused == Refused::Forged,
        };
        assert!(fits, "bit {bit}: {refused:?}");
    }
    assert!(to.open(&datagram, NOW).expect("as it was").is_some());
}

#[test]
fn what_belongs_to_somebody_else_is_named() {
    let mut to = wire(2);
    let mut refused = |from: &mut Wire, receiver| {
        let datagram = one(from, receiver, b"hello");
        to.open(&datagram, NOW).expect_err("not ours")
    };
    let mut other = wire_of("we\nb2", 1, ring(&[(1, 7)], 1));
    let name = "we\\nb2".to_owned();
    assert_eq!(refused(&mut other, 2), Refused::OtherCluster { name });
    assert_eq!(refused(&mut wire(1), 3), Refused::NotForMe);
    let mut other = wire_of("web", 9, ring(&[(1, 7)], 1));
    assert_eq!(refused(&mut other, 2), Refused::UnknownPeer(9));
    let mut other = wire_of("web", 1, ring(&[(5, 7)], 5));
    assert_eq!(refused(&mut other, 2), Refused::UnknownKey { number: 5 });
    let mut other = wire_of("web", 1, ring(&[(1, 8)], 1));
    assert_eq!(refused(&mut other, 2), Refused::Forged);
    let mut other = one(&mut wire(1), 2, b"hello");
    other[4] = 1;
    assert_eq!(
        to.open(&other, NOW),
        Err(Refused::OtherVersion { theirs: 1 })
    );
    assert_eq!(
        to.open(b"GET / HTTP/1.1\r\n\r\n", NOW),
        Err(Refused::NotOurs)
    );
}

#[test]
fn two_long_names_that_begin_alike_are_two_clusters() {
    let (first, second) = ("x".repeat(33), format!("{}y", "x".repeat(32)));
    let mut from = wire_of(&first, 1, ring(&[(1, 7)], 1));
    let datagram = one(&mut from, 2, b"hello");
    let mut same = wire_of(&first, 2, ring(&[(1, 7)], 1));
    assert!(same.open(&datagram, NOW).expect("ours").is_some());
    let mut other = wire_of(&second, 2, ring(&[(1, 7)], 1));
    assert_eq!(other.open(&datagram, NOW), Err(Refused::Forged));
}

#[test]
fn what_was_heard_is_refused_and_what_overtook_is_not() {
    let (mut from, mut to) = (wire(1), wire(2));
    let mut sent: Vec<_> = (0..2000_u16)
        .map(|n| one(&mut from, 2, &n.to_le_bytes()))
        .collect();
    sent.reverse();
    for datagram in &sent {
        assert!(to.open(datagram, NOW).expect("new").is_some());
    }
    for datagram in &sent {
        assert_eq!(to.open(datagram, NOW), Err(Refused::Replayed));
    }
}

#[test]
fn authentic_nonsense_is_refused() {
    let mut to = wire(2);
    let short = Refused::Fragment(FragmentFault::Short);
    assert_eq!(to.open(&sealed(b""), NOW), Err(short.clone()));
    assert_eq!(to.open(&sealed(&[0; 40]), NOW), Err(short));
    let text = |counter: u64, index: u16, count: u16| {
        let numbers = [5, counter, 0, 0].map(u64::to_le_bytes).concat();
        let places = [index, count].map(u16::to_le_bytes).concat();
        [&[1, 0, 2, 0, 1][..], &numbers, &places, b"hello"].concat()
    };
    assert_eq!(
        to.open(&sealed(&text(0, 0, 1)), NOW),
        Err(Refused::Replayed)
    );
    for (counter, (index, count)) in (5..).zip([(0, 0), (1, 1), (9, 3)]) {
        let refused = to.open(&sealed(&text(counter, index, count)), NOW);
        let place = FragmentFault::Place { index, count };
        assert_eq!(refused, Err(Refused::Fragment(place)));
    }
    let good = to.open(&sealed(&text(50, 0, 1)), NOW).expect("good");
    assert_eq!(good.expect("whole").message, b"hello");
}

#[test]
fn each_refusal_says_what_is_wrong_and_what_to_do() {
    let all = [
        Refused::NotOurs,
        Refused::OtherVersion { theirs: 9 },
        Refused::OtherCluster { name: "x".into() },
        Refused::UnknownKey { number: 4 },
        Refused::Forged,
        Refused::NotForMe,
        Refused::UnknownPeer(7),
        Refused::Replayed,
        Refused::OldSession,
        Refused::Fragment(FragmentFault::Contradiction),
    ];
    for refused in all {
        let text = refused.to_string();
        assert!(text.contains(';'), "{refused:?} has no advice: {text}");
    }
}
