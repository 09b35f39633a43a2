//! What agents say of themselves: `meta-data` of resource agents (OCF 1.1, section 5,
//! and the older `ra-api-1.dtd`) and `metadata` of fence agents, which look alike.

use crate::problem::Problem;
use crate::program::{OCF_ROOT, ocf_path};
use cluster_model::Agent;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// An agent that has not said by then what it is hangs. Some are programs in Python.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks at whether it ended.
const LOOK: Duration = Duration::from_millis(20);

/// How long output is waited for after its end.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// More than the longest that is known, in bytes, by far.
const TEXT_MAX: u64 = 4 << 20;

/// What an agent says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The agent's name.
    pub name: String,
    /// The agent's own version; empty if it has none.
    pub version: String,
    /// The version of the OCF standard that it names; empty if none.
    pub standard: String,
    /// What it is for, in a line.
    pub summary: String,
    /// Its parameters, in its order.
    pub parameters: Vec<Parameter>,
    /// What it can do.
    pub actions: Vec<Operation>,
}

/// A parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// It must be given.
    pub required: bool,
    /// No other resource of this agent may have the same.
    pub unique: bool,
    /// `string`, `integer`, `boolean`, `time`, ...
    pub kind: String,
    /// What it is when it is not given.
    pub default: Option<String>,
    /// In a line.
    pub summary: String,
}

/// An action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operation {
    /// `start`, `monitor`, ...
    pub name: String,
    /// How long it may take, in the agent's opinion.
    pub timeout: Option<Duration>,
    /// Of a monitor: between two of them.
    pub interval: Option<Duration>,
    /// Of a monitor: how closely it looks.
    pub depth: Option<u32>,
    /// Of a monitor: `Promoted`, `Master`, ...
    pub role: Option<String>,
}

impl Metadata {
    /// Does it have an action?
    pub fn has(&self, action: &str) -> bool {
        self.actions.iter().any(|it| it.name == action)
    }

    /// What is wrong with these parameters, for people.
    pub fn problems(&self, parameters: &BTreeMap<String, String>) -> Vec<String> {
        let mut found = Vec::new();
        for name in parameters.keys() {
            if !self.parameters.iter().any(|it| it.name == *name) {
                found.push(format!("{} has no parameter `{name}`", self.name));
            }
        }
        for parameter in &self.parameters {
            let name = &parameter.name;
            match parameters.get(name) {
                // Agents mark parameters as required that have a default.
                None if parameter.required && parameter.default.is_none() => {
                    found.push(format!("{} wants a parameter `{name}`", self.name));
                }
                Some(value) if !fits(&parameter.kind, value) => {
                    let kind = &parameter.kind;
                    found.push(format!(
                        "parameter `{name}` of {}: `{value}` is no {kind}",
                        self.name
                    ));
                }
                _ => {}
            }
        }
        found
    }
}

fn fits(kind: &str, value: &str) -> bool {
    match kind {
        "integer" => value.trim().parse::<i64>().is_ok(),
        // As the agents' shell library reads it (`ocf_is_true`).
        "boolean" => {
            let word = value.to_ascii_lowercase();
            let words = [
                "yes", "true", "1", "on", "no", "false", "0", "off", "y", "n",
            ];
            words.contains(&word.as_str())
        }
        _ => true,
    }
}

/// Asks an agent, or remembers what it said. `None`: this kind of agent says nothing of
/// itself. Blocks for as long as the agent takes, at most 20 seconds.
///
/// # Errors
///
/// When there is no such agent, it hangs, or what it says is no meta-data.
pub fn read(agent: &Agent) -> Result<Option<Arc<Metadata>>, Problem> {
    match agent {
        Agent::Ocf { provider, kind, .. } => read_program(&ocf_path(provider, kind)?).map(Some),
        Agent::Systemd { .. } | Agent::Address { .. } | Agent::Lsb { .. } => Ok(None),
    }
}

/// What is wrong with an agent's parameters on this host, for people: unknown ones,
/// missing ones, numbers that are none. Also that the agent is not there at all.
pub fn problems(agent: &Agent, parameters: &BTreeMap<String, String>) -> Vec<String> {
    match read(agent) {
        Ok(None) => Vec::new(),
        Ok(Some(metadata)) => metadata.problems(parameters),
        Err(problem) => vec![problem.line()],
    }
}

/// Remembered by path, for as long as the file is the same.
type Cache = BTreeMap<PathBuf, (SystemTime, Arc<Metadata>)>;
static CACHE: Mutex<Cache> = Mutex::new(Cache::new());

