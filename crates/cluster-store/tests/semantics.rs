//! What is written is there afterwards: exactly what `Disk::take` says.

use cluster_core::disk::{
    Agreement, Disk, GivenUp, HardState, LogEntry, Membership, Running, Snapshot, Write,
};
use cluster_core::name::{BootId, Incarnation, NodeId, OrderId, ResourceId, Session};
use cluster_core::operation::{OperationId, OperationKind};
use cluster_store::{Identity, Origin, Problem, open};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn identity() -> Identity {
    Identity {
        cluster: "web".to_owned(),
        node: 2,
    }
}

fn entry(index: u64, term: u64) -> LogEntry {
    LogEntry {
        index,
        term,
        kind: 0,
        data: vec![
            u8::try_from(index % 256).expect("small");
            usize::from(index.is_multiple_of(3)) * 5000
        ],
    }
}

fn map<K: Ord + Clone + std::fmt::Debug, V: Clone + std::fmt::Debug>(
    key: fn(u16) -> K,
    value: fn(u16) -> V,
) -> impl Strategy<Value = Option<BTreeMap<K, V>>> {
    let numbers = prop::collection::vec(0..50_u16, 0..4);
    let map = numbers.prop_map(move |numbers| {
        let pairs = numbers.into_iter().map(|n| (key(n % 7), value(n)));
        pairs.collect()
    });
    prop::option::weighted(0.3, map)
}

fn agreement(n: u16) -> Agreement {
    Agreement {
        incarnation: Incarnation(n.into()),
        attempt: u64::MAX - u64::from(n),
    }
}

fn operation(n: u16) -> OperationId {
    OperationId {
        session: Session(1 << 60 | u64::from(n)),
        number: n.into(),
    }
}

fn running(n: u16) -> Running {
    Running {
        resource: ResourceId(n.into()),
        kind: OperationKind::Promote,
        order: n.is_multiple_of(2).then_some(OrderId(n.into())),
        boot: BootId(u128::MAX - u128::from(n)),
    }
}

fn boot(n: u16) -> BootId {
    BootId(n.into())
}

prop_compose! {
    fn snapshot()(index in 0..20_u64, term in 0..5_u64, length in 0..9000_usize) -> Snapshot {
        Snapshot { index, term, state: vec![9; length] }
    }
}

prop_compose! {
    fn hard()(term in any::<u64>(), vote in 0..4_u64, commit in 0..9_u64) -> HardState {
        HardState { term, vote, commit }
    }
}

prop_compose! {
    fn write()(
        snapshot in prop::option::weighted(0.3, snapshot()),
        replaces_log in prop::bool::weighted(0.3),
        first in 0..25_u64,
        count in 0..6_u64,
        term in 0..5_u64,
        hard in prop::option::of(hard()),
        agreed in map(NodeId, agreement),
        running in map(operation, running),
        stop_failed in map(|n| ResourceId(n.into()), boot),
        applied in prop::option::of(0..30_u64),
        since in prop::option::of(any::<u128>()),
        (left, latecomer) in (prop::option::of(prop::option::of(any::<u128>())), prop::option::of(any::<bool>())),
    ) -> Write {
        let entries = (first..first + count).map(|index| entry(index, term)).collect();
        let membership = since.map(|boot| Membership::Since(BootId(boot)));
        let given_up = left.map(|boot| GivenUp { boot: boot.map(BootId), ..GivenUp::default() });
        Write {
            snapshot, replaces_log, entries, hard, applied, agreed, running, stop_failed, membership, given_up,
            latecomer,
        }
    }
}

fn reopened(path: &Path) -> Disk {
    let (_, disk, origin) = open(path, &identity()).expect("whole");
    assert_eq!(origin, Origin::Found);
    disk
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::with_cases(60)
    })]

    #[test]
    fn what_was_written_is_there_after_a_crash_and_after_a_clean_end(
        writes in prop::collection::vec(prop::collection::vec(write(), 0..3), 1..8),
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, crashed) = (directory.path().join("store"), directory.path().join("crashed"));
        let (mut store, mut disk, origin) = open(&path, &identity()).expect("new");
        prop_assert_eq!((&disk, origin), (&Disk::default(), Origin::Created));
        for together in &writes {
            store.write(together).expect("space");
            for write in together {
                disk.take(write);
            }
            // What a crash at this point would leave.
            fs::copy(&path, &crashed).expect("space");
            prop_assert_eq!(&reopened(&crashed), &disk);
        }
        drop(store);
        prop_assert_eq!(&reopened(&path), &disk);
        prop_assert_eq!(&reopened(&path), &disk);
    }
}

#[test]
fn only_its_owner_can_read_it() {
    let above = tempfile::tempdir().expect("a directory");
    let path = above.path().join("new/newer/store");
    let _store = open(&path, &identity()).expect("new");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().expect("newer")), 0o700);
    let names = fs::read_dir(path.parent().expect("newer")).expect("there");
    assert_eq!(names.count(), 1, "the store, and nothing unfinished");
}

#[test]
fn a_creation_that_did_not_end_is_begun_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store");
    fs::write(directory.path().join("store.new"), "half").expect("space");
    let (_, disk, origin) = open(&path, &identity()).expect("new");
    assert_eq!((disk, origin), (Disk::default(), Origin::Created));
}

#[test]
fn one_daemon_at_a_time_has_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store");
    let first = open(&path, &identity()).expect("new");
    let problem = open(&path, &identity()).expect_err("in use");
    assert!(matches!(problem, Problem::InUse { .. }), "{problem}");
    drop(first);
    open(&path, &identity()).expect("free again");
}

#[test]
fn a_store_of_somebody_else_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store");
    drop(open(&path, &identity()).expect("new"));
    let other = |cluster: &str, node| Identity {
        cluster: cluster.to_owned(),
        node,
    };
    let problem = open(&path, &other("mail", 2)).expect_err("another cluster's");
    assert!(matches!(problem, Problem::OtherCluster { .. }), "{problem}");
    let problem = open(&path, &other("web", 3)).expect_err("another node's");
    assert!(
        matches!(
            problem,
            Problem::OtherNode {
                found: 2,
                expected: 3,
                ..
            }
        ),
        "{problem}"
    );
    open(&path, &identity()).expect("its own");
}

#[test]
fn a_log_that_does_not_go_upwards_is_not_written() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store");
    let (mut store, ..) = open(&path, &identity()).expect("new");
    let good = Write {
        entries: vec![entry(1, 1)],
        ..Write::default()
    };
    let bad = Write {
        entries: vec![entry(2, 1), entry(2, 1)],
        ..Write::default()
    };
    let problem = store.write(&[good.clone(), bad]).expect_err("twice 2");
    assert!(
        matches!(problem, Problem::Order { index: 2, .. }),
        "{problem}"
    );
    store.write(&[good]).expect("as before");
    drop(store);
    assert_eq!(reopened(&path).entries, [entry(1, 1)]);
}
