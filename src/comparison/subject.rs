//! What two environments can differ in.

use serde::Serialize;

/// What can differ, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Subject {
    Cluster,
    Role,
    Profile,
    Package,
    DistributionPackage,
    Host,
    Engine,
    Parameter,
    Network,
    Gateway,
    Nic,
    Ssh,
    Link,
    Ping,
    Timing,
}

impl Subject {
    /// Every one.
    pub(crate) const ALL: [Self; 15] = [
        Self::Cluster,
        Self::Role,
        Self::Profile,
        Self::Package,
        Self::DistributionPackage,
        Self::Host,
        Self::Engine,
        Self::Parameter,
        Self::Network,
        Self::Gateway,
        Self::Nic,
        Self::Ssh,
        Self::Link,
        Self::Ping,
        Self::Timing,
    ];

    /// One of it, and several.
    pub(crate) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Cluster => ("cluster", "clusters"),
            Self::Role => ("role", "roles"),
            Self::Profile => ("profile", "profiles"),
            Self::Package => ("package", "packages"),
            Self::DistributionPackage => ("distribution package", "distribution packages"),
            Self::Host => ("host", "hosts"),
            Self::Engine => ("engine setting", "engine settings"),
            Self::Parameter => ("parameter", "parameters"),
            Self::Network => ("network", "networks"),
            Self::Gateway => ("gateway", "gateways"),
            Self::Nic => ("NIC", "NICs"),
            Self::Ssh => ("SSH access", "SSH accesses"),
            Self::Link => ("list of links", "lists of links"),
            Self::Ping => ("list of ping nodes", "lists of ping nodes"),
            Self::Timing => ("timing", "timings"),
        }
    }

    /// Does it decide what is installed?
    pub(super) fn is_release_content(self) -> bool {
        matches!(
            self,
            Self::Cluster | Self::Role | Self::Profile | Self::Package | Self::DistributionPackage
        )
    }
}
