//! Where both can express it, resources end up where Pacemaker's own scheduler
//! puts them. Skipped where `crm_simulate` is not installed.

#[allow(dead_code)] // Each test file uses a part of it.
mod cluster;
mod crm;

use cluster::build::Case;
use cluster::generate::{self, Breadth};
use cluster_model::Score;
use cluster_model::configuration::{Item, OnFail, Promotable, TargetRole};
use cluster_model::constraint::OrderKind::{Mandatory, Optional};
use cluster_model::state::{Direction, Failed, Instance, Move, Observed, Presence, Role};
use proptest::strategy::Strategy as _;
use proptest::test_runner::RngSeed;
use std::cell::Cell;

const ALWAYS: i32 = Score::INFINITY.value();
const NEVER: i32 = Score::MINUS_INFINITY.value();

/// Runs both, side by side.
fn agrees(name: &str, case: &Case) {
    if !crm::is_there() {
        println!("SKIPPED {name}: crm_simulate is not installed");
        return;
    }
    let (configuration, state) = (&case.configuration, &case.state);
    let theirs = crm::placement(configuration, state).expect("crm_simulate understands it");
    let ours = crm::ours(configuration, state);
    assert!(
        ours == theirs,
        "{name}: ours {ours:#?}\ntheirs {theirs:#?}\n{}",
        crm::scores(configuration, state)
    );
}

/// The frontend of the thesis.
fn frontend() -> Case {
    Case::on(&["zape", "zipi"])
        .group("web", &["fs", "vip", "tomcat", "apache"])
        .defaults(|options| options.stickiness = Some(Score::new(100)))
        .probed()
}

fn frontend_on(node: &str) -> Case {
    ["fs", "vip", "tomcat", "apache"]
        .iter()
        .fold(frontend(), |case, member| case.runs(member, node))
}

#[test]
fn a_group_starts_on_one_node() {
    agrees("start", &frontend());
}

#[test]
fn a_group_stays_where_it_runs() {
    agrees("stay", &frontend_on("zipi"));
}

#[test]
fn a_group_moves_to_a_much_better_node_and_not_to_a_little_better_one() {
    for score in [50, 399, 400, 401, 5000] {
        agrees("better", &frontend_on("zipi").located("web", "zape", score));
    }
}

#[test]
fn standby_and_loss_move_everything() {
    agrees(
        "standby",
        &frontend_on("zipi").node("zipi", |node| node.standby = true),
    );
    agrees(
        "gone",
        &frontend_on("zipi").node("zipi", |node| node.presence = Presence::Gone),
    );
}

#[test]
fn a_node_without_connectivity_runs_nothing() {
    let case = frontend_on("zipi");
    for reached in [
        &[("zipi", "0"), ("zape", "1")][..],
        &[("zipi", "1"), ("zape", "1")],
        &[("zipi", "0"), ("zape", "0")],
        &[("zape", "1")],
        &[],
    ] {
        agrees("ping", &case.clone().with_ping(reached));
    }
}

#[test]
fn a_member_at_its_threshold_takes_the_group_with_it() {
    for count in [2, 3, 4] {
        let case = frontend_on("zipi")
            .defaults(|options| {
                options.migration_threshold = Some(3);
                options.stickiness = Some(Score::new(100));
            })
            .failed("tomcat", "zipi", count)
            .seen(
                "tomcat",
                "zipi",
                Observed::Failed {
                    role: Role::Started,
                },
            );
        agrees("threshold", &case);
        agrees("threshold on both", &case.failed("tomcat", "zape", 3));
    }
}

#[test]
fn failures_are_forgotten_after_their_timeout() {
    for timeout_ms in [5_000, 60_000] {
        let case = frontend_on("zipi")
            .with("web", |options| {
                options.migration_threshold = Some(2);
                options.failure_timeout_ms = Some(timeout_ms);
            })
            .failed("apache", "zipi", 2);
        agrees("failure timeout", &case);
    }
}

