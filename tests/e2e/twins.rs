//! The same artefacts on dev, demo and prod: three twins side by side, one
//! release.

use crate::stage::{HOSTS, Stage, Twin};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;
use tandem_lab::{Lab, Places};

/// Name to SHA256HEADER of every package of ours, on one host.
fn headers(lab: &Lab, host: &str) -> BTreeMap<String, String> {
    let script = "rpm -qa --qf '%{NAME} %{SHA256HEADER}\\n' | grep -E '^(tandem-|web-)'";
    let words = ["sh", "-c", script];
    let output = lab
        .exec(host, &words, b"", Duration::from_secs(30))
        .unwrap_or_else(|error| panic!("packages of {host}: {error}"));
    output
        .text()
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, header)| (name.to_owned(), header.to_owned()))
        .collect()
}

#[test]
fn one_release_is_the_same_on_the_twins_of_all_three_environments() {
    let Some(stage) = Stage::served("twins") else {
        return;
    };
    let mut twins = Vec::new();
    let mut found: Vec<(String, BTreeMap<String, String>)> = HOSTS
        .iter()
        .map(|host| (format!("dev {host}"), headers(stage.lab(), host)))
        .collect();
    for kind in ["demo", "prod"] {
        let environment = format!("e2e-twins-{kind}");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/web/inventories");
        let text = fs::read_to_string(format!("{source}/{kind}.yaml")).expect("the inventory");
        let own = text.replace(
            &format!("environment: {kind}\n"),
            &format!("environment: {environment}\n"),
        );
        assert_ne!(own, text, "the twin has a name of its own");
        let path = format!("inventories/{environment}.yaml");
        fs::write(stage.file(&path), own).expect("the inventory is written");
        let twin = Twin(environment.clone());
        let _ = stage.tandem(&["key", "init"]).exits(0);
        let _ = stage
            .tandem(&["secret", "init", "-i", &environment])
            .exits(0);
        let _ = stage.tandem(&["lab", "up", "-i", &environment]).exits(0);
        let words = [
            "apply",
            "-i",
            &environment,
            "--lab",
            "--yes",
            "--release",
            "1.0.0",
        ];
        let _ = stage.tandem(&words).exits(0);
        let lab = Lab::open(&Places::default(), &environment).expect("the twin is up");
        found.extend(
            HOSTS
                .iter()
                .map(|host| (format!("{kind} {host}"), headers(&lab, host))),
        );
        twins.push(twin);
    }
    assert_eq!(found.len(), 6);
    for name in ["web-site", "tandem-host"] {
        let all: BTreeSet<_> = found
            .iter()
            .map(|(_, packages)| packages.get(name))
            .collect();
        assert_eq!(all.len(), 1, "{name} is the same everywhere: {found:#?}");
        assert!(!all.contains(&None), "{name} is everywhere: {found:#?}");
    }
    for name in ["tandem-config", "tandem-generation"] {
        let all: BTreeSet<_> = found
            .iter()
            .filter_map(|(_, packages)| packages.get(name))
            .collect();
        assert_eq!(all.len(), 6, "{name} is each host's own: {found:#?}");
    }
}
