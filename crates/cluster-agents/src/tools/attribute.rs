//! `crm_attribute`, `crm_master` and `attrd_updater`: what a node knows of itself, and
//! how much it wants to be promoted.

use super::arguments::{Given, Known, known, parse};
use super::ask::{tell, value};
use super::protocol::{Lifetime, Request};
use super::{Caller, DISCONNECTED, NO_SUCH, Said, USAGE};

/// Pacemaker keeps promotion scores as attributes of this name; `pgsql` reads and
/// writes them so.
const SCORE: &str = "master-";

const CRM_ATTRIBUTE: &[Known] = &[
    known('n', "", &["name", "attr-name"], true),
    known('N', "U", &["node", "uname", "node-uname"], true),
    known('l', "", &["lifetime"], true),
    known('v', "", &["update", "attr-value"], true),
    known('D', "", &["delete", "delete-attr"], false),
    known('G', "", &["query", "get-value"], false),
    known('q', "Q", &["quiet"], false),
    known('t', "", &["type"], true),
    known('s', "", &["set-name"], true),
    known('d', "", &["default"], true),
    known('p', "", &["promotion"], false),
    known('z', "", &["utilization"], false),
    known('!', "", &["inhibit-policy-engine"], false),
    known('V', "", &["verbose"], false),
];

const CRM_MASTER: &[Known] = &[
    known('N', "U", &["node", "uname"], true),
    known('l', "", &["lifetime"], true),
    known('v', "", &["update", "attr-value"], true),
    known('D', "", &["delete", "delete-attr"], false),
    known('G', "", &["query", "get-value"], false),
    known('q', "Q", &["quiet"], false),
    known('r', "", &["resource"], true),
    known('V', "", &["verbose"], false),
];

const ATTRD_UPDATER: &[Known] = &[
    known('n', "", &["name"], true),
    known('v', "UB", &["update", "update-both"], true),
    known('D', "", &["delete"], false),
    known('Q', "", &["query"], false),
    known('N', "", &["node"], true),
    known('d', "", &["delay"], true),
    known('p', "", &["private"], false),
    known('S', "s", &["set", "lifetime"], true),
    known('A', "", &["all"], false),
    known('q', "", &["quiet"], false),
    known('V', "", &["verbose"], false),
];

pub(super) fn crm_attribute(arguments: &[String], caller: &Caller) -> Result<Said, Said> {
    let given = parse(arguments, CRM_ATTRIBUTE)?;
    if given.has('z') {
        // `NodeUtilization` passes over it then.
        let why = "not connected to anything that keeps utilization";
        return Err(Said::error(DISCONNECTED, why));
    }
    let node = node(&given);
    if given.has('p') {
        return score(&given, caller, instance(caller)?, "status");
    }
    let name = given
        .value('n')
        .ok_or_else(|| Said::error(USAGE, "which attribute? (-n NAME)"))?;
    if let Some(resource) = name.strip_prefix(SCORE) {
        return score(&given, caller, resource.to_owned(), "status");
    }
    let lifetime = lifetime(&given)?;
    let of_cluster = match given.value('t').as_deref() {
        Some("crm_config") => true,
        None => !given.has('N') && !given.has('l'),
        Some(_) => false,
    };
    if of_cluster {
        let set = given.value('s');
        if let Some(Change(value)) = change(&given) {
            let request = Request::SetProperty { set, name, value };
            tell(caller, request)?;
            return Ok(Said::default());
        }
        let request = Request::GetProperty {
            set,
            name: name.clone(),
        };
        let found = value(caller, request)?;
        return show(&given, "crm_config", &name, found);
    }
    let status = given.value('t').as_deref() == Some("status");
    let lifetime = lifetime.or(status.then_some(Lifetime::Reboot));
    if let Some(Change(value)) = change(&given) {
        let request = Request::SetAttribute {
            node,
            name,
            value,
            // crm_attribute(8): forever unless said otherwise.
            lifetime: lifetime.unwrap_or(Lifetime::Forever),
            private: false,
        };
        tell(caller, request)?;
        return Ok(Said::default());
    }
    let request = Request::GetAttribute {
        node,
        name: name.clone(),
        lifetime: Some(lifetime.unwrap_or(Lifetime::Forever)),
    };
    let scope = match lifetime {
        Some(Lifetime::Reboot) => "status",
        _ => "nodes",
    };
    let found = value(caller, request)?;
    show(&given, scope, &name, found)
}