/// Everything that a failure can mean, where it happened and after what was done about it.
fn failures_of(name: &str, case: &Case, resource: &str, node: &str) {
    let role = Role::Started;
    for on_fail in [
        OnFail::Restart,
        OnFail::Block,
        OnFail::Stop,
        OnFail::Standby,
        OnFail::Fence,
    ] {
        for start in [false, true] {
            let failed = Failed {
                start,
                monitor: !start,
                ..Failed::default()
            };
            for observed in [Observed::Failed { role }, Observed::Stopped] {
                let case = case.clone().on_fail(resource, on_fail);
                let case = case.failed_in(resource, node, failed, observed);
                let words = format!("{name}: {resource} {on_fail:?} {failed:?} {observed:?}");
                agrees(&words, &case);
                let forgets = case.defaults(|options| options.failure_timeout_ms = Some(5_000));
                agrees(&format!("{words}, forgotten"), &forgets);
            }
        }
    }
}

/// Without fencing, where `fence` is `stop`: with it, and no device among its resources,
/// Pacemaker starts nothing. What is fenced is looked at in `trio`.
#[test]
fn a_failure_means_what_its_operation_says() {
    let alone = Case::on(&["a", "b", "c"])
        .primitive("mail")
        .primitive("news")
        .probed()
        .runs("mail", "a")
        .runs("news", "a");
    failures_of("primitive", &alone, "mail", "a");
    let gone = alone.node("a", |node| node.presence = Presence::Gone);
    failures_of("primitive on a node that is gone", &gone, "mail", "a");
    for member in ["fs", "tomcat", "apache"] {
        failures_of("group", &frontend_on("zipi"), member, "zipi");
    }
    let clones = Case::on(&["a", "b", "c"])
        .clone_of("servers", "server", None)
        .primitive("vip")
        .together("vip", "servers", ALWAYS)
        .probed()
        .runs("server", "a")
        .runs("server", "b")
        .runs("server", "c")
        .runs("vip", "a");
    failures_of("clone", &clones, "server", "b");
    failures_of("clone with follower", &clones, "server", "a");
}

#[test]
fn a_fatal_failure_bars_the_node() {
    let case = frontend_on("zipi").failed("fs", "zipi", Instance::FATAL);
    agrees("fatal", &case);
}

#[test]
fn resources_share_the_load() {
    let case = Case::on(&["a", "b", "c"])
        .primitive("one")
        .primitive("two")
        .primitive("three")
        .primitive("four")
        .probed();
    agrees("balance", &case);
    agrees("balance with one running", &case.clone().runs("one", "b"));
    agrees(
        "balance with all on one",
        &case
            .runs("one", "c")
            .runs("two", "c")
            .runs("three", "c")
            .runs("four", "c"),
    );
}

#[test]
fn together_and_apart() {
    for score in [ALWAYS, NEVER, 500, -500, 5, -5] {
        for stickiness in [0, 10, 200] {
            let case = Case::on(&["a", "b", "c"])
                .primitive("db")
                .primitive("app")
                .defaults(|options| options.stickiness = Some(Score::new(stickiness)))
                .together("app", "db", score)
                .located("app", "b", 100)
                .located("db", "a", 50)
                .probed();
            agrees("apart", &case);
            agrees("both on c", &case.clone().runs("db", "c").runs("app", "c"));
            agrees("db on c, app on a", &case.runs("db", "c").runs("app", "a"));
        }
    }
}

#[test]
fn who_is_followed_hears_its_followers() {
    for score in [ALWAYS, 1000, 10] {
        let case = Case::on(&["a", "b", "c"])
            .primitive("base")
            .primitive("middle")
            .primitive("top")
            .together("middle", "base", score)
            .together("top", "middle", ALWAYS)
            .located("top", "c", 300)
            .located("base", "b", 100)
            .probed();
        agrees("chain", &case);
        agrees("chain, top barred", &case.located("top", "b", NEVER));
    }
}

#[test]
fn two_groups_each_with_a_home_take_over_both_ways() {
    let case = Case::on(&["left", "right"])
        .group("mail", &["mail-vip", "mail-app"])
        .group("web", &["web-vip", "web-app"])
        .located("mail", "left", 100)
        .located("web", "right", 100)
        .probed();
    agrees("homes", &case);
    let lost = case
        .clone()
        .runs("mail-vip", "left")
        .runs("mail-app", "left")
        .runs("web-vip", "left")
        .runs("web-app", "left");
    agrees("fail-back", &lost);
    agrees(
        "no fail-back",
        &lost.defaults(|options| options.stickiness = Some(Score::new(1000))),
    );
    agrees("takeover", &case.node("right", |node| node.standby = true));
}

