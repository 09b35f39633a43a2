//! What the policy decides in the situations that operators know, and what it
//! says about it.

#[allow(dead_code)] // Each test file uses a part of it.
mod cluster;

use cluster::build::Case;
use cluster_core::policy::decide;
use cluster_model::Score;
use cluster_model::configuration::{Item, TargetRole};
use cluster_model::constraint::{FailoverDomain, OrderKind};
use cluster_model::decision::{Decision, Task};
use cluster_model::state::{
    Authority, Direction, Move, Observed, Operation, PendingOperation, Presence, Role,
};

const WEB: [&str; 4] = ["fs", "vip", "tomcat", "apache"];

/// The frontend of the thesis, everything on zipi.
fn frontend() -> Case {
    WEB.iter()
        .fold(stopped_frontend(), |case, member| case.runs(member, "zipi"))
}

fn stopped_frontend() -> Case {
    Case::on(&["zape", "zipi"])
        .group("web", &WEB)
        .defaults(|options| options.stickiness = Some(Score::new(100)))
        .probed()
}

fn decided(case: &Case) -> Decision {
    decide(&case.configuration, &case.state)
}

fn task(task: &Task, node: &str) -> String {
    match task {
        Task::Fence => format!("fence {node}"),
        Task::Operate {
            operation,
            resource,
        } => format!("{operation:?} {resource} on {node}").to_lowercase(),
    }
}

/// The actions, in an order in which they can be carried out.
fn actions(decision: &Decision) -> Vec<String> {
    let actions = &decision.transition.actions;
    actions.iter().map(|it| task(&it.task, &it.node)).collect()
}

/// What should be done and cannot be begun, with the reason.
fn waiting(decision: &Decision) -> Vec<(String, String)> {
    let waiting = &decision.transition.waiting;
    waiting
        .iter()
        .map(|it| (task(&it.task, &it.node), it.because.clone()))
        .collect()
}

fn reason(decision: &Decision, action: &str) -> String {
    let mut all = decision.transition.actions.iter();
    let found = all.find(|it| task(&it.task, &it.node) == action);
    found.map(|it| it.reason.clone()).unwrap_or_default()
}

/// Whether one action waits for another, be it over others in between.
fn waits_for(decision: &Decision, later: &str, earlier: &str) -> bool {
    let actions = &decision.transition.actions;
    let at = |name: &str| {
        actions
            .iter()
            .position(|it| task(&it.task, &it.node) == name)
    };
    let (Some(later), Some(earlier)) = (at(later), at(earlier)) else {
        return false;
    };
    let mut open = vec![later];
    while let Some(one) = open.pop() {
        if one == earlier {
            return true;
        }
        open.extend(actions[one].after.iter().map(|id| *id as usize));
    }
    false
}

/// The node of a resource that is no clone.
fn place(decision: &Decision, resource: &str) -> Option<String> {
    let nodes = &decision.placement[resource];
    assert!(nodes.len() <= 1, "{resource} is on {nodes:?}");
    nodes.keys().next().cloned()
}

fn all_on(decision: &Decision, node: Option<&str>) {
    for member in WEB {
        assert_eq!(place(decision, member).as_deref(), node, "{member}");
    }
}

fn with_limit(case: Case, limit: u32) -> Case {
    case.changed("web", |item| {
        if let Item::Group(group) = item {
            group.migration_threshold_sum = Some(limit);
        }
    })
}

#[test]
fn what_runs_well_is_left_in_peace() {
    let decision = decided(&frontend());
    assert!(actions(&decision).is_empty());
    assert!(decision.transition.waiting.is_empty());
    all_on(&decision, Some("zipi"));
}

#[test]
fn a_group_starts_in_order() {
    let decision = decided(&stopped_frontend());
    let node = place(&decision, "fs").expect("it runs");
    let wanted: Vec<String> = WEB
        .iter()
        .map(|it| format!("start {it} on {node}"))
        .collect();
    assert_eq!(actions(&decision), wanted);
    for pair in wanted.windows(2) {
        assert!(waits_for(&decision, &pair[1], &pair[0]));
    }
}

