//! Numbers from a seed: the same on every machine, today and later.

use std::time::Duration;

/// A stream of numbers: xoshiro256++ (Blackman and Vigna, "Scrambled linear
/// pseudorandom number generators"), its state filled by splitmix64.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

fn splitmix(from: &mut u64) -> u64 {
    *from = from.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *from;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Random {
    /// The stream named `stream` of a seed. Streams are independent of each other, so
    /// that one more number drawn in one place leaves all others as they were.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut from = seed ^ stream.wrapping_mul(0xd6e8_feb8_6659_fd93);
        let state = std::array::from_fn(|_| splitmix(&mut from));
        Self { state }
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        let result = self.state[0]
            .wrapping_add(self.state[3])
            .rotate_left(23)
            .wrapping_add(self.state[0]);
        let shifted = self.state[1] << 17;
        self.state[2] ^= self.state[0];
        self.state[3] ^= self.state[1];
        self.state[1] ^= self.state[2];
        self.state[0] ^= self.state[3];
        self.state[2] ^= shifted;
        self.state[3] = self.state[3].rotate_left(45);
        result
    }

    /// A number from 0 to `limit` - 1; 0 if there is none.
    pub fn below(&mut self, limit: u64) -> u64 {
        // The upper half of the product: the tiny bias does not matter here.
        let product = u128::from(self.number()) * u128::from(limit);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// A place in a list of that length.
    pub fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// Yes, so many times in a million.
    pub fn chance(&mut self, in_a_million: u32) -> bool {
        in_a_million > 0 && self.below(1_000_000) < u64::from(in_a_million)
    }

    /// A span from `low` to `high`, in whole microseconds.
    pub fn span(&mut self, low: Duration, high: Duration) -> Duration {
        Duration::from_micros(self.between(micros(low), micros(high)))
    }

    /// A span in milliseconds from `low` to `high`, in whole microseconds.
    pub fn span_ms(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_micros(self.between(low * 1_000, high * 1_000))
    }

    /// One of the values.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let place = self.place(from.len());
        from.get(place).copied()
    }
}

/// Whole microseconds of a span.
pub fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_for_ever() {
        let mut random = Random::new(1, 1);
        let drawn: Vec<u64> = (0..3).map(|_| random.below(1_000)).collect();
        let mut again = Random::new(1, 1);
        assert_eq!(
            drawn,
            [again.below(1_000), again.below(1_000), again.below(1_000)]
        );
        assert_ne!(Random::new(1, 1).number(), Random::new(1, 2).number());
        assert_ne!(Random::new(1, 1).number(), Random::new(2, 1).number());
    }

    #[test]
    fn numbers_stay_within_their_limits_and_reach_both_ends() {
        let mut random = Random::new(7, 0);
        let drawn: std::collections::BTreeSet<u64> =
            (0..500).map(|_| random.between(3, 6)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6]);
        assert!(!random.chance(0));
        assert!((0..100).all(|_| random.chance(1_000_000)));
    }
}
