//! Resources as they really are on a machine, the agents' operations on them, and the
//! supervisor that runs these for the daemon.

use crate::random::Random;
use cluster_core::Definition;
use cluster_core::name::ResourceId;
use cluster_core::operation::{OperationId, OperationKind, Outcome};
use std::collections::BTreeMap;
use std::time::Duration;

/// Good agents take almost as long as they may, too, now and then: in a million.
const SLOW_ANYWAY: u32 = 30_000;

/// Of starts that fail, these find that nothing they need is there: in a million.
const FATAL: u32 = 100_000;

/// How badly agents behave: so many operations in a million. Faults add to it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manners {
    /// A start fails.
    pub start_fails: u32,
    /// A start goes on until it is too late.
    pub start_hangs: u32,
    /// A stop fails.
    pub stop_fails: u32,
    /// A stop goes on until it is too late.
    pub stop_hangs: u32,
    /// A probe fails or hangs.
    pub probe_fails: u32,
    /// Takes almost as long as it may.
    pub slow: u32,
}

/// A resource on one machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// It runs.
    pub active: bool,
    /// It is the instance that counts.
    pub promoted: bool,
    /// A stop did not succeed, and nothing stopped it since.
    pub stop_failed: bool,
    /// The last stop did not succeed, whether there was anything to stop or not: a daemon
    /// cannot tell, and waits for its reset.
    pub stop_refused: bool,
    /// It ended by itself, or did not start and nobody cares (`on-fail: ignore`), and nothing
    /// was done about it yet.
    pub died: bool,
}

/// An operation under way.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Of which resource.
    pub resource: ResourceId,
    /// What.
    pub kind: OperationKind,
    /// Which start of the daemon is told when it is over.
    pub life: u64,
    /// How it will end if nobody kills it.
    outcome: Outcome,
    /// It ran when this began: a failed stop of what did not run leaves nothing.
    ran: bool,
    /// What a probe saw.
    seen: Option<(bool, bool)>,
    /// A kill is under way: it has no effect any more.
    killed: bool,
}

/// When an operation has its effect, and when it ends, counted from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Course {
    /// None: it has none.
    pub effect: Option<Duration>,
    /// When it is over.
    pub end: Duration,
}

/// Everything that runs on a machine because of its daemon. Outlives the daemon, not
/// the machine.
#[derive(Debug)]
pub struct Agents {
    /// The resources: an earlier form of one, with other parameters, is another one to its
    /// agent.
    pub resources: BTreeMap<ResourceId, Resource>,
    /// What is under way.
    pub operations: BTreeMap<OperationId, Operation>,
    /// How those ended that nobody heard of: the daemon that began them was gone.
    unheard: BTreeMap<OperationId, (ResourceId, OperationKind, Outcome)>,
    /// How the agents behave.
    pub manners: Manners,
    random: Random,
}

impl Agents {
    /// Nothing runs.
    pub fn new(random: Random) -> Self {
        Self {
            resources: BTreeMap::new(),
            operations: BTreeMap::new(),
            unheard: BTreeMap::new(),
            manners: Manners::default(),
            random,
        }
    }

    /// The machine was reset.
    pub fn clear(&mut self) {
        for resource in self.resources.values_mut() {
            *resource = Resource::default();
        }
        self.operations.clear();
        self.unheard.clear();
    }

    /// Begins an operation and decides how it will go.
    pub fn start(
        &mut self,
        id: OperationId,
        resource: ResourceId,
        kind: OperationKind,
        life: u64,
        definition: &Definition,
    ) -> Course {
        let limit = definition.timeout(kind);
        let manners = &self.manners;
        let (fails, hangs) = match kind {
            OperationKind::Start | OperationKind::Promote => {
                (manners.start_fails, manners.start_hangs)
            }
            OperationKind::Stop | OperationKind::Demote => (manners.stop_fails, manners.stop_hangs),
            OperationKind::Probe => (manners.probe_fails, manners.probe_fails),
        };
        let hangs = self.random.chance(hangs);
        let fails = self.random.chance(fails);
        let usual = Duration::from_millis(30).min(limit);
        let end = if hangs {
            // Removing its processes takes a moment too.
            limit + self.random.span_ms(1, 40)
        } else if self.random.chance(self.manners.slow + SLOW_ANYWAY) {
            self.random.span(usual, limit)
        } else {
            self.random.span(usual, limit / 5)
        };
        let outcome = if hangs {
            Outcome::TimedOut
        } else if fails && kind == OperationKind::Start && self.random.chance(FATAL) {
            Outcome::Fatal
        } else if fails {
            Outcome::Failed
        } else {
            Outcome::Good
        };
        let good = outcome == Outcome::Good;
        let has_effect = match kind {
            OperationKind::Probe => good,
            // A start that failed may have left something running.
            OperationKind::Start | OperationKind::Promote => {
                good || (outcome != Outcome::Fatal && self.random.chance(500_000))
            }
            // A stop that failed left it running; one that hung may have come far enough.
            OperationKind::Stop | OperationKind::Demote => {
                good || (hangs && self.random.chance(300_000))
            }
        };
        let effect = has_effect.then(|| self.random.span(Duration::ZERO, end.min(limit)));
        let known = self.resources.entry(resource).or_default();
        let ran = known.active || known.stop_failed;
        self.operations.insert(
            id,
            Operation {
                resource,
                kind,
                life,
                outcome,
                ran,
                seen: None,
                killed: false,
            },
        );
        Course { effect, end }
    }

