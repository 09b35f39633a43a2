//! The cluster managers that are compared: how each is set up, asked and disturbed.
//! What each is told is in `xtask/bench/cluster`, with the reasons.

use clap::ValueEnum;

/// A cluster manager with one set of timings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Engine {
    /// clusterd, a pair with a witness, fast.
    Witness,
    /// clusterd, a lone pair that fences, fast.
    Pair,
    /// clusterd, a pair that nothing switches off, fast.
    Reach,
    /// The same, dead after half a second.
    ReachHalf,
    /// Heartbeat at the same deadtime.
    HeartbeatFast,
    /// Heartbeat as the example project has it.
    Heartbeat,
    /// Pacemaker without fencing.
    Pacemaker,
    /// Pacemaker with fencing.
    PacemakerFence,
    /// keepalived, which moves the address alone.
    Keepalived,
    /// clusterd with a witness at its own timings.
    WitnessDefault,
    /// clusterd as a lone pair at its own timings.
    PairDefault,
    /// clusterd as a pair that nothing switches off at its own timings.
    ReachDefault,
}

/// Whose program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Clusterd,
    Heartbeat,
    Pacemaker,
    Keepalived,
}

impl Engine {
    pub(super) const ALL: [Self; 12] = [
        Self::Witness,
        Self::Pair,
        Self::Reach,
        Self::ReachHalf,
        Self::HeartbeatFast,
        Self::Heartbeat,
        Self::Pacemaker,
        Self::PacemakerFence,
        Self::Keepalived,
        Self::WitnessDefault,
        Self::PairDefault,
        Self::ReachDefault,
    ];

    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Witness
            | Self::Pair
            | Self::Reach
            | Self::ReachHalf
            | Self::WitnessDefault
            | Self::PairDefault
            | Self::ReachDefault => Kind::Clusterd,
            Self::HeartbeatFast | Self::Heartbeat => Kind::Heartbeat,
            Self::Pacemaker | Self::PacemakerFence => Kind::Pacemaker,
            Self::Keepalived => Kind::Keepalived,
        }
    }

    /// In tables.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Witness => "clusterd, witness, 1 s",
            Self::Pair => "clusterd, fencing, 1 s",
            Self::Reach => "clusterd, reach, 1 s",
            Self::ReachHalf => "clusterd, reach, 0.5 s",
            Self::HeartbeatFast => "Heartbeat, 1 s",
            Self::Heartbeat => "Heartbeat, 2 s",
            Self::Pacemaker => "Pacemaker, no fencing, token 1 s",
            Self::PacemakerFence => "Pacemaker, fencing, token 1 s",
            Self::Keepalived => "keepalived, 1 s",
            Self::WitnessDefault => "clusterd, witness, defaults",
            Self::PairDefault => "clusterd, fencing, defaults",
            Self::ReachDefault => "clusterd, reach, defaults",
        }
    }

    /// Name of its environment and lab.
    pub(super) fn environment(self) -> String {
        let name = self
            .to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned());
        format!("bench-{name}")
    }

    /// What stands under the cluster in the inventory; nothing if tandem does not know
    /// this manager.
    pub(super) fn part(self) -> &'static str {
        match self {
            Self::Witness => include_str!("../../../bench/cluster/clusterd-witness.yaml"),
            Self::WitnessDefault => {
                include_str!("../../../bench/cluster/clusterd-witness-default.yaml")
            }
            Self::Pair => include_str!("../../../bench/cluster/clusterd-pair.yaml"),
            Self::PairDefault => include_str!("../../../bench/cluster/clusterd-pair-default.yaml"),
            Self::Reach => include_str!("../../../bench/cluster/clusterd-reach.yaml"),
            Self::ReachHalf => include_str!("../../../bench/cluster/clusterd-reach-half.yaml"),
            Self::ReachDefault => {
                include_str!("../../../bench/cluster/clusterd-reach-default.yaml")
            }
            Self::Heartbeat => include_str!("../../../bench/cluster/heartbeat.yaml"),
            Self::HeartbeatFast => include_str!("../../../bench/cluster/heartbeat-fast.yaml"),
            Self::Pacemaker | Self::PacemakerFence | Self::Keepalived => "",
        }
    }

    /// At its own timings: a power cut takes a quarter of a minute or more.
    pub(super) fn is_default(self) -> bool {
        matches!(
            self,
            Self::WitnessDefault | Self::PairDefault | Self::ReachDefault
        )
    }

    /// Whether it waits before it switches zipi off, and not before it switches zape off.
    pub(super) fn spares_zipi(self) -> bool {
        matches!(self, Self::Pair | Self::PacemakerFence)
    }
}

impl Kind {
    /// Units on each node, the one that hears the peer first.
    pub(super) fn units(self) -> &'static [&'static str] {
        match self {
            Self::Clusterd => &["clusterd.service"],
            Self::Heartbeat => &["heartbeat.service"],
            Self::Pacemaker => &["corosync.service", "pacemaker.service"],
            Self::Keepalived => &["keepalived.service"],
        }
    }

    /// A script that succeeds on a node for which the pair is whole.
    pub(super) fn is_whole(self) -> &'static str {
        match self {
            Self::Clusterd => "clusterd status >/dev/null",
            Self::Heartbeat => {
                "for node in zipi zape; do [ \"$(cl_status nodestatus $node)\" = active ]; done\n\
                 [ \"$(cl_status rscstatus)\" != transition ]\n"
            }
            Self::Pacemaker => {
                "crm_mon --one-shot --output-as=xml >/tmp/seen\n\
                 [ \"$(grep -c '<node name=.*online=\"true\".* pending=\"false\"' /tmp/seen)\" = 2 ]\n\
                 ! grep -q '<resource .*pending=' /tmp/seen\n\
                 ! grep -q '<resource .*active=\"false\"' /tmp/seen\n"
            }
            Self::Keepalived => "pgrep keepalived >/dev/null",
        }
    }

    /// A script for the active node: give all that runs to the other one.
    pub(super) fn give(self) -> &'static str {
        match self {
            Self::Clusterd => "clusterd give",
            Self::Heartbeat => "/usr/share/heartbeat/hb_standby",
            Self::Pacemaker => "crm_resource --resource web --move --quiet",
            Self::Keepalived => "systemctl stop keepalived",
        }
    }

    /// A script for the same node afterwards: it may have things again.
    pub(super) fn take_again(self) -> &'static str {
        match self {
            Self::Clusterd | Self::Heartbeat => "true",
            Self::Pacemaker => "crm_resource --resource web --clear --quiet",
            Self::Keepalived => "systemctl start keepalived",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labs_have_names_of_their_own() {
        let names: std::collections::BTreeSet<String> =
            Engine::ALL.into_iter().map(Engine::environment).collect();
        assert_eq!(names.len(), Engine::ALL.len());
        assert!(names.contains("bench-pacemaker-fence"));
    }

    #[test]
    fn only_those_that_tandem_knows_have_a_part_of_the_inventory() {
        for engine in Engine::ALL {
            let known = matches!(engine.kind(), Kind::Clusterd | Kind::Heartbeat);
            assert_eq!(!engine.part().is_empty(), known, "{engine:?}");
        }
    }
}
