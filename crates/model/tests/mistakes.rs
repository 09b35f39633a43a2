//! Every mistake is found, at its place, with what was meant.

mod small;

use small::{BACKEND, INVENTORY, Small, told};

/// The mistakes of an inventory in which one text stands for another.
fn spoiled(from: &str, to: &str) -> Vec<String> {
    assert!(INVENTORY.contains(from), "{from}");
    let text = INVENTORY.replacen(from, to, 1);
    let small = Small::with(&[("inventories/dev.yaml", &text)]);
    match small.inventory() {
        Ok(inventory) => panic!("no mistake in {inventory:?}"),
        Err(mistakes) => told(&mistakes),
    }
}

#[test]
fn the_small_project_is_in_order() {
    let small = Small::with(&[]);
    let inventory = small
        .inventory()
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.report(false, 100)));
    let order: Vec<&str> = inventory
        .clusters
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(order, ["backend", "frontend"]);
}

#[test]
fn clusters_come_after_those_that_they_need() {
    let (head, clusters) = INVENTORY.split_once("  backend:\n").expect("there");
    let (backend, frontend) = clusters.split_once("  frontend:\n").expect("there");
    let swapped = format!("{head}  frontend:\n{frontend}  backend:\n{backend}");
    let small = Small::with(&[("inventories/dev.yaml", &swapped)]);
    let inventory = small.inventory().expect("in order");
    let order: Vec<&str> = inventory
        .clusters
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(order, ["backend", "frontend"]);
}

#[test]
fn an_unknown_host_in_a_cluster() {
    assert_eq!(
        spoiled("nodes: [zipi, zape]", "nodes: [zipi, zapr]"),
        ["13 clusters.backend.nodes[1]: there is no such host / did you mean `zape`?"]
    );
}

#[test]
fn a_host_in_two_clusters() {
    assert_eq!(
        spoiled("nodes: [solo]", "nodes: [zape]")[0],
        "19 clusters.frontend.nodes[0]: `zape` is a node twice / -"
    );
}

#[test]
fn an_address_outside_its_network() {
    assert_eq!(
        spoiled("om/11", "10.77.3.11"),
        [
            "7 hosts.zipi: `zipi` has no address in the ssh network `om` / -",
            "7 hosts.zipi.nics.eth2: the address is in none of the networks / -",
            "15 clusters.backend.links[0]: `zipi` has no NIC in `om` / -",
        ]
    );
    assert_eq!(
        spoiled("ext/50", "ext/256"),
        ["16 clusters.backend.set.writer: `ext` is not that large / -"]
    );
}

#[test]
fn two_owners_of_one_address() {
    assert_eq!(
        spoiled("om/12", "om/11"),
        ["8 hosts.zape.nics.eth2: 10.77.2.11 is taken / -"]
    );
    assert_eq!(
        spoiled("ext/50", "ext/12"),
        ["16 clusters.backend.set.writer: 10.77.4.12 is taken / -"]
    );
    assert_eq!(
        spoiled("writer: ext/50", "writer: om/gateway"),
        ["16 clusters.backend.set.writer: 10.77.2.1 is taken / -"]
    );
}

#[test]
fn networks_that_overlap_or_are_none() {
    assert_eq!(
        spoiled("ext: 10.77.4.0/24", "ext: 10.77.0.0/16")[0],
        "4 networks.ext: `ext` and `om` overlap / -"
    );
    assert_eq!(
        spoiled("ext: 10.77.4.0/24", "ext: 10.77.4.7/24")[0],
        "4 networks.ext: a network begins with its first address / did you mean `10.77.4.0/24`?"
    );
    assert_eq!(
        spoiled("gateway: 10.77.2.1", "gateway: 10.77.3.1"),
        ["3 networks.om.gateway: the gateway lies outside the network / -"]
    );
}

#[test]
fn the_network_itself_and_its_broadcast_address_are_no_hosts() {
    assert_eq!(
        spoiled("ext/50", "ext/0"),
        ["16 clusters.backend.set.writer: 10.77.4.0 is the network itself / -"]
    );
    assert_eq!(
        spoiled("ext/50", "ext/255"),
        ["16 clusters.backend.set.writer: 10.77.4.255 is the network's broadcast address / -"]
    );
}

