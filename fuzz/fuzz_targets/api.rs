//! Any bytes on the sockets of operators: as they are, and as the body of each request
//! that takes one. Nothing ends the daemon, and on the socket for everybody nothing
//! changes anything.
#![no_main]

use clusterd::fuzzed::Api;
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

const MODEL: &str = include_str!("../../crates/clusterd/tests/models/pair.json");
const REPORT: &str = include_str!("../../crates/clusterd/tests/situations/healthy-pair.json");

static API: OnceLock<Api> = OnceLock::new();

fn request(first: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{first} HTTP/1.1\r\nhost: clusterd\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fuzz_target!(|data: &[u8]| {
    let api = API.get_or_init(|| Api::new(MODEL, REPORT));
    let Some((mode, rest)) = data.split_first() else {
        return;
    };
    let admin = mode & 1 == 0;
    let bytes = match mode / 2 % 4 {
        0 => request("POST /v1/command", rest),
        1 => request("POST /v1/confirm-off", rest),
        2 => {
            let path: String = rest.iter().map(|byte| format!("%{byte:02X}")).collect();
            request(&format!("GET /v1/explain/{path}"), b"")
        }
        _ => rest.to_vec(),
    };
    let answered = api.connection(admin, &bytes);
    assert!(admin || answered.changes == 0, "changed by anybody");
    let said = &answered.said;
    assert!(said.is_empty() || said.starts_with(b"HTTP/1."));
});
