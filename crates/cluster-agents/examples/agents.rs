//! Tries agents by hand, as root on a host with systemd:
//! `agents run RESOURCE AGENT ACTION TIMEOUT_MS [NAME=VALUE...] | leftovers | kill-leftovers |
//! table [DIR] | fence-table [DIR] | fence AGENT VERB NODE [NAME=VALUE...] | answer`,
//! AGENT being `ocf:P:T`, `lsb:NAME`, `systemd:UNIT` or `address:A/P@IF`. With `answer` it
//! stands in for the daemon towards the tools; called `crm_attribute` and so on, it is one.

use cluster_agents::tools::protocol::{Answer, Call, Node, Request};
use cluster_agents::{Action, Id, Job, Runner, Settings, fence, metadata, tools};
use cluster_model::Agent;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut words = std::env::args();
    let name = words.next().unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or_default();
    if tools::NAMES.contains(&name) {
        return Ok(tools::tools_main(name, words));
    }
    let words: Vec<String> = words.collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["supervise"] => return Ok(cluster_agents::supervise()),
        ["answer"] => answer()?,
        ["table"] => table(Path::new("/usr/lib/ocf/resource.d/heartbeat")),
        ["table", directory] => table(Path::new(directory)),
        ["fence-table"] => fence_table(Path::new("/usr/sbin")),
        ["fence-table", directory] => fence_table(Path::new(directory)),
        _ => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(drive(&words))?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn drive(words: &[&str]) -> Result<(), Box<dyn Error>> {
    if let ["fence", agent, verb, node, parameters @ ..] = words {
        let device = fence::Device {
            agent: (*agent).to_owned(),
            parameters: pairs(parameters),
            ..fence::Device::default()
        };
        let verb = match *verb {
            "off" => fence::Verb::Off,
            "on" => fence::Verb::On,
            "status" => fence::Verb::Status,
            _ => fence::Verb::Monitor,
        };
        let begun = std::time::Instant::now();
        let result = fence::run(&device, verb, node, Duration::from_secs(60)).await;
        println!("{result:?} after {:?}", begun.elapsed());
        return Ok(());
    }
    tools::link(Path::new("/run/clusterd/tools"), &std::env::current_exe()?)?;
    let runner = Runner::new(Settings {
        run: PathBuf::from("/run/clusterd"),
        tools: PathBuf::from("/run/clusterd/tools"),
        supervisor: vec![std::env::current_exe()?.into(), "supervise".into()],
        node: "one".to_owned(),
        cluster: "try".to_owned(),
    })
    .await?;
    match words {
        ["run", resource, agent, action, timeout, parameters @ ..] => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
            let job = Job {
                id: Id {
                    session: now.as_secs(),
                    number: u64::from(now.subsec_micros()),
                },
                resource: (*resource).to_owned(),
                agent: parse(agent, parameters).ok_or("no such agent")?,
                action: named(action).ok_or("no such action")?,
                timeout: Duration::from_millis(timeout.parse()?),
                meta: BTreeMap::new(),
                environment: BTreeMap::new(),
            };
            println!("{:#?}", runner.run(job).await);
        }
        ["leftovers"] => println!("{:#?}", runner.leftovers().await?),
        ["kill-leftovers"] => {
            for leftover in runner.leftovers().await? {
                runner.kill(leftover.id).await;
                println!("killed {leftover:?}");
            }
        }
        _ => return Err("see the first lines of this example".into()),
    }
    // Announcements of addresses take a second.
    tokio::time::sleep(Duration::from_millis(5)).await;
    Ok(())
}

fn parse(agent: &str, parameters: &[&str]) -> Option<Agent> {
    let (kind, rest) = agent.split_once(':')?;
    Some(match kind {
        "ocf" => {
            let (provider, kind) = rest.split_once(':')?;
            Agent::Ocf {
                provider: provider.to_owned(),
                kind: kind.to_owned(),
                parameters: pairs(parameters),
            }
        }
        "lsb" => Agent::Lsb {
            script: rest.to_owned(),
        },
        "systemd" => Agent::Systemd {
            unit: rest.to_owned(),
        },
        "address" => {
            let (address, interface) = rest.split_once('@')?;
            let (address, prefix) = address.split_once('/')?;
            Agent::Address {
                address: address.parse().ok()?,
                prefix: prefix.parse().ok()?,
                interface: interface.to_owned(),
            }
        }
        _ => return None,
    })
}

