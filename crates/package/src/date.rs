//! The date that a package bears instead of the time at which it was built.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use tandem_model::spec::Spec;

/// Seconds since 1970 that stand in for "now", so that two builds of one tree
/// are the same bytes (reproducible-builds.org calls it `SOURCE_DATE_EPOCH`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceDate(u32);

/// A date that cannot stand in a package.
#[derive(Debug, thiserror::Error)]
pub enum DateError {
    /// rpm holds times as 32 bits from 1970 on.
    #[error("{0} seconds since 1970 do not fit into a package (1970 to 2106)")]
    OutOfRange(i64),
    /// rpm would write the present time in its place, and no two builds would
    /// be the same.
    #[error(
        "the source date {0} lies in the future; correct this machine's clock, \
         or the date of the commit or of the changelog"
    )]
    Future(jiff::Timestamp),
}

impl SourceDate {
    /// From seconds since 1970, for example a commit's `%ct`.
    pub fn new(seconds: i64) -> Result<Self, DateError> {
        u32::try_from(seconds)
            .map(Self)
            .map_err(|_| DateError::OutOfRange(seconds))
    }

    /// The first second (UTC) of the newest changelog entry. A package that did
    /// not change keeps this date, and so its bytes, from release to release.
    pub fn of_changelog(spec: &Spec) -> Option<Self> {
        spec.changelog
            .iter()
            .filter_map(|change| seconds_at(&change.date, 0))
            .max()
            .map(Self)
    }

    /// Seconds since 1970.
    pub fn seconds(self) -> u32 {
        self.0
    }

    pub(crate) fn refuse_future(self) -> Result<Self, DateError> {
        let now = jiff::Timestamp::now();
        match jiff::Timestamp::from_second(i64::from(self.0)) {
            Ok(date) if date > now => Err(DateError::Future(date)),
            _ => Ok(self),
        }
    }
}

/// The given hour, UTC, of a day `YYYY-MM-DD`.
pub(crate) fn seconds_at(day: &str, hour: i8) -> Option<u32> {
    let zoned = day
        .parse::<Date>()
        .ok()?
        .at(hour, 0, 0, 0)
        .to_zoned(TimeZone::UTC)
        .ok()?;
    u32::try_from(zoned.timestamp().as_second()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_noon_in_the_changelog_as_rpmbuild_has_it() {
        assert_eq!(seconds_at("2026-11-20", 12), Some(1_795_176_000));
        assert_eq!(seconds_at("2026-02-30", 12), None);
        assert_eq!(seconds_at("yesterday", 12), None);
    }

    #[test]
    fn a_date_in_the_future_is_refused_because_rpm_would_write_now() {
        let tomorrow = jiff::Timestamp::now().as_second() + 86_400;
        let date = SourceDate::new(tomorrow).expect("in range");
        assert!(matches!(date.refuse_future(), Err(DateError::Future(_))));
        assert!(SourceDate::new(-1).is_err());
        assert!(SourceDate::new(1 << 33).is_err());
    }
}
