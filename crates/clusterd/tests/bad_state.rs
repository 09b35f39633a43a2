//! A daemon that begins where something is wrong: it ends at once, says what it is and
//! what to do, and touches nothing. `status` then says where to read that.

use cluster_store::Identity;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILE: &str = "
cluster: web
links: [hb]
nodes:
  zipi: {id: 1, addresses: {hb: 127.0.0.11}}
  zape: {id: 2, addresses: {hb: 127.0.0.12}}
witnesses:
  yoda1: {id: 3, addresses: {hb: 127.0.0.13}}
";

/// A place for a daemon: its files are good, until a test spoils one.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            directory: tempfile::tempdir().expect("a directory"),
        };
        let keys = place.path("keys");
        std::fs::create_dir(place.path("state")).expect("made");
        let text = format!("{FILE}keys: {}\n", keys.display());
        std::fs::write(place.path("cluster.yaml"), text).expect("written");
        place.keys(&format!("1 {}\n", "1a".repeat(32)), 0o600);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn keys(&self, text: &str, mode: u32) {
        let path = self.path("keys");
        std::fs::write(&path, text).expect("written");
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, mode).expect("changed");
    }

    fn store(&self) -> PathBuf {
        self.path("state").join("log.redb")
    }

    fn create_store(&self, cluster: &str, node: u16) -> cluster_store::Store {
        let cluster = cluster.to_owned();
        let identity = Identity { cluster, node };
        cluster_store::open(&self.store(), &identity)
            .expect("new")
            .0
    }

    /// What a daemon says that does not begin; it must not hang.
    fn refused(&self) -> String {
        let (me, state) = ("zipi", self.path("state"));
        let output = Command::new("timeout")
            .arg("20")
            .arg(env!("CARGO_BIN_EXE_clusterd"))
            .arg("--run")
            .arg(self.path("run"))
            .args(["run", "--me", me, "--state"])
            .arg(state)
            .arg("--configuration")
            .arg(self.path("cluster.yaml"))
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output.status.code();
        assert!(matches!(code, Some(1 | 3)), "{code:?}: {said}");
        assert!(!self.path("run").join("admin.sock").exists(), "{said}");
        said
    }
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("there")
}

#[test]
fn a_second_daemon_on_one_host_is_told_that_there_is_one() {
    let place = Place::new();
    let first = place.create_store("web", 1);
    let said = place.refused();
    assert!(
        said.contains("another daemon uses it; stop that one"),
        "{said}"
    );
    drop(first);
}

#[test]
fn the_disk_of_another_node_or_cluster_is_refused_by_name() {
    let place = Place::new();
    drop(place.create_store("web", 2));
    let said = place.refused();
    assert!(
        said.contains("belongs to node 2 and this is node 1"),
        "{said}"
    );

    let place = Place::new();
    drop(place.create_store("mail", 1));
    let said = place.refused();
    assert!(said.contains("belongs to the cluster 'mail'"), "{said}");
}

#[test]
fn a_damaged_disk_is_refused_and_says_how_to_go_on() {
    let place = Place::new();
    drop(place.create_store("web", 1));
    let mut spoiled = bytes(&place.store());
    spoiled.truncate(spoiled.len() / 2);
    std::fs::write(place.store(), &spoiled).expect("written");
    let said = place.refused();
    assert!(said.contains("is damaged"), "{said}");
    assert!(said.contains("must not vote"), "{said}");
    assert!(bytes(&place.store()) == spoiled, "it is left as it is");

    std::fs::write(place.store(), "what is this\n").expect("written");
    let said = place.refused();
    assert!(said.contains("is not a store of clusterd"), "{said}");
}

#[test]
fn keys_that_others_can_read_or_that_are_not_there_are_refused() {
    let place = Place::new();
    let good = String::from_utf8(bytes(&place.path("keys"))).expect("text");
    place.keys(&good, 0o644);
    assert!(place.refused().contains("others can read it (mode 0644)"));
    place.keys("1 abc\n", 0o600);
    assert!(place.refused().contains("key 1 has not 64"));
    std::fs::remove_file(place.path("keys")).expect("removed");
    assert!(place.refused().contains("every member needs the same ones"));
}

#[test]
fn a_file_that_is_cut_off_has_its_place() {
    let place = Place::new();
    let path = place.path("cluster.yaml");
    let text = String::from_utf8(bytes(&path)).expect("text");
    std::fs::write(&path, &text[..60]).expect("written");
    let said = place.refused();
    assert!(said.contains("cluster.yaml:"), "{said}");
}

#[test]
fn status_says_where_it_is_told_why_the_daemon_ended() {
    let place = Place::new();
    let output = Command::new(env!("CARGO_BIN_EXE_clusterd"))
        .arg("--run")
        .arg(place.path("run"))
        .arg("status")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("clusterd does not run here"), "{said}");
    assert!(
        said.contains("`journalctl -u clusterd` says why it ended"),
        "{said}"
    );
}