#[test]
fn a_switchover_stops_in_reverse_and_only_then_starts() {
    let decision = decided(&frontend().node("zipi", |node| node.standby = true));
    assert_eq!(
        actions(&decision),
        [
            "stop apache on zipi",
            "stop tomcat on zipi",
            "stop vip on zipi",
            "stop fs on zipi",
            "start fs on zape",
            "start vip on zape",
            "start tomcat on zape",
            "start apache on zape",
        ]
    );
    assert!(waits_for(&decision, "start fs on zape", "stop fs on zipi"));
    let why = reason(&decision, "stop fs on zipi");
    assert!(why.contains("zape") && why.contains("standby"), "{why}");
}

#[test]
fn a_failed_member_is_restarted_in_place_with_those_that_need_it() {
    let case = frontend().failed("tomcat", "zipi", 1).seen(
        "tomcat",
        "zipi",
        Observed::Failed {
            role: Role::Started,
        },
    );
    let decision = decided(&case);
    assert_eq!(
        actions(&decision),
        [
            "stop apache on zipi",
            "stop tomcat on zipi",
            "start tomcat on zipi",
            "start apache on zipi",
        ]
    );
    assert!(reason(&decision, "stop tomcat on zipi").contains("failed"));
    assert!(reason(&decision, "stop apache on zipi").contains("tomcat"));
}

/// A6: the sum of the group's failures moves it.
#[test]
fn the_sum_of_the_failures_of_a_group_moves_it() {
    let case = with_limit(frontend(), 6)
        .failed("tomcat", "zipi", 3)
        .failed("apache", "zipi", 2);
    all_on(&decided(&case), Some("zipi"));
    let case = case.failed("vip", "zipi", 1);
    let decision = decided(&case);
    all_on(&decision, Some("zape"));
    let why = reason(&decision, "stop vip on zipi");
    assert!(
        why.contains("failed 6 times") && why.contains("limit"),
        "{why}"
    );
}

/// A6: where both nodes got there, resources stop everywhere.
#[test]
fn a_group_that_failed_too_often_everywhere_stops_everywhere() {
    let case = with_limit(frontend(), 6)
        .failed("tomcat", "zipi", 6)
        .failed("apache", "zape", 6);
    let decision = decided(&case);
    all_on(&decision, None);
    assert_eq!(actions(&decision).len(), 4);
    let summary = &decision.explanation.resources["fs"].summary;
    assert!(
        summary.contains("zipi") && summary.contains("zape"),
        "{summary}"
    );
}

#[test]
fn failures_are_forgotten_after_their_time_and_the_decision_says_when() {
    let mut case = with_limit(frontend(), 2)
        .defaults(|options| options.failure_timeout_ms = Some(60_000))
        .failed("tomcat", "zipi", 2);
    let failed_at = case.state.now_ms - 10_000;
    let decision = decided(&case);
    all_on(&decision, Some("zape"));
    let moment = decision.reconsider_at_ms.expect("time changes it");
    assert_eq!(moment, failed_at + 60_001);
    case.state.now_ms = moment - 1;
    all_on(&decided(&case), Some("zape"));
    case.state.now_ms = moment;
    all_on(&decided(&case), Some("zipi"));
    assert_eq!(decided(&case).reconsider_at_ms, None);
}

/// A5, in its four situations.
#[test]
fn a_node_without_connectivity_runs_nothing() {
    let case = frontend();
    let moved = decided(&case.clone().with_ping(&[("zipi", "0"), ("zape", "1")]));
    all_on(&moved, Some("zape"));
    assert!(reason(&moved, "stop fs on zipi").contains("location ping"));
    let down = decided(&case.with_ping(&[("zipi", "0"), ("zape", "0")]));
    all_on(&down, None);
    assert_eq!(actions(&down).len(), 4);
    let back = stopped_frontend().with_ping(&[("zipi", "0"), ("zape", "1")]);
    all_on(&decided(&back), Some("zape"));
}

