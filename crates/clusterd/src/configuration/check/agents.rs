//! Primitives: agents that can work, operations that make sense.

use super::Check;
use cluster_model::configuration::{Operations, Primitive};
use cluster_model::resource::Agent;
use cluster_model::state::Role;
use std::collections::BTreeSet;

impl Check<'_> {
    pub(super) fn primitive(&mut self, primitive: &Primitive, place: &str, promotable: bool) {
        self.options(place, &primitive.options);
        self.agent(&primitive.agent, place, promotable);
        self.operations(&primitive.operations, place, promotable);
    }

    fn agent(&mut self, agent: &Agent, place: &str, promotable: bool) {
        // Agents of other kinds have nothing that can be wrong without looking at a host.
        if let Agent::Address {
            address,
            prefix,
            interface,
        } = agent
        {
            let longest = if address.is_ipv4() { 32 } else { 128 };
            if *prefix == 0 || *prefix > longest {
                self.wrong(place, format!("prefix: {prefix} is not 1 to {longest}"));
            }
            if address.is_unspecified() || address.is_loopback() || address.is_multicast() {
                self.wrong(place, format!("address: nobody reaches {address}"));
            }
            // IFNAMSIZ of netdevice(7): 15 bytes and a zero.
            let odd = |letter: char| letter == '/' || letter == ':' || letter.is_whitespace();
            if interface.is_empty() || interface.len() > 15 || interface.contains(odd) {
                self.wrong(place, format!("interface: `{interface}` is no interface"));
            }
        }
        if let Agent::Systemd { unit } = agent {
            self.unit(unit, place);
        }
        if let Agent::Ocf { provider, kind, .. } = agent {
            let odd = |name: &str| {
                name.is_empty()
                    || name.starts_with('.')
                    || name.contains(['/', ':'])
                    || name.contains(char::is_whitespace)
            };
            if odd(provider) || odd(kind) {
                self.wrong(place, format!("ocf:{provider}:{kind} is no agent"));
            }
        }
        if promotable && !matches!(agent, Agent::Ocf { .. }) {
            self.wrong(place, "only OCF agents can be promoted");
        }
    }

    /// Names of systemd.unit(5).
    fn unit(&mut self, unit: &str, place: &str) {
        const SUFFIXES: [&str; 6] = ["service", "socket", "mount", "timer", "target", "path"];
        let suffix = unit.rsplit_once('.').map(|(_, suffix)| suffix);
        let right = suffix.is_some_and(|suffix| SUFFIXES.contains(&suffix));
        if !right {
            self.wrong(
                place,
                format!("unit: `{unit}` has no suffix; was `{unit}.service` meant?"),
            );
        }
        if unit.contains('/') || unit.contains(char::is_whitespace) {
            self.wrong(place, format!("unit: `{unit}` is no name of a unit"));
        }
        if unit.ends_with("@.service") {
            self.wrong(
                place,
                format!("unit: `{unit}` is a template; name an instance"),
            );
        }
    }

    fn operations(&mut self, operations: &Operations, place: &str, promotable: bool) {
        let single = [
            ("start", &operations.start),
            ("stop", &operations.stop),
            ("promote", &operations.promote),
            ("demote", &operations.demote),
            ("probe", &operations.probe),
        ];
        for (name, options) in single {
            if options.timeout_ms == Some(0) {
                self.wrong(place, format!("operations: {name}: timeout_ms: 0"));
            }
        }
        let mut seen = BTreeSet::new();
        for monitor in &operations.monitors {
            let ms = monitor.interval_ms;
            let place = format!("{place}: operations: monitors");
            if ms == 0 {
                self.wrong(
                    &place,
                    "interval_ms: 0; a probe is made without asking for it",
                );
            }
            if monitor.options.timeout_ms == Some(0) {
                self.wrong(&place, "timeout_ms: 0");
            }
            if !seen.insert((ms, monitor.depth)) {
                self.wrong(
                    &place,
                    format!("interval_ms: {ms} is there twice; agents tell monitors apart by it"),
                );
            }
            if monitor.role == Some(Role::Promoted) && !promotable {
                self.wrong(&place, "role: it is never promoted");
            }
        }
    }
}
