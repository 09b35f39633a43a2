//! The command as operators and scripts use it: what is asked of the daemon, what is
//! said on standard output and standard error, and the exit code. The daemon is a socket
//! that answers from files.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

/// What is answered to a path: each time the next, the last one for ever.
type Answers = Vec<(&'static str, Vec<(u16, String)>)>;

/// A socket that answers.
struct Daemon {
    directory: tempfile::TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Daemon {
    fn new(mut answers: Answers) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let listener = UnixListener::bind(directory.path().join("status.sock")).expect("bound");
        std::fs::hard_link(
            directory.path().join("status.sock"),
            directory.path().join("admin.sock"),
        )
        .expect("linked");
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                serve(stream, &mut answers, &seen);
            }
        });
        Self { directory, asked }
    }

    fn run(&self, words: &[&str]) -> Output {
        clusterd(self.directory.path(), words)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("whole").clone()
    }
}

fn clusterd(run: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_clusterd"))
        .arg("--run")
        .arg(run)
        .args(words)
        .env_remove("NO_COLOR")
        .current_dir(run)
        .output()
        .expect("it runs")
}

fn serve(mut stream: UnixStream, answers: &mut Answers, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a copy"));
    let (mut first, mut length) = (String::new(), 0);
    if reader.read_line(&mut first).is_err() {
        return;
    }
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().expect("a number");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let mut words = first.split_whitespace();
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let body = String::from_utf8_lossy(&body);
    let request = format!("{method} {path} {body}");
    seen.lock().expect("whole").push(request.trim().to_owned());
    let found = answers.iter_mut().find(|(known, _)| *known == path);
    let (code, text) = match found {
        Some((_, list)) if list.len() > 1 => list.remove(0),
        Some((_, list)) => list[0].clone(),
        None => (404, "{\"error\":\"there is nothing\"}".to_owned()),
    };
    let kind = if path == "/v1/events" {
        "text/event-stream"
    } else {
        "application/json"
    };
    let _ = write!(
        stream,
        "HTTP/1.1 {code} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    );
}

fn file(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name);
    std::fs::read_to_string(path).expect("there")
}