#[test]
fn a_lost_node_is_fenced_before_its_resources_start_elsewhere() {
    let mut case = frontend().node("zipi", |node| node.presence = Presence::Unclean);
    case.configuration.options.fencing = true;
    let decision = decided(&case);
    assert_eq!(actions(&decision)[0], "fence zipi");
    assert!(waits_for(&decision, "start fs on zape", "fence zipi"));
    assert!(!actions(&decision).iter().any(|it| it.starts_with("stop")));
}

#[test]
fn without_fencing_nothing_starts_until_the_lost_node_is_known_to_be_gone() {
    let case = frontend().node("zipi", |node| node.presence = Presence::Unclean);
    let decision = decided(&case);
    assert!(actions(&decision).is_empty(), "{:?}", actions(&decision));
    let (what, why) = &waiting(&decision)[0];
    assert_eq!(what, "start fs on zape");
    assert!(
        why.contains("zipi") && why.contains("not yet known"),
        "{why}"
    );
    let gone = case
        .clone()
        .node("zipi", |node| node.presence = Presence::Gone);
    assert_eq!(actions(&decided(&gone)).len(), 4);

    // Where a lost node goes by itself, fencing is of those that are there and cannot stop.
    let mut by_time = case;
    by_time.configuration.options.fencing = true;
    by_time.state.lost_go_by_time = true;
    let decision = decided(&by_time);
    assert!(actions(&decision).is_empty(), "{:?}", actions(&decision));
    assert!(waiting(&decision)[0].1.contains("not yet known"));
    let mut stuck = frontend().seen("tomcat", "zipi", Observed::StopFailed);
    stuck.configuration.options.fencing = true;
    stuck.state.lost_go_by_time = true;
    assert_eq!(actions(&decided(&stuck))[0], "fence zipi");
}

#[test]
fn nothing_is_fenced_without_the_right_to() {
    let mut case = frontend().node("zipi", |node| node.presence = Presence::Unclean);
    case.configuration.options.fencing = true;
    case.state.may_fence = false;
    let decision = decided(&case);
    assert!(actions(&decision).is_empty());
    case.state.may_fence = true;
    case.state.authority = Authority::None;
    assert!(actions(&decided(&case)).is_empty());
}

#[test]
fn what_nobody_knows_of_a_lost_node_may_run_there() {
    let mut case = Case::on(&["a", "b"]).primitive("db").probed();
    case = case
        .seen("db", "a", Observed::Unknown)
        .node("a", |node| node.presence = Presence::Unclean);
    assert!(actions(&decided(&case)).is_empty());
    let known = case.seen("db", "a", Observed::Stopped);
    assert_eq!(actions(&decided(&known)), ["start db on b"]);
}

#[test]
fn a_node_that_is_joining_is_waited_for() {
    let case = Case::on(&["a", "b"])
        .primitive("db")
        .probed()
        .seen("db", "a", Observed::Unknown)
        .node("a", |node| node.presence = Presence::Joining);
    let decision = decided(&case);
    assert!(actions(&decision).is_empty());
    assert!(waiting(&decision)[0].1.contains("joining"));
}

#[test]
fn a_stop_that_failed_is_mended_by_fencing() {
    let mut case = frontend().seen("tomcat", "zipi", Observed::StopFailed);
    case.configuration.options.fencing = true;
    let decision = decided(&case);
    assert_eq!(actions(&decision)[0], "fence zipi");
    all_on(&decision, Some("zape"));
    assert!(reason(&decision, "fence zipi").contains("tomcat"));
}

#[test]
fn without_fencing_a_stop_that_failed_counts_as_running() {
    let case = frontend().seen("tomcat", "zipi", Observed::StopFailed);
    let decision = decided(&case);
    assert!(actions(&decision).is_empty(), "{:?}", actions(&decision));
    all_on(&decision, Some("zipi"));
    let standby = case.node("zipi", |node| node.standby = true);
    let decision = decided(&standby);
    // Apache may stop; below tomcat nothing may.
    assert_eq!(actions(&decision), ["stop apache on zipi"]);
    assert_eq!(place(&decision, "fs").as_deref(), Some("zipi"));
    let summary = &decision.explanation.resources["vip"].summary;
    assert!(summary.contains("tomcat needs it"), "{summary}");
}

