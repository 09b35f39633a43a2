//! Which agents work on data that both nodes of a pair have: two of them at once are the
//! end of it.

use crate::resource::Agent;
use std::collections::BTreeMap;

/// Agents of copies of one another, or of one disk for all.
const SHARED: [&str; 9] = [
    "drbd",
    "iSCSI",
    "iSCSITarget",
    "iSCSILogicalUnit",
    "LVM",
    "LVM-activate",
    "mdraid",
    "Raid1",
    "ZFS",
];

impl Agent {
    /// Would two nodes that run it at once write to the same data, as far as its name and
    /// its parameters say?
    pub fn is_of_shared_data(&self) -> bool {
        match self {
            Self::Ocf {
                kind, parameters, ..
            } => {
                SHARED.iter().any(|one| one.eq_ignore_ascii_case(kind))
                    || kind == "Filesystem" && is_from_elsewhere(parameters)
            }
            Self::Systemd { unit } => unit.contains("drbd"),
            Self::Lsb { script } => script.rsplit('/').next() == Some("drbd"),
            Self::Address { .. } => false,
        }
    }
}

/// A block device, by whatever name, or a server's export: all but a directory of this
/// machine, and memory.
fn is_from_elsewhere(parameters: &BTreeMap<String, String>) -> bool {
    let text = |name: &str| parameters.get(name).map_or("", String::as_str);
    let device = text("device");
    // `//SERVER/SHARE` is a server's, too.
    let path = device.starts_with('/') && !device.starts_with("//");
    let own = path && !device.starts_with("/dev/") && !device.contains(":/");
    !own && text("fstype") != "tmpfs"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ocf(kind: &str, parameters: &[(&str, &str)]) -> Agent {
        let parameters = parameters.iter();
        Agent::Ocf {
            provider: "heartbeat".to_owned(),
            kind: kind.to_owned(),
            parameters: parameters
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn a_disk_is_shared_by_whatever_name_and_a_directory_is_not() {
        for device in [
            "/dev/sdb1",
            "LABEL=data",
            "-Uabcd",
            "nas.example:/export",
            "//nas.example/share",
        ] {
            let agent = ocf("Filesystem", &[("device", device)]);
            assert!(agent.is_of_shared_data(), "{device}");
        }
        let bind = ocf("Filesystem", &[("device", "/srv/a"), ("options", "bind")]);
        assert!(!bind.is_of_shared_data());
        let memory = ocf("Filesystem", &[("device", "none"), ("fstype", "tmpfs")]);
        assert!(!memory.is_of_shared_data());
    }

    #[test]
    fn copies_of_one_another_are_shared() {
        assert!(ocf("drbd", &[]).is_of_shared_data());
        assert!(!ocf("IPaddr2", &[]).is_of_shared_data());
        let unit = |unit: &str| Agent::Systemd {
            unit: unit.to_owned(),
        };
        assert!(unit("drbd@r0.service").is_of_shared_data());
        assert!(unit("gbroker-drbd.service").is_of_shared_data());
        assert!(!unit("httpd.service").is_of_shared_data());
        let script = "/etc/init.d/drbd".to_owned();
        assert!(Agent::Lsb { script }.is_of_shared_data());
    }
}
