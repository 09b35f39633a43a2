//! Any bytes as what agents print and as how they call the tools: bounded, and nothing in
//! a line for operators that a terminal would obey.
#![no_main]

use cluster_agents::{fuzzed, tools};
use libfuzzer_sys::fuzz_target;

fn is_a_line(text: &str) -> bool {
    text.len() < 1200 && !text.contains(char::is_control)
}

fuzz_target!(|data: &[u8]| {
    let Some((mode, rest)) = data.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(rest);
    match mode % 5 {
        0 => {
            // In pieces, some of them again and again: more than is kept.
            let size = usize::from(*mode) + 1;
            let pieces: Vec<&[u8]> = rest.chunks(size).collect();
            let again = if mode & 64 == 0 { 1 } else { 200 };
            let ended = fuzzed::output(&pieces.repeat(again));
            assert!(ended.reason.is_none_or(|reason| is_a_line(&reason)));
        }
        1 => assert!(is_a_line(&fuzzed::fence(i32::from(*mode), &text))),
        2 => {
            let words: Vec<String> = text.split('\0').map(str::to_owned).collect();
            let name = tools::NAMES[usize::from(*mode) % tools::NAMES.len()];
            fuzzed::tool(name, &words);
        }
        3 => {
            fuzzed::call(rest);
        }
        _ => {
            fuzzed::scope(&format!("clusterd-{text}.scope"));
        }
    }
});