    /// The moment at which an operation has its effect. Says whether the resource
    /// came up or went down by it.
    pub fn effect(&mut self, id: OperationId) -> Option<(ResourceId, bool)> {
        let operation = self.operations.get_mut(&id).filter(|one| !one.killed)?;
        let resource = self.resources.entry(operation.resource).or_default();
        let before = resource.active;
        match operation.kind {
            OperationKind::Probe => operation.seen = Some((resource.active, resource.promoted)),
            OperationKind::Promote => resource.promoted = resource.active,
            OperationKind::Demote => resource.promoted = false,
            OperationKind::Start => {
                resource.active = true;
                resource.died = false;
            }
            OperationKind::Stop => {
                resource.active = false;
                resource.promoted = false;
                resource.died = false;
            }
        }
        (resource.active != before).then_some((operation.resource, resource.active))
    }

    /// An operation ends; how, and whom to tell.
    pub fn end(&mut self, id: OperationId, killed: bool) -> Option<(Operation, Outcome)> {
        // A kill that was asked for ends it, not its own end.
        if self.operations.get(&id)?.killed != killed {
            return None;
        }
        let operation = self.operations.remove(&id)?;
        let resource = self.resources.entry(operation.resource).or_default();
        let outcome = match (operation.killed, operation.outcome, operation.kind) {
            (true, ..) => Outcome::Killed,
            (false, Outcome::Good, OperationKind::Probe) => match operation.seen {
                Some((true, true)) => Outcome::Promoted,
                Some((true, false)) => Outcome::Good,
                _ => Outcome::NotRunning,
            },
            // What does not run cannot be promoted.
            (false, Outcome::Good, OperationKind::Promote) if !resource.promoted => Outcome::Failed,
            (false, outcome, _) => outcome,
        };
        if operation.kind == OperationKind::Stop {
            resource.stop_refused = match outcome {
                Outcome::Good => false,
                Outcome::Failed | Outcome::Fatal | Outcome::TimedOut => true,
                Outcome::NotRunning | Outcome::Promoted | Outcome::Killed => resource.stop_refused,
            };
            resource.stop_failed = match outcome {
                Outcome::Good => false,
                Outcome::Failed | Outcome::Fatal | Outcome::TimedOut => {
                    operation.ran || resource.active
                }
                Outcome::NotRunning | Outcome::Promoted | Outcome::Killed => resource.stop_failed,
            };
        }
        Some((operation, outcome))
    }

    /// A start that did not succeed is taken for one that did (`on-fail: ignore`).
    pub fn ignore(&mut self, id: ResourceId) {
        let resource = self.resources.entry(id).or_default();
        resource.died |= !resource.active;
    }

    /// A resource ends by itself. False: it did not run.
    pub fn die(&mut self, id: ResourceId) -> bool {
        let resource = self.resources.entry(id).or_default();
        let ran = std::mem::take(&mut resource.active);
        resource.promoted = false;
        resource.died |= ran;
        ran
    }

    /// Nobody listens to this outcome; it is kept in case somebody asks.
    pub fn keep(&mut self, id: OperationId, operation: &Operation, outcome: Outcome) {
        let ended = (operation.resource, operation.kind, outcome);
        self.unheard.insert(id, ended);
    }

    /// The daemon wants an operation gone and is told when it is. An outcome at once
    /// if it ended before, or never began; else the time that it takes.
    pub fn kill(&mut self, id: OperationId, life: u64) -> Result<Outcome, Option<Duration>> {
        let Some(operation) = self.operations.get_mut(&id) else {
            let ended = self.unheard.remove(&id);
            return Ok(ended.map_or(Outcome::Killed, |(_, _, outcome)| outcome));
        };
        operation.life = life;
        if std::mem::replace(&mut operation.killed, true) {
            return Err(None);
        }
        Err(Some(self.random.span_ms(1, 60)))
    }

    /// Does anything run, or may it: what may not be on two machines?
    pub fn holds(&self, id: ResourceId) -> bool {
        self.resources
            .get(&id)
            .is_some_and(|resource| resource.active || resource.stop_failed)
            || self.is_under_way(id, OperationKind::Start)
    }

    /// Is it the instance that counts, or may it be?
    pub fn counts(&self, id: ResourceId) -> bool {
        self.resources
            .get(&id)
            .is_some_and(|resource| resource.promoted)
            || self.is_under_way(id, OperationKind::Promote)
    }