/// The same for a program: `PROGRAM meta-data`.
///
/// # Errors
///
/// As [`read`].
pub fn read_program(path: &Path) -> Result<Arc<Metadata>, Problem> {
    let file = |source| Problem::File {
        what: "read",
        path: path.to_owned(),
        source,
    };
    let changed = std::fs::metadata(path)
        .and_then(|it| it.modified())
        .map_err(file)?;
    let cache = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((of, known)) = cache().get(path)
        && *of == changed
    {
        return Ok(Arc::clone(known));
    }
    let text = ask(path, &["meta-data"], "")?;
    let metadata = Arc::new(parse(&text).map_err(|why| trouble(path, why))?);
    cache().insert(path.to_owned(), (changed, Arc::clone(&metadata)));
    Ok(metadata)
}

/// What a fence agent says of itself.
///
/// # Errors
///
/// As [`read`].
pub fn read_fence(path: &Path) -> Result<Metadata, Problem> {
    let text = ask(path, &[], "action=metadata\n")?;
    parse(&text).map_err(|why| trouble(path, why))
}

fn trouble(path: &Path, why: impl Into<String>) -> Problem {
    Problem::Metadata {
        agent: path.display().to_string(),
        why: why.into(),
    }
}

/// Runs a program that only talks. It has a process group of its own, and all of that
/// is killed when it takes too long.
fn ask(path: &Path, arguments: &[&str], input: &str) -> Result<String, Problem> {
    ask_within(path, arguments, input, PATIENCE)
}

fn ask_within(
    path: &Path,
    arguments: &[&str],
    input: &str,
    patience: Duration,
) -> Result<String, Problem> {
    let failed = |error: std::io::Error| trouble(path, error.to_string());
    let kind = path.file_name().unwrap_or_default();
    let provider = path.parent().and_then(Path::file_name).unwrap_or_default();
    let mut child = Command::new(path)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .env("HOME", "/root")
        .env("OCF_ROOT", OCF_ROOT)
        .env("OCF_RESOURCE_TYPE", kind)
        .env("OCF_RESOURCE_PROVIDER", provider)
        .env("OCF_RESOURCE_INSTANCE", "undef")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // Who does not read it does not need it.
        let _ = stdin.write_all(input.as_bytes());
    }
    let stdout = child.stdout.take();
    let (sender, answer) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.map(|it| it.take(TEXT_MAX).read_to_end(&mut bytes));
        let _ = sender.send(read.transpose().map(|_| bytes));
    });
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    // Also what it left behind; when nothing is left, there is no such group.
    let kill = || killpg(group, Signal::SIGKILL);
    let begun = Instant::now();
    let mut ended: Option<Instant> = None;
    let answer = loop {
        if let Ok(answer) = answer.recv_timeout(LOOK) {
            break Some(answer);
        }
        if ended.is_none() && has_ended(group) {
            ended = Some(Instant::now());
        }
        // What it left running may hold its output open for ever.
        if ended.is_some_and(|ended| ended.elapsed() > LAST_WORDS) {
            let _ = kill();
            break answer.recv_timeout(LAST_WORDS).ok();
        }
        if begun.elapsed() > patience {
            break None;
        }
    };
    let _ = kill();
    let _ = child.wait();
    let seconds = patience.as_secs();
    let bytes = answer
        .ok_or_else(|| trouble(path, format!("no answer within {seconds} seconds")))?
        .map_err(failed)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// It ended, and is still there to be waited for: its group is nobody else's yet.
fn has_ended(child: Pid) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    !matches!(waitid(Id::Pid(child), flags), Ok(WaitStatus::StillAlive))
}

