//! A full disk: a named problem, nothing half done, and all that was written before is
//! there. This test runs itself again under a limit for the size of files (`ulimit -f`).

use cluster_core::disk::{LogEntry, Write};
use cluster_store::{Identity, Problem, open};
use std::path::Path;
use std::process::Command;

fn identity() -> Identity {
    Identity {
        cluster: "web".to_owned(),
        node: 2,
    }
}

fn write(index: u64) -> Write {
    let entry = LogEntry {
        index,
        term: 1,
        kind: 0,
        data: vec![1; 100_000],
    };
    Write {
        entries: vec![entry],
        ..Write::default()
    }
}

/// Writes until the disk is full.
fn fill(path: &Path) {
    let (mut store, mut disk, _) = open(path, &identity()).expect("new");
    let problem = (1..1000)
        .find_map(|index| {
            let write = write(index);
            let problem = store.write(std::slice::from_ref(&write)).err();
            disk.take(&write);
            problem
        })
        .expect("it gets full");
    assert!(matches!(problem, Problem::Full { .. }), "{problem}");
    let again = store
        .write(&[Write::default()])
        .expect_err("unknown what is there");
    assert!(matches!(again, Problem::Broken { .. }), "{again}");
    drop(store);
    let (_, found, _) = open(path, &identity()).expect("whole");
    let written = disk.entries.len();
    assert!(written > 3);
    // The last one is there or not.
    let prefix = &disk.entries[..found.entries.len()];
    assert_eq!(found.entries, prefix);
    assert!(
        found.entries.len() >= written - 1,
        "{} of {written}",
        found.entries.len()
    );
}

#[test]
fn a_full_disk_is_named_and_loses_nothing() {
    if let Some(path) = std::env::var_os("STORE_TO_FILL") {
        return fill(Path::new(&path));
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store");
    let me = std::env::current_exe().expect("a test");
    // In blocks of 512 bytes; the signal that comes with the error would kill.
    let status = Command::new("sh")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 8192; exec \"$0\" --exact --nocapture \"$1\"")
        .arg(me)
        .arg("a_full_disk_is_named_and_loses_nothing")
        .env("STORE_TO_FILL", &path)
        .status()
        .expect("a shell");
    assert!(status.success(), "see above");
    assert!(path.exists(), "it did run");
    let (mut store, disk, _) = open(&path, &identity()).expect("whole");
    let next = disk.entries.len() as u64 + 1;
    store.write(&[write(next)]).expect("there is space again");
}
