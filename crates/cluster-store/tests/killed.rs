//! A daemon that is killed in the middle of a write: what it was told is written is
//! there, and what was under way is there as a whole or not at all. This test runs itself
//! again as the daemon.

use cluster_core::disk::{HardState, LogEntry, Write};
use cluster_store::{Identity, open};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const ENTRIES: u64 = 5;

fn identity() -> Identity {
    Identity {
        cluster: "web".to_owned(),
        node: 2,
    }
}

/// Writes and says so, until it is killed.
fn write_for_ever(path: &Path) {
    let (mut store, disk, _) = open(path, &identity()).expect("whole");
    for term in disk.hard.term + 1.. {
        let entry = |index| LogEntry {
            index,
            term,
            kind: 0,
            data: vec![1; 2000],
        };
        let first = term % 40 * ENTRIES + 1;
        let write = Write {
            entries: (first..first + ENTRIES).map(entry).collect(),
            hard: Some(HardState {
                term,
                vote: term,
                commit: 0,
            }),
            ..Write::default()
        };
        store.write(&[write]).expect("space");
        println!("\nwritten {term}");
    }
}

#[test]
fn what_was_said_to_be_written_is_there_after_a_kill() {
    if let Some(path) = std::env::var_os("STORE_TO_WRITE") {
        return write_for_ever(Path::new(&path));
    }
    // What a kill leaves is the same on each file system, and this one does not wait.
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    let directory = directory.expect("a directory");
    let path = directory.path().join("store");
    drop(open(&path, &identity()).expect("new"));
    let mut before = 0;
    for round in 0..25 {
        let mut daemon = Command::new(std::env::current_exe().expect("a test"))
            .args(["--exact", "--nocapture"])
            .arg("what_was_said_to_be_written_is_there_after_a_kill")
            .env("STORE_TO_WRITE", &path)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let output = BufReader::new(daemon.stdout.take().expect("a pipe"));
        let mut lines = output.lines().map_while(Result::ok);
        let mut said = |line: String| line.strip_prefix("written ")?.parse::<u64>().ok();
        let mut last = lines.find_map(&mut said).expect("it writes");
        std::thread::sleep(Duration::from_micros(round * 1700));
        daemon.kill().expect("it runs");
        daemon.wait().expect("it ended");
        last = lines.filter_map(said).last().unwrap_or(last);
        let (_, disk, _) = open(&path, &identity()).expect("whole");
        let term = disk.hard.term;
        assert!(
            term > before && (last..=last + 1).contains(&term),
            "{term}, {last}"
        );
        assert_eq!(disk.hard.vote, term);
        let newest = disk.entries.iter().filter(|entry| entry.term == term);
        assert_eq!(newest.count(), 5, "all of the last write");
        before = term;
    }
}
