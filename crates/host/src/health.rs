//! Health checks: asked again every 100 ms until they succeed or their time is
//! over.

use crate::actions::milliseconds;
use crate::place::Place;
use crate::{process, units};
use std::io::Read;
use std::time::{Duration, Instant};
use tandem_generation::{CommandResult, HealthCheck, HealthResult, Probe};

const ASK_EVERY: Duration = Duration::from_millis(100);
/// Characters kept of what a command says.
const LINE: usize = 200;
/// Of a body, more is not looked at.
const BODY_MAX_BYTES: u64 = 1 << 20;

/// Runs all checks at the same time.
pub fn check(place: &Place, checks: &[HealthCheck]) -> Vec<HealthResult> {
    std::thread::scope(|scope| {
        let running: Vec<_> = checks
            .iter()
            .map(|check| (check, scope.spawn(|| one(place, check))))
            .collect();
        running
            .into_iter()
            .map(|(check, thread)| {
                thread.join().unwrap_or_else(|_| HealthResult {
                    name: check.name.clone(),
                    ok: false,
                    said: "the check itself broke off".into(),
                    took_ms: 0,
                    output: None,
                })
            })
            .collect()
    })
}

struct Answer {
    ok: bool,
    said: String,
    output: Option<CommandResult>,
}

fn one(place: &Place, check: &HealthCheck) -> HealthResult {
    let start = Instant::now();
    let deadline = start + Duration::from_millis(check.within_ms);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let answer = ask(place, &check.probe, left.max(ASK_EVERY));
        let now = Instant::now();
        if answer.ok || now + ASK_EVERY >= deadline {
            let took_ms = milliseconds(start);
            return HealthResult {
                name: check.name.clone(),
                ok: answer.ok,
                said: if answer.ok {
                    format!("{} after {took_ms} ms", answer.said)
                } else {
                    answer.said
                },
                took_ms,
                output: answer.output,
            };
        }
        std::thread::sleep(ASK_EVERY);
    }
}

fn ask(place: &Place, probe: &Probe, within: Duration) -> Answer {
    match probe {
        Probe::Http {
            url,
            status,
            contains,
        } => http(url, *status, contains.as_deref(), within),
        Probe::Unit { unit } => match units::states(place, std::slice::from_ref(unit)) {
            Ok(states) => {
                let active = states
                    .first()
                    .map_or("unknown", |state| state.active.as_str());
                Answer {
                    ok: active == "active",
                    said: active.to_owned(),
                    output: None,
                }
            }
            Err(refused) => Answer {
                ok: false,
                said: refused.message,
                output: None,
            },
        },
        Probe::Command(command) => {
            let result = process::run_command(command);
            let ok = result.exit == Some(0);
            Answer {
                ok,
                said: words(&result),
                output: (!ok).then_some(result),
            }
        }
    }
}

/// How a command ended and the first line of what it said: its reason.
fn words(result: &CommandResult) -> String {
    let exit = result.exit.map_or("did not end".to_owned(), |exit| {
        format!("exit status {exit}")
    });
    let lines = result.stdout.lines().chain(result.stderr.lines());
    match lines.map(str::trim).find(|line| !line.is_empty()) {
        Some(line) if result.exit != Some(0) => {
            format!("{exit}: {}", line.chars().take(LINE).collect::<String>())
        }
        _ => exit,
    }
}

fn http(url: &str, status: u16, contains: Option<&str>, within: Duration) -> Answer {
    // The client counts whole seconds; a thread that outlives our patience ends
    // by itself.
    let seconds = within.as_secs() + 1;
    let (tell, told) = std::sync::mpsc::channel();
    let request = minreq::get(url)
        .with_timeout(seconds)
        .with_follow_redirects(false);
    std::thread::spawn(move || {
        // Nobody may be listening any more.
        let _ = tell.send(get(request));
    });
    let (code, said, body) = match told.recv_timeout(within) {
        Ok(Ok(response)) => response,
        Ok(Err(cause)) => return bad(cause.to_string()),
        Err(_) => return bad(format!("no answer within {} ms", within.as_millis())),
    };
    if code != status {
        return bad(format!("{said}, not {status}"));
    }
    match contains {
        Some(text) if !body.contains(text) => bad(format!("{said}, without `{text}` in it")),
        _ => Answer {
            ok: true,
            said,
            output: None,
        },
    }
}

/// Status, status in words, body.
fn get(request: minreq::Request) -> Result<(u16, String, String), minreq::Error> {
    let response = request.send_lazy()?;
    let said = format!("{} {}", response.status_code, response.reason_phrase);
    let code = response.status_code;
    let mut body = Vec::new();
    response.take(BODY_MAX_BYTES).read_to_end(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok((code, said.trim().to_owned(), body))
}

fn bad(said: String) -> Answer {
    Answer {
        ok: false,
        said,
        output: None,
    }
}
