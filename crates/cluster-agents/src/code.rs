//! What an agent's exit code means.

use serde::{Deserialize, Serialize};

/// Exit codes of the OCF resource agent API 1.1, section 3 ("Exit status"), and
/// the two degraded ones that Pacemaker's agents use beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OcfCode {
    /// 0. Of a monitor: it runs.
    Success,
    /// 1. It failed, and nothing more is known.
    Generic,
    /// 2. The parameters do not fit this node.
    Args,
    /// 3. The agent does not have this action.
    Unimplemented,
    /// 4. Not allowed to do it.
    Permission,
    /// 5. Something that it needs is not on this node.
    NotInstalled,
    /// 6. The parameters are wrong on every node.
    NotConfigured,
    /// 7. It does not run, and it was stopped cleanly.
    NotRunning,
    /// 8. It runs and is promoted.
    RunningPromoted,
    /// 9. It is promoted, and it failed.
    FailedPromoted,
    /// 190. It runs, and is about to fail.
    Degraded,
    /// 191. It is promoted, and is about to fail.
    DegradedPromoted,
    /// Something else: a code that nobody defined, or minus the number of the
    /// signal that ended the agent.
    Nonsense(i32),
}

impl OcfCode {
    /// The meaning of an exit code.
    pub fn of(code: i32) -> Self {
        match code {
            0 => Self::Success,
            1 => Self::Generic,
            2 => Self::Args,
            3 => Self::Unimplemented,
            4 => Self::Permission,
            5 => Self::NotInstalled,
            6 => Self::NotConfigured,
            7 => Self::NotRunning,
            8 => Self::RunningPromoted,
            9 => Self::FailedPromoted,
            190 => Self::Degraded,
            191 => Self::DegradedPromoted,
            other => Self::Nonsense(other),
        }
    }

    /// The same, for the `status` of a script of the LSB (LSB 5.0 core, section
    /// 22.2 "Init Script Actions"): 0 runs, 3 does not, 1 and 2 are dead with
    /// something left behind.
    pub fn of_lsb_status(code: i32) -> Self {
        match code {
            0 => Self::Success,
            3 => Self::NotRunning,
            1 | 2 | 4 => Self::Generic,
            other => Self::Nonsense(other),
        }
    }

    /// The same, for the other actions of such a script.
    pub fn of_lsb(code: i32) -> Self {
        match code {
            0 => Self::Success,
            1 => Self::Generic,
            2 => Self::Args,
            3 => Self::Unimplemented,
            4 => Self::Permission,
            5 => Self::NotInstalled,
            6 => Self::NotConfigured,
            7 => Self::NotRunning,
            other => Self::Nonsense(other),
        }
    }
}

/// For people: what it means, and its number.
impl std::fmt::Display for OcfCode {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(match self {
            Self::Success => "success (0)",
            Self::Generic => "it failed (1)",
            Self::Args => "wrong arguments (2)",
            Self::Unimplemented => "the agent has no such action (3)",
            Self::Permission => "not allowed to do it (4)",
            Self::NotInstalled => "not installed (5)",
            Self::NotConfigured => "wrongly configured (6)",
            Self::NotRunning => "not running (7)",
            Self::RunningPromoted => "running and promoted (8)",
            Self::FailedPromoted => "promoted, and it failed (9)",
            Self::Degraded => "running, and about to fail (190)",
            Self::DegradedPromoted => "promoted, and about to fail (191)",
            Self::Nonsense(code) if *code < 0 => {
                return write!(to, "ended by signal {}", code.unsigned_abs());
            }
            Self::Nonsense(code) => {
                return write!(to, "exit code {code}, which means nothing");
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_what_a_code_means_and_its_number() {
        assert_eq!(OcfCode::of(7).to_string(), "not running (7)");
        assert_eq!(OcfCode::of(-9).to_string(), "ended by signal 9");
        let nonsense = OcfCode::of(77).to_string();
        assert_eq!(nonsense, "exit code 77, which means nothing");
    }

    #[test]
    fn what_nobody_defined_is_nonsense_and_keeps_its_number() {
        assert_eq!(OcfCode::of(77), OcfCode::Nonsense(77));
        assert_eq!(OcfCode::of(-9), OcfCode::Nonsense(-9));
        assert_eq!(OcfCode::of(7), OcfCode::NotRunning);
        assert_eq!(OcfCode::of(190), OcfCode::Degraded);
    }

    #[test]
    fn a_script_says_stopped_with_three() {
        assert_eq!(OcfCode::of_lsb_status(3), OcfCode::NotRunning);
        assert_eq!(OcfCode::of_lsb(3), OcfCode::Unimplemented);
        assert_eq!(OcfCode::of_lsb_status(1), OcfCode::Generic);
        assert_eq!(OcfCode::of_lsb_status(7), OcfCode::Nonsense(7));
    }
}