#[test]
fn a_mandatory_order_holds_back_what_comes_then() {
    for kind in [Mandatory, Optional] {
        let case = Case::on(&["a", "b"])
            .primitive("first")
            .primitive("then")
            .ordered("first", "then", kind)
            .with("first", |options| {
                options.target_role = Some(TargetRole::Stopped);
            })
            .probed();
        agrees("first is wanted stopped", &case);
        agrees(
            "first has to stop",
            &case.clone().runs("first", "a").runs("then", "b"),
        );
        agrees("then runs already", &case.runs("then", "b"));
    }
}

#[test]
fn what_is_wanted_stopped_is_stopped() {
    agrees(
        "stopped group",
        &frontend_on("zipi").with("web", |options| {
            options.target_role = Some(TargetRole::Stopped);
        }),
    );
    let mut case = frontend_on("zipi");
    case.state
        .target_roles
        .insert("vip".to_owned(), TargetRole::Stopped);
    agrees("stopped member", &case);
}

#[test]
fn what_is_unmanaged_is_left_alone() {
    let mut case = frontend_on("zipi").node("zipi", |node| node.standby = true);
    case.state.unmanaged.insert("web".to_owned());
    agrees("unmanaged group", &case);
    let mut case = frontend_on("zipi").located("web", "zape", 5000);
    case.state.unmanaged.insert("vip".to_owned());
    agrees("unmanaged member", &case);
    let mut case = frontend_on("zipi").located("web", "zape", 5000);
    case.state.maintenance = true;
    agrees("maintenance of the cluster", &case);
    let case = frontend_on("zipi")
        .located("web", "zape", 5000)
        .node("zipi", |node| node.maintenance = true);
    agrees("maintenance of a node", &case);
}

#[test]
fn a_cluster_that_is_stopped_runs_nothing_but_what_is_left_alone() {
    let mut case = frontend_on("zipi")
        .clone_of("servers", "server", None)
        .probed();
    case = case.runs("server", "zipi").runs("server", "zape");
    case.state.halted = true;
    case.state
        .target_roles
        .insert("web".to_owned(), TargetRole::Started);
    agrees("stopped cluster", &case);
    case.state.unmanaged.insert("web".to_owned());
    agrees("stopped cluster, unmanaged group", &case);
    case.state.maintenance = true;
    agrees("stopped cluster in maintenance", &case);
}

#[test]
fn moves_count_until_they_end() {
    for direction in [
        Direction::To("zape".to_owned()),
        Direction::AwayFrom("zipi".to_owned()),
    ] {
        for left_ms in [0, 60_000] {
            let mut case = frontend_on("zipi");
            case.state.moves.push(Move {
                resource: "web".to_owned(),
                direction: direction.clone(),
                until_ms: case.state.now_ms + left_ms,
            });
            agrees("move", &case);
        }
    }
}

#[test]
fn clones_run_on_as_many_nodes_as_they_may() {
    for max in [None, Some(1), Some(2)] {
        let case = Case::on(&["a", "b", "c"])
            .clone_of("servers", "server", max)
            .probed();
        agrees("clone", &case);
        agrees("clone, one runs", &case.clone().runs("server", "c"));
        agrees(
            "clone, barred",
            &case.clone().located("servers", "a", NEVER),
        );
        agrees("clone, liked", &case.clone().located("servers", "c", 100));
        agrees(
            "clone, all run",
            &case
                .runs("server", "a")
                .runs("server", "b")
                .runs("server", "c"),
        );
    }
}

#[test]
fn a_resource_follows_a_clone() {
    for score in [ALWAYS, NEVER, 100, -100] {
        let case = Case::on(&["a", "b", "c"])
            .clone_of("servers", "server", Some(2))
            .primitive("vip")
            .together("vip", "servers", score)
            .located("vip", "c", 10)
            .probed();
        agrees("with clone", &case);
        agrees(
            "with running clone",
            &case
                .runs("server", "a")
                .runs("server", "b")
                .runs("vip", "c"),
        );
    }
}

