//! What an operator sees of a run: progress bars on a terminal, plain lines
//! elsewhere.

use crate::terminal::{Terminal, Tone};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use tandem_deploy::{Progress, Watch};
use tandem_generation::Event;

/// Prints a run on standard error.
pub(crate) struct Observer {
    terminal: Terminal,
    bars: MultiProgress,
    pushes: Mutex<BTreeMap<String, ProgressBar>>,
    boundaries: AtomicU64,
    /// End the process right after this boundary, by its number or its name;
    /// number 0 lists all of them: for the kill matrix.
    kill_after: Option<String>,
}

impl Observer {
    pub(crate) fn new(terminal: Terminal) -> Self {
        let target = if terminal.colour_errors {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            terminal,
            bars: MultiProgress::with_draw_target(target),
            pushes: Mutex::new(BTreeMap::new()),
            boundaries: AtomicU64::new(0),
            kill_after: kill_after(),
        }
    }

    fn line(&self, text: &str) {
        self.bars.suspend(|| self.terminal.say(text));
    }

    fn push(&self, host: &str, sent: u64, total: u64) {
        let mut pushes = self
            .pushes
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let bar = pushes.entry(host.to_owned()).or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new(total));
            let template = "  {prefix:12} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_prefix(host.to_owned());
            bar
        });
        bar.set_length(total);
        bar.set_position(sent);
        if sent >= total {
            bar.finish_and_clear();
        }
    }
}

/// The kill matrix ends this process after each boundary in turn. Only builds
/// for tests listen to it.
fn kill_after() -> Option<String> {
    if cfg!(debug_assertions) {
        std::env::var("TANDEM_KILL_AFTER").ok()
    } else {
        None
    }
}

impl Watch for Observer {
    fn progress(&self, progress: Progress<'_>) {
        match progress {
            Progress::Locked => self.terminal.detail("all hosts are locked"),
            Progress::Pushing {
                host, sent, total, ..
            } => self.push(host, sent, total),
            Progress::Staged { host, reply } => {
                self.line(&format!(
                    "  {host}: staged, {} proofs{}",
                    reply.proofs.len(),
                    if reply.skipped.is_empty() {
                        String::new()
                    } else {
                        format!("; skipped: {}", reply.skipped.join("; "))
                    }
                ));
                if self.terminal.verbose {
                    for proof in &reply.proofs {
                        self.line(&format!("    {proof}"));
                    }
                }
            }
            Progress::StepBegin { step, of } => {
                let what = crate::show::plan::step(step);
                self.line(&format!("[{}/{of}] {what}: {}", step.number, step.why));
            }
            Progress::StepEnd { took_ms, seen, .. } => {
                let good = self.terminal.paint_error(Tone::Good, "✓");
                self.line(&format!("      {good} {seen} ({took_ms} ms)"));
            }
            Progress::Journal { host, entry } => {
                let text = match &entry.event {
                    Event::Failed { because } => format!("{host}: failed: {because}"),
                    Event::Undoing { because } => format!("{host}: going back: {because}"),
                    Event::Undone => format!("{host}: is what it was"),
                    Event::UndoFailed { because } => {
                        format!("{host}: could not go back: {because}")
                    }
                    Event::DriftSaved { paths } if !paths.is_empty() => {
                        format!(
                            "{host}: saved what was edited by hand: {}",
                            paths.join(", ")
                        )
                    }
                    Event::Recovering { .. } => format!("{host}: recovers after a crash"),
                    Event::TransactionEnd { took_ms, .. } if self.terminal.verbose => {
                        format!("{host}: rpm transaction took {took_ms} ms")
                    }
                    Event::ActionEnd { what, took_ms, .. } if self.terminal.verbose => {
                        format!("{host}: {what} ({took_ms} ms)")
                    }
                    _ => return,
                };
                self.line(&format!("      {text}"));
            }
            Progress::WalkingBack { because } => {
                let text = format!("failed: {because}");
                self.line(&self.terminal.paint_error(Tone::Bad, &text));
                self.line("undoing what this run did, in reverse order");
            }
            Progress::Said(text) => self.line(&format!("      {text}")),
        }
    }

    fn boundary(&self, name: &str) {
        let count = self.boundaries.fetch_add(1, Ordering::SeqCst) + 1;
        let Some(wanted) = &self.kill_after else {
            return;
        };
        if wanted == "0" {
            self.line(&format!("boundary {count}: {name}"));
        }
        if *wanted == count.to_string() || wanted == name {
            self.line(&format!("killed at boundary {count}: {name}"));
            let own = nix::unistd::Pid::this();
            let _ = nix::sys::signal::kill(own, nix::sys::signal::Signal::SIGKILL);
        }
    }
}