pub(super) fn crm_master(arguments: &[String], caller: &Caller) -> Result<Said, Said> {
    let given = parse(arguments, CRM_MASTER)?;
    let resource = match given.value('r') {
        Some(resource) => resource,
        None => instance(caller)?,
    };
    score(&given, caller, resource, "status")
}

/// The instance's number is no part of a score's name.
fn instance(caller: &Caller) -> Result<String, Said> {
    let instance = caller.instance.as_deref().unwrap_or_default();
    match instance.split(':').next() {
        Some(name) if !name.is_empty() => Ok(name.to_owned()),
        _ => Err(Said::error(
            USAGE,
            "of which resource? (OCF_RESOURCE_INSTANCE is not set)",
        )),
    }
}

fn score(given: &Given, caller: &Caller, resource: String, scope: &str) -> Result<Said, Said> {
    let node = node(given);
    if let Some(Change(value)) = change(given) {
        let request = Request::SetPromotionScore {
            resource,
            node,
            value,
            lifetime: lifetime(given)?.unwrap_or(Lifetime::Reboot),
        };
        tell(caller, request)?;
        return Ok(Said::default());
    }
    let name = format!("{SCORE}{resource}");
    let found = value(caller, Request::GetPromotionScore { resource, node })?;
    show(given, scope, &name, found)
}

pub(super) fn attrd_updater(arguments: &[String], caller: &Caller) -> Result<Said, Said> {
    let given = parse(arguments, ATTRD_UPDATER)?;
    let name = given
        .value('n')
        .ok_or_else(|| Said::error(USAGE, "which attribute? (-n NAME)"))?;
    let node = node(&given);
    if given.has('Q') {
        let request = Request::GetAttribute {
            node: node.clone(),
            name: name.clone(),
            lifetime: Some(Lifetime::Reboot),
        };
        let Some(found) = value(caller, request)? else {
            return Err(missing(&name));
        };
        let host = match node {
            Some(node) => node,
            None => value(caller, Request::LocalNode)?.unwrap_or_default(),
        };
        // attrd_updater(8); agents cut the value out of it.
        return Ok(Said::out(format!(
            "name=\"{name}\" host=\"{host}\" value=\"{found}\""
        )));
    }
    let Some(Change(value)) = change(&given) else {
        return Err(Said::error(USAGE, "-v VALUE, -D or -Q?"));
    };
    let request = Request::SetAttribute {
        node,
        name,
        value,
        lifetime: Lifetime::Reboot,
        private: given.has('p'),
    };
    tell(caller, request)?;
    Ok(Said::default())
}

/// Some agents set `-N ''`.
fn node(given: &Given) -> Option<String> {
    given.value('N').filter(|it| !it.is_empty())
}

/// What is to be done with a value; `None`: it is asked for.
fn change(given: &Given) -> Option<Change> {
    if given.has('D') {
        return Some(Change(None));
    }
    given.value('v').map(|value| Change(Some(value)))
}

/// A new value; `None`: there shall be none.
struct Change(Option<String>);

fn lifetime(given: &Given) -> Result<Option<Lifetime>, Said> {
    match given.value('l').as_deref() {
        None => Ok(None),
        Some("reboot") => Ok(Some(Lifetime::Reboot)),
        Some("forever") => Ok(Some(Lifetime::Forever)),
        Some(other) => Err(Said::error(
            USAGE,
            format!("`{other}` is no lifetime: reboot or forever"),
        )),
    }
}

fn show(given: &Given, scope: &str, name: &str, found: Option<String>) -> Result<Said, Said> {
    let Some(found) = found.or_else(|| given.value('d')) else {
        return Err(missing(name));
    };
    Ok(if given.has('q') {
        Said::out(found)
    } else {
        Said::out(format!("scope={scope}  name={name} value={found}"))
    })
}

