//! A damaged store: refused by name, or what was written. What redb panics at is caught
//! by the store; a panic that comes out of it is found.
#![no_main]

use cluster_core::disk::{Disk, HardState, LogEntry, Write};
use cluster_store::{Identity, Origin, open};
use libfuzzer_sys::fuzz_target;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use tempfile::TempDir;

struct Stores {
    directory: TempDir,
    /// Closed, and as after a crash.
    files: [Vec<u8>; 2],
    before: Disk,
    after: Disk,
}

impl Stores {
    fn path(&self) -> PathBuf {
        self.directory.path().join("damaged")
    }
}

static STORES: OnceLock<Stores> = OnceLock::new();

fn identity() -> Identity {
    Identity {
        cluster: "web".to_owned(),
        node: 2,
    }
}

fn stores() -> Stores {
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let directory = directory.expect("a directory");
    let path = directory.path().join("store");
    let (mut store, mut after, _) = open(&path, &identity()).expect("new");
    let mut before = after.clone();
    for term in 1..8 {
        before = after.clone();
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
        after.take(&write);
        store.write(&[write]).expect("space");
    }
    let crashed = fs::read(&path).expect("there");
    drop(store);
    let closed = fs::read(&path).expect("there");
    Stores {
        directory,
        files: [closed, crashed],
        before,
        after,
    }
}

/// Where three bytes point to: half of all to the header.
fn place(bytes: [u8; 3], length: usize) -> usize {
    let number = usize::from(bytes[1]) * 256 + usize::from(bytes[2]);
    if bytes[0] % 2 == 0 {
        number % 320
    } else {
        (number * 256 + usize::from(bytes[0])) % length
    }
}

fuzz_target!(
    init: {
        // libFuzzer's own hook aborts at each panic, also at one that is caught. The last
        // one that is shown is the one that was not.
        std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    },
    |data: &[u8]| {
        let stores = STORES.get_or_init(stores);
        let Some((mode, changes)) = data.split_first() else {
            return;
        };
        let path = stores.path();
        if mode % 8 == 7 {
            fs::write(&path, changes).expect("space");
            assert!(open(&path, &identity()).is_err());
            return;
        }
        let mut file = stores.files[usize::from(mode % 2)].clone();
        for change in changes.chunks_exact(4) {
            let at = place([change[0], change[1], change[2]], file.len());
            if mode & 2 != 0 && change[0] == 255 {
                file.truncate(at.max(1));
            } else if let Some(byte) = file.get_mut(at) {
                *byte ^= change[3];
            }
        }
        fs::write(&path, &file).expect("space");
        if let Ok((_, disk, origin)) = open(&path, &identity()) {
            assert_eq!(origin, Origin::Found);
            assert!(disk == stores.after || disk == stores.before);
        }
    }
);
