//! Against a real systemd as PID 1, as root; elsewhere each test says that it is skipped.
//!
//! A host of a lab will do, with its clusterd stopped (a test uses the name of that unit):
//! `cargo test -p cluster-agents --test on_a_host --no-run`
//! names the program, which is copied there and started with `--nocapture`.

mod host;
mod scopes;
mod units;

/// Not a test: what the runners of these tests start as supervisor.
#[test]
#[ignore = "the supervisor of the others"]
fn supervisor() {
    let _ = cluster_agents::supervise();
}
