//! What the tests of engine `clusterd` have in common: the example on it, what it says of
//! itself, and other resources than the example's.

use crate::operator::Operator;
use crate::stage::{HOSTS, Stage, other};
use serde_json::Value;
use std::time::Duration;

/// Lease, time to stop, watchdog, start, and a machine with other work.
pub(super) const TAKEOVER: Duration = Duration::from_secs(25);
/// The host of another cluster that votes.
const WITNESS: &str = "yoda";
pub(super) const WHOLE: Duration = Duration::from_secs(60);

/// Nodes are reset here more often than an operator would look on.
pub(super) const HOWEVER_OFTEN: &str = "      resets_max: 0\n";

/// The example on engine `clusterd`, with these lines more about it.
pub(super) fn on_clusterd(operator: &Operator, more: &str) {
    operator.edit_inventory(
        "      kind: heartbeat\n",
        &format!("      kind: clusterd\n{more}"),
    );
    operator.edit_inventory(
        "      without: [monitor]        # R1 does not look at what it runs\n",
        "",
    );
}

/// The example on engine `clusterd`, with a third host that votes.
pub(super) fn with_witness(operator: &Operator) {
    operator.edit_inventory(
        "  zape: {profile: debian12, nics: {eth1: hb/12, eth2: om/12, eth4: ext/12}}\n",
        "  zape: {profile: debian12, nics: {eth1: hb/12, eth2: om/12, eth4: ext/12}}\n  \
         yoda: {profile: debian12, nics: {eth2: om/13}}\n",
    );
    on_clusterd(
        operator,
        &format!(
            "      witness: yoda\n      keepalive: 250ms\n      warntime: 500ms\n      deadtime: 1s\n{HOWEVER_OFTEN}"
        ),
    );
    operator.edit_inventory(
        "\nclusters:\n",
        "\nclusters:\n  watch: {role: base, nodes: [yoda]}\n",
    );
}

/// The example as a lone pair: whoever takes over has switched the other one off.
pub(super) fn with_fencing(operator: &Operator) {
    on_clusterd(
        operator,
        &format!(
            "      keepalive: 250ms\n      warntime: 500ms\n      deadtime: 1s\n{HOWEVER_OFTEN}      \
             fence:\n        agent: fence_ipmilan\n        first: zipi\n        limit: 5s\n        delay: 6s\n        \
             parameters: {{username: admin, lanplus: \"1\", cipher: \"3\", power_wait: \"0\"}}\n        \
             password: bmc_password\n        \
             addresses: {{zipi: zipi-bmc, zape: zape-bmc}}\n"
        ),
    );
}

/// The example as a lone pair that nothing switches off: each node goes by what it reaches.
pub(super) fn with_reach(operator: &Operator) {
    on_clusterd(
        operator,
        &format!(
            "      keepalive: 50ms\n      warntime: 250ms\n      deadtime: 500ms\n{HOWEVER_OFTEN}      \
             reach: {{accept_split_brain_risk: true}}\n"
        ),
    );
}

/// A lab with the example, changed, healthy.
pub(super) fn healthy(name: &str, change: impl FnOnce(&Operator)) -> Option<Stage> {
    let stage = Stage::with(name, &[], change)?;
    stage.build("1.0.0");
    let _ = stage.apply().exits(0);
    wait_until_healthy(&stage);
    Some(stage)
}

pub(super) fn served(name: &str) -> Option<Stage> {
    let stage = Stage::with(name, &[], with_witness)?;
    stage.build("1.0.0");
    let _ = stage.apply().exits(0);
    Some(stage)
}

pub(super) fn report(stage: &Stage, host: &str) -> Value {
    let words = ["clusterd", "status", "--json"];
    // One that boots answers nothing.
    let output = stage.lab().exec(host, &words, b"", WHOLE).ok();
    output
        .and_then(|output| serde_json::from_slice(&output.stdout).ok())
        .unwrap_or_default()
}

pub(super) fn is_healthy(stage: &Stage) -> bool {
    let good = |host: &&str| report(stage, host)["verdict"]["health"] == "healthy";
    HOSTS.iter().all(good)
}

#[track_caller]
pub(super) fn wait_until_healthy(stage: &Stage) {
    let healthy = stage.eventually(WHOLE, is_healthy);
    assert!(
        healthy,
        "{}\n{}",
        report(stage, HOSTS[0])["verdict"],
        report(stage, HOSTS[1])["verdict"]
    );
}

/// One node has the address, and the site answers there.
pub(super) fn serves(stage: &Stage) -> bool {
    stage.holders_of_vip().len() == 1 && stage.get("/health").contains("ok")
}

/// This node is the one that serves.
#[track_caller]
pub(super) fn give_to(stage: &Stage, host: &str) {
    if stage.holder() != host {
        stage.must(other(host), "clusterd give");
        stage.wait_for_holder(host, WHOLE);
        wait_until_healthy(stage);
    }
}

/// How often a host was started.
pub(super) fn boots(stage: &Stage, host: &str) -> u32 {
    let status = stage.lab().status().expect("the lab says how it is");
    let its = status.hosts.into_iter().find(|one| one.name == host);
    its.expect("a host of the lab").boots
}

/// All members read another file: what `change` makes of the one that was applied.
/// From then on the hosts are not as the inventory wants them.
#[track_caller]
pub(super) fn change_file(stage: &Stage, change: impl Fn(&str) -> String) {
    for host in stage.hosts() {
        let (file, command) = if host == WITNESS {
            (
                "/etc/clusterd/witness/web.yaml",
                "systemctl reload clusterd-witness@web.service",
            )
        } else {
            ("/etc/clusterd/cluster.yaml", "clusterd reload")
        };
        let path = stage.lab().root(&host).join(&file[1..]);
        let was = std::fs::read_to_string(&path).expect("the file of a member");
        let new = change(&was);
        assert_ne!(was, new, "something changes");
        std::fs::write(&path, new).expect("the file is written");
        let check = format!("clusterd check {file}");
        stage.must(&host, &format!("{check} && {command}"));
    }
}

/// All members run these resources, and not the inventory's. `text` is what follows
/// `resources:` in the file.
#[track_caller]
pub(super) fn run_instead(stage: &Stage, text: &str) {
    change_file(stage, |was| {
        let (terms, _) = was.split_once("resource_defaults:").expect("defaults");
        format!("{terms}resource_defaults: {{stickiness: 1000}}\nresources:\n{text}")
    });
}

/// Median and worst of several outages, for the log of a test.
pub(super) fn figures(mut outages: Vec<Duration>) -> String {
    outages.sort();
    let (Some(worst), Some(median)) = (outages.last(), outages.get(outages.len() / 2)) else {
        return "none".to_owned();
    };
    format!(
        "{} times: {} ms in the median, {} ms at worst",
        outages.len(),
        median.as_millis(),
        worst.as_millis()
    )
}
