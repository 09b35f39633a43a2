//! Scores, with the arithmetic that Pacemaker documents.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A preference, from [`Score::MINUS_INFINITY`] (never) to [`Score::INFINITY`]
/// (always).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(from = "i64", into = "i64")]
pub struct Score(i32);

impl Score {
    /// No preference.
    pub const ZERO: Self = Self(0);
    /// Always, unless something says never.
    pub const INFINITY: Self = Self(1_000_000);
    /// Never, whatever else is said.
    pub const MINUS_INFINITY: Self = Self(-1_000_000);

    /// A score; what lies beyond an infinity is that infinity.
    pub const fn new(value: i32) -> Self {
        if value >= Self::INFINITY.0 {
            Self::INFINITY
        } else if value <= Self::MINUS_INFINITY.0 {
            Self::MINUS_INFINITY
        } else {
            Self(value)
        }
    }

    /// The number.
    pub const fn value(self) -> i32 {
        self.0
    }

    /// The sum. "Never" outweighs "always", and both outweigh every number.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        if self.is_never() || other.is_never() {
            Self::MINUS_INFINITY
        } else if self.is_always() || other.is_always() {
            Self::INFINITY
        } else {
            Self::new(self.0 + other.0)
        }
    }

    /// The opposite preference.
    #[must_use]
    pub const fn opposite(self) -> Self {
        Self(-self.0)
    }

    /// Plus infinity.
    pub const fn is_always(self) -> bool {
        self.0 == Self::INFINITY.0
    }

    /// Minus infinity.
    pub const fn is_never(self) -> bool {
        self.0 == Self::MINUS_INFINITY.0
    }

    /// Neither of the infinities.
    pub const fn is_finite(self) -> bool {
        !self.is_always() && !self.is_never()
    }
}

impl From<i64> for Score {
    fn from(value: i64) -> Self {
        let bound = i64::from(Self::INFINITY.0);
        // In range after clamping, so the fallback is never taken.
        Self(i32::try_from(value.clamp(-bound, bound)).unwrap_or(0))
    }
}

impl From<Score> for i64 {
    fn from(score: Score) -> Self {
        Self::from(score.0)
    }
}

impl fmt::Display for Score {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_always() {
            out.write_str("INFINITY")
        } else if self.is_never() {
            out.write_str("-INFINITY")
        } else {
            write!(out, "{}", self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_outweighs_always() {
        let sum = Score::INFINITY.plus(Score::MINUS_INFINITY);
        assert_eq!(sum, Score::MINUS_INFINITY);
        assert_eq!(Score::MINUS_INFINITY.plus(Score::INFINITY), sum);
    }

    #[test]
    fn an_infinity_outweighs_every_number() {
        assert_eq!(Score::INFINITY.plus(Score::new(-999_999)), Score::INFINITY);
        assert_eq!(
            Score::MINUS_INFINITY.plus(Score::new(999_999)),
            Score::MINUS_INFINITY
        );
    }

    #[test]
    fn sums_beyond_an_infinity_are_that_infinity() {
        assert_eq!(
            Score::new(600_000).plus(Score::new(600_000)),
            Score::INFINITY
        );
        assert_eq!(Score::from(i64::MIN), Score::MINUS_INFINITY);
        assert_eq!(Score::new(i32::MAX), Score::INFINITY);
        assert_eq!(Score::new(3).plus(Score::new(-5)).value(), -2);
    }

    #[test]
    fn infinities_are_spelled_as_in_pacemaker() {
        assert_eq!(Score::INFINITY.to_string(), "INFINITY");
        assert_eq!(Score::MINUS_INFINITY.to_string(), "-INFINITY");
        assert_eq!(Score::new(-7).to_string(), "-7");
    }
}
