//! The programs themselves: which ones there are, a few at a time, each for so long.

use super::super::program;
use super::difference::Event;
use cluster_model::report::{Health, Report};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::Receiver;

/// How much is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// At the same time.
    pub(super) together: usize,
    /// One program for one event.
    pub(super) patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            together: 4,
            patience: Duration::from_secs(30),
        }
    }
}

/// An event, as programs are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Occurrence {
    environment: Vec<(&'static str, String)>,
}

impl Occurrence {
    /// The event of this number, which the report shows first. Programs run side by side:
    /// by the number they can tell the order.
    pub(super) fn new(number: u64, event: Event, report: &Report) -> Self {
        let coordinates = report.arbitration.coordinator.as_ref() == Some(&report.asked);
        let health = match report.verdict.health {
            Health::Healthy => "healthy",
            Health::Degraded => "degraded",
            Health::Failed => "failed",
            Health::Unknown => "unknown",
        };
        let environment = vec![
            ("CLUSTERD_EVENT", event.kind.word().to_owned()),
            ("CLUSTERD_NUMBER", number.to_string()),
            ("CLUSTERD_TEXT", event.text),
            ("CLUSTERD_NODE", event.node.unwrap_or_default()),
            ("CLUSTERD_RESOURCE", event.resource.unwrap_or_default()),
            ("CLUSTERD_FROM", event.from.unwrap_or_default()),
            ("CLUSTERD_HEALTH", health.to_owned()),
            ("CLUSTERD_CLUSTER", report.cluster.clone()),
            ("CLUSTERD_HERE", report.asked.clone()),
            ("CLUSTERD_COORDINATES", u8::from(coordinates).to_string()),
        ];
        Self { environment }
    }
}

/// The programs of a directory.
pub(super) struct Programs<S> {
    directory: PathBuf,
    limits: Limits,
    say: Rc<S>,
}

impl<S: Fn(&str) + 'static> Programs<S> {
    pub(super) fn new(directory: &Path, limits: Limits, say: S) -> Self {
        Self {
            directory: directory.to_owned(),
            limits,
            say: Rc::new(say),
        }
    }

    /// Runs all programs for each event, until there are no more events. Must be called on
    /// a `LocalSet`.
    pub(super) async fn serve(self, mut events: Receiver<Occurrence>) {
        let free = Arc::new(Semaphore::new(self.limits.together));
        while let Some(occurrence) = events.recv().await {
            // They may come and go while the daemon runs.
            let (programs, refused) = programs(&self.directory);
            for sentence in refused {
                (self.say)(&sentence);
            }
            for path in programs {
                let Ok(permit) = Arc::clone(&free).acquire_owned().await else {
                    return;
                };
                let (say, occurrence) = (Rc::clone(&self.say), occurrence.clone());
                let patience = self.limits.patience;
                tokio::task::spawn_local(async move {
                    let environment = &occurrence.environment;
                    if let Err(why) = program::run(&path, &[], environment, patience).await {
                        say(&format!("{}: {why}", path.display()));
                    }
                    drop(permit);
                });
            }
        }
    }
}

/// There is something to run, or to complain about.
pub(super) fn are_there(directory: &Path) -> bool {
    let (programs, refused) = programs(directory);
    !programs.is_empty() || !refused.is_empty()
}

/// Executables in the order of their names, and what was not taken for one and why. Names
/// as run-parts(8) wants them: what editors and rpm leave behind is not run.
fn programs(directory: &Path) -> (Vec<PathBuf>, Vec<String>) {
    let (mut programs, mut refused) = (Vec::new(), Vec::new());
    let right = |name: &str| {
        let letters = name.chars();
        let mut odd = letters.filter(|one| !one.is_ascii_alphanumeric() && !"_-".contains(*one));
        odd.next().is_none()
    };
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(meta) = std::fs::metadata(&path) else {
            continue;
        };
        let named = entry.file_name().to_str().is_some_and(right);
        if !meta.is_file() || !named || meta.mode() & 0o100 == 0 {
            continue;
        }
        // It runs as root.
        let ours = meta.uid() == nix::unistd::geteuid().as_raw();
        if !ours || meta.mode() & 0o022 != 0 {
            refused.push(format!(
                "{}: not run: others than root can write it",
                path.display()
            ));
            continue;
        }
        programs.push(path);
    }
    programs.sort();
    (programs, refused)
}

#[cfg(test)]
mod tests {
    use super::super::difference::events;
    use super::*;
    use std::cell::RefCell;
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Instant;

    fn put(directory: &Path, name: &str, mode: u32, text: &str) {
        let path = directory.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
    }