#[test]
fn names_that_do_not_exist() {
    assert_eq!(
        spoiled("role: backend", "role: bakend")[0],
        "12 clusters.backend.role: there is no such role / did you mean `backend`?"
    );
    assert_eq!(
        spoiled("profile: debian12", "profile: debain12"),
        ["7 hosts.zipi.profile: there is no such profile / did you mean `debian12`?"]
    );
    assert_eq!(
        spoiled("links: [om]", "links: [omm]"),
        ["15 clusters.backend.links[0]: there is no such network / did you mean `om`?"]
    );
    assert_eq!(
        spoiled("eth2: om/13", "eth2: mo/13"),
        [
            "9 hosts.solo: `solo` has no address in the ssh network `om` / -",
            "9 hosts.solo.nics.eth2: there is no network `mo` / did you mean `om`?",
        ]
    );
    assert_eq!(
        spoiled("environment: dev", "environment: demo"),
        ["1 environment: the environment is not called like its file / -"]
    );
}

#[test]
fn params_that_are_unknown_missing_or_of_the_wrong_type() {
    assert_eq!(
        spoiled("writer: ext/50", "wrtier: ext/50")[..2],
        [
            "16 clusters.backend.set: cluster `backend` does not set `writer` / -",
            "16 clusters.backend.set.wrtier: role `backend` has no param `wrtier` / did you mean `writer`?",
        ]
    );
    assert_eq!(
        spoiled("storage: local", "storage: drdb"),
        ["16 clusters.backend.set.storage: an unknown choice / did you mean `drbd`?"]
    );
    assert_eq!(
        spoiled("server_id: 2", "server_id: 10"),
        ["8 hosts.zape.set.server_id: this does not belong here / -"]
    );
    assert_eq!(
        spoiled("server_id: 2", "server_id: \"2\""),
        ["8 hosts.zape.set.server_id: this does not belong here / remove the quotes"]
    );
    assert_eq!(
        spoiled("storage: local", "storage: local, fast: yes"),
        ["16 clusters.backend.set.fast: this does not belong here / write `true`"]
    );
    assert_eq!(
        spoiled("storage: local", "storage: local, server_id: 1"),
        ["16 clusters.backend.set.server_id: `server_id` is not set here / -"]
    );
    assert_eq!(
        spoiled("eth2: om/13}}", "eth2: om/13}, set: {token: x}}"),
        ["9 hosts.solo.set.token: `token` is not set here / -"]
    );
}

#[test]
fn two_hosts_with_one_value_of_a_param_that_is_unique() {
    assert_eq!(
        spoiled("server_id: 2", "server_id: 1"),
        ["8 hosts.zape.set.server_id: `server_id` is the same on two hosts / -"]
    );
    let role = BACKEND.replace("scope: host, unique", "unique");
    let small = Small::with(&[("roles/backend.yaml", &role)]);
    let mistakes = small
        .project()
        .expect_err("the cluster's value has no second");
    assert_eq!(
        told(&mistakes),
        ["4 params.server_id: only what hosts set can be unique among them / add `scope: host`"]
    );
}

#[test]
fn endpoints_that_lead_nowhere_or_in_a_circle() {
    assert_eq!(
        spoiled("backend.writer", "bakend.writer"),
        ["20 clusters.frontend.set.db: there is no cluster `bakend` / did you mean `backend`?"]
    );
    assert_eq!(
        spoiled("backend.writer", "backend.wirter"),
        [
            "20 clusters.frontend.set.db: role `backend` has no endpoint `wirter` / did you mean `writer`?"
        ]
    );
    let role = BACKEND.replace("  writer: address", "  writer: address\n  db: endpoint");
    let inventory = INVENTORY.replace("writer: ext/50", "writer: ext/50, db: backend.writer");
    let small = Small::with(&[
        ("roles/backend.yaml", &role),
        ("inventories/dev.yaml", &inventory),
    ]);
    assert_eq!(
        told(&small.inventory().expect_err("a circle")),
        [
            "16 clusters.backend.set.db: these clusters need each other / -",
            "20 clusters.frontend.set.db: these clusters need each other / -",
        ]
    );
}

