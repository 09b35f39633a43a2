//! Whatever is done to the operator's files, the answer is a value or
//! mistakes, never a panic; and mistakes point into the file.

mod small;

use proptest::prelude::*;
use small::{BACKEND, INVENTORY, SPEC, Small};
use tandem_model::Mistakes;

/// Something done to a text.
#[derive(Clone, Debug)]
enum Harm {
    Cut(usize, usize),
    Insert(usize, String),
    SwapLines(usize, usize),
    Repeat(usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    let piece = prop_oneof![
        "[\\[\\]{}:,\"'&*!#|>%@`? \n-]{1,3}",
        Just("ä\u{0}\u{feff}".to_owned()),
        Just("99999999999999999999".to_owned()),
        Just("::/0".to_owned()),
        Just("{{ params.".to_owned()),
        Just("om/340282366920938463463374607431768211455".to_owned()),
    ];
    prop_oneof![
        (any::<usize>(), 1_usize..40).prop_map(|(at, length)| Harm::Cut(at, length)),
        (any::<usize>(), piece).prop_map(|(at, piece)| Harm::Insert(at, piece)),
        (any::<usize>(), any::<usize>()).prop_map(|(one, other)| Harm::SwapLines(one, other)),
        any::<usize>().prop_map(Harm::Repeat),
    ]
}

fn harmed(text: &str, harms: &[Harm]) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for harm in harms {
        if text.is_empty() {
            break;
        }
        match harm {
            Harm::Cut(at, length) => {
                let start = at % text.len();
                let end = (start + length).min(text.len());
                text.drain(start..end);
            }
            Harm::Insert(at, piece) => {
                let at = at % text.len();
                text.splice(at..at, piece.chars());
            }
            Harm::SwapLines(one, other) => {
                let whole: String = text.iter().collect();
                let mut lines: Vec<&str> = whole.lines().collect();
                let count = lines.len().max(1);
                if !lines.is_empty() {
                    lines.swap(one % count, other % count);
                }
                text = lines.join("\n").chars().collect();
            }
            Harm::Repeat(line) => {
                let whole: String = text.iter().collect();
                let mut lines: Vec<&str> = whole.lines().collect();
                if !lines.is_empty() {
                    let line = lines[line % lines.len()];
                    lines.push(line);
                }
                text = lines.join("\n").chars().collect();
            }
        }
    }
    text.into_iter().collect()
}

fn sound(outcome: Result<impl Sized, Mistakes>) {
    if let Err(mistakes) = outcome {
        assert!(!mistakes.is_empty());
        for mistake in mistakes.iter() {
            let end = mistake.at.offset + mistake.at.length;
            assert!(end <= mistake.at.file.text.len(), "{mistake:?}");
        }
        let report = mistakes.report(false, 80);
        assert!(!report.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn a_mutilated_inventory_never_panics(harms in prop::collection::vec(harm(), 1..6)) {
        let text = harmed(INVENTORY, &harms);
        sound(Small::with(&[("inventories/dev.yaml", &text)]).inventory());
    }

    #[test]
    fn a_mutilated_role_never_panics(harms in prop::collection::vec(harm(), 1..6)) {
        let text = harmed(BACKEND, &harms);
        sound(Small::with(&[("roles/backend.yaml", &text)]).inventory());
    }

    #[test]
    fn a_mutilated_spec_never_panics(harms in prop::collection::vec(harm(), 1..6)) {
        let text = harmed(SPEC, &harms);
        sound(Small::with(&[("specs/x.yaml", &text)]).inventory());
    }
}
