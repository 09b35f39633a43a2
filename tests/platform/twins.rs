//! The platform on dev, demo and prod at once: the same artefacts on twelve hosts.

use crate::operator;
use crate::stage::{Stage, Twin};
use std::collections::{BTreeMap, BTreeSet};

/// Packages that are each host's own.
const OWN: [&str; 2] = ["tandem-config", "tandem-generation"];

/// Name to SHA256HEADER of every package of ours, on each host of a lab.
fn headers(stage: &Stage, environment: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let script = "rpm -qa --qf '%{NAME} %{SHA256HEADER}\\n' | grep -E '^(tandem-|gbroker)'";
    let mut found = BTreeMap::new();
    for host in ["zipi", "zape", "bend1", "bend2"] {
        let words = [
            "lab",
            "exec",
            "-i",
            environment,
            host,
            "--",
            "sh",
            "-c",
            script,
        ];
        let listing = stage.tandem(&words).exits(0);
        let packages = listing
            .stdout
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, header)| (name.to_owned(), header.trim().to_owned()))
            .collect();
        found.insert(format!("{environment} {host}"), packages);
    }
    found
}

#[test]
#[ignore = "takes long: twelve hosts"]
fn one_release_of_the_platform_is_the_same_on_twelve_hosts() {
    let Some(stage) = Stage::of(operator::repository(), "twelve", &[], |_| ()) else {
        return;
    };
    stage.build("1.0.0");
    let consent = [
        "apply",
        "--yes",
        "--accept-irreversible",
        "--release",
        "1.0.0",
    ];
    let _ = stage.at(&consent).exits(0);
    let mut found = headers(&stage, &stage.environment);
    let mut twins = Vec::new();
    for kind in ["demo", "prod"] {
        let environment = format!("e2e-twelve-{kind}");
        let path = format!("inventories/{kind}.yaml");
        let text = std::fs::read_to_string(operator::repository().join(path)).expect("there");
        let own = text.replace(
            &format!("environment: {kind}\n"),
            &format!("environment: {environment}\n"),
        );
        stage.write(&format!("inventories/{environment}.yaml"), &own);
        twins.push(Twin(environment.clone()));
        let _ = stage.tandem(&["key", "init"]).exits(0);
        let i = ["-i", &environment];
        let _ = stage
            .tandem(&[&["secret", "init"], &i[..]].concat())
            .exits(0);
        let _ = stage.tandem(&[&["lab", "up"], &i[..]].concat()).exits(0);
        let applied = stage
            .tandem(&[&consent[..], &i[..], &["--lab"]].concat())
            .exits(0);
        eprintln!("{kind}: applied in {:.1} s", applied.took.as_secs_f64());
        found.extend(headers(&stage, &environment));
    }
    assert_eq!(found.len(), 12);
    let names: BTreeSet<&String> = found.values().flat_map(BTreeMap::keys).collect();
    eprintln!("{names:?} on {} hosts", found.len());
    assert!(names.len() > OWN.len() + 9, "{names:?}");
    for name in names {
        let all: Vec<&String> = found.values().filter_map(|host| host.get(name)).collect();
        let kinds: BTreeSet<&String> = all.iter().copied().collect();
        if OWN.contains(&name.as_str()) {
            assert_eq!(kinds.len(), all.len(), "{name} is each host's own");
        } else {
            assert_eq!(kinds.len(), 1, "{name} is the same on {} hosts", all.len());
        }
    }
}