#[test]
fn an_engine_fits_its_cluster() {
    assert_eq!(
        spoiled("    engine: {kind: heartbeat, key: cluster_key}\n", ""),
        [
            "11 clusters.backend: `backend` has resources and nothing that runs them / -",
            "14 clusters.backend.links: `links` without an engine does nothing / add `engine`, or remove `links`",
        ]
    );
    assert_eq!(
        spoiled("    links: [om]\n", ""),
        ["11 clusters.backend: the nodes of `backend` cannot hear each other / -"]
    );
    assert_eq!(
        spoiled("kind: heartbeat", "kind: hearbeat"),
        ["14 clusters.backend.engine.kind: an unknown word / did you mean `heartbeat`?"]
    );
    assert_eq!(
        spoiled(
            "key: cluster_key",
            "key: cluster_key, deadtime: 500ms, warntime: 800ms"
        ),
        ["14 clusters.backend.engine: these times contradict each other / -"]
    );
    assert_eq!(
        spoiled("key: cluster_key", "key: cluster_key, deadtime: 2"),
        [
            "14 clusters.backend.engine.deadtime: this does not belong here / say the unit: `2s`, `2ms`?"
        ]
    );
}

#[test]
fn what_only_clusterd_has_is_refused_elsewhere_and_within_bounds() {
    assert_eq!(
        spoiled("key: cluster_key", "key: cluster_key, port: 5500"),
        [
            "14 clusters.backend.engine.port: engine heartbeat has no `port` / remove it, or use engine `clusterd`"
        ]
    );
    assert_eq!(
        spoiled(
            "kind: heartbeat, key: cluster_key",
            "kind: clusterd, key: cluster_key, resets_max: 61"
        ),
        ["14 clusters.backend.engine.resets_max: this does not belong here / -"]
    );
}

#[test]
fn a_pair_goes_by_one_thing_and_accepts_what_that_means() {
    let with = |keys: &str| {
        spoiled(
            "kind: heartbeat, key: cluster_key",
            &format!("kind: clusterd, key: cluster_key, {keys}"),
        )
    };
    assert_eq!(
        with("reach: {accept_split_brain_risk: false}"),
        [
            "14 clusters.backend.engine.reach.accept_split_brain_risk: `reach` is nothing for who does not accept its risk / -"
        ]
    );
    assert_eq!(
        with("reach: {wait: 5s}"),
        ["14 clusters.backend.engine.reach: `accept_split_brain_risk` is missing / -"]
    );
    assert_eq!(
        with("witness: zipi, reach: {accept_split_brain_risk: true}"),
        [
            "14 clusters.backend.engine.reach: a pair has a witness, or fences, or goes by what it reaches: one of them / keep one of `witness`, `fence` and `reach`"
        ]
    );
}

/// The small inventory with a lone pair that fences like this.
fn fencing(keys: &str) -> String {
    INVENTORY.replacen(
        "kind: heartbeat, key: cluster_key",
        &format!("kind: clusterd, key: cluster_key, fence: {{agent: fence_ipmilan, {keys}}}"),
        1,
    )
}

#[test]
fn levels_of_fencing_are_in_their_order_and_have_time_for_each() {
    let text = fencing(
        "addresses: {zipi: a, zape: b}, password: bmc, next: [{agent: fence_apc_snmp, \
         parameters: {ip: c}, plugs: {zipi: 3, zape: 4}, secrets: {community: pdu}}]",
    );
    let small = Small::with(&[("inventories/dev.yaml", &text)]);
    let inventory = small.inventory().expect("in order");
    let choice = inventory.clusters[0].engine.as_ref().expect("its engine");
    let fence = choice.lease.fence.as_ref().expect("it fences");
    let agents: Vec<&str> = fence.levels.iter().map(|it| it.agent.as_str()).collect();
    assert_eq!(agents, ["fence_ipmilan", "fence_apc_snmp"]);
    assert_eq!(fence.levels[1].plugs["zape"], "4");
    assert_eq!((fence.limit_ms, fence.delay_ms), (20_000, 25_000));
    assert!(!fence.power_on);
    let secrets: Vec<&str> = fence.secrets().map(|name| name.value.as_str()).collect();
    assert_eq!(secrets, ["bmc", "pdu"]);
    let used = inventory.secret_uses();
    assert!(used.iter().any(|name| name.value == "pdu"));
}