/// Understands meta-data.
///
/// # Errors
///
/// What is wrong with it, for people.
pub fn parse(text: &str) -> Result<Metadata, String> {
    // Some agents say something before they say it.
    let begin = text.find('<').ok_or("it says nothing")?;
    let mut reader = Reader::from_str(&text[begin..]);
    reader.config_mut().check_end_names = false;
    let mut found = Metadata::default();
    let mut rooted = false;
    let mut path: Vec<String> = Vec::new();
    // How many elements of this name are open: looking for one in the path each time
    // takes for ever where somebody nests without end.
    let mut actions = 0_usize;
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        match event {
            Event::Start(tag) => {
                rooted |= open(&tag, actions > 0, &mut found)?;
                let name = name_of(&tag);
                actions += usize::from(name == ACTIONS);
                path.push(name);
            }
            Event::Empty(tag) => rooted |= open(&tag, actions > 0, &mut found)?,
            Event::End(_) => {
                let closed = path.pop();
                actions -= usize::from(closed.is_some_and(|name| name == ACTIONS));
            }
            Event::Text(text) => words(&path, &text.xml10_content(), &mut found),
            Event::CData(text) => words(&path, &text.xml10_content(), &mut found),
            Event::GeneralRef(entity) => {
                let character = entity.resolve_char_ref().ok().flatten();
                let text = match (character, &*entity.xml10_content()) {
                    (Some(character), _) => character.to_string(),
                    (None, "lt") => "<".to_owned(),
                    (None, "gt") => ">".to_owned(),
                    (None, "amp") => "&".to_owned(),
                    (None, "quot") => "\"".to_owned(),
                    (None, "apos") => "'".to_owned(),
                    (None, other) => format!("&{other};"),
                };
                words(&path, &text, &mut found);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if !rooted {
        return Err("there is no <resource-agent>".to_owned());
    }
    tidy(&mut found.summary);
    tidy(&mut found.version);
    tidy(&mut found.standard);
    for parameter in &mut found.parameters {
        tidy(&mut parameter.summary);
    }
    Ok(found)
}

fn tidy(text: &mut String) {
    *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
}

fn name_of(tag: &BytesStart<'_>) -> String {
    tag.name().0.to_owned()
}

/// The element that actions are in.
const ACTIONS: &str = "actions";

/// An element begins, among actions or not; whether it is the root.
fn open(tag: &BytesStart<'_>, in_actions: bool, found: &mut Metadata) -> Result<bool, String> {
    let attributes = attributes(tag)?;
    let text = |name: &str| attributes.get(name).cloned().unwrap_or_default();
    let is = |name: &str| matches!(text(name).as_str(), "1" | "true" | "yes");
    let name = name_of(tag);
    match name.as_str() {
        "resource-agent" => {
            found.name = text("name");
            found.summary = text("shortdesc");
            if found.version.is_empty() {
                found.version = text("version");
            }
            return Ok(true);
        }
        "parameter" => found.parameters.push(Parameter {
            name: text("name"),
            required: is("required"),
            unique: is("unique") || attributes.contains_key("unique-group"),
            ..Parameter::default()
        }),
        "content" => {
            if let Some(parameter) = found.parameters.last_mut() {
                parameter.kind = text("type");
                let default = text("default");
                parameter.default = Some(default).filter(|it| !it.is_empty());
            }
        }
        "action" if in_actions => found.actions.push(Operation {
            name: text("name"),
            timeout: duration(&text("timeout")),
            interval: duration(&text("interval")),
            depth: text("depth").parse().ok(),
            role: Some(text("role")).filter(|it| !it.is_empty()),
        }),
        _ => {}
    }
    Ok(false)
}

fn attributes(tag: &BytesStart<'_>) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    // Comparing each with all before it takes for ever where there are many.
    for attribute in tag.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute
            .normalized_value(XmlVersion::Explicit1_0)
            .map_err(|error| error.to_string())?;
        found.insert(attribute.key.0.to_owned(), value.into_owned());
    }
    Ok(found)
}

/// Text within an element.
fn words(path: &[String], text: &str, found: &mut Metadata) {
    let within = |depth: usize| {
        path.len()
            .checked_sub(depth)
            .and_then(|at| path.get(at))
            .map(String::as_str)
    };
    match (within(2), within(1)) {
        (Some("parameter"), Some("shortdesc")) => {
            if let Some(parameter) = found.parameters.last_mut() {
                parameter.summary.push_str(text);
            }
        }
        (Some("resource-agent"), Some("shortdesc")) => found.summary.push_str(text),
        (Some("resource-agent"), Some("version")) => {
            // The standard's element is within the root; the agent's own version was an
            // attribute before 1.1 and has stayed one.
            found.standard.push_str(text);
        }
        _ => {}
    }
}

/// `20`, `20s`, `20sec`, `2m`, `2min`, `1h`, `500ms`: as agents write it.
pub fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let end = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    let number: u64 = text[..end].parse().ok()?;
    let unit_ms = match text[end..].trim() {
        "" | "s" | "sec" | "S" => 1000,
        "ms" | "msec" => 1,
        "m" | "min" => 60_000,
        "h" | "hr" => 3_600_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.checked_mul(unit_ms)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"warning: something
<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="Thing" version="0.9">
<version>1.1</version>
<longdesc lang="en">At least &gt; 2.</longdesc>
<shortdesc lang="en">Runs a
 thing &amp; more</shortdesc>
<parameters>
<parameter name="device" unique="1" required="1"><shortdesc lang="en">Where</shortdesc>
<content type="string"/></parameter>
<parameter name="count" required="1"><content type="integer" default="3" /></parameter>
<parameter name="fast"><content type="boolean"/></parameter>
</parameters>
<actions>
<action name="start" timeout="1m"/>
<action name="monitor" timeout="20s" interval="10" depth="20" role="Promoted"/>
</actions>
</resource-agent>"#;

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn all_of_it_is_understood() {
        let found = parse(TEXT).expect("meta-data");
        assert_eq!((&*found.name, &*found.version), ("Thing", "0.9"));
        assert_eq!(found.standard, "1.1");
        assert_eq!(found.summary, "Runs a thing & more");
        let device = &found.parameters[0];
        assert!(device.required && device.unique && device.summary == "Where");
        assert_eq!(found.parameters[1].default.as_deref(), Some("3"));
        let monitor = &found.actions[1];
        assert_eq!(monitor.depth, Some(20));
        assert_eq!(monitor.interval, Some(Duration::from_secs(10)));
        assert_eq!(monitor.role.as_deref(), Some("Promoted"));
        assert_eq!(found.actions[0].timeout, Some(Duration::from_secs(60)));
        assert!(found.has("start") && !found.has("promote"));
    }

    #[test]
    fn wrong_parameters_are_named() {
        let found = parse(TEXT).expect("meta-data");
        assert!(found.problems(&given(&[("device", "/x")])).is_empty());
        let wrong = found.problems(&given(&[
            ("devcie", "/x"),
            ("fast", "maybe"),
            ("count", "x"),
        ]));
        assert_eq!(
            wrong,
            [
                "Thing has no parameter `devcie`",
                "Thing wants a parameter `device`",
                "parameter `count` of Thing: `x` is no integer",
                "parameter `fast` of Thing: `maybe` is no boolean",
            ]
        );
    }

    /// An agent that is a script.
    fn asked(script: &str) -> (Result<Metadata, String>, Duration) {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("agent");
        let said = directory.path().join("said");
        std::fs::write(&said, TEXT).expect("written");
        let text = format!("#!/bin/sh\nT={}\n{script}\n", said.display());
        std::fs::write(&path, text).expect("written");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, mode).expect("executable");
        let begun = Instant::now();
        let text = ask_within(&path, &["meta-data"], "", Duration::from_secs(2));
        let metadata = text.map_err(|it| it.line()).and_then(|it| parse(&it));
        (metadata, begun.elapsed())
    }

    #[test]
    fn an_agent_that_forks_and_forgets_is_understood_all_the_same() {
        let (metadata, took) = asked("cat $T; sleep 1000 & exit 0");
        assert_eq!(metadata.expect("said").name, "Thing");
        assert!(took < Duration::from_secs(2), "{took:?}");
    }

    #[test]
    fn an_agent_that_hangs_is_named_and_killed() {
        let (metadata, _) = asked("trap '' TERM; sleep 1000; cat $T");
        let why = metadata.expect_err("no answer");
        assert!(why.contains("no answer within 2 seconds"), "{why}");
    }

    #[test]
    fn a_hundred_megabytes_are_not_read_and_nonsense_is_refused() {
        let (metadata, _) = asked("cat $T; head -c 104857600 /dev/zero");
        assert_eq!(metadata.expect("it was said before").name, "Thing");
        let (metadata, _) = asked("head -c 104857600 /dev/zero");
        assert!(metadata.is_err());
        let (metadata, _) = asked("exit 77");
        assert_eq!(metadata, Err("it says nothing".to_owned()));
    }

    #[test]
    fn what_is_no_metadata_is_refused() {
        assert!(parse("").is_err());
        assert!(parse("<a></a>").is_err());
        assert!(parse("<resource-agent name='x'><").is_err());
    }

    #[test]
    fn what_nests_without_end_and_has_no_end_of_attributes_is_read_in_time() {
        let begun = Instant::now();
        let deep = format!("<resource-agent><actions>{}", "<action>".repeat(200_000));
        assert_eq!(
            parse(&deep).expect("odd, and understood").actions.len(),
            200_000
        );
        let attributes: Vec<String> = (0..200_000).map(|number| format!("a{number}=''")).collect();
        let attributes = attributes.join(" ");
        let wide = format!("<resource-agent name='x' {attributes}/>");
        assert_eq!(parse(&wide).expect("odd, and understood").name, "x");
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{:?}",
            begun.elapsed()
        );
    }

    #[test]
    fn times_are_read_as_agents_write_them() {
        assert_eq!(duration("20"), Some(Duration::from_secs(20)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("2min"), Some(Duration::from_secs(120)));
        assert_eq!(duration("soon"), None);
    }
}
