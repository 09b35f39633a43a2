//! A saved plan is stale exactly when what it depends on changed.

use crate::contents::{APACHE, MPM, package};
use crate::world::{World, edited};
use cluster_model::{NodeState, Redundancy};
use jiff::Timestamp;
use tandem_generation::facts::OpenLeg;
use tandem_generation::{CommandResult, Digest, InstalledPackage, LegState};

fn differs(change: impl Fn(&mut World)) -> bool {
    let mut world = World::pair();
    let before = world.plan().fingerprint;
    change(&mut world);
    world.plan().fingerprint != before
}

#[test]
fn clocks_space_boots_uploads_and_the_lock_do_not_count() {
    assert!(!differs(|world| {
        let facts = world.facts("zipi");
        facts.time = Timestamp::from_second(1_000_000).expect("a time");
        "two".clone_into(&mut facts.boot);
        facts.space[0].free_bytes = 1 << 32;
        facts.store.push(Digest::of("pushed meanwhile"));
        facts.partial.insert(Digest::of("on its way"), 7);
        facts.lock = Some(tandem_generation::Lock {
            owner: "alice@desk".to_owned(),
            run: "20261120T104950Z-alice-3f2a".parse().expect("a run"),
            plan: Digest::of("plan"),
            since: Timestamp::UNIX_EPOCH,
        });
        facts.observed.push(CommandResult {
            name: "rscstatus".to_owned(),
            exit: Some(0),
            stdout: "all".to_owned(),
            stderr: String::new(),
        });
    }));
}

#[test]
fn the_order_in_which_a_host_lists_things_does_not_count() {
    assert!(!differs(|world| {
        world.facts("zipi").packages.reverse();
        world.facts("zipi").units.reverse();
    }));
}

#[test]
fn packages_count() {
    assert!(differs(|world| {
        let other = package("web-site", "1.0.1");
        world.facts("zipi").packages[0] = InstalledPackage {
            id: other.id,
            header: Some(other.header),
        };
    }));
}

#[test]
fn files_count() {
    assert!(differs(|world| {
        let fact = edited(MPM, "tandem-config", "processes 4\n", Some("processes 5\n"));
        world.facts("zipi").files.push(fact);
    }));
}

#[test]
fn units_count() {
    assert!(differs(|world| {
        let mut units = world.facts("zape").units.iter_mut();
        let apache = units.find(|unit| unit.unit == APACHE).expect("a unit");
        "active".clone_into(&mut apache.active);
    }));
}

#[test]
fn the_holder_counts() {
    assert!(differs(|world| {
        let held = std::mem::take(&mut world.view().get_mut("zipi").expect("a node").held_here);
        world.view().get_mut("zape").expect("a node").held_here = held;
    }));
}

#[test]
fn who_is_heard_and_whether_the_next_failure_can_be_survived_count() {
    assert!(differs(|world| {
        let status = world.view().get_mut("zipi").expect("a node");
        status.nodes.insert("zape".to_owned(), NodeState::Offline);
    }));
    let lost = |because: &str| Redundancy::Lost {
        because: because.to_owned(),
    };
    assert!(differs(|world| {
        world.view().get_mut("zipi").expect("a node").redundancy = lost("3 s behind");
    }));
    // The words for it do not.
    let with = |because: &str| {
        let mut world = World::pair();
        world.view().get_mut("zipi").expect("a node").redundancy = lost(because);
        world.plan().fingerprint
    };
    assert_eq!(with("3 s behind"), with("4 s behind"));
}

#[test]
fn generations_and_their_numbers_count() {
    assert!(differs(|world| {
        let now = world.facts("zipi").generation.as_mut();
        now.expect("a generation").number = 9;
    }));
    assert!(differs(|world| world.facts("zipi").next_number = 9));
}

#[test]
fn what_stops_a_run_counts() {
    assert!(differs(|world| {
        world.facts("zipi").recovery_failed = Some("no".to_owned());
    }));
    assert!(differs(|world| {
        world.facts("zipi").base.insert("apache2".to_owned(), None);
    }));
    assert!(differs(|world| {
        world.facts("zipi").held = vec![APACHE.to_owned()];
    }));
    assert!(differs(|world| {
        world.facts("zipi").open = vec![OpenLeg {
            run: "20261120T104950Z-bob-0001".parse().expect("a run"),
            leg: 1,
            state: LegState::Undone,
            operator: "bob@desk".to_owned(),
            because: None,
        }];
    }));
    assert!(differs(|world| world.silence("zape", true)));
}

#[test]
fn what_has_yet_to_be_initialised_counts() {
    let with = |exit| {
        let mut world = World::pair();
        world.facts("zipi").observed.push(CommandResult {
            name: tandem_plan::probe_name("database"),
            exit: Some(exit),
            stdout: String::new(),
            stderr: format!("{exit}"),
        });
        world.plan().fingerprint
    };
    assert_ne!(with(0), with(1));
    assert_eq!(with(1), with(2));
}

#[test]
fn what_is_desired_does_not_count() {
    assert!(!differs(|world| {
        world.want(|leg| leg.content.units.clear());
    }));
}