    /// Operations whose processes may still be there, or whose end nobody heard, as the
    /// supervisor lists them to a daemon that starts.
    pub fn leftovers(&self) -> BTreeMap<OperationId, (ResourceId, OperationKind)> {
        let under_way = self.operations.iter();
        let under_way = under_way.map(|(id, one)| (*id, (one.resource, one.kind)));
        let ended = self.unheard.iter();
        let ended = ended.map(|(id, (resource, kind, _))| (*id, (*resource, *kind)));
        under_way.chain(ended).collect()
    }

    /// Is such an operation of a resource under way?
    pub fn is_under_way(&self, id: ResourceId, kind: OperationKind) -> bool {
        self.operations
            .values()
            .any(|operation| operation.resource == id && operation.kind == kind)
    }

    /// Does anything at all run, or may it?
    pub fn holds_anything(&self) -> bool {
        self.resources.keys().any(|id| self.holds(*id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_core::name::Session;
    use std::collections::BTreeSet;

    const IT: ResourceId = ResourceId(1);

    fn id(number: u64) -> OperationId {
        OperationId {
            session: Session(1),
            number,
        }
    }

    fn settings() -> Definition {
        Definition {
            name: "it".to_owned(),
            primitive: crate::topology::primitive("it"),
            cloned: false,
            alone: true,
            promoted_alone: true,
            after: BTreeSet::new(),
            monitor: None,
            ignores: BTreeSet::new(),
            blocks: false,
            fences_on_stop: true,
            failure_timeout: None,
            start_timeout: Duration::from_secs(4),
            stop_timeout: Duration::from_secs(2),
            probe_timeout: Duration::from_secs(2),
            promote_timeout: Duration::from_secs(4),
            demote_timeout: Duration::from_secs(2),
        }
    }

    fn agents(seed: u64, manners: Manners) -> Agents {
        let mut agents = Agents::new(Random::new(seed, 0));
        agents.manners = manners;
        agents
    }

    #[test]
    fn a_start_runs_from_its_effect_on_and_a_probe_sees_it() {
        let mut agents = agents(1, Manners::default());
        let course = agents.start(id(1), IT, OperationKind::Start, 1, &settings());
        assert!(course.effect.is_some_and(|effect| effect <= course.end));
        assert!(agents.holds(IT), "a start under way counts");
        assert_eq!(agents.effect(id(1)), Some((IT, true)));
        let ended = agents.end(id(1), false).map(|(_, outcome)| outcome);
        assert_eq!(ended, Some(Outcome::Good));
        agents.start(id(2), IT, OperationKind::Probe, 1, &settings());
        agents.effect(id(2));
        let ended = agents.end(id(2), false).map(|(_, outcome)| outcome);
        assert_eq!(ended, Some(Outcome::Good));
    }

    #[test]
    fn a_failed_stop_leaves_it_running() {
        let manners = Manners {
            stop_fails: 1_000_000,
            ..Manners::default()
        };
        for seed in 0..50 {
            let mut agents = agents(seed, manners);
            agents.resources.insert(
                IT,
                Resource {
                    active: true,
                    ..Resource::default()
                },
            );
            let course = agents.start(id(1), IT, OperationKind::Stop, 1, &settings());
            assert_eq!(course.effect, None);
            let ended = agents.end(id(1), false).map(|(_, outcome)| outcome);
            assert_eq!(ended, Some(Outcome::Failed));
            assert!(agents.holds(IT));
        }
    }

    #[test]
    fn a_hanging_start_times_out_and_may_have_left_it_running_or_not() {
        let manners = Manners {
            start_hangs: 1_000_000,
            ..Manners::default()
        };
        let mut left = BTreeSet::new();
        for seed in 0..50 {
            let mut agents = agents(seed, manners);
            let course = agents.start(id(1), IT, OperationKind::Start, 1, &settings());
            assert!(course.end >= settings().start_timeout);
            left.insert(course.effect.is_some());
            let ended = agents.end(id(1), false).map(|(_, outcome)| outcome);
            assert_eq!(ended, Some(Outcome::TimedOut));
        }
        assert_eq!(left.len(), 2);
    }

    #[test]
    fn a_killed_operation_has_no_effect_and_a_kill_that_comes_late_tells_the_truth() {
        let mut agents = agents(3, Manners::default());
        agents.start(id(1), IT, OperationKind::Start, 1, &settings());
        assert!(matches!(agents.kill(id(1), 2), Err(Some(_))));
        assert_eq!(agents.effect(id(1)), None);
        assert!(agents.end(id(1), false).is_none());
        let (operation, outcome) = agents.end(id(1), true).expect("it ends");
        assert_eq!((operation.life, outcome), (2, Outcome::Killed));
        agents.keep(id(2), &operation, Outcome::Failed);
        assert_eq!(agents.kill(id(2), 2), Ok(Outcome::Failed));
        assert_eq!(agents.kill(id(9), 2), Ok(Outcome::Killed));
    }
}