fn pairs(words: &[&str]) -> BTreeMap<String, String> {
    let pairs = words.iter().filter_map(|it| it.split_once('='));
    pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

/// A daemon that keeps what it is told until it ends.
fn answer() -> Result<(), Box<dyn Error>> {
    let mut kept: BTreeMap<String, String> = BTreeMap::new();
    std::fs::create_dir_all("/run/clusterd")?;
    let _ = std::fs::remove_file("/run/clusterd/agent.sock");
    let listener = UnixListener::bind("/run/clusterd/agent.sock")?;
    for stream in listener.incoming() {
        let mut stream = stream?;
        let mut line = String::new();
        BufReader::new(stream.try_clone()?).read_line(&mut line)?;
        let Call { request, .. } = serde_json::from_str(&line)?;
        println!("{request:?}");
        let mut keep = |name: String, value: Option<String>| {
            match value {
                Some(value) => kept.insert(name, value),
                None => kept.remove(&name),
            };
            Answer::Done
        };
        let answer = match request {
            Request::SetAttribute { name, value, .. } => keep(name, value),
            Request::SetPromotionScore {
                resource, value, ..
            } => keep(format!("master-{resource}"), value),
            Request::GetAttribute { name, .. } => Answer::Value {
                value: kept.get(&name).cloned(),
            },
            Request::GetPromotionScore { resource, .. } => Answer::Value {
                value: kept.get(&format!("master-{resource}")).cloned(),
            },
            Request::LocalNode => Answer::Value {
                value: Some("one".to_owned()),
            },
            Request::Quorum => Answer::Quorum { quorate: true },
            Request::ListNodes => Answer::Nodes {
                nodes: vec![Node {
                    id: 1,
                    name: "one".to_owned(),
                    online: true,
                    ..Node::default()
                }],
            },
            other => Answer::Refused {
                why: format!("{other:?}"),
            },
        };
        serde_json::to_writer(&stream, &answer)?;
        stream.write_all(b"\n")?;
    }
    Ok(())
}

fn named(word: &str) -> Option<Action> {
    Some(match word {
        "probe" => Action::Probe,
        "monitor" => Action::Monitor {
            interval: Duration::from_secs(10),
            depth: 0,
            promoted: false,
        },
        "start" => Action::Start,
        "stop" => Action::Stop,
        "promote" => Action::Promote,
        "demote" => Action::Demote,
        "validate" => Action::ValidateAll,
        "meta-data" => Action::MetaData,
        _ => return None,
    })
}

/// Programs of a directory whose names begin so, sorted. Hidden ones are the shell
/// library's.
fn programs(directory: &Path, prefix: &str) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let named = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.to_owned();
        (name.starts_with(prefix) && !name.starts_with('.')).then_some((name, path))
    };
    let mut found: Vec<_> = entries.filter_map(|entry| named(entry.path())).collect();
    found.sort();
    found
}

fn required(found: &metadata::Metadata) -> String {
    let parameters = found.parameters.iter().filter(|it| it.required);
    let names: Vec<&str> = parameters.map(|it| it.name.as_str()).collect();
    names.join(", ")
}

/// A table of the agents of one provider, for docs/.
fn table(directory: &Path) {
    println!("| agent | version | parameters | required | start | stop | monitor | roles |");
    println!("|---|---|---|---|---|---|---|---|");
    let (mut read, mut unread) = (0, 0);
    for (name, path) in programs(directory, "") {
        match metadata::read_program(&path) {
            Ok(found) => {
                read += 1;
                let timeout = |action: &str| {
                    let found = found.actions.iter().find(|it| it.name == action);
                    found
                        .and_then(|it| it.timeout)
                        .map_or_else(|| "-".to_owned(), |it| format!("{} s", it.as_secs()))
                };
                println!(
                    "| `{name}` | {} | {} | {} | {} | {} | {} | {} |",
                    found.version,
                    found.parameters.len(),
                    required(&found),
                    timeout("start"),
                    timeout("stop"),
                    timeout("monitor"),
                    if found.has("promote") { "promoted" } else { "" },
                );
            }
            Err(problem) => {
                unread += 1;
                println!("| `{name}` | {} | | | | | | |", problem.line());
            }
        }
    }
    println!("\n{read} read, {unread} not.");
}

/// A table of fence agents, for docs/. Without `off` and `status` one is of no use here.
fn fence_table(directory: &Path) {
    println!("| agent | for | parameters | required | off, and seen to be |");
    println!("|---|---|---|---|---|");
    let (mut read, mut unread, mut usable) = (0, 0, 0);
    for (name, path) in programs(directory, "fence_") {
        match metadata::read_fence(&path) {
            Ok(found) => {
                read += 1;
                let verified = found.has("off") && found.has("status");
                usable += usize::from(verified);
                println!(
                    "| `{name}` | {} | {} | {} | {} |",
                    found.summary.replace('|', "/"),
                    found.parameters.len(),
                    required(&found),
                    if verified { "yes" } else { "**no**" },
                );
            }
            Err(problem) => {
                unread += 1;
                println!("| `{name}` | {} | | | |", problem.line());
            }
        }
    }
    println!("\n{read} read, {unread} not; {usable} can switch a node off and see that it is.");
}
