//! What if: faults on a model, and the policy step by step until nothing is left to do.
//! It is taken for granted that every operation succeeds.

mod fault;
mod world;

pub(crate) use fault::Fault;

use cluster_model::Model;
use cluster_model::decision::{Action, Decision, Task, Waiting};
use cluster_model::model::API_VERSION;
use cluster_model::state::{Authority, Role};
use serde::Serialize;
use std::collections::BTreeMap;
use world::World;

/// More rounds than this, and it never comes to rest.
const ROUNDS_MAX: usize = 1_000;

/// By resource, then node: where it runs and how. Who runs nowhere has an empty map.
pub(crate) type Places = BTreeMap<String, BTreeMap<String, Role>>;

/// What would happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Simulation {
    /// The version of this document.
    api_version: u32,
    /// What was supposed, in words.
    pub(crate) faults: Vec<String>,
    /// What happens then, one after the other.
    pub(crate) steps: Vec<Step>,
    /// Where everything ran.
    pub(crate) before: Places,
    /// Where everything runs in the end.
    pub(crate) after: Places,
    /// What ran and runs no more, and why.
    pub(crate) lost: BTreeMap<String, String>,
    /// It came to rest.
    pub(crate) settled: bool,
    /// What still waits in the end.
    pub(crate) waiting: Vec<Waiting>,
    /// What is odd.
    pub(crate) notes: Vec<String>,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Step {
    /// What happened before it; nothing: what was done before is done.
    pub(crate) event: Option<String>,
    /// What is done, all at the same time.
    pub(crate) actions: Vec<Done>,
    /// What should be done and cannot be yet.
    pub(crate) waiting: Vec<Waiting>,
}

/// Something that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Done {
    /// What, and on which resource.
    #[serde(flatten)]
    pub(crate) task: Task,
    /// Where.
    pub(crate) node: String,
    /// Why.
    pub(crate) reason: String,
}

/// Why a fault cannot be supposed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Impossible {
    /// There is no node or witness of this name.
    #[error("there is no node {0}")]
    NoSuchNode(String),
    /// There is no resource of this name.
    #[error("there is no resource {0}")]
    NoSuchResource(String),
    /// It does not run there.
    #[error("{0} does not run {1}, so it cannot fail there")]
    NotRunning(String, String),
}

/// Supposes the faults, all at once, and lets the policy work.
pub(crate) fn simulate(model: &Model, faults: &[Fault]) -> Result<Simulation, Impossible> {
    let mut world = World::new(model);
    // What is under way already is no consequence of the faults.
    world.finish_pending();
    let before = world.places();
    let mut words = Vec::new();
    for fault in faults {
        words.push(fault.words());
        world.suppose(fault)?;
    }
    let mut simulation = Simulation {
        api_version: API_VERSION,
        faults: words,
        steps: Vec::new(),
        after: before.clone(),
        before,
        lost: BTreeMap::new(),
        settled: false,
        waiting: Vec::new(),
        notes: Vec::new(),
    };
    let mut event = world.no_majority();
    if let Some(event) = event.take() {
        simulation.steps.push(Step {
            event: Some(event),
            actions: world.everything_stops(),
            waiting: Vec::new(),
        });
    }
    let mut decision = world.decide();
    for _ in 0..ROUNDS_MAX {
        let actions = next(&decision);
        let waiting = decision.transition.waiting.clone();
        let done: Vec<_> = actions.iter().map(Done::new).collect();
        for action in &actions {
            world.succeed(action);
        }
        let nothing = done.is_empty();
        if !nothing || event.is_some() || (simulation.steps.is_empty() && !waiting.is_empty()) {
            let event = event.take();
            simulation.steps.push(Step {
                event,
                actions: done,
                waiting: if nothing { waiting } else { Vec::new() },
            });
        }
        if nothing {
            event = world.promises_end();
            if event.is_none() {
                simulation.settled = true;
                break;
            }
        }
        decision = world.decide();
    }
    simulation.after = world.places();
    simulation.lost = lost(&simulation.before, &simulation.after, &decision, &world);
    simulation.waiting = decision.transition.waiting;
    simulation.notes = decision.explanation.notes;
    Ok(simulation)
}

/// What can be begun now.
fn next(decision: &Decision) -> Vec<Action> {
    let actions = decision.transition.actions.iter();
    actions
        .filter(|action| action.after.is_empty())
        .cloned()
        .collect()
}

/// What ran, and runs nowhere now, and why.
fn lost(
    before: &Places,
    after: &Places,
    decision: &Decision,
    world: &World,
) -> BTreeMap<String, String> {
    let gone = before.iter().filter(|(name, places)| {
        let now = after.get(*name).is_none_or(BTreeMap::is_empty);
        !places.is_empty() && now
    });
    gone.map(|(name, _)| {
        let why = match world.authority() {
            Authority::None => "no majority decides".to_owned(),
            Authority::Keep | Authority::Full => {
                let explained = decision.explanation.resources.get(name);
                explained.map_or_else(String::new, |explained| explained.summary.clone())
            }
        };
        (name.clone(), why)
    })
    .collect()
}

