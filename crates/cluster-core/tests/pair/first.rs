//! Who of two fences at once where nobody is configured to.

use super::*;

/// Longer than silence, and shorter than the delay.
const AT_ONCE: Duration = Duration::from_secs(3);

fn pair() -> Pair {
    let pair = Pair {
        nobody_first: true,
        ..Pair::default()
    };
    pair.start()
}

fn asked(pair: &Pair) -> Vec<(NodeId, NodeId)> {
    let asked = pair.asked.iter();
    asked.map(|(by, node, _)| (*by, *node)).collect()
}

#[test]
fn who_holds_more_fences_at_once_and_after_a_reunion_again() {
    let mut pair = pair();
    let holder = pair.holder();
    for _ in 0..2 {
        pair.cut = true;
        pair.asked.clear();
        pair.run(AT_ONCE);
        assert_eq!(asked(&pair), [(holder, other(holder))]);
        pair.run(LONG);
        pair.cut = false;
        pair.power_on(other(holder));
        pair.run(LONG);
        assert_eq!(pair.alone(holder), None);
        assert_eq!(pair.holders(), [holder]);
    }
}

#[test]
fn who_is_not_certain_that_the_other_one_has_read_as_far_waits() {
    let mut pair = pair();
    let holder = pair.holder();
    pair.cut = true;
    pair.restart(holder);
    pair.run(AT_ONCE);
    assert_eq!(asked(&pair), [], "nobody fences at once");
    pair.run(LONG);
    assert_eq!(asked(&pair), [(ONE, TWO)], "the lower number waits less");
    assert_eq!(pair.holders(), [ONE]);
}
