//! Each mistake, one at a time and together.

use super::*;

const RIGHT: &str = "
nodes: [zipi, zape]
domains:
  - {name: main, members: [zipi, zape], ordered: true}
resources:
  - group:
      name: web
      options: {domain: main}
      members:
        - name: vip
          agent: {address: {address: 10.77.4.50, prefix: 24, interface: eth4}}
          operations: {monitors: [{interval_ms: 10000}]}
        - name: httpd
          agent: {systemd: {unit: httpd.service}}
          operations: {monitors: [{interval_ms: 5000}]}
  - clone:
      name: db-clone
      promotable: {}
      of:
        primitive:
          name: db
          agent: {ocf: {provider: heartbeat, kind: mysql, parameters: {}}}
          operations:
            monitors:
              - {interval_ms: 5000, role: promoted}
              - {interval_ms: 6000}
locations:
  - {id: home, resource: web, preference: {node: {node: zipi, score: 50}}}
colocations:
  - {id: with-db, resource: web, with: db-clone, with_role: promoted, score: 1000000}
orders:
  - {id: db-first, first: db-clone, first_action: promote, then: web}
";

fn configuration(text: &str) -> Configuration {
    serde_saphyr::from_str(text).expect("understood")
}

#[test]
fn what_is_right_is_not_complained_about() {
    assert_eq!(problems(&configuration(RIGHT)), Vec::<String>::new());
    assert_eq!(doubts(&configuration(RIGHT)), Vec::<String>::new());
}

#[test]
fn each_mistake_is_named_with_its_place() {
    for (from, to, wanted) in [
        (
            "promotable: {}",
            "promotable: {}\n      max: 4000000000",
            "resources: db-clone: max: more than 1000 instances are not meant",
        ),
        (
            "node: zipi, score",
            "node: zippi, score",
            "locations: home: there is no node zippi; was `zipi` meant?",
        ),
        (
            "resource: web, pref",
            "resource: webb, pref",
            "locations: home: there is no resource webb; was `web` meant?",
        ),
        (
            "members: [zipi, zape]",
            "members: [zipi, zipi]",
            "domains: main: zipi is there twice",
        ),
        (
            "members: [zipi, zape]",
            "members: []",
            "domains: main: no members",
        ),
        (
            "domain: main",
            "domain: mein",
            "resources: web: there is no domain mein; was `main` meant?",
        ),
        (
            "- name: vip",
            "- name: vip\n          options: {domain: main}",
            "resources: web: vip: domain main: only what stands by itself has one; say it of its group",
        ),
        (
            "unit: httpd.service",
            "unit: httpd",
            "resources: web: httpd: unit: `httpd` has no suffix; was `httpd.service` meant?",
        ),
        (
            "unit: httpd.service",
            "unit: httpd@.service",
            "resources: web: httpd: unit: `httpd@.service` is a template; name an instance",
        ),
        (
            "prefix: 24",
            "prefix: 33",
            "resources: web: vip: prefix: 33 is not 1 to 32",
        ),
        (
            "prefix: 24",
            "prefix: 0",
            "resources: web: vip: prefix: 0 is not 1 to 32",
        ),
        (
            "address: 10.77.4.50",
            "address: 127.0.0.1",
            "resources: web: vip: address: nobody reaches 127.0.0.1",
        ),
        (
            "interface: eth4",
            "interface: \"\"",
            "resources: web: vip: interface: `` is no interface",
        ),
        (
            "promotable: {}",
            "promotable: {max: 2}\n      max: 1",
            "resources: db-clone: promotable: more promoted instances than instances",
        ),
        (
            "promotable: {}",
            "promotable: {}\n      node_max: 2",
            "resources: db-clone: node_max: more than one instance on a node needs `unique: true`",
        ),
        (
            "kind: mysql",
            "kind: my/sql",
            "resources: db-clone: db: ocf:heartbeat:my/sql is no agent",
        ),
        (
            "interval_ms: 6000",
            "interval_ms: 5000",
            "resources: db-clone: db: operations: monitors: interval_ms: 5000 is there twice; agents tell monitors apart by it",
        ),
        (
            "interval_ms: 10000",
            "interval_ms: 0",
            "resources: web: vip: operations: monitors: interval_ms: 0; a probe is made without asking for it",
        ),
        (
            "interval_ms: 10000",
            "interval_ms: 10000, role: promoted",
            "resources: web: vip: operations: monitors: role: it is never promoted",
        ),
        (
            "with: db-clone, with_role",
            "with: vip, with_role",
            "colocations: with-db: vip is never promoted: it is no `promotable` clone",
        ),
        (
            "resource: web, with: db-clone",
            "resource: db-clone, with: db-clone",
            "colocations: with-db: db-clone is always with itself",
        ),
        (
            "first_action: promote, then: web",
            "then: web}\n  - {id: back, first: web, then: db-clone",
            "orders: db-clone, web wait for each other for ever",
        ),
        (
            "id: db-first, first: db-clone",
            "id: db-first, first: db-cone",
            "orders: db-first: there is no resource db-cone; was `db-clone` meant?",
        ),
    ] {
        let text = RIGHT.replace(from, to);
        assert_ne!(text, RIGHT, "{from}");
        assert_eq!(problems(&configuration(&text)), [wanted], "{to}");
    }
}

#[test]
fn everything_is_said_at_once() {
    let text = RIGHT
        .replace("unit: httpd.service", "unit: httpd")
        .replace("prefix: 24", "prefix: 64")
        .replace("with: db-clone", "with: nothing");
    assert_eq!(problems(&configuration(&text)).len(), 3);
}

#[test]
fn what_may_not_be_meant_is_only_doubted() {
    let text = RIGHT
        .replace(
            "          operations: {monitors: [{interval_ms: 5000}]}\n",
            "",
        )
        .replace("      options: {domain: main}\n", "");
    let configuration = configuration(&text);
    assert_eq!(problems(&configuration), Vec::<String>::new());
    assert_eq!(
        doubts(&configuration),
        [
            "resources: httpd: no monitor: nobody notices when it fails",
            "domains: main: no resource is in it"
        ]
    );
}

#[test]
fn rules_name_nodes_and_numbers_that_exist() {
    let rule = "{rule: {rule: {any: [{compare: {attribute: \"#uname\", comparison: eq, value: zip}}, {compare: {attribute: pingd, comparison: lt, value: one, kind: integer}}]}, score: {fixed: -5}}}";
    let text = RIGHT.replace("{node: {node: zipi, score: 50}}", rule);
    assert_eq!(
        problems(&configuration(&text)),
        [
            "locations: home: there is no node zip; was `zipi` meant?",
            "locations: home: `one` is no whole number"
        ]
    );
}

#[test]
fn what_a_failure_cannot_mean_is_named_and_fencing_without_fencing_is_doubted() {
    let monitors = "{monitors: [{interval_ms: 5000}]}";
    let says = |what: &str| configuration(&RIGHT.replacen(monitors, what, 1));
    let configuration = says("{stop: {on_fail: standby}, monitors: [{interval_ms: 5000}]}");
    assert_eq!(
        problems(&configuration),
        ["resources: the stop of httpd says on-fail: standby, which it cannot mean"]
    );
    let mut configuration = says("{monitors: [{interval_ms: 5000, options: {on_fail: fence}}]}");
    assert_eq!(problems(&configuration), Vec::<String>::new());
    assert_eq!(
        doubts(&configuration),
        ["resources: httpd: on_fail: fence counts as stop without `options: {fencing: true}`"]
    );
    configuration.options.fencing = true;
    assert_eq!(doubts(&configuration), Vec::<String>::new());
}
