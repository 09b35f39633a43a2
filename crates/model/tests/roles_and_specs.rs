//! Mistakes in roles, profiles and specs, each at its place.

mod small;

use small::{BACKEND, FRONTEND, PROFILE, SPEC, Small, told};

/// The mistakes of another file in which one text stands for another.
fn spoiled_file(path: &str, original: &str, from: &str, to: &str) -> Vec<String> {
    assert!(original.contains(from), "{from}");
    let small = Small::with(&[(path, &original.replacen(from, to, 1))]);
    match small.inventory() {
        Ok(_) => panic!("no mistake"),
        Err(mistakes) => told(&mistakes),
    }
}

fn spoiled_role(from: &str, to: &str) -> Vec<String> {
    spoiled_file("roles/backend.yaml", BACKEND, from, to)
}

#[test]
fn what_a_profile_lacks_is_found_where_the_role_asks_for_it() {
    let lacking = |from: &str| {
        spoiled_file(
            "profiles/debian12.yaml",
            PROFILE,
            from,
            &from.replace("apache:", "apach:"),
        )
    };
    let units = lacking("units: {apache:");
    assert_eq!(units.len(), 4, "{units:?}");
    assert!(
        units[0].ends_with("profile `debian12` has no unit `apache` / did you mean `apach`?"),
        "{units:?}"
    );
    assert_eq!(
        lacking("programs: {apache:"),
        [
            "14 validators.syntax.program: profile `debian12` has no program `apache` / did you mean `apach`?"
        ]
    );
    assert_eq!(
        lacking("packages: {apache:"),
        ["8 base[0]: profile `debian12` has no package `apache` / did you mean `apach`?"]
    );
    assert_eq!(
        spoiled_role("restarts: apache,", "restarts: apache, owner: mysql,"),
        ["12 files[0].owner: profile `debian12` has no user `mysql` / -"]
    );
}

#[test]
fn roles_that_contradict_themselves() {
    for (from, to, told) in [
        (
            "template: a.conf",
            "template: a.cnf",
            "12 files[0].template: there is no such template / did you mean `a.conf`?",
        ),
        (
            "validator: syntax",
            "validator: sintax",
            "12 files[0].validator: the role has no such validator / did you mean `syntax`?",
        ),
        (
            "storage == local",
            "storage == locla",
            "12 files[0].when: `storage` is never `locla` / did you mean `local`?",
        ),
        (
            "storage == local",
            "storage = local",
            "12 files[0].when: this is no condition / -",
        ),
        (
            "storage == local",
            "storge == local",
            "12 files[0].when: the role has no param `storge` / did you mean `storage`?",
        ),
        (
            "{address: writer}",
            "{address: wirter}",
            "18 resources[0].of[0].address: the role has no param `wirter` / did you mean `writer`?",
        ),
        (
            "{address: writer}",
            "{address: fast}",
            "18 resources[0].of[0].address: param `fast` is of another type / -",
        ),
        (
            "{address: writer}",
            "{address: writer, unit: apache}",
            "18 resources[0].of[0]: what kind of resource is this? / -",
        ),
        (
            "{run: cluster}",
            "{run: started}",
            "19 resources[0].of[1].unit: the cluster runs `apache`, and the role does not say so / -",
        ),
        (
            "{run: cluster}",
            "{run: cluster, enabled: true}",
            "10 units.apache: `apache` would be started twice / remove `enabled`",
        ),
        (
            "default: 3306",
            "default: 0",
            "5 params.port.default: this does not belong here / -",
        ),
        (
            "writer: address\n",
            "writer: {type: address, default: om/1}\n",
            "3 params.writer.default: this type has no default / -",
        ),
        (
            "writer: address\n",
            "writer: addres\n",
            "3 params.writer: an unknown type / did you mean `address`?",
        ),
        (
            "  fast:",
            "  fa-st:",
            "7 params.fa-st: templates cannot use this name / -",
        ),
        (
            "on: holder",
            "on: holders",
            "21 health.up.on: an unknown word / did you mean `holder`?",
        ),
        (
            "port: port}",
            "port: fast}",
            "23 endpoints.writer.port: param `fast` is of another type / -",
        ),
        (
            "when:",
            "secret: true, mode: 0644, when:",
            "12 files[0].mode: a secret file that others can read / -",
        ),
        (
            "base: [apache]",
            "base: [apache]\npackages: [y]",
            "9 packages[0]: there is no such package / -",
        ),
        (
            "params:",
            "include: [frontend, backend]\nparams:",
            "2 include[1]: roles include each other / -",
        ),
        (
            "params:",
            "include: [fronted]\nparams:",
            "2 include[0]: there is no such role / did you mean `frontend`?",
        ),
    ] {
        let found = spoiled_role(from, to);
        assert!(
            found.iter().any(|one| one == told),
            "{told}\nis not among\n{found:#?}"
        );
    }
}

#[test]
fn a_param_that_two_included_roles_define() {
    let both = FRONTEND.replace("params:", "include: [backend]\nparams:\n  writer: text");
    let small = Small::with(&[("roles/frontend.yaml", &both)]);
    let found = told(&small.project().expect_err("twice"));
    let wanted = "4 params.writer: param `writer` is defined in an included role already / remove one of them, or give it another name";
    assert!(found.iter().any(|one| one == wanted), "{found:#?}");
}

#[test]
fn specs_that_cannot_be_built() {
    for (from, to, told) in [
        (
            "file: x",
            "file: y",
            "8 files[0].file: the payload does not have it / -",
        ),
        (
            "httpd >= 2.4",
            "httpd => 2.4",
            "6 requires[0]: this is no dependency / -",
        ),
        (
            "version: 1.10\n",
            "version: 1-10\n",
            "2 version: rpm does not take this version / -",
        ),
        (
            "version: 1.10-1",
            "version: 1.1-1",
            "10 changelog[0].version: the change log does not speak of this version / -",
        ),
        (
            "2026-11-20",
            "20.11.2026",
            "10 changelog[0].date: this is no date / -",
        ),
        ("license: MIT\n", "", "1 : `license` is missing / -"),
    ] {
        let found = spoiled_file("specs/x.yaml", SPEC, from, to);
        assert!(
            found.iter().any(|one| one == told),
            "{told}\nis not among\n{found:#?}"
        );
    }
}

#[test]
fn a_version_is_text_even_if_it_looks_like_a_number() {
    let project = Small::with(&[]).project().expect("in order");
    assert_eq!(project.specs.expect("a work tree")["x"].version, "1.10");
}

#[test]
fn broken_yaml_stops_its_own_file_only() {
    let small = Small::with(&[
        ("roles/frontend.yaml", "summary: [\n"),
        ("profiles/debian12.yaml", "sumary: x\n"),
    ]);
    let found = told(&small.project().expect_err("two mistakes"));
    assert_eq!(found.len(), 3, "{found:#?}");
}

#[test]
fn a_unit_may_have_several_ways_to_be_each_under_a_condition() {
    let two =
        "  apache: [{run: cluster, when: storage == local}, {run: started, when: storage == drbd}]";
    let role = BACKEND.replacen("  apache: {run: cluster}", two, 1);
    let small = Small::with(&[("roles/backend.yaml", &role)]);
    if let Err(mistakes) = small.inventory() {
        panic!("{:?}", told(&mistakes));
    }
    assert_eq!(
        spoiled_role(
            "  apache: {run: cluster}",
            "  apache: [{run: cluster}, {run: started, when: storage == drbd}]"
        ),
        ["10 units.apache[0]: when shall `apache` be like this? / -"]
    );
}