#[test]
fn without_quorum_nothing_starts_or_moves_and_what_must_stop_stops() {
    let mut case = frontend().located("web", "zape", 5000);
    case.state.authority = Authority::None;
    assert!(actions(&decided(&case)).is_empty());
    let failed = case.clone().seen(
        "tomcat",
        "zipi",
        Observed::Failed {
            role: Role::Started,
        },
    );
    assert!(actions(&decided(&failed)).is_empty());
    let standby = case.node("zipi", |node| node.standby = true);
    let decision = decided(&standby);
    assert_eq!(actions(&decision).len(), 4);
    assert!(actions(&decision).iter().all(|it| it.starts_with("stop")));
    all_on(&decision, None);
    let mut stopped = stopped_frontend();
    stopped.state.authority = Authority::None;
    assert!(actions(&decided(&stopped)).is_empty());
}

#[test]
fn who_may_only_keep_restarts_in_place_and_starts_nothing_new() {
    let mut case = frontend()
        .seen(
            "apache",
            "zipi",
            Observed::Failed {
                role: Role::Started,
            },
        )
        .primitive("new")
        .probed();
    case.state.authority = Authority::Keep;
    let decision = decided(&case);
    assert_eq!(
        actions(&decision),
        ["stop apache on zipi", "start apache on zipi"]
    );
    assert_eq!(place(&decision, "new"), None);
}

#[test]
fn an_operation_on_its_way_is_not_ordered_again_and_the_rest_waits() {
    let mut case = stopped_frontend();
    case.state.pending.push(PendingOperation {
        resource: "fs".to_owned(),
        node: "zipi".to_owned(),
        operation: Operation::Start,
    });
    let decision = decided(&case);
    assert!(actions(&decision).is_empty(), "{:?}", actions(&decision));
    // It goes on where it was begun, although zape comes first by name.
    all_on(&decision, Some("zipi"));
    assert!(waiting(&decision)[0].1.contains("on its way"));
}

#[test]
fn a_stop_on_its_way_holds_back_what_would_start_on_top_of_it() {
    let mut case = frontend().seen("apache", "zipi", Observed::Stopped);
    case.state.pending.push(PendingOperation {
        resource: "tomcat".to_owned(),
        node: "zipi".to_owned(),
        operation: Operation::Stop,
    });
    let decision = decided(&case);
    assert!(actions(&decision).is_empty(), "{:?}", actions(&decision));
}

#[test]
fn everything_is_looked_at_before_anything_starts() {
    let case = Case::on(&["a", "b"]).primitive("db");
    let decision = decided(&case);
    assert!(waits_for(&decision, "start db on a", "probe db on a"));
    assert!(waits_for(&decision, "start db on a", "probe db on b"));
}

#[test]
fn a_move_ends_by_itself() {
    let mut case = frontend();
    let end = case.state.now_ms + 1_000;
    case.state.moves.push(Move {
        resource: "web".to_owned(),
        direction: Direction::To("zape".to_owned()),
        until_ms: end,
    });
    let decision = decided(&case);
    all_on(&decision, Some("zape"));
    assert_eq!(decision.reconsider_at_ms, Some(end));
    let explained = &decision.explanation.resources["web"].nodes["zape"];
    let said = explained
        .contributions
        .iter()
        .any(|it| it.why.contains("operator"));
    assert!(said, "{explained:?}");
    case.state.now_ms = end;
    all_on(&decided(&case), Some("zipi"));
}

#[test]
fn a_move_goes_only_where_it_may() {
    let mut case = frontend().node("zape", |node| node.standby = true);
    case.state.moves.push(Move {
        resource: "web".to_owned(),
        direction: Direction::To("zape".to_owned()),
        until_ms: u64::MAX,
    });
    assert!(actions(&decided(&case)).is_empty());
}