    fn occurrences() -> Vec<Occurrence> {
        let report = |name: &str| -> Report {
            let path = format!(
                "{}/tests/situations/{name}.json",
                env!("CARGO_MANIFEST_DIR")
            );
            serde_json::from_str(&std::fs::read_to_string(path).expect("there")).expect("a report")
        };
        let (before, after) = (report("healthy-pair"), report("node-down"));
        (1..)
            .zip(events(&before, &after))
            .map(|(number, event)| Occurrence::new(number, event, &after))
            .collect()
    }

    /// Runs the programs for these events, to their end; returns what was complained about.
    fn run(directory: &Path, limits: Limits, occurrences: Vec<Occurrence>) -> Vec<String> {
        let said = Rc::new(RefCell::new(Vec::new()));
        let heard = Rc::clone(&said);
        let say = move |sentence: &str| heard.borrow_mut().push(sentence.to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let local = tokio::task::LocalSet::new();
        let (tell, told) = tokio::sync::mpsc::channel(64);
        local.spawn_local(Programs::new(directory, limits, say).serve(told));
        for occurrence in occurrences {
            tell.try_send(occurrence).expect("room");
        }
        drop(tell);
        // Until all tasks are done.
        runtime.block_on(local);
        said.take()
    }

    #[test]
    fn programs_are_told_what_happened_and_nothing_else() {
        let directory = tempfile::tempdir().expect("a directory");
        let out = directory.path().join("out.d");
        std::fs::create_dir(&out).expect("made");
        let text = format!("env > {}/$CLUSTERD_NUMBER", out.display());
        put(directory.path(), "10-log", 0o755, &text);
        put(directory.path(), "old.rpmsave", 0o755, "exit 1");
        put(directory.path(), "not-executable", 0o644, "exit 1");
        let said = run(directory.path(), Limits::default(), occurrences());
        assert_eq!(said, Vec::<String>::new());
        let told = std::fs::read_to_string(out.join("1")).expect("it ran");
        for line in [
            "CLUSTERD_EVENT=node-lost",
            "CLUSTERD_NODE=zape",
            "CLUSTERD_HEALTH=degraded",
            "CLUSTERD_COORDINATES=1",
            "CLUSTERD_TEXT=zape is not heard any more",
        ] {
            assert!(told.lines().any(|known| known == line), "{line}: {told}");
        }
        assert!(!told.contains("HOME=") && !told.contains("CARGO"));
        assert_eq!(std::fs::read_dir(&out).expect("there").count(), 3);
    }

    #[test]
    fn what_others_can_write_is_not_run_and_a_failure_is_said() {
        let directory = tempfile::tempdir().expect("a directory");
        put(directory.path(), "loose", 0o777, "exit 0");
        let text = "echo no mail server >&2; exit 3";
        put(directory.path(), "mail", 0o755, text);
        let one = occurrences().into_iter().take(1).collect();
        let said = run(directory.path(), Limits::default(), one).join("\n");
        assert!(said.contains("loose: not run"), "{said}");
        assert!(
            said.contains("mail: exit status: 3: no mail server"),
            "{said}"
        );
    }

    #[test]
    fn one_that_hangs_is_killed_with_its_children() {
        let directory = tempfile::tempdir().expect("a directory");
        let mark = directory.path().join("mark");
        let text = format!("(sleep 2; touch {}) & sleep 60", mark.display());
        put(directory.path(), "hangs", 0o755, &text);
        let limits = Limits {
            together: 4,
            patience: Duration::from_millis(300),
        };
        let begun = Instant::now();
        let one = occurrences().into_iter().take(1).collect();
        let said = run(directory.path(), limits, one);
        assert!(begun.elapsed() < Duration::from_secs(2), "{said:?}");
        assert!(said[0].contains("hangs: killed"), "{said:?}");
        std::thread::sleep(Duration::from_millis(2_500));
        assert!(!mark.exists(), "its child lived on");
    }

    #[test]
    fn no_more_than_so_many_run_at_a_time() {
        let directory = tempfile::tempdir().expect("a directory");
        put(directory.path(), "slow", 0o755, "sleep 0.2");
        let limits = Limits {
            together: 1,
            patience: Duration::from_secs(30),
        };
        let begun = Instant::now();
        run(directory.path(), limits, occurrences());
        assert!(begun.elapsed() >= Duration::from_millis(600));
    }

    #[test]
    fn what_stays_in_the_background_is_not_waited_for() {
        let directory = tempfile::tempdir().expect("a directory");
        put(directory.path(), "background", 0o755, "sleep 5 & exit 0");
        let begun = Instant::now();
        let one = occurrences().into_iter().take(1).collect();
        let said = run(directory.path(), Limits::default(), one);
        assert_eq!(said, Vec::<String>::new());
        assert!(begun.elapsed() < Duration::from_secs(4));
    }
}