fn missing(name: &str) -> Said {
    Said::error(NO_SUCH, format!("there is no `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::super::protocol::{Answer, Call};
    use super::super::{Caller, Said, run};
    use super::*;
    use std::io::{BufRead as _, Write as _};

    /// Runs one command line against a daemon that gives these answers in turn.
    fn against(answers: &[Answer], line: &str) -> (Said, Vec<Request>) {
        let directory = tempfile::tempdir().expect("a directory");
        let socket = directory.path().join("agent.sock");
        let listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        let answers = answers.to_vec();
        let daemon = std::thread::spawn(move || {
            let mut asked = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().expect("a tool");
                let mut line = String::new();
                let mut reader = std::io::BufReader::new(stream.try_clone().expect("a socket"));
                reader.read_line(&mut line).expect("a line");
                asked.push(serde_json::from_str::<Call>(&line).expect("a call").request);
                let mut line = serde_json::to_string(&answer).expect("JSON");
                line.push('\n');
                stream.write_all(line.as_bytes()).expect("written");
            }
            asked
        });
        let caller = Caller {
            instance: Some("db:0".to_owned()),
            socket: Some(socket),
        };
        let mut words = line.split_whitespace().map(str::to_owned);
        let name = words.next().expect("a name");
        let said = run(&name, &words.collect::<Vec<_>>(), &caller);
        (said, daemon.join().expect("asked as often as answered"))
    }

    fn found(text: &str) -> Answer {
        Answer::Value {
            value: Some(text.to_owned()),
        }
    }

    #[test]
    fn what_galera_and_redis_say() {
        let line = "crm_attribute -N zipi -l reboot --name db-last-committed -v 17";
        let (said, asked) = against(&[Answer::Done], line);
        assert_eq!(said, Said::default());
        let set = Request::SetAttribute {
            node: Some("zipi".to_owned()),
            name: "db-last-committed".to_owned(),
            value: Some("17".to_owned()),
            lifetime: Lifetime::Reboot,
            private: false,
        };
        assert_eq!(asked, [set]);
        let line = "crm_attribute -N zipi -l reboot --name db-last-committed --quiet";
        assert_eq!(against(&[found("17")], line).0, Said::out("17"));
        let line =
            "crm_attribute --type crm_config --name db_REPL_INFO -s redis_replication --query -q";
        let (said, asked) = against(&[found("zape")], line);
        assert_eq!(said, Said::out("zape"));
        let get = Request::GetProperty {
            set: Some("redis_replication".to_owned()),
            name: "db_REPL_INFO".to_owned(),
        };
        assert_eq!(asked, [get]);
    }

    #[test]
    fn scores_by_all_their_names() {
        for line in [
            "crm_attribute -p -v -INFINITY -N zipi",
            "crm_master -N zipi -l reboot -v -INFINITY",
            "crm_attribute -l reboot -N zipi -n master-db -v -INFINITY",
        ] {
            let (said, asked) = against(&[Answer::Done], line);
            assert_eq!(said.code, 0, "{line}: {said:?}");
            let set = Request::SetPromotionScore {
                resource: "db".to_owned(),
                node: Some("zipi".to_owned()),
                value: Some("-INFINITY".to_owned()),
                lifetime: Lifetime::Reboot,
            };
            assert_eq!(asked, [set], "{line}");
        }
    }

    #[test]
    fn what_is_not_there_has_the_code_that_agents_know() {
        let nothing = Answer::Value { value: None };
        let line = "crm_attribute -N zipi -l forever -n x -G -q";
        assert_eq!(
            against(std::slice::from_ref(&nothing), line).0.code,
            NO_SUCH
        );
        let line = "attrd_updater -p -N zipi -n x -Q";
        assert_eq!(
            against(std::slice::from_ref(&nothing), line).0.code,
            NO_SUCH
        );
        let line = "crm_attribute -N zipi -l forever -n x -G -q -d 5";
        assert_eq!(against(&[nothing], line).0, Said::out("5"));
    }

    #[test]
    fn what_mariadb_and_rabbitmq_cut_out_with_awk() {
        let line = "attrd_updater -p -N zipi -n db-gtid -Q";
        let (said, _) = against(&[found("0-1-7")], line);
        assert_eq!(
            said.stdout,
            "name=\"db-gtid\" host=\"zipi\" value=\"0-1-7\""
        );
        let line = "crm_attribute -N zipi -l reboot --name rabbit-start-time --query";
        let (said, _) = against(&[found("9")], line);
        assert_eq!(said.stdout, "scope=status  name=rabbit-start-time value=9");
        assert_eq!(said.stdout.split_whitespace().nth(2), Some("value=9"));
    }

    #[test]
    fn a_refusal_is_told() {
        let why = "no majority".to_owned();
        let (said, _) = against(
            &[Answer::Refused { why }],
            "attrd_updater -n x -v 1 -S status",
        );
        assert_eq!((said.code, &*said.stderr), (1, "no majority"));
    }
}
