//! The whole product, driven as an operator drives it: the `tandem` command
//! against the twin of an inventory. One file per subject.

#[path = "e2e/edition.rs"]
#[allow(dead_code, reason = "each subject uses its own part")]
mod edition;
#[path = "e2e/operator.rs"]
#[allow(dead_code, reason = "each subject uses its own part")]
mod operator;
#[path = "e2e/service.rs"]
#[allow(dead_code, reason = "each subject uses its own part")]
mod service;
#[path = "e2e/stage.rs"]
#[allow(dead_code, reason = "each subject uses its own part")]
mod stage;
#[path = "e2e/tree.rs"]
#[allow(dead_code, reason = "each subject uses its own part")]
mod tree;

#[path = "e2e/clusterd.rs"]
mod clusterd;
#[path = "e2e/contention.rs"]
mod contention;
#[path = "e2e/diff_env.rs"]
mod diff_env;
#[path = "e2e/input.rs"]
mod input;
#[path = "e2e/kill.rs"]
mod kill;
#[path = "e2e/membership.rs"]
mod membership;
#[path = "e2e/network.rs"]
mod network;
#[path = "e2e/path.rs"]
mod path;
#[path = "e2e/platform.rs"]
mod platform;
#[path = "e2e/power.rs"]
mod power;
#[path = "e2e/rotation.rs"]
mod rotation;
#[path = "e2e/takeover.rs"]
mod takeover;
#[path = "e2e/trust.rs"]
mod trust;
#[path = "e2e/twins.rs"]
mod twins;
#[path = "e2e/vagrant.rs"]
mod vagrant;