/// The newest data are on zipi: nothing goes to zape, not even when zipi is lost.
#[test]
fn what_has_old_data_runs_nowhere_else_whatever_happens() {
    let newest = ("fs".to_owned(), "zipi".to_owned());
    let mut case = frontend();
    case.state.outdated.extend([newest]);
    assert!(actions(&decided(&case)).is_empty());
    let mut lost = case
        .clone()
        .node("zipi", |node| node.presence = Presence::Gone);
    for member in WEB {
        let places = lost.state.resources.entry(member.to_owned()).or_default();
        places.remove("zipi");
    }
    let decision = decided(&lost);
    all_on(&decision, None);
    let explained = &decision.explanation.resources["fs"].nodes["zape"];
    let mut why = explained.contributions.iter().map(|it| &it.why);
    assert!(
        why.any(|why| why.contains("zipi has the newest one")),
        "{explained:?}"
    );
    lost.state.outdated.clear();
    all_on(&decided(&lost), Some("zape"));
}

/// B11 with old data on b: it runs there, to catch up, and is not promoted.
#[test]
fn of_a_promotable_clone_an_outdated_copy_runs_and_is_not_promoted() {
    for name in ["disks", "disk"] {
        let mut case = Case::on(&["a", "b"])
            .promotable("disks", "disk")
            .runs("disk", "a")
            .runs("disk", "b")
            .probed()
            .promotes("disk", "a", 5)
            .promotes("disk", "b", 10);
        case.state
            .outdated
            .extend([(name.to_owned(), "a".to_owned())]);
        assert_eq!(actions(&decided(&case)), ["promote disk on a"]);
        case.state.outdated.clear();
        assert_eq!(actions(&decided(&case)), ["promote disk on b"]);
    }
}

fn in_domain(case: Case, change: impl Fn(&mut FailoverDomain)) -> Case {
    let mut case = case.with("web", |options| options.domain = Some("pair".to_owned()));
    let mut domain = FailoverDomain {
        name: "pair".to_owned(),
        members: vec!["b".to_owned(), "a".to_owned()],
        ordered: true,
        restricted: true,
        fail_back: true,
    };
    change(&mut domain);
    case.configuration.domains.push(domain);
    case
}

/// B11.
#[test]
fn a_failover_domain_says_in_which_order_and_whether_only_there() {
    let case = Case::on(&["a", "b", "c"]).group("web", &["ip"]).probed();
    let ordered = in_domain(case.clone(), |_| {});
    assert_eq!(place(&decided(&ordered), "ip").as_deref(), Some("b"));
    let second = ordered.node("b", |node| node.standby = true);
    assert_eq!(place(&decided(&second), "ip").as_deref(), Some("a"));
    let none = second.node("a", |node| node.standby = true);
    let decision = decided(&none);
    assert_eq!(place(&decision, "ip"), None);
    let why = &decision.explanation.resources["ip"].nodes["c"].exclusions;
    assert!(why[0].contains("failover domain pair"), "{why:?}");
    let open = in_domain(case, |domain| domain.restricted = false)
        .node("b", |node| node.standby = true)
        .node("a", |node| node.standby = true);
    assert_eq!(place(&decided(&open), "ip").as_deref(), Some("c"));
}

/// B10: fail-back is a choice.
#[test]
fn a_domain_without_fail_back_leaves_resources_where_they_are() {
    let case = Case::on(&["a", "b"])
        .group("web", &["ip"])
        .probed()
        .runs("ip", "a");
    let back = in_domain(case.clone(), |_| {});
    assert_eq!(place(&decided(&back), "ip").as_deref(), Some("b"));
    let stays = in_domain(case, |domain| domain.fail_back = false);
    assert_eq!(place(&decided(&stays), "ip").as_deref(), Some("a"));
}

#[test]
fn orders_hold_both_ways() {
    let case = Case::on(&["a", "b"])
        .primitive("db")
        .primitive("app")
        .ordered("db", "app", OrderKind::Mandatory)
        .located("db", "a", 100)
        .located("app", "b", 100)
        .probed();
    let up = decided(&case);
    assert!(waits_for(&up, "start app on b", "start db on a"));
    let running = case.runs("db", "a").runs("app", "b");
    let moved = decided(&running.clone().node("a", |node| node.standby = true));
    assert_eq!(
        actions(&moved),
        [
            "stop app on b",
            "stop db on a",
            "start db on b",
            "start app on b"
        ]
    );
    let down = running.with("db", |options| {
        options.target_role = Some(TargetRole::Stopped);
    });
    let down = decided(&down);
    assert_eq!(actions(&down), ["stop app on b", "stop db on a"]);
    let why = reason(&down, "stop app on b");
    assert!(why.contains("needs db"), "{why}");
}