#[test]
fn a_level_of_fencing_says_what_it_is_and_nothing_else() {
    let told_of = |keys: &str| {
        let small = Small::with(&[("inventories/dev.yaml", &fencing(keys))]);
        told(&small.inventory().expect_err("a mistake"))
    };
    let said = told_of("next: [{addresses: {zipi: a}, first: zipi}]");
    assert_eq!(said.len(), 2, "{said:#?}");
    let both = said.concat();
    assert!(
        both.contains("engine.fence.next[0]: `agent` is missing"),
        "{said:#?}"
    );
    assert!(
        both.contains("engine.fence.next[0].first: unknown key"),
        "{said:#?}"
    );
    let said = told_of("addresses: {zipi: a}, limit: 20s, delay: 15s");
    assert!(said[0].contains("these times contradict"), "{said:#?}");
}

#[test]
fn nodes_without_a_nic_for_the_address() {
    assert_eq!(
        spoiled("{eth2: om/12, eth4: ext/12}", "{eth2: om/12}"),
        ["16 clusters.backend.set.writer: `zape` has no NIC in `ext` / -"]
    );
    assert_eq!(
        spoiled("eth4: ext/12", "eth4: om/14"),
        [
            "8 hosts.zape.nics.eth4: `zape` is in network `om` twice / -",
            "16 clusters.backend.set.writer: `zape` has no NIC in `ext` / -",
        ]
    );
}

#[test]
fn unknown_keys_wrong_types_and_broken_yaml() {
    assert_eq!(
        spoiled("hosts:", "hsots:")[..2],
        [
            "1 : `hosts` is missing / -",
            "6 hsots: unknown key / did you mean `hosts`?"
        ]
    );
    assert_eq!(
        spoiled("nodes: [solo]", "nodes: solo"),
        ["19 clusters.frontend.nodes: this does not belong here / write `[solo]`"]
    );
    assert_eq!(
        spoiled("ssh: {network: om}", "ssh: {network: om, port: 70000}"),
        ["5 ssh.port: this does not belong here / -"]
    );
    let broken = spoiled("nodes: [solo]", "nodes: [solo");
    assert_eq!(broken.len(), 1);
    assert!(broken[0].contains("this is not YAML"), "{broken:?}");
}

#[test]
fn an_inventory_that_is_not_there() {
    let small = Small::with(&[]);
    let project = small.project().expect("in order");
    let mistakes = project.inventory("dve").expect_err("no such file");
    assert_eq!(
        told(&mistakes),
        ["1 : there is no such inventory / did you mean `dev`?"]
    );
}

#[test]
fn all_mistakes_are_reported_at_once_with_their_lines() {
    let text = INVENTORY
        .replace("[zipi, zape]", "[zipi, zapr]")
        .replace("om/13", "om/11")
        .replace("storage: local", "storge: local")
        .replace("links:", "linsk:");
    let small = Small::with(&[("inventories/dev.yaml", &text)]);
    let mistakes = small.inventory().expect_err("four mistakes");
    insta::assert_snapshot!("many", mistakes.report(false, 90));
    insta::assert_snapshot!(
        "many-json",
        serde_json::to_string_pretty(&mistakes).expect("plain data")
    );
    assert!(mistakes.report(true, 90).contains('\u{1b}'));
}

#[test]
fn hosts_may_be_numbered_in_networks_of_version_6() {
    let text = INVENTORY
        .replace("ext: 10.77.4.0/24", "ext: fd00:4::/64")
        .replace("ext/50", "\"fd00:4::50\"");
    let small = Small::with(&[("inventories/dev.yaml", &text)]);
    let inventory = small
        .inventory()
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.report(false, 100)));
    let nic = inventory.nic("zape", "ext").expect("there");
    assert_eq!(
        (nic.address.to_string().as_str(), nic.prefix),
        ("fd00:4::c", 64)
    );
    let vip = &inventory.clusters[0].values["writer"];
    assert!(matches!(vip, tandem_model::Value::Address(vip) if vip.network == "ext"));
}

#[test]
fn an_endpoint_is_the_other_clusters_address_and_port() {
    let inventory = Small::with(&[]).inventory().expect("in order");
    let value = &inventory.cluster("frontend").expect("there").values["db"];
    let tandem_model::Value::Endpoint(db) = value else {
        panic!("{value:?}");
    };
    assert_eq!(
        (db.address.to_string().as_str(), db.port),
        ("10.77.4.50", 3306)
    );
    assert_eq!(db.cluster, "backend");
}
