//! What the fault tests share: a second release, where a leg stands as its
//! host's disk tells, and how much of a matrix this run shall take.

use crate::operator::Operator;
use crate::stage::{HOSTS, Stage};
use crate::tree::Tree;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tandem_generation::{Entry, Event, LegState};

/// True where nobody waits for the end: whole matrices instead of samples.
pub(crate) fn is_long() -> bool {
    std::env::var_os("TANDEM_LONG").is_some()
}

/// Release 1.1.0: another site, and a setting for which Apache is restarted.
pub(crate) fn second(operator: &Operator) {
    operator.edit("specs/web-site/site/health", "ok", "ok, second edition");
    let was = "version: 1.0.0\n";
    operator.edit("specs/web-site.yaml", was, "version: 1.1.0\n");
    operator.edit(
        "specs/web-site.yaml",
        "changelog:\n",
        "changelog:\n  - date: 2026-11-20\n    \
         author: tandem maintainers <maintainers@tandem.invalid>\n    \
         version: 1.1.0-1\n    lines: [Second edition]\n",
    );
    operator.edit("templates/web/mpm.conf", "StartServers 1", "StartServers 2");
    operator.build("1.1.0");
}

/// Both hosts as they were and as they shall be.
pub(crate) struct Editions {
    pub(crate) old: Vec<Tree>,
    pub(crate) new: Vec<Tree>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edition {
    Old,
    New,
}

impl Editions {
    /// What one host is; fails the test where it is neither.
    #[track_caller]
    pub(crate) fn of(&self, stage: &Stage, host: &str) -> Edition {
        let index = usize::from(host == HOSTS[1]);
        let tree = stage.tree(host);
        if tree == self.old[index] {
            return Edition::Old;
        }
        let (old, new) = (&self.old[index], &self.new[index]);
        assert!(
            tree == *new,
            "{host} is between two generations.\nFrom the old: {:#?}\nFrom the new: {:#?}",
            old.difference(&tree),
            new.difference(&tree)
        );
        Edition::New
    }

    /// What both hosts are; fails the test where they are not the same.
    #[track_caller]
    pub(crate) fn of_both(&self, stage: &Stage) -> Edition {
        let [first, second] = HOSTS.map(|host| self.of(stage, host));
        assert_eq!(first, second, "{} and {}", HOSTS[0], HOSTS[1]);
        first
    }
}

impl Stage {
    /// A host's journal of a run's first leg, read from its disk: also while it
    /// has no power.
    pub(crate) fn journal(&self, host: &str, run: &str) -> Vec<Event> {
        let path = self.journal_path(host, run);
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str::<Entry>(line).ok())
            .map(|entry| entry.event)
            .collect()
    }

    fn journal_path(&self, host: &str, run: &str) -> PathBuf {
        let runs = self.lab().root(host).join("var/lib/tandem/runs");
        runs.join(run).join("journal-1.jsonl")
    }

    /// Where the leg stands; `None` before it was staged.
    pub(crate) fn leg(&self, host: &str, run: &str) -> Option<LegState> {
        let events = self.journal(host, run);
        (!events.is_empty()).then(|| LegState::of(&events))
    }

    /// Waits until the leg of a host is in one of these states.
    #[track_caller]
    pub(crate) fn wait_for_leg(&self, host: &str, run: &str, states: &[LegState], limit: Duration) {
        let end = Instant::now() + limit;
        loop {
            let state = self.leg(host, run);
            if state.is_some_and(|state| states.contains(&state)) {
                return;
            }
            assert!(
                Instant::now() < end,
                "the leg of {host} is in {states:?} within {limit:?}; it is {state:?}: {:?}",
                self.journal(host, run)
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until no host is in the middle of anything: its dead man had time.
    #[track_caller]
    pub(crate) fn wait_for_rest(&self, run: &str, limit: Duration) {
        let is_resting = |host| {
            !matches!(
                self.leg(host, run),
                Some(LegState::Activating | LegState::AwaitingConfirm | LegState::Undoing)
            )
        };
        assert!(
            self.eventually(limit, |_| HOSTS.into_iter().all(is_resting)),
            "hosts rest within {limit:?}: {:?}",
            HOSTS.map(|host| self.journal(host, run))
        );
    }

    /// Fails the test unless units are as this state of the service wants them:
    /// heartbeat runs on both, Apache only where the address is, and nothing
    /// but the cluster starts Apache.
    #[track_caller]
    pub(crate) fn assert_units(&self) {
        let holder = self.holder();
        for host in HOSTS {
            let active = |unit| self.exec(host, &format!("systemctl is-active -q {unit}"));
            assert!(active("heartbeat").success(), "heartbeat runs on {host}");
            assert_eq!(
                active("apache2").success(),
                host == holder,
                "Apache on {host}, while {holder} has the address"
            );
            let enabled = self.exec(host, "systemctl is-enabled apache2");
            assert!(
                !enabled.success(),
                "Apache is not started at boot on {host}"
            );
        }
    }
}
