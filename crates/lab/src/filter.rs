//! The packet filter between a lab's bridges and ports, as nft text. It is always written whole, from
//! all active faults, so that what is recorded and what is in force cannot drift apart.

use std::fmt::Write as _;

use crate::fault::Fault;
use crate::network::Ports;

/// Name of the lab's table, family `bridge`.
const TABLE: &str = "tandem_lab";

/// An nft script that replaces the table by one for exactly these faults.
pub(crate) fn rules(faults: &[Fault], ports: Ports<'_>) -> String {
    // Adding before deleting makes the deletion succeed the first time too.
    let mut text = format!("table bridge {TABLE}\ndelete table bridge {TABLE}\n");
    let mut forward = String::new();
    let mut input = String::new();
    let mut output = String::new();
    for fault in faults {
        match fault {
            Fault::LinkCut {
                from,
                to,
                network,
                one_way,
            } => {
                for a in ports.of_member(from, network) {
                    for b in ports.of_member(to, network) {
                        let _ = writeln!(forward, "    iifname \"{a}\" oifname \"{b}\" drop");
                        if !one_way {
                            let _ = writeln!(forward, "    iifname \"{b}\" oifname \"{a}\" drop");
                        }
                    }
                }
            }
            Fault::Loss { host, nic, percent } => {
                let Some(port) = ports.of_nic(host, nic) else {
                    continue;
                };
                // numgen yields 0 to 99, and nft refuses a comparison that is always true.
                let lose = match percent {
                    100.. => "drop".to_owned(),
                    percent => format!("numgen random mod 100 < {percent} drop"),
                };
                let _ = writeln!(
                    forward,
                    "    iifname \"{port}\" {lose}\n    oifname \"{port}\" {lose}"
                );
                let _ = writeln!(input, "    iifname \"{port}\" {lose}");
                let _ = writeln!(output, "    oifname \"{port}\" {lose}");
            }
            Fault::NicDown { .. }
            | Fault::GatewayDown { .. }
            | Fault::PowerOff { .. }
            | Fault::Frozen { .. }
            | Fault::Stalled { .. }
            | Fault::Bmc { .. } => {}
        }
    }
    let chains = [("forward", forward), ("input", input), ("output", output)];
    if chains.iter().all(|(_, rules)| rules.is_empty()) {
        return text;
    }
    let _ = writeln!(text, "table bridge {TABLE} {{");
    for (hook, rules) in chains {
        let _ = write!(
            text,
            "  chain {hook} {{\n    type filter hook {hook} priority 0; policy accept;\n{rules}  }}\n"
        );
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Topology;

    fn lab() -> Topology {
        serde_json::from_value(serde_json::json!({
            "name": "t",
            "networks": [{"name": "om", "cidr": "10.0.0.0/24"}, {"name": "hb", "cidr": "10.0.1.0/24"}],
            "hosts": [
                {"name": "a", "nics": [
                    {"name": "eth1", "network": "om", "address": "10.0.0.1", "prefix": 24},
                    {"name": "eth2", "network": "hb", "address": "10.0.1.1", "prefix": 24}]},
                {"name": "b", "nics": [
                    {"name": "eth1", "network": "hb", "address": "10.0.1.2", "prefix": 24}]}
            ],
            "clients": [{"name": "c", "network": "hb", "address": "10.0.1.3", "prefix": 24}]
        }))
        .unwrap()
    }

    fn rules_for(faults: &[Fault]) -> String {
        rules(faults, Ports::new(&lab()))
    }

    fn cut(from: &str, to: &str, one_way: bool) -> Fault {
        Fault::LinkCut {
            from: from.into(),
            to: to.into(),
            network: "hb".into(),
            one_way,
        }
    }

    #[test]
    fn without_faults_nothing_is_filtered() {
        assert_eq!(
            rules_for(&[]),
            "table bridge tandem_lab\ndelete table bridge tandem_lab\n"
        );
    }

    #[test]
    fn a_cut_drops_both_directions_on_that_network_only() {
        let text = rules_for(&[cut("a", "b", false)]);
        assert!(
            text.contains("iifname \"v0n1\" oifname \"v1n0\" drop"),
            "{text}"
        );
        assert!(
            text.contains("iifname \"v1n0\" oifname \"v0n1\" drop"),
            "{text}"
        );
        assert!(!text.contains("v0n0"), "{text}");
    }

    #[test]
    fn a_one_way_cut_drops_one_direction() {
        let text = rules_for(&[cut("a", "c", true)]);
        assert!(
            text.contains("iifname \"v0n1\" oifname \"c0\" drop"),
            "{text}"
        );
        assert_eq!(text.matches("drop").count(), 1, "{text}");
    }

    #[test]
    fn loss_applies_to_every_way_through_the_port() {
        let text = rules_for(&[Fault::Loss {
            host: "a".into(),
            nic: "eth1".into(),
            percent: 20,
        }]);
        assert_eq!(
            text.matches("numgen random mod 100 < 20 drop").count(),
            4,
            "{text}"
        );
    }
    #[test]
    fn losing_all_is_not_a_comparison() {
        let text = rules_for(&[Fault::Loss {
            host: "a".into(),
            nic: "eth1".into(),
            percent: 100,
        }]);
        assert!(
            !text.contains("numgen") && text.contains("iifname \"v0n0\" drop"),
            "{text}"
        );
    }
}
