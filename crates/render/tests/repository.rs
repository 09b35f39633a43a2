//! The project's own inventories render, to exactly these files.

use std::fmt::Write;
use std::path::Path;
use tandem_model::{Hidden, Inventory, Project, Secret, Secrets, Source};
use tandem_render::{HostFiles, render_host};

fn project() -> Project {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/web");
    Project::load(&Source::work_tree(&root))
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.report(false, 100)))
}

fn inventory(project: &Project, name: &str) -> Inventory {
    project
        .inventory(name)
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.report(false, 100)))
}

/// Always the same, so that snapshots are.
fn secrets(inventory: &Inventory) -> Secrets {
    let mut secrets = Secrets::default();
    for name in inventory.secret_uses() {
        secrets.set(
            name,
            Secret::new(Hidden::new(format!("{}value", name.value))),
        );
    }
    secrets.set("salt", Secret::new(Hidden::new("pepper")));
    secrets
}

fn rendered(environment: &str, host: &str) -> HostFiles {
    let project = project();
    let inventory = inventory(&project, environment);
    let secrets = secrets(&inventory);
    render_host(&project, &inventory, &secrets, host)
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.report(false, 100)))
}

/// Everything of a host in one text.
fn shown(files: &HostFiles) -> String {
    let mut text = String::new();
    for file in &files.files {
        let owned = &file.owned;
        let _ = write!(
            text,
            "===== {} {:04o} {}:{} secret={} restarts={:?} reloads={:?}\n{}",
            owned.path,
            owned.mode,
            owned.owner,
            owned.group,
            owned.secret,
            owned.restarts,
            owned.reloads,
            String::from_utf8_lossy(&file.content)
        );
    }
    let _ = write!(
        text,
        "===== the rest\nedits {:#?}\nunits {:#?}\nresources {:#?}\nhealth {:#?}\nvalidators {:#?}\ninitialisers {:#?}\nbase {:?}\npackages {:?}\n",
        files.edits,
        files.units,
        files.resources,
        files.health,
        files.validators,
        files.initialisers,
        files.base,
        files.packages
    );
    text
}

#[test]
fn dev_renders_to_exactly_these_files() {
    insta::assert_snapshot!("dev-zipi", shown(&rendered("dev", "zipi")));
}

#[test]
fn the_two_nodes_differ_in_nothing_but_their_name() {
    let zipi = shown(&rendered("dev", "zipi"));
    let zape = shown(&rendered("dev", "zape"));
    assert_ne!(zipi, zape);
    assert_eq!(zipi.replace("zipi", "zape"), zape);
}

#[test]
fn rendering_twice_gives_the_same_bytes() {
    assert_eq!(rendered("prod", "zape"), rendered("prod", "zape"));
}

#[test]
fn what_is_particular_to_an_environment_is_in_its_files() {
    for (environment, vip, limit) in [
        ("dev", "10.77.4.50", "MaxRequestWorkers 25\n"),
        ("demo", "198.51.100.50", "MaxRequestWorkers 100\n"),
        ("prod", "203.0.113.80", "MaxRequestWorkers 400\n"),
    ] {
        let text = shown(&rendered(environment, "zipi"));
        assert!(text.contains(&format!("ServerName {vip}\n")), "{text}");
        assert!(text.contains(&format!("http://{vip}/health")), "{text}");
        assert!(text.contains(limit), "{text}");
        assert!(
            text.contains(&format!(
                "Header always set X-Environment \"{environment}\""
            )),
            "{text}"
        );
    }
}

#[test]
fn secrets_are_in_secret_files_only_and_never_in_debug_output() {
    let files = rendered("dev", "zipi");
    for file in &files.files {
        let has_secret = String::from_utf8_lossy(&file.content).contains("status_tokenvalue");
        assert_eq!(has_secret, file.owned.secret, "{}", file.owned.path);
    }
    assert!(!format!("{files:?}").contains("status_tokenvalue"));
}

#[test]
fn the_digest_of_params_follows_values_and_key_numbers() {
    let project = project();
    let inventory = inventory(&project, "dev");
    let mut secrets = secrets(&inventory);
    let digest = |secrets: &Secrets| {
        render_host(&project, &inventory, secrets, "zipi")
            .expect("renders")
            .params
    };
    let before = digest(&secrets);
    secrets.add("status_token", Some(Hidden::new("other")));
    assert_eq!(digest(&secrets), before);
    assert!(secrets.switch("status_token", 2));
    assert_ne!(digest(&secrets), before);
}

/// What an operator without secrets at hand still wants to see.
#[test]
fn a_missing_secret_is_a_mistake_with_its_place() {
    let project = project();
    let inventory = inventory(&project, "dev");
    let mistakes = render_host(&project, &inventory, &Secrets::default(), "zipi")
        .expect_err("there are no secrets");
    insta::assert_snapshot!("no-secrets", mistakes.report(false, 80));
}
