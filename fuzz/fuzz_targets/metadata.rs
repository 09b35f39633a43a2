//! Any text as what an agent says of itself, resource agent or fence agent: refused with
//! words, or meta-data against which parameters can be checked.
#![no_main]

use cluster_agents::metadata::{duration, parse};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;

fuzz_target!(|data: &[u8]| {
    // As the output of an agent is read.
    let text = String::from_utf8_lossy(data);
    duration(&text);
    let Ok(metadata) = parse(&text) else {
        return;
    };
    let given = BTreeMap::from([("ip".to_owned(), "10.0.0.1".to_owned())]);
    metadata.problems(&given);
    let all: BTreeMap<_, _> = metadata
        .parameters
        .iter()
        .map(|it| (it.name.clone(), it.default.clone().unwrap_or_default()))
        .collect();
    let unknown = |problem: &String| problem.contains(" has no parameter ");
    assert!(!metadata.problems(&all).iter().any(unknown));
    assert!(metadata.actions.iter().all(|it| metadata.has(&it.name)));
});
