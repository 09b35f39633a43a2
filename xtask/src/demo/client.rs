//! Runs the client in the lab's client network, and keeps what it heard.

use super::answers::{Answer, Measure, Page, measure};
use super::poll::now_us;
use crate::process;
use anyhow::{Context as _, Result, bail};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After this, a request that was begun has an answer or has failed.
const SETTLED: Duration = Duration::from_millis(400);

/// The client; it ends with this value.
#[derive(Debug)]
pub(crate) struct Client {
    child: Child,
    answers: Arc<Mutex<Vec<Answer>>>,
}

impl Client {
    /// Starts asking for `address:port` and a path from a network namespace.
    pub(crate) fn start(netns: &Path, address: &str, path: &str) -> Result<Self> {
        let own = std::env::current_exe().context("finding this program")?;
        let mut child = process::command("nsenter")
            .arg(format!("--net={}", netns.display()))
            .arg("--")
            .arg(own)
            .args(["poll", address, "--path", path])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the client")?;
        let answers = Arc::new(Mutex::new(Vec::new()));
        let pipe = child.stdout.take().context("the client's pipe")?;
        let kept = Arc::clone(&answers);
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if let Some(answer) = Answer::of_line(&line) {
                    kept.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(answer);
                }
            }
        });
        Ok(Self { child, answers })
    }

    /// The first good answer to a request that was begun since then and that is
    /// of the wanted kind, and when it came.
    pub(crate) fn wait(
        &self,
        what: &str,
        since_us: u64,
        limit: Duration,
        wanted: impl Fn(&Page) -> bool,
    ) -> Result<(Page, u64)> {
        let begun = Instant::now();
        loop {
            {
                let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
                let found = answers
                    .iter()
                    .rev()
                    .take_while(|answer| answer.ended_us >= since_us)
                    .filter(|answer| answer.begun_us >= since_us)
                    .filter_map(|answer| Some((answer.outcome.as_ref().ok()?, answer.ended_us)))
                    .filter(|(page, _)| wanted(page))
                    .last();
                if let Some((page, at)) = found {
                    return Ok((page.clone(), at));
                }
                if begun.elapsed() > limit {
                    let last = answers
                        .last()
                        .map_or("nothing yet".to_owned(), Answer::to_line);
                    bail!(
                        "waiting for {what}: not within {} s; the last answer: {last}",
                        limit.as_secs()
                    );
                }
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What happened from then until now.
    pub(crate) fn since(&self, from_us: u64) -> Result<Measure> {
        let to_us = now_us();
        std::thread::sleep(SETTLED);
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let measure = measure(&answers, from_us, to_us);
        if measure.asked == 0 && to_us.saturating_sub(from_us) > 200_000 {
            bail!("the client asked nothing: it is not running");
        }
        Ok(measure)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