#[test]
fn the_instance_with_the_best_score_is_promoted() {
    let case = Case::on(&["a", "b"]).promotable("disks", "disk").probed();
    agrees("nobody says anything", &case);
    let case = case
        .runs("disk", "a")
        .runs("disk", "b")
        .promotes("disk", "a", 10)
        .promotes("disk", "b", 20);
    agrees("b is better", &case);
    agrees(
        "a is promoted",
        &case.clone().seen("disk", "a", Observed::Promoted),
    );
    agrees(
        "a in standby",
        &case.clone().node("b", |node| node.standby = true),
    );
    let followed = case
        .primitive("fs")
        .with_promoted("fs", "disks", ALWAYS)
        .probed();
    agrees("followed", &followed);
    agrees("follower likes a", &followed.located("fs", "a", 1000));
}

#[test]
fn both_instances_can_be_promoted() {
    let case = Case::on(&["a", "b"])
        .promotable("disks", "disk")
        .changed("disks", |item| {
            if let Item::Clone(clone) = item {
                clone.promotable = Some(Promotable {
                    max: 2,
                    node_max: 1,
                });
            }
        })
        .probed()
        .runs("disk", "a")
        .runs("disk", "b")
        .promotes("disk", "a", 10)
        .promotes("disk", "b", 20);
    agrees("two", &case);
}

#[test]
fn higher_priority_chooses_first() {
    let case = Case::on(&["a", "b"])
        .primitive("low")
        .primitive("high")
        .with("high", |options| options.priority = Some(10))
        .together("low", "high", NEVER)
        .located("low", "a", 100)
        .located("high", "a", 50)
        .probed();
    agrees("priority", &case);
}

#[test]
fn an_asymmetric_cluster_runs_only_what_is_let_in() {
    let mut case = Case::on(&["a", "b"])
        .primitive("free")
        .group("pair", &["one", "two"])
        .located("pair", "b", 0)
        .probed();
    case.configuration.options.symmetric = false;
    agrees("asymmetric", &case);
}

/// Generated clusters, so many that a run stays short; more of them with
/// `PROPTEST_CASES`.
fn generated(breadth: Breadth) {
    if !crm::is_there() {
        println!("SKIPPED generated clusters: crm_simulate is not installed");
        return;
    }
    let mut config = proptest::test_runner::Config::with_cases(64);
    config.failure_persistence = None;
    config.max_shrink_iters = 400;
    // The same clusters every time, unless `PROPTEST_RNG_SEED` says otherwise.
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(1);
    }
    if let Some(cases) = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|it| it.parse().ok())
    {
        config.cases = cases;
    }
    let (compared, left_out) = (Cell::new(0_u32), Cell::new(0_u32));
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let clusters = generate::case(breadth).prop_map(crm::AsCib);
    let result = runner.run(&clusters, |crm::AsCib(case)| {
        let (configuration, state) = (&case.configuration, &case.state);
        let Some(theirs) = crm::placement(configuration, state) else {
            // It cannot carry out its own transition: nothing to compare with.
            left_out.set(left_out.get() + 1);
            return Ok(());
        };
        compared.set(compared.get() + 1);
        let ours = crm::ours(configuration, state);
        proptest::prop_assert!(
            ours == theirs,
            "ours {:?}\ntheirs {:?}\n{}",
            ours,
            theirs,
            crm::scores(configuration, state)
        );
        Ok(())
    });
    let (compared, left_out) = (compared.get(), left_out.get());
    if let Err(error) = result {
        panic!("after {compared} clusters: {error}");
    }
    println!("compared {compared} clusters, {left_out} without a verdict");
    assert!(compared > 4 * left_out, "too few verdicts to say anything");
}

#[test]
fn generated_primitives_and_groups_are_placed_alike() {
    generated(Breadth {
        clones: false,
        promotables: false,
        orders: false,
        left_alone: true,
        on_fail: false,
    });
}

#[test]
fn generated_orders_hold_back_the_same() {
    generated(Breadth {
        clones: false,
        promotables: false,
        orders: true,
        left_alone: false,
        on_fail: false,
    });
}

#[test]
fn generated_clones_are_placed_alike() {
    generated(Breadth {
        clones: true,
        promotables: false,
        orders: false,
        left_alone: true,
        on_fail: false,
    });
}

#[test]
fn generated_promotable_clones_are_placed_and_promoted_alike() {
    generated(Breadth {
        clones: true,
        promotables: true,
        orders: false,
        left_alone: true,
        on_fail: false,
    });
}

#[test]
fn generated_failures_mean_the_same() {
    generated(Breadth {
        clones: true,
        promotables: false,
        orders: true,
        left_alone: false,
        on_fail: true,
    });
}
