//! What earlier daemons began: found again, killed, and how it ended.

use super::Runner;
use crate::code::OcfCode;
use crate::job::{Action, Ended, Ending, Id, Leftover};
use crate::name::ScopeName;
use crate::order::{Order, Outcome};
use crate::problem::Problem;
use std::collections::BTreeMap;
use std::path::PathBuf;

impl Runner {
    /// Kills all of an operation, of this daemon or an earlier one, and returns when
    /// nothing of it is left. The `run` of one of this daemon ends with
    /// [`Ending::Killed`]; of one of an earlier daemon, this says how it ended.
    ///
    /// One that had ended by itself says so: above all a stop that failed. What was killed
    /// says nothing, and is looked at and done anew.
    pub async fn kill(&self, id: Id) -> Option<Ended> {
        let sender = self.running().get(&id).cloned();
        if let Some(sender) = sender {
            let _ = sender.send(true);
            sender.closed().await;
            return None;
        }
        let mut name = None;
        for unit in self.groups.all_scopes().await {
            if let Some(its) = ScopeName::parse(&unit).filter(|name| name.id == id) {
                self.groups.scope(&unit).kill().await;
                name = Some(its);
            }
        }
        // It may have come to its own end before it could be killed.
        let outcome = Outcome::read(&self.result(id));
        let name = name.or_else(|| its_name(id, outcome.as_ref()?));
        let mut ended = how_it_ended(name.as_ref(), outcome);
        if let Some(name) = name.filter(|it| it.action == Action::Stop.word())
            && ended.ending == Ending::Exit(OcfCode::Success)
        {
            self.stopped(&name.resource, &mut ended).await;
        }
        self.forget(id);
        Some(ended)
    }

    /// Operations of earlier daemons of which something still runs, beside resources
    /// that run because they were started well, and those whose end nobody heard. Each is
    /// to be killed, which tells how it ended, or waited for.
    ///
    /// # Errors
    ///
    /// When control groups cannot be read.
    #[expect(clippy::unused_async, reason = "it may have to ask systemd one day")]
    pub async fn leftovers(&self) -> Result<Vec<Leftover>, Problem> {
        let mut found = BTreeMap::new();
        let mut alive = Vec::new();
        for unit in self.groups.scopes()? {
            let Some(name) = ScopeName::parse(&unit) else {
                continue;
            };
            if self.groups.scope(&unit).is_empty() {
                continue;
            }
            alive.push(self.result(name.id));
            let outcome = Outcome::read(&self.result(name.id));
            let stays = outcome.is_some_and(|outcome| stays(&name, &outcome));
            if stays {
                self.kept().insert(unit);
            }
            if !stays && !self.running().contains_key(&name.id) {
                found.insert(name.id, name);
            }
        }
        for name in self.unheard() {
            let result = self.result(name.id);
            if !alive.contains(&result) && !self.running().contains_key(&name.id) {
                alive.push(result);
                found.insert(name.id, name);
            }
        }
        self.sweep(&alive);
        let leftover = |(id, name): (Id, ScopeName)| Leftover {
            id,
            resource: name.resource,
            action: name.action,
        };
        Ok(found.into_iter().map(leftover).collect())
    }

    /// What left a result of which nobody heard: above all a stop that failed. What was
    /// seen, or started well and ended since, is no news.
    fn unheard(&self) -> Vec<ScopeName> {
        let entries = std::fs::read_dir(self.settings.run.join("ops"));
        let entries = entries.into_iter().flatten().flatten();
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.path();
            let its = path.file_stem().and_then(|stem| stem.to_str());
            let Some(id) = its.and_then(ScopeName::id_of_result) else {
                continue;
            };
            let Some(outcome) = Outcome::read(&self.result(id)) else {
                continue;
            };
            let name = its_name(id, &outcome);
            found.extend(name.filter(|name| !stays(name, &outcome) && !looks(&name.action)));
        }
        found
    }

    /// Removes results of what is gone.
    fn sweep(&self, alive: &[PathBuf]) {
        let running: Vec<PathBuf> = self.running().keys().map(|&id| self.result(id)).collect();
        let Ok(entries) = std::fs::read_dir(self.settings.run.join("ops")) else {
            return;
        };
        for entry in entries.flatten() {
            // Also what is just being written, under another extension.
            let path = entry.path();
            let result = path.with_extension("json");
            if !alive.contains(&result) && !running.contains(&result) {
                let _ = std::fs::remove_file(path);
            }
        }
    }

    /// Somebody heard how it ended.
    pub(super) fn forget(&self, id: Id) {
        let result = self.result(id);
        let _ = std::fs::remove_file(Order::so_far(&result));
        let _ = std::fs::remove_file(result);
    }
}