#[test]
fn orders_in_a_circle_are_told_and_hold_up_nothing_else() {
    let case = Case::on(&["a", "b"])
        .primitive("one")
        .primitive("two")
        .primitive("free")
        .ordered("one", "two", OrderKind::Mandatory)
        .ordered("two", "one", OrderKind::Mandatory)
        .probed();
    let decision = decided(&case);
    assert_eq!(actions(&decision).len(), 1);
    assert!(actions(&decision)[0].starts_with("start free"));
    assert!(waiting(&decision)[0].1.contains("circle"));
}

fn disks() -> Case {
    Case::on(&["a", "b"])
        .promotable("disks", "disk")
        .primitive("fs")
        .with_promoted("fs", "disks", Score::INFINITY.value())
        .probed()
        .promotes("disk", "a", 10)
        .promotes("disk", "b", 5)
}

#[test]
fn who_was_promoted_is_demoted_before_another_is_promoted() {
    let case = disks()
        .seen("disk", "a", Observed::Promoted)
        .runs("disk", "b")
        .promotes("disk", "b", 100);
    let decision = decided(&case);
    assert!(waits_for(
        &decision,
        "promote disk on b",
        "demote disk on a"
    ));
    assert_eq!(decision.placement["disk"]["a"], Role::Started);
    assert_eq!(decision.placement["disk"]["b"], Role::Promoted);
    assert_eq!(place(&decision, "fs").as_deref(), Some("b"));
}

#[test]
fn nobody_is_promoted_while_a_lost_node_may_hold_the_promoted_one() {
    let case = disks()
        .seen("disk", "a", Observed::Promoted)
        .runs("disk", "b")
        .node("a", |node| node.presence = Presence::Unclean);
    let decision = decided(&case);
    assert!(
        !actions(&decision)
            .iter()
            .any(|it| it.starts_with("promote"))
    );
    assert!(
        waiting(&decision)
            .iter()
            .any(|(what, _)| what == "promote disk on b")
    );
}

#[test]
fn nobody_is_promoted_while_another_promotion_is_on_its_way() {
    let mut case = disks()
        .runs("disk", "a")
        .runs("disk", "b")
        .promotes("disk", "b", 100);
    case.state.pending.push(PendingOperation {
        resource: "disk".to_owned(),
        node: "a".to_owned(),
        operation: Operation::Promote,
    });
    let decision = decided(&case);
    let promotes = |it: &String| it.starts_with("promote");
    assert!(!actions(&decision).iter().any(promotes));
    case.state.pending.clear();
    assert!(actions(&decided(&case)).iter().any(promotes));
}

#[test]
fn nobody_is_promoted_beside_one_whose_stop_failed() {
    let mut case = disks()
        .seen("disk", "a", Observed::StopFailed)
        .runs("disk", "b");
    let promotes = |it: &String| it.starts_with("promote");
    assert!(!actions(&decided(&case)).iter().any(promotes));
    case.configuration.options.fencing = true;
    let decision = decided(&case);
    assert!(waits_for(&decision, "promote disk on b", "fence a"));
}

#[test]
fn a_failed_instance_is_stopped_outright_before_another_is_promoted() {
    for role in [Role::Started, Role::Promoted] {
        let case = disks()
            .seen("disk", "a", Observed::Failed { role })
            .runs("disk", "b")
            .promotes("disk", "b", 100);
        let decision = decided(&case);
        assert!(!actions(&decision).contains(&"demote disk on a".to_owned()));
        assert!(waits_for(&decision, "promote disk on b", "stop disk on a"));
    }
}

#[test]
fn two_copies_that_both_run_are_one_too_many() {
    let case = Case::on(&["a", "b"])
        .primitive("db")
        .runs("db", "a")
        .runs("db", "b");
    let decision = decided(&case);
    let node = place(&decision, "db").expect("it runs");
    let start = format!("start db on {node}");
    assert!(waits_for(&decision, &start, "stop db on a"));
    assert!(waits_for(&decision, &start, "stop db on b"));
    assert!(reason(&decision, "stop db on a").contains("more than one place"));
}

