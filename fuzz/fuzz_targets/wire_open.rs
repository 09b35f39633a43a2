//! Any bytes as datagrams: as they are, behind a good header, and sealed with the right
//! key, so that what stands in the sealed part is tried, too.
#![no_main]

use chacha20poly1305::aead::{AeadInPlace, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use cluster_wire::{Identity, Key, KeyRing, MESSAGE_MAX, Wire};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use std::time::Duration;

const KEY: [u8; 32] = [7; 32];
const HEADER: &[u8] = b"tndm\x02\x03web\x01\0\0\0";

fn sealed(text: &[u8]) -> Vec<u8> {
    let nonce = [3; 24];
    let mut text = text.to_vec();
    // From node 1 to node 2, now and then: all else would be refused too early.
    if text.len() > 4 && text[4] & 3 != 0 {
        text[..4].copy_from_slice(&[1, 0, 2, 0]);
    }
    let tag = XChaCha20Poly1305::new(&KEY.into())
        .encrypt_in_place_detached(XNonce::from_slice(&nonce), HEADER, &mut text)
        .expect("short");
    [HEADER, &nonce, &text, &tag].concat()
}

fuzz_target!(|data: &[u8]| {
    let keys = BTreeMap::from([(1, Key::from_bytes(KEY))]);
    let identity = Identity {
        cluster: "web".to_owned(),
        me: 2,
        session: 5,
    };
    let keys = KeyRing::new(keys, 1).expect("its key is there");
    let mut wire = Wire::new(identity, keys, [1, 3].into());
    let mut rest = data;
    let mut now = Duration::ZERO;
    while let [mode, length, others @ ..] = rest {
        let (bytes, others) = others.split_at(usize::from(*length).min(others.len()));
        rest = others;
        now += Duration::from_millis(u64::from(mode / 4) * 20);
        let datagram = match mode % 4 {
            0 => bytes.to_vec(),
            1 => [HEADER, bytes].concat(),
            _ => sealed(bytes),
        };
        if let Ok(Some(opened)) = wire.open(&datagram, now) {
            assert!(mode % 4 >= 2 && opened.message.len() <= MESSAGE_MAX);
            assert!([1, 3].contains(&opened.from));
            assert!(wire.open(&datagram, now).is_err(), "heard twice");
        }
        if mode % 16 == 15 {
            wire.seal(1, 0, bytes).expect("short");
        }
    }
});