/// It went well, and what it left running is meant to run.
fn stays(name: &ScopeName, outcome: &Outcome) -> bool {
    outcome.code == Some(0) && Action::leaves(&name.action)
}

/// Changes nothing.
fn looks(action: &str) -> bool {
    !Action::leaves(action) && action != Action::Stop.word()
}

/// What ended, as its result says; one of an earlier release does not.
fn its_name(id: Id, outcome: &Outcome) -> Option<ScopeName> {
    ScopeName::parse(&outcome.operation).filter(|name| name.id == id)
}

fn how_it_ended(name: Option<&ScopeName>, outcome: Option<Outcome>) -> Ended {
    let outcome = outcome.filter(|_| name.is_some_and(|name| !looks(&name.action)));
    let code = outcome.as_ref().and_then(|it| it.code);
    let ending = match (name, code) {
        // What it left running was killed just now.
        (Some(name), Some(0)) if Action::leaves(&name.action) => Ending::Killed,
        // Of what is no look, the codes of scripts mean the same.
        (_, Some(number)) => Ending::Exit(OcfCode::of(number)),
        // A stop whose agent could not even be started has failed, too.
        (Some(name), None) if name.action == Action::Stop.word() => {
            let why = outcome.as_ref().and_then(|it| it.reason.clone());
            why.map_or(Ending::Killed, Ending::NotStarted)
        }
        (_, None) => Ending::Killed,
    };
    let mut ended = Ended::new(ending);
    if let Some(outcome) = outcome {
        ended.output = outcome.output;
        ended.reason = outcome.reason;
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Bus;
    use crate::group::Groups;
    use crate::job::Settings;
    use crate::unit::Units;
    use std::path::Path;
    use std::process::Stdio;
    use std::sync::Mutex;
    use std::time::Duration;

    const ID: Id = Id {
        session: 0xab,
        number: 7,
    };

    /// A daemon that was started just now, where directories stand for control groups.
    fn runner(directory: &Path) -> Runner {
        std::fs::create_dir_all(directory.join("ops")).expect("made");
        Runner {
            settings: Settings {
                run: directory.to_owned(),
                tools: PathBuf::new(),
                supervisor: Vec::new(),
                node: "zipi".to_owned(),
                cluster: "test".to_owned(),
            },
            bus: Bus::default(),
            groups: Groups::at(directory.join("slice")),
            units: Units::default(),
            running: Mutex::default(),
            kept: Mutex::default(),
        }
    }

    fn on<T>(test: impl AsyncFnOnce(Runner, &Path) -> T) -> T {
        let directory = tempfile::tempdir().expect("a directory");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(test(runner(directory.path()), directory.path()))
    }

    fn name(action: &Action) -> ScopeName {
        ScopeName::new(ID, action, "db").expect("short")
    }

    /// What a supervisor leaves that ended while there was no daemon.
    fn supervised(runner: &Runner, action: &Action, script: &str) {
        let order = Order {
            program: PathBuf::from("/bin/sh"),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            environment: BTreeMap::new(),
            result: runner.result(ID),
            operation: name(action).unit(),
            last_words_ms: 60_000,
        };
        let outcome = crate::supervise::run(&order);
        outcome.write(&order.result).expect("written");
    }

    async fn heard(runner: &Runner) -> Vec<(String, String, Ending)> {
        let mut heard = Vec::new();
        for it in runner.leftovers().await.expect("readable") {
            let ended = runner.kill(it.id).await.expect("of an earlier daemon");
            heard.push((it.action, it.resource, ended.ending));
        }
        heard
    }

    #[test]
    fn a_stop_that_failed_while_no_daemon_ran_is_heard_once_by_the_next_one() {
        on(async |runner, _| {
            supervised(&runner, &Action::Stop, "echo no disk; exit 1");
            let found = runner.leftovers().await.expect("readable");
            assert_eq!(found.len(), 1, "its scope is gone, its result is not");
            // Not killed yet: a daemon after that one finds it, too.
            let failed = Ending::Exit(OcfCode::Generic);
            let told = [("stop".to_owned(), "db".to_owned(), failed)];
            assert_eq!(heard(&runner).await, told);
            assert_eq!(heard(&runner).await, [], "it was heard");
        });
    }

    #[test]
    fn a_stop_whose_agent_was_not_there_has_failed() {
        on(async |runner, _| {
            let outcome = Outcome {
                operation: name(&Action::Stop).unit(),
                reason: Some("cannot start /nowhere".to_owned()),
                ..Outcome::default()
            };
            outcome.write(&runner.result(ID)).expect("written");
            let why = "cannot start /nowhere".to_owned();
            let told = [("stop".to_owned(), "db".to_owned(), Ending::NotStarted(why))];
            assert_eq!(heard(&runner).await, told);
        });
    }

    #[test]
    fn a_stop_that_went_well_while_no_daemon_ran_did_and_ends_what_the_start_left() {
        on(async |runner, directory| {
            supervised(&runner, &Action::Stop, "exit 0");
            let start = ScopeName {
                id: Id { number: 6, ..ID },
                ..name(&Action::Start)
            };
            let started = Outcome {
                operation: start.unit(),
                code: Some(0),
                ..Outcome::default()
            };
            started.write(&runner.result(start.id)).expect("written");
            let mut left = scope_of_a_process(directory, &start);
            let (told, ()) = tokio::join!(heard(&runner), ends(directory, &start, &mut left));
            let good = Ending::Exit(OcfCode::Success);
            assert_eq!(told, [("stop".to_owned(), "db".to_owned(), good)]);
        });
    }

    /// A process in a directory that stands for a control group.
    fn scope_of_a_process(directory: &Path, name: &ScopeName) -> tokio::process::Child {
        let path = directory.join("slice").join(name.unit());
        // No file can be written here: it is killed by its number.
        std::fs::create_dir_all(path.join("cgroup.kill")).expect("made");
        let child = tokio::process::Command::new("sleep")
            .arg("1000")
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("sleep");
        let pid = child.id().expect("it runs").to_string();
        std::fs::write(path.join("cgroup.procs"), pid).expect("written");
        child
    }

    /// Waits for its end, and does then as the kernel does.
    async fn ends(directory: &Path, name: &ScopeName, child: &mut tokio::process::Child) {
        let limit = Duration::from_secs(20);
        let status = tokio::time::timeout(limit, child.wait()).await;
        assert!(status.is_ok(), "nobody killed it");
        let path = directory.join("slice").join(name.unit());
        std::fs::remove_dir_all(path).expect("removed");
    }

    #[test]
    fn a_stop_of_an_earlier_daemon_that_has_to_be_killed_was_killed() {
        on(async |runner, directory| {
            let name = name(&Action::Stop);
            let mut child = scope_of_a_process(directory, &name);
            let (told, ()) = tokio::join!(heard(&runner), ends(directory, &name, &mut child));
            assert_eq!(told, [("stop".to_owned(), "db".to_owned(), Ending::Killed)]);
        });
    }

    #[test]
    fn a_start_of_an_earlier_daemon_that_has_to_be_killed_was_killed() {
        on(async |runner, directory| {
            let name = name(&Action::Start);
            let mut child = scope_of_a_process(directory, &name);
            let (told, ()) = tokio::join!(heard(&runner), ends(directory, &name, &mut child));
            let killed = ("start".to_owned(), "db".to_owned(), Ending::Killed);
            assert_eq!(told, [killed]);
        });
    }

    #[test]
    fn what_was_only_looked_at_or_started_well_is_no_news_and_is_swept() {
        on(async |runner, _| {
            for action in [Action::Probe, Action::Start] {
                supervised(&runner, &action, "exit 0");
                assert_eq!(heard(&runner).await, [], "{action:?}");
                assert!(!runner.result(ID).exists(), "{action:?}");
            }
        });
    }
}
