//! The web role's files before a real Apache, by the role's own validator.

use std::path::Path;
use std::process::{Command, Output};
use tandem_model::{Hidden, Project, Secret, Secrets, Source};
use tandem_render::{HostFiles, render_host};

/// Lays the files out in a directory, as a host does when it stages them, and
/// runs the validator that judges them. `None` where there is no Apache.
fn judged(token: &str) -> Option<Output> {
    let files = rendered(token);
    let validator = files.validators.first().expect("the web role has one");
    if !Path::new(&validator.command.argv[0]).exists() {
        eprintln!("skipped: there is no {}", validator.command.argv[0]);
        return None;
    }
    let root = tempfile::tempdir().expect("a directory");
    for file in &files.files {
        let path = root.path().join(file.owned.path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().expect("not the root")).expect("created");
        std::fs::write(path, &file.content).expect("written");
    }
    let place = root.path().display().to_string();
    let argv: Vec<String> = validator
        .command
        .argv
        .iter()
        .map(|argument| argument.replace("{root}", &place))
        .collect();
    Some(
        Command::new(&argv[0])
            .args(&argv[1..])
            .output()
            .expect("runs"),
    )
}

fn rendered(token: &str) -> HostFiles {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/web");
    let project = Project::load(&Source::work_tree(&root)).expect("free of mistakes");
    let inventory = project.inventory("dev").expect("free of mistakes");
    let mut secrets = Secrets::default();
    secrets.generate(["cluster_key"]);
    secrets.set("status_token", Secret::new(Hidden::new(token)));
    render_host(&project, &inventory, &secrets, "zipi").expect("renders")
}

#[test]
fn apache_accepts_what_is_rendered() {
    if let Some(output) = judged("letters2and7digits") {
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn the_validator_refuses_a_file_that_apache_could_not_read() {
    if let Some(output) = judged("it's") {
        assert!(!output.status.success(), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("status.conf"), "{said}");
    }
}
