//! Any bytes as a packet: refused, or one that is encoded and read again as the same.
#![no_main]

use cluster_core::packet::Packet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(packet) = postcard::from_bytes::<Packet>(data) else {
        return;
    };
    let bytes = postcard::to_stdvec(&packet).expect("nothing of ours fails to encode");
    let again: Packet = postcard::from_bytes(&bytes).expect("just encoded");
    assert_eq!(packet, again);
});