#[test]
fn in_maintenance_all_is_left_alone() {
    let mut case = frontend()
        .seen(
            "tomcat",
            "zipi",
            Observed::Failed {
                role: Role::Started,
            },
        )
        .node("zipi", |node| node.standby = true);
    case.state.maintenance = true;
    let decision = decided(&case);
    assert!(actions(&decision).is_empty());
    all_on(&decision, Some("zipi"));
    let summary = &decision.explanation.resources["fs"].summary;
    assert!(summary.contains("maintenance"), "{summary}");
}

#[test]
fn the_wish_of_an_operator_outweighs_the_configuration() {
    let mut case = frontend();
    let mut wish = |name: &str, role| {
        case.state.target_roles.insert(name.to_owned(), role);
        decided(&case)
    };
    all_on(&wish("web", TargetRole::Stopped), None);
    let decision = wish("web", TargetRole::Started);
    all_on(&decision, Some("zipi"));
}

#[test]
fn a_node_that_somebody_wants_fenced_is_fenced() {
    let mut case = frontend().node("zipi", |node| {
        node.fence_because = Some("an operator asked for it".to_owned());
    });
    case.configuration.options.fencing = true;
    let decision = decided(&case);
    assert_eq!(actions(&decision)[0], "fence zipi");
    all_on(&decision, Some("zape"));
    case.state.being_fenced.insert("zipi".to_owned());
    assert!(actions(&decided(&case)).is_empty());
}

#[test]
fn every_node_has_its_score_and_where_it_came_from() {
    let case = frontend()
        .located("web", "zape", 50)
        .node("zape", |node| node.standby = true);
    let decision = decided(&case);
    let fs = &decision.explanation.resources["fs"];
    assert_eq!(fs.summary, "runs on zipi: score 400");
    let zape = &fs.nodes["zape"];
    assert_eq!(zape.score, Score::new(50));
    assert_eq!(zape.exclusions, ["it is in standby"]);
    assert_eq!(zape.contributions[0].why, "location loc-0");
    let zipi = &fs.nodes["zipi"];
    let sum = zipi
        .contributions
        .iter()
        .fold(Score::ZERO, |sum, part| sum.plus(part.score));
    assert_eq!(sum, zipi.score);
}

#[test]
fn what_does_not_exist_is_named_and_counts_for_nothing() {
    let mut case = frontend()
        .located("wbe", "zape", 5000)
        .together("web", "dbb", Score::INFINITY.value())
        .ordered("dbb", "web", OrderKind::Mandatory);
    case.state.moves.push(Move {
        resource: "web".to_owned(),
        direction: Direction::To("zope".to_owned()),
        until_ms: u64::MAX,
    });
    let decision = decided(&case);
    assert!(actions(&decision).is_empty());
    assert_eq!(
        decision.explanation.notes.len(),
        4,
        "{:?}",
        decision.explanation.notes
    );
}

#[test]
fn what_is_started_anew_says_whether_it_failed_or_was_changed() {
    let mut case = frontend();
    let apache = case.state.resources.get_mut("apache").expect("known");
    apache.get_mut("zipi").expect("there").observed = Observed::Failed {
        role: Role::Started,
    };
    let reasons = |case: &Case| {
        let actions = decided(case).transition.actions;
        let apache =
            |task: &Task| matches!(task, Task::Operate { resource, .. } if resource == "apache");
        let its = actions.into_iter().filter(|one| apache(&one.task));
        its.map(|one| one.reason).collect::<Vec<_>>()
    };
    let failed = "it failed, and is started again in place";
    assert_eq!(reasons(&case), [failed, failed]);
    let summary = &decided(&case).explanation.resources["apache"].summary;
    assert!(summary.starts_with("is to run on zipi"), "{summary}");
    let nodes = ["zipi".to_owned()].into();
    case.state.replaced.insert("apache".to_owned(), nodes);
    let changed = "its agent or parameters were changed, and it is started anew with them";
    assert_eq!(reasons(&case), [changed, changed]);
}
