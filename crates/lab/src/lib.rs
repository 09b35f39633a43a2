//! A twin of an inventory on this machine: one container per host, one bridge per network, in a network
//! namespace with no way out, so that production addresses are safe to use.
//!
//! [`Lab::up`] makes a lab from a [`Topology`], [`Lab::fault`] breaks it on purpose, [`Lab::down`] removes
//! every trace of it. Everything needs root. Nothing is printed: progress goes to a callback.
//!
//! Where things are, for a lab named `dev`:
//! - `/var/cache/tandem-lab/base-HASH/tree`: the base tree, below all hosts of all labs, never written to;
//! - `/var/lib/tandem-lab/dev/`: record, keys, and per host its disk (what differs from the base tree) and
//!   the log of its console;
//! - `/run/tandem-lab/dev/`: mount points and process ids;
//! - network namespaces `tandem-dev` (bridges, operator), `tandem-dev.gw` (gateways), `tandem-dev.bmc` (BMCs),
//!   `tandem-dev.CLIENT`;
//! - control groups `tandem-lab/dev/HOST`.
//!
//! Outside of its container, every host has a watchdog, which it finds as the socket `/dev/watchdog`, and a
//! BMC in a network of its own: see the module `bmc` for its addresses. They outlive the host.

mod apt_sources;
mod base;
mod bmc;
mod board;
mod cgroup;
mod disk;
mod error;
mod exec;
mod fault;
mod filter;
mod inject;
mod kernel;
mod lab;
mod lifecycle;
mod lock;
mod network;
mod place;
mod power;
mod program;
mod progress;
mod record;
mod seed;
mod soundness;
mod status;
mod stub;
mod topology;

pub use bmc::BmcTrouble;
pub use error::{Error, Result};
pub use exec::Output;
pub use fault::{FAULT_USAGE, Fault, FaultAction};
pub use lab::{Lab, Viewpoint};
pub use lifecycle::{prepare_base, purge};
pub use place::Places;
pub use program::check_requirements;
pub use progress::{Progress, silent};
pub use soundness::Mistake;
pub use status::{
    BmcStatus, ClientStatus, HostState, HostStatus, NetworkStatus, NicStatus, Status,
};
pub use topology::{Client, Host, Network, Nic, Topology};