fn situation(name: &str) -> (u16, String) {
    (200, file(&format!("situations/{name}.json")))
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

#[test]
fn status_has_its_result_on_stdout_its_hint_on_stderr_and_a_code() {
    let daemon = Daemon::new(vec![(
        "/v1/status",
        vec![situation("healthy-pair"), situation("failed-resource")],
    )]);
    let good = daemon.run(&["status"]);
    assert_eq!(code(&good), Some(0));
    assert!(out(&good).starts_with("web is healthy: "));
    assert_eq!(err(&good), "");
    let bad = daemon.run(&["status"]);
    assert_eq!(code(&bad), Some(2));
    assert_eq!(err(&bad), "hint: `clusterd explain httpd` says why\n");
    let json = daemon.run(&["status", "--json"]);
    assert_eq!((code(&json), err(&json)), (Some(2), String::new()));
    assert_eq!(out(&json), file("situations/failed-resource.json"));
}

#[test]
fn waiting_ends_when_it_is_so_or_the_time_is_over() {
    let daemon = Daemon::new(vec![(
        "/v1/status",
        vec![
            situation("joining"),
            situation("joining"),
            situation("healthy-pair"),
        ],
    )]);
    let waited = daemon.run(&["status", "--wait", "healthy", "--timeout", "30"]);
    assert_eq!(code(&waited), Some(0));
    assert!(out(&waited).starts_with("web is healthy: "));
    // What is waited for is said once.
    assert_eq!(
        err(&waited),
        "web is degraded: zape is joining; ping is on its way\n"
    );
    let never = Daemon::new(vec![("/v1/status", vec![situation("no-quorum")])]);
    let never = never.run(&["status", "--wait", "settled", "--timeout", "1"]);
    assert_eq!(code(&never), Some(2));
    assert!(err(&never).contains("not so after 1 s"), "{}", err(&never));
}

#[test]
fn watching_tells_changes_and_not_ages() {
    let event = |name: &str| {
        let report: serde_json::Value = serde_json::from_str(&situation(name).1).expect("JSON");
        format!("event: report\ndata: {report}\n\n")
    };
    let older = event("healthy-pair").replace("\"heard_ms\":120", "\"heard_ms\":180");
    let events = [
        event("healthy-pair"),
        older,
        ":\n\n".to_owned(),
        event("node-down"),
    ]
    .concat();
    let daemon = Daemon::new(vec![("/v1/events", vec![(200, events)])]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_clusterd"))
        .arg("--run")
        .arg(daemon.directory.path())
        .args(["status", "--watch", "--json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || -> serde_json::Value {
        let line = lines.next().expect("another").expect("text");
        serde_json::from_str(&line).expect("JSON")
    };
    let said = [next(), next()].map(|report| report["verdict"]["health"].clone());
    assert_eq!(said, ["healthy", "degraded"]);
    // The daemon ended; it is tried again, and that is said.
    let mut errors = BufReader::new(child.stderr.take().expect("piped")).lines();
    let line = errors.next().expect("a line").expect("text");
    assert!(
        line.ends_with("the daemon ended; trying again every second"),
        "{line}"
    );
    assert_eq!(next()["verdict"]["health"], "healthy");
    child.kill().expect("ended");
    child.wait().expect("ended");
}

#[test]
fn standby_waits_until_it_is_carried_out_and_says_what_moved() {
    let before = situation("move-in-force");
    let after = situation("standby");
    let mut between = before.clone();
    between.1 = between
        .1
        .replace("\"in_transition\": false", "\"in_transition\": true");
    between.1 = between
        .1
        .replacen("\"pending\": null", "\"pending\": \"stop\"", 1);
    let daemon = Daemon::new(vec![
        ("/v1/status", vec![before, between, after]),
        ("/v1/command", vec![(200, "{\"done\":true}".to_owned())]),
    ]);
    let done = daemon.run(&["standby", "zape"]);
    assert_eq!(code(&done), Some(0), "{}", err(&done));
    assert_eq!(
        out(&done),
        "zape is in standby\nhttpd: moved from zape to zipi\nping: stopped on zape\nvip: moved from zape to zipi\n"
    );
    assert_eq!(err(&done), "stopping vip on zape\n");
    let command = "POST /v1/command {\"standby\":{\"node\":\"zape\",\"on\":true}}";
    assert!(
        daemon.asked().contains(&command.to_owned()),
        "{:?}",
        daemon.asked()
    );
}

#[test]
fn what_is_not_carried_out_in_time_is_said_to_be_asked_for() {
    let daemon = Daemon::new(vec![
        ("/v1/status", vec![situation("healthy-pair")]),
        ("/v1/command", vec![(200, "{\"done\":true}".to_owned())]),
    ]);
    let late = daemon.run(&["stop", "web", "--timeout", "1"]);
    assert_eq!(code(&late), Some(1));
    assert_eq!(
        err(&late),
        "error: asked for, and not carried out yet: vip still runs on zipi\n\
         hint: it stays asked for; `clusterd status --watch` shows what becomes of it\n"
    );
    let not_waited = daemon.run(&["stop", "web", "--no-wait"]);
    assert_eq!(code(&not_waited), Some(0));
    assert_eq!(out(&not_waited), "");
}

#[test]
fn an_unknown_name_is_invalid_and_the_likely_one_is_offered() {
    let daemon = Daemon::new(vec![
        ("/v1/status", vec![situation("healthy-pair")]),
        (
            "/v1/command",
            vec![(409, "{\"error\":\"there is no node zipp\"}".to_owned())],
        ),
        (
            "/v1/explain/htpd",
            vec![(404, "{\"error\":\"there is no resource htpd\"}".to_owned())],
        ),
    ]);
    let standby = daemon.run(&["standby", "zipp"]);
    assert_eq!(code(&standby), Some(3));
    assert_eq!(
        err(&standby),
        "error: there is no node zipp\nhint: was `zipi` meant?\n"
    );
    let explain = daemon.run(&["explain", "htpd"]);
    assert_eq!(code(&explain), Some(3));
    assert!(err(&explain).contains("was `httpd` meant?"));
}

/// What a daemon says that was told so long ago that only zipi has the newest data.
fn outdated(age_ms: u64) -> (u16, String) {
    let (code, text) = situation("healthy-pair");
    let mut report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    report["operators"]["outdated"]["content"] =
        serde_json::json!({"but": "zipi", "since_ms": 7, "age_ms": age_ms});
    (code, report.to_string())
}

#[test]
fn a_handler_takes_back_nothing_that_was_said_after_it_began() {
    let away = (503, "{\"error\":\"the daemon ends\"}".to_owned());
    let daemon = Daemon::new(vec![("/v1/status", vec![away, outdated(100)])]);
    let unfence = daemon.run(&["unfence-peer", "content", "--timeout", "20"]);
    assert_eq!(code(&unfence), Some(1), "{}", err(&unfence));
    let said = out(&unfence) + &err(&unfence);
    assert!(said.contains("content: zipi said meanwhile"), "{said}");
    assert!(daemon.asked().iter().all(|asked| asked.contains("status")));

    let (gone, done) = (situation("healthy-pair"), (200, "{}".to_owned()));
    let daemon = Daemon::new(vec![
        ("/v1/status", vec![outdated(60_000), gone]),
        ("/v1/command", vec![done]),
    ]);
    let unfence = daemon.run(&["unfence-peer", "content", "--timeout", "20"]);
    assert_eq!(code(&unfence), Some(0), "{}", err(&unfence));
    let command = "POST /v1/command {\"alike\":{\"resource\":\"content\",\"since_ms\":7}}";
    assert!(
        daemon.asked().iter().any(|asked| asked == command),
        "{:?}",
        daemon.asked()
    );
}

#[test]
fn files_that_are_not_taken_are_no_success() {
    let refused = "{\"error\":\"everything stays as it was: cluster.yaml:3:1: no cluster\"}";
    let daemon = Daemon::new(vec![("/v1/reload", vec![(409, refused.to_owned())])]);
    let reload = daemon.run(&["reload"]);
    assert_eq!(code(&reload), Some(1));
    assert_eq!(
        err(&reload),
        "error: everything stays as it was: cluster.yaml:3:1: no cluster\n"
    );
}

#[test]
fn without_a_daemon_it_says_so_and_how_to_begin_one() {
    let empty = tempfile::tempdir().expect("a directory");
    let status = clusterd(empty.path(), &["status"]);
    assert_eq!((code(&status), out(&status)), (Some(1), String::new()));
    assert!(err(&status).contains("clusterd does not run here"));
    assert!(err(&status).contains("hint: `systemctl start clusterd`"));
    let nagios = clusterd(empty.path(), &["check"]);
    assert_eq!(code(&nagios), Some(3));
    assert!(out(&nagios).starts_with("CLUSTER UNKNOWN - clusterd does not run here"));
}

#[test]
fn the_files_of_the_documentation_are_right() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cluster-file.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let files: Vec<&str> = page.split("```yaml\n").skip(1).collect();
    assert_eq!(files.len(), 3, "one of each kind");
    let directory = tempfile::tempdir().expect("a directory");
    for file in files {
        let (text, _) = file.split_once("```").expect("its end");
        std::fs::write(directory.path().join("cluster.yaml"), text).expect("written");
        let checked = clusterd(directory.path(), &["check", "cluster.yaml"]);
        assert_eq!(code(&checked), Some(0), "{}", err(&checked));
    }
}

#[test]
fn check_of_a_file_names_everything_at_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("cluster.yaml");
    let right = "
cluster: web
links: [om]
nodes:
  zipi: {id: 1, addresses: {om: 10.77.1.11}}
  zape: {id: 2, addresses: {om: 10.77.1.12}}
witnesses:
  yoda1: {id: 3, addresses: {om: 10.77.1.13}}
resources:
  - primitive: {name: httpd, agent: {systemd: {unit: httpd.service}}}
locations:
  - {id: home, resource: httpd, preference: {node: {node: zipi, score: 50}}}
";
    std::fs::write(&path, right).expect("written");
    let words = ["check", "cluster.yaml"];
    let good = clusterd(directory.path(), &words);
    assert_eq!(code(&good), Some(0), "{}", err(&good));
    assert_eq!(
        out(&good),
        "web: 2 nodes, 1 witnesses, 1 resources: right\n"
    );
    assert!(err(&good).contains("warning: resources: httpd: no monitor"));
    let wrong = right
        .replace("httpd.service", "httpd")
        .replace("node: zipi,", "node: zip,")
        .replace("id: 2", "id: 1");
    std::fs::write(&path, wrong).expect("written");
    let bad = clusterd(directory.path(), &words);
    assert_eq!((code(&bad), out(&bad)), (Some(3), String::new()));
    for part in [
        "is that of zape",
        "`httpd.service` meant?",
        "was `zipi` meant?",
    ] {
        assert!(err(&bad).contains(part), "{}", err(&bad));
    }
}

#[test]
fn a_simulation_asks_the_daemon_or_a_file_and_changes_nothing() {
    let daemon = Daemon::new(vec![("/v1/model", vec![(200, file("models/pair.json"))])]);
    let live = daemon.run(&["simulate", "--lose", "zipi"]);
    assert_eq!(code(&live), Some(0), "{}", err(&live));
    assert_eq!(daemon.asked(), ["GET /v1/model"]);
    let path = format!("{}/tests/models/pair.json", env!("CARGO_MANIFEST_DIR"));
    let filed = daemon.run(&["simulate", "--lose", "zipi", "--file", &path]);
    assert_eq!(out(&live), out(&filed));
    let lost = daemon.run(&[
        "simulate", "--lose", "zipi", "--lose", "yoda1", "--file", &path,
    ]);
    assert_eq!(code(&lost), Some(2));
    let unknown = daemon.run(&["simulate", "--fail", "htpd", "--file", &path]);
    assert_eq!(code(&unknown), Some(3));
    assert!(err(&unknown).contains("was `httpd` meant?"));
    let json = daemon.run(&["simulate", "--lose", "zipi", "--json", "--file", &path]);
    let json: serde_json::Value = serde_json::from_str(&out(&json)).expect("JSON");
    assert_eq!(json["api_version"], 1);
    assert_eq!(json["after"]["vip"]["zape"], "started");
}

#[test]
fn a_bundle_can_be_simulated_and_holds_no_secret() {
    let model = file("models/pair.json").replace(
        "\"multiplier\": \"1\"",
        "\"multiplier\": \"1\", \"passwd\": \"hunter22\"",
    );
    let daemon = Daemon::new(vec![
        ("/v1/model", vec![(200, model)]),
        ("/v1/status", vec![situation("healthy-pair")]),
    ]);
    let made = daemon.run(&["bundle", "-o", "bundle.json", "--lines", "0"]);
    assert_eq!(code(&made), Some(0), "{}", err(&made));
    assert_eq!(out(&made), "bundle.json\n");
    let path = daemon.directory.path().join("bundle.json");
    let text = std::fs::read_to_string(&path).expect("written");
    assert!(!text.contains("hunter22") && text.contains("(removed)"));
    let again = daemon.run(&["bundle", "-o", "bundle.json", "--lines", "0"]);
    assert_eq!(code(&again), Some(1));
    let simulated = daemon.run(&["simulate", "--standby", "zipi", "--file", "bundle.json"]);
    assert_eq!(code(&simulated), Some(0), "{}", err(&simulated));
    let explained = daemon.run(&["explain", "web", "--file", "bundle.json"]);
    assert!(out(&explained).contains("web: runs on zipi"));
    let status = daemon.run(&["status", "--file", "bundle.json"]);
    assert_eq!(code(&status), Some(0), "{}", err(&status));
    assert_eq!(out(&status), out(&daemon.run(&["status"])));
    let none = daemon.run(&["status", "--file", "nothing.json"]);
    assert_eq!(code(&none), Some(3));
    assert!(err(&none).contains("`GET /v1/status` is wanted"));
}

#[test]
fn wrong_usage_is_64_and_help_is_none() {
    let empty = tempfile::tempdir().expect("a directory");
    for words in [
        &["stauts"][..],
        &["move", "web"],
        &["status", "--watch", "--wait", "healthy"],
        &["simulate", "--attribute", "zipi"],
        &["maintenance", "zipi", "--resource", "web"],
    ] {
        let wrong = clusterd(empty.path(), words);
        assert_eq!(
            (code(&wrong), out(&wrong)),
            (Some(64), String::new()),
            "{words:?}"
        );
    }
    let help = clusterd(empty.path(), &["status", "--help"]);
    assert_eq!((code(&help), err(&help)), (Some(0), String::new()));
}

#[test]
fn man_pages_are_of_section_8() {
    let empty = tempfile::tempdir().expect("a directory");
    let made = clusterd(empty.path(), &["man", "-o", "man"]);
    assert_eq!(code(&made), Some(0), "{}", err(&made));
    let page = std::fs::read_to_string(empty.path().join("man/clusterd-status.8"));
    assert!(page.expect("written").contains(".TH clusterd-status 8"));
    assert!(!empty.path().join("man/clusterd-supervise.8").exists());
}
