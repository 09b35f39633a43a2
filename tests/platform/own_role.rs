//! An operator adds a package and a cluster of three to the platform, without
//! a line of Rust: docs/guides/own-role.md, followed to the letter.

use crate::guide::{self, Step};
use crate::operator;
use crate::stage::Project;
use tandem_lab::{Lab, Places, silent};

/// The lab that the guide brings up.
const LAB: &str = "archive-alone";
const HOSTS: [&str; 3] = ["arc1", "arc2", "arc3"];

/// Gone also where the guide does not get to its end.
struct Gone;

impl Drop for Gone {
    fn drop(&mut self) {
        if let Err(error) = Lab::down(&Places::default(), LAB, &silent) {
            eprintln!("lab {LAB} is not down: {error}");
        }
    }
}

#[test]
fn the_guide_to_a_role_of_ones_own_can_be_followed() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED the_guide_to_a_role_of_ones_own_can_be_followed: labs need root");
        return;
    }
    let source = operator::repository();
    let text = std::fs::read_to_string(source.join("docs/guides/own-role.md")).expect("the guide");
    let steps = guide::steps(&text);
    // It is about no line of Rust, and it goes all the way.
    let mut written = Vec::new();
    let mut commands = String::new();
    for step in &steps {
        match step {
            Step::Write { path, .. } | Step::Insert { path, .. } => written.push(path.as_str()),
            Step::Run { commands: some, .. } => commands.push_str(&some.join("\n")),
        }
    }
    written.sort_unstable();
    written.dedup();
    assert_eq!(
        written,
        [
            "inventories/archive-alone.yaml",
            "inventories/dev.yaml",
            "profiles/debian12.yaml",
            "roles/archive.yaml",
            "specs/gbroker-archive.yaml",
            "specs/gbroker-archive/archive",
            "specs/gbroker-archive/archive.service",
            "templates/archive/archive.conf",
        ]
    );
    for word in [
        "check", "render", "build", "lab up", "plan", "apply", "rollback", "lab down",
    ] {
        assert!(commands.contains(&format!("tandem {word} ")), "{word}");
    }

    let project = Project::of(source, "own-role", |operator| {
        std::fs::copy(
            source.join("inventories/dev.yaml"),
            operator.file("inventories/dev.yaml"),
        )
        .expect("the inventory is copied");
    });
    let _gone = Gone;
    // What an earlier test that was killed left behind.
    let _ = Lab::down(&Places::default(), LAB, &silent);
    let mut applied = 0;
    for step in &steps {
        guide::follow(&project, step);
        if let Step::Run { commands, .. } = step
            && commands.iter().any(|command| command.contains("apply"))
        {
            applied += 1;
            // Not only what the guide asks.
            let lab = Lab::open(&Places::default(), LAB).expect("the lab is up");
            for host in HOSTS {
                let script = "rpm -V gbroker-archive tandem-config && \
                              systemctl is-enabled gbroker-archive && \
                              systemctl is-active gbroker-archive";
                let patience = std::time::Duration::from_secs(60);
                let output = lab
                    .exec(host, &["sh", "-c", script], b"", patience)
                    .expect("the host answers");
                assert!(
                    output.success(),
                    "{host}: {}{}",
                    output.text(),
                    output.error_text()
                );
            }
        }
    }
    assert_eq!(applied, 2, "an installation and a change");
    assert!(
        Lab::open(&Places::default(), LAB).is_err(),
        "the guide removes its lab"
    );
}
