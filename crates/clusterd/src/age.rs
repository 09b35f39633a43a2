//! Spans of time as people say them.

/// A span: `250 ms`, `3 s`, `2.5 min`, `4 h`, `3 d`. Below ten of a unit one decimal is
/// kept if it is not 0.
pub(crate) fn span(ms: u64) -> String {
    const SECOND: u64 = 1_000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let (unit, word) = match ms {
        ..SECOND => return format!("{ms} ms"),
        SECOND..MINUTE => (SECOND, "s"),
        MINUTE..HOUR => (MINUTE, "min"),
        HOUR..DAY => (HOUR, "h"),
        DAY.. => (DAY, "d"),
    };
    let (whole, tenths) = (ms / unit, ms % unit * 10 / unit);
    if whole < 10 && tenths > 0 {
        format!("{whole}.{tenths} {word}")
    } else {
        format!("{whole} {word}")
    }
}

/// How long ago: `just now` below a second, then whole units.
pub(crate) fn ago(ms: u64) -> String {
    match ms {
        ..1_000 => "just now".to_owned(),
        _ => format!("{} ago", whole(ms)),
    }
}

/// A span in whole units; below two of a unit the smaller one is said.
pub(crate) fn whole(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        172_800.. => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_as_people_say_them() {
        let said = [999, 1_000, 10_110, 2_500, 90_000, 7_200_000, 260_000_000].map(span);
        assert_eq!(
            said,
            ["999 ms", "1 s", "10 s", "2.5 s", "1.5 min", "2 h", "3 d"]
        );
    }

    #[test]
    fn ages_do_not_flicker() {
        let said = [0, 999, 3_400, 119_999, 120_000, 7_300_000, 200_000_000].map(ago);
        assert_eq!(
            said,
            [
                "just now",
                "just now",
                "3 s ago",
                "119 s ago",
                "2 min ago",
                "2 h ago",
                "2 d ago"
            ]
        );
    }
}