impl Done {
    fn new(action: &Action) -> Self {
        Self {
            task: action.task.clone(),
            node: action.node.clone(),
            reason: action.reason.clone(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use cluster_model::state::{Observed, Operation};

    /// zipi, zape and witness yoda1; group web runs on zipi, clone ping on both.
    pub(crate) fn pair() -> Model {
        let text = include_str!("../../tests/models/pair.json");
        serde_json::from_str(text).expect("a model")
    }

    fn on(places: &Places, name: &str) -> Vec<String> {
        places[name].keys().cloned().collect()
    }

    #[test]
    fn what_ran_on_a_lost_node_starts_on_the_other_once_promises_are_over() {
        let faults = [Fault::Lose("zipi".to_owned())];
        let simulation = simulate(&pair(), &faults).expect("possible");
        assert!(simulation.settled);
        assert_eq!(on(&simulation.before, "vip"), ["zipi"]);
        assert_eq!(on(&simulation.after, "vip"), ["zape"]);
        assert_eq!(on(&simulation.after, "ping"), ["zape"]);
        assert_eq!(simulation.lost, BTreeMap::new());
        // Nothing starts while zipi may still run it.
        assert_eq!(simulation.steps[0].actions, []);
        assert!(!simulation.steps[0].waiting.is_empty());
        let event = simulation.steps[1].event.as_deref().expect("an event");
        assert!(event.contains("zipi"), "{event}");
        // The address before the server.
        let order: Vec<_> = simulation
            .steps
            .iter()
            .flat_map(|step| &step.actions)
            .map(|done| done.task.clone())
            .collect();
        let start = |resource: &str| Task::Operate {
            operation: Operation::Start,
            resource: resource.to_owned(),
        };
        assert_eq!(order, [start("vip"), start("httpd")]);
    }

    #[test]
    fn without_a_majority_everything_stops() {
        let faults = ["zipi", "yoda1"].map(|name| Fault::Lose(name.to_owned()));
        let simulation = simulate(&pair(), &faults).expect("possible");
        assert_eq!(on(&simulation.after, "ping"), Vec::<String>::new());
        assert_eq!(simulation.lost["httpd"], "no majority decides");
        assert!(simulation.settled);
    }

    #[test]
    fn a_witness_alone_changes_nothing() {
        let faults = [Fault::Lose("yoda1".to_owned())];
        let simulation = simulate(&pair(), &faults).expect("possible");
        assert_eq!(simulation.steps, []);
        assert_eq!(simulation.before, simulation.after);
    }

    #[test]
    fn a_failure_below_the_threshold_is_mended_in_place_and_one_at_it_moves() {
        let fail = Fault::Fail {
            resource: "httpd".to_owned(),
            node: None,
        };
        let simulation = simulate(&pair(), std::slice::from_ref(&fail)).expect("possible");
        assert_eq!(on(&simulation.after, "httpd"), ["zipi"]);
        assert_eq!(simulation.steps.len(), 2, "{:?}", simulation.steps);
        let often = vec![fail; 3];
        let simulation = simulate(&pair(), &often).expect("possible");
        assert_eq!(on(&simulation.after, "httpd"), ["zape"]);
        assert_eq!(on(&simulation.after, "vip"), ["zape"]);
    }

    #[test]
    fn a_node_in_standby_gives_away_what_it_has() {
        let simulation = simulate(&pair(), &[Fault::Standby("zipi".to_owned())]);
        let simulation = simulation.expect("possible");
        assert_eq!(on(&simulation.after, "vip"), ["zape"]);
        assert_eq!(on(&simulation.after, "ping"), ["zape"]);
    }

    #[test]
    fn the_end_of_maintenance_mends_what_was_left_alone() {
        let mut model = pair();
        model.state.maintenance = true;
        let httpd = model.state.resources.get_mut("httpd").expect("known");
        httpd.get_mut("zipi").expect("known").observed = Observed::Failed {
            role: Role::Started,
        };
        let quiet = simulate(&model, &[]).expect("possible");
        assert_eq!(quiet.steps, []);
        let simulation = simulate(&model, &[Fault::MaintenanceEnd]).expect("possible");
        assert_eq!(simulation.steps.len(), 2);
        assert_eq!(on(&simulation.after, "httpd"), ["zipi"]);
    }

    #[test]
    fn an_attribute_counts_as_in_the_rule() {
        let fault = Fault::Attribute {
            node: "zipi".to_owned(),
            name: "pingd".to_owned(),
            value: "0".to_owned(),
        };
        let simulation = simulate(&pair(), &[fault]).expect("possible");
        assert_eq!(on(&simulation.after, "httpd"), ["zape"]);
    }

    #[test]
    fn what_is_not_there_cannot_fail() {
        let no_node = simulate(&pair(), &[Fault::Lose("zip".to_owned())]);
        assert_eq!(no_node, Err(Impossible::NoSuchNode("zip".to_owned())));
        let fail = |resource: &str, node: Option<&str>| {
            let fault = Fault::Fail {
                resource: resource.to_owned(),
                node: node.map(str::to_owned),
            };
            simulate(&pair(), &[fault])
        };
        assert_eq!(
            fail("vipp", None),
            Err(Impossible::NoSuchResource("vipp".to_owned()))
        );
        assert!(matches!(
            fail("vip", Some("zape")),
            Err(Impossible::NotRunning(..))
        ));
        // A group fails by one of its members.
        assert!(matches!(
            fail("web", None),
            Err(Impossible::NoSuchResource(_))
        ));
    }
}
