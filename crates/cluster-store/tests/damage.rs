//! A damaged file is a named problem and stays as it is; it is never taken for a new one.

use cluster_core::disk::{Disk, HardState, LogEntry, Write};
use cluster_store::{Identity, Origin, Problem, open};
use redb::{Database, TableDefinition};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const VALUES: TableDefinition<&str, &[u8]> = TableDefinition::new("values");

fn identity() -> Identity {
    Identity {
        cluster: "web".to_owned(),
        node: 2,
    }
}

/// A store with something in it, closed or as after a crash; before and after its last write.
fn written(clean: bool) -> (TempDir, PathBuf, Disk, Disk) {
    // Thousands of files that nobody needs on a disk.
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    let directory = directory.expect("a directory");
    let path = directory.path().join("store");
    let (mut store, mut disk, _) = open(&path, &identity()).expect("new");
    let mut before = disk.clone();
    for term in 1..8 {
        before = disk.clone();
        let entry = |index| LogEntry {
            index,
            term,
            kind: 0,
            data: vec![7; 3000],
        };
        let write = Write {
            entries: (term * 3..term * 3 + 4).map(entry).collect(),
            hard: Some(HardState {
                term,
                vote: 1,
                commit: term,
            }),
            ..Write::default()
        };
        store.write(std::slice::from_ref(&write)).expect("space");
        disk.take(&write);
    }
    if clean {
        drop(store);
        return (directory, path, before, disk);
    }
    let crashed = directory.path().join("crashed");
    fs::copy(&path, &crashed).expect("space");
    (directory, crashed, before, disk)
}

fn problem(path: &Path) -> Problem {
    let before = fs::read(path).expect("there");
    let problem = open(path, &identity()).expect_err("damaged");
    assert!(
        fs::read(path).expect("there") == before,
        "{problem}: the file was changed"
    );
    problem
}

#[test]
fn what_is_not_a_store_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store");
    for (bytes, ours) in [
        (Vec::new(), true),
        (vec![0; 100_000], false),
        (b"#!/bin/sh\n".to_vec(), false),
        (b"redb\x1a\x0a\xa9\x0d\x0a".to_vec(), true),
        (
            [&b"redb\x1a\x0a\xa9\x0d\x0a"[..], &vec![0xff; 50_000]].concat(),
            true,
        ),
        (
            [&b"redb\x1a\x0a\xa9\x0d\x0a"[..], &[0; 5000]].concat(),
            true,
        ),
    ] {
        fs::write(&path, bytes).expect("space");
        match problem(&path) {
            Problem::Corrupt { .. } => assert!(ours),
            Problem::NotOurs { .. } => assert!(!ours),
            other => panic!("{other}"),
        }
    }
    fs::remove_file(&path).expect("there");
    fs::create_dir(&path).expect("space");
    let problem = open(&path, &identity()).expect_err("a directory");
    assert!(matches!(problem, Problem::Io { .. }), "{problem}");
    let problem = open(Path::new("/dev/null"), &identity()).expect_err("a device");
    assert!(matches!(problem, Problem::NotOurs { .. }), "{problem}");
}

#[test]
fn a_database_of_something_else_and_a_newer_format_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store");
    let put = |name: &str, value: &[u8]| {
        let database = Database::create(&path).expect("a database");
        let mut writing = database.begin_write().expect("free");
        writing.set_two_phase_commit(true);
        let mut values = writing.open_table(VALUES).expect("good");
        values.insert(name, value).expect("good");
        drop(values);
        writing.commit().expect("space");
    };
    put("colour", b"red");
    let problem = open(&path, &identity()).expect_err("not ours");
    assert!(matches!(problem, Problem::NotOurs { .. }), "{problem}");
    put("format", &2_u32.to_le_bytes());
    let problem = open(&path, &identity()).expect_err("newer");
    assert!(
        matches!(
            problem,
            Problem::NewerFormat {
                found: 2,
                known: 1,
                ..
            }
        ),
        "{problem}"
    );
    fs::remove_file(&path).expect("there");
    drop(open(&path, &identity()).expect("new"));
    put("hard", &[0xff; 3]);
    let problem = open(&path, &identity()).expect_err("damaged");
    assert!(problem.to_string().contains("'hard'"), "{problem}");
}

#[test]
fn a_file_that_is_cut_off_is_damaged() {
    for clean in [true, false] {
        let (_directory, path, ..) = written(clean);
        let whole = fs::read(&path).expect("there");
        let lengths = (0..400)
            .step_by(13)
            .chain((400..whole.len()).step_by(39_119));
        for length in lengths.chain([whole.len() - 1]) {
            fs::write(&path, &whole[..length]).expect("space");
            let problem = problem(&path);
            let named = match problem {
                Problem::Corrupt { .. } => true,
                Problem::NotOurs { .. } => length < 9,
                _ => false,
            };
            assert!(named, "{length}: {problem}");
        }
        fs::write(&path, &whole).expect("space");
        open(&path, &identity()).expect("whole again");
    }
}

/// Each bit of the header, and some of each page. Only free space may change unseen, and
/// what the crate's documentation says.
#[test]
fn a_changed_bit_is_seen_or_does_no_harm() {
    for clean in [true, false] {
        let (_directory, path, before, after) = written(clean);
        let whole = fs::read(&path).expect("there");
        let in_header = 0..320 * 8;
        let in_pages = (320 * 8..whole.len() * 8).step_by(8 * 8009 + 3);
        let mut refused = 0;
        for bit in in_header.chain(in_pages) {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &changed).expect("space");
            match open(&path, &identity()) {
                Ok((_, disk, origin)) => {
                    assert_eq!(origin, Origin::Found);
                    let which_commit_counts = !clean && bit == 9 * 8;
                    let expected = if which_commit_counts { &before } else { &after };
                    assert!(disk == *expected, "bit {bit} of a file, closed: {clean}");
                }
                Err(Problem::Corrupt { .. } | Problem::NotOurs { .. }) => refused += 1,
                Err(other) => panic!("bit {bit}: {other}"),
            }
        }
        assert!(refused > 1200, "{refused}: half of the header counts");
    }
}
