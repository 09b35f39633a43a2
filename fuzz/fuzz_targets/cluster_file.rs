//! Any text as `/etc/clusterd/cluster.yaml` and as the file of keys: refused with words,
//! or one of which settings and a first decision come.
#![no_main]

use clusterd::fuzzed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // Files that are no UTF-8 are refused before anybody looks into them.
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    fuzzed::cluster_file(text);
    fuzzed::keys(text);
});
