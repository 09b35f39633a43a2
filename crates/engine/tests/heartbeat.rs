//! Heartbeat's files for the repository's own dev inventory, and what it says.

mod world;

use cluster_model::{NodeState, Redundancy};
use std::collections::BTreeMap;
use tandem_engine::{check, engine};
use tandem_generation::facts::UnitFact;
use tandem_generation::{CommandResult, FORMAT, Facts};
use tandem_model::EngineKind;
use world::World;

#[test]
fn ha_cf_names_the_peer_on_each_link_and_the_ping_node() {
    let text = World::new(|_| ()).text("/etc/ha.d/ha.cf");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    for wanted in [
        "ucast eth1 10.77.1.12",
        "ucast eth2 10.77.2.12",
        "node zipi",
        "node zape",
        "ping 10.77.4.1",
        "auto_failback off",
        "crm off",
    ] {
        assert!(lines.contains(&wanted), "`{wanted}` is in {text}");
    }
    assert!(
        !text.contains("10.77.1.11"),
        "a node does not send to itself"
    );
}

#[test]
fn haresources_starts_the_address_before_the_unit() {
    let text = World::new(|_| ()).text("/etc/ha.d/haresources");
    let line = text.lines().last().expect("a line");
    assert_eq!(
        line,
        "zipi IPaddr2::10.77.4.50/24/eth4 tandem-unit::apache2.service"
    );
}

#[test]
fn keys_stay_in_one_file_that_only_root_reads() {
    let world = World::new(|_| ());
    for file in world.part().files {
        let text = String::from_utf8(file.content).expect("text");
        let is_keys = file.owned.path == "/etc/ha.d/authkeys";
        assert_eq!(text.contains("tiger"), is_keys, "{}", file.owned.path);
        if is_keys {
            assert_eq!((file.owned.mode, file.owned.secret), (0o600, true));
            let last = text.lines().last().expect("a line");
            assert!(
                last.starts_with("# ") && last.len() == 66,
                "a salt line: {last}"
            );
        }
    }
    assert!(!format!("{:?}", world.part().values).contains("tiger"));
}

#[test]
fn only_pairs_and_only_what_it_can_express() {
    assert_eq!(check(&World::new(|_| ()).seat()), []);
    let alone = World::new(|inventory| inventory.clusters[0].nodes.truncate(1));
    assert!(check(&alone.seat())[0].0.contains("runs pairs"));
    let strict = World::new(|inventory| {
        inventory.clusters[0]
            .engine
            .as_mut()
            .expect("an engine")
            .without
            .clear();
    });
    let said = check(&strict.seat());
    assert_eq!(said.len(), 1);
    assert!(
        said[0]
            .0
            .contains("`engine.without: [monitor]` accepts the loss"),
        "{}",
        said[0].0
    );
}

fn facts(observed: &[(&str, i32, &str)], addresses: &[&str], apache: &str) -> Facts {
    Facts {
        format: FORMAT,
        tandem: String::new(),
        hostname: "zipi".into(),
        boot: String::new(),
        time: jiff::Timestamp::UNIX_EPOCH,
        os: String::new(),
        arch: String::new(),
        addresses: [(
            "eth4".to_owned(),
            addresses
                .iter()
                .map(|address| (*address).to_owned())
                .collect(),
        )]
        .into(),
        packages: Vec::new(),
        base: BTreeMap::new(),
        generation: None,
        records: Vec::new(),
        next_number: 1,
        files: Vec::new(),
        units: vec![UnitFact {
            unit: "apache2.service".into(),
            enabled: "disabled".into(),
            active: apache.into(),
        }],
        observed: observed
            .iter()
            .map(|(name, exit, stdout)| CommandResult {
                name: (*name).to_owned(),
                exit: Some(*exit),
                stdout: format!("{stdout}\n"),
                stderr: String::new(),
            })
            .collect(),
        space: Vec::new(),
        store: Vec::new(),
        partial: BTreeMap::new(),
        lock: None,
        open: Vec::new(),
        recovery_failed: None,
        held: Vec::new(),
        retired: Vec::new(),
    }
}

#[test]
fn resources_count_where_they_run_whatever_heartbeat_believes() {
    let world = World::new(|_| ());
    let heartbeat = engine(EngineKind::Heartbeat);
    let good = [
        ("hbstatus", 0, "heartbeat is running on this machine"),
        ("nodestatus zape", 0, "active"),
        ("link zape eth1", 0, "up"),
        ("link zape eth2", 0, "dead"),
        (
            "rscstatus",
            0,
            "This node is holding none of the resources.",
        ),
    ];
    let holder = heartbeat.read(
        &world.seat(),
        &facts(&good, &["10.77.4.11/24", "10.77.4.50/24"], "active"),
    );
    assert_eq!(holder.held_here, ["vip", "apache"]);
    assert_eq!(holder.redundancy, Redundancy::Real);
    assert_eq!(holder.nodes["zape"], NodeState::Online);
    assert!(holder.links["eth1 to zape"] && !holder.links["eth2 to zape"]);
    let other = heartbeat.read(&world.seat(), &facts(&good, &["10.77.4.11/24"], "inactive"));
    assert!(other.held_here.is_empty());
}

#[test]
fn a_dead_peer_and_a_stopped_heartbeat_are_told_apart() {
    let world = World::new(|_| ());
    let heartbeat = engine(EngineKind::Heartbeat);
    let alone = [("hbstatus", 0, ""), ("nodestatus zape", 0, "dead")];
    let status = heartbeat.read(&world.seat(), &facts(&alone, &[], "inactive"));
    assert!(matches!(status.redundancy, Redundancy::Lost { .. }));
    let stopped = [("hbstatus", 1, "")];
    let status = heartbeat.read(&world.seat(), &facts(&stopped, &[], "inactive"));
    assert_eq!(status.redundancy, Redundancy::NoCluster);
}

#[test]
fn nodes_with_other_members_do_not_hear_each_other() {
    let values = |nodes: &[&str]| {
        let world = World::new(|inventory| {
            inventory.clusters[0].nodes = nodes.iter().map(|node| (*node).to_owned()).collect();
        });
        world.part().values
    };
    let pair = values(&["zipi", "zape"]);
    let engine = engine(EngineKind::Heartbeat);
    let swapped = values(&["zape", "zipi"]);
    assert_eq!(engine.incompatible(&pair, &swapped), None);
    assert_eq!(
        engine.incompatible(&pair, &values(&["zipi"])).as_deref(),
        Some("the members change from zape,zipi to zipi")
    );
}
