//! `crm_node`, `crm_resource`, `crm_mon`, and what there is not: `cibadmin`.

use super::arguments::{Known, known, parse};
use super::ask::{ask, tell, unexpected, value};
use super::protocol::{Answer, Node, Request};
use super::{Caller, DISCONNECTED, NO_SUCH, Said, USAGE, show};

const CRM_NODE: &[Known] = &[
    known('n', "", &["name"], false),
    known('i', "", &["cluster-id"], false),
    known('N', "", &["name-for-id"], true),
    known('l', "", &["list"], false),
    known('p', "", &["partition"], false),
    known('q', "", &["quorum"], false),
    known('Q', "", &["quiet"], false),
    known('V', "", &["verbose"], false),
];

const CRM_RESOURCE: &[Known] = &[
    known('r', "", &["resource"], true),
    known('N', "H", &["node", "host", "host-uname"], true),
    known('W', "", &["locate"], false),
    known('B', "", &["ban"], false),
    known('g', "", &["get-parameter"], true),
    known('p', "", &["set-parameter"], true),
    known('d', "", &["delete-parameter"], true),
    known('v', "", &["parameter-value"], true),
    known('m', "", &["meta"], false),
    known('z', "", &["utilization"], false),
    known('O', "", &["list-operations"], false),
    known('Q', "q", &["quiet"], false),
    known('V', "", &["verbose"], false),
];

const CRM_MON: &[Known] = &[
    known('1', "", &["one-shot"], false),
    known('X', "", &["as-xml"], false),
    known('o', "", &["output-as"], true),
    known('r', "", &["inactive"], false),
    known('n', "", &["group-by-node"], false),
    known('A', "", &["show-node-attributes"], false),
    known('f', "", &["failcounts"], false),
    known('s', "", &["simple-status"], false),
    known('p', "", &["pid-file"], true),
    known('d', "", &["daemonize"], false),
    known('i', "", &["interval"], true),
    known('h', "", &["as-html"], true),
    known('V', "", &["verbose"], false),
];

pub(super) fn crm_node(arguments: &[String], caller: &Caller) -> Result<Said, Said> {
    let given = parse(arguments, CRM_NODE)?;
    if given.has('n') {
        let name = value(caller, Request::LocalNode)?;
        return Ok(Said::out(name.unwrap_or_default()));
    }
    if given.has('q') {
        return match ask(caller, Request::Quorum)? {
            Answer::Quorum { quorate } => Ok(Said::out(if quorate { "1" } else { "0" })),
            other => Err(unexpected(&other)),
        };
    }
    let nodes = nodes(caller)?;
    // Before -l: `rabbitmq-server-ha` asks for both and wants names.
    if given.has('p') {
        let online = nodes.iter().filter(|it| it.online);
        let names: Vec<&str> = online.map(|it| it.name.as_str()).collect();
        // One line, and as Pacemaker has it a space at its end.
        return Ok(Said::out(names.join(" ") + " "));
    }
    if given.has('l') {
        let lines = nodes.iter().map(|it| {
            let state = if it.online { "member" } else { "lost" };
            format!("{} {} {state}\n", it.id, it.name)
        });
        return Ok(Said::out(lines.collect::<String>()));
    }
    if given.has('i') {
        let name = value(caller, Request::LocalNode)?.unwrap_or_default();
        let id = nodes.iter().find(|it| it.name == name).map(|it| it.id);
        return id
            .map(|id| Said::out(id.to_string()))
            .ok_or_else(|| Said::error(NO_SUCH, format!("`{name}` is no node")));
    }
    if let Some(id) = given.value('N') {
        let found = nodes.iter().find(|it| it.id.to_string() == id);
        return found
            .map(|it| Said::out(it.name.clone()))
            .ok_or_else(|| Said::error(NO_SUCH, format!("there is no node {id}")));
    }
    Err(Said::error(USAGE, "-n, -i, -l, -p, -q or -N ID?"))
}

fn nodes(caller: &Caller) -> Result<Vec<Node>, Said> {
    match ask(caller, Request::ListNodes)? {
        Answer::Nodes { nodes } => Ok(nodes),
        other => Err(unexpected(&other)),
    }
}

pub(super) fn crm_resource(arguments: &[String], caller: &Caller) -> Result<Said, Said> {
    let given = parse(arguments, CRM_RESOURCE)?;
    if given.has('z') {
        // `VirtualDomain` and `Xen` pass over it at these words.
        let why = "not connected to anything that keeps utilization";
        return Err(Said::error(DISCONNECTED, why));
    }
    let resource = given
        .value('r')
        .ok_or_else(|| Said::error(USAGE, "which resource? (-r NAME)"))?;
    if given.has('B') {
        let node = given.value('N');
        tell(caller, Request::Ban { resource, node })?;
        return Ok(Said::default());
    }
    if given.has('W') {
        let request = Request::Locate {
            resource: resource.clone(),
        };
        let Answer::Names { names } = ask(caller, request)? else {
            return Err(Said::error(NO_SUCH, "clusterd answered something else"));
        };
        let lines = names.iter().map(|name| {
            if given.has('Q') {
                format!("{name}\n")
            } else {
                format!("resource {resource} is running on: {name}\n")
            }
        });
        return Ok(Said::out(lines.collect::<String>()));
    }
    if let Some(name) = given.value('g') {
        let meta = given.has('m');
        let request = Request::Parameter {
            resource,
            name: name.clone(),
            meta,
        };
        return value(caller, request)?
            .map(Said::out)
            .ok_or_else(|| Said::error(NO_SUCH, format!("there is no `{name}`")));
    }
    Err(Said::error(
        USAGE,
        "the configuration is the operator's: only -W, -B and -g are there",
    ))
}

pub(super) fn crm_mon(arguments: &[String], caller: &Caller) -> Result<Said, Said> {
    let given = parse(arguments, CRM_MON)?;
    if given.has('d') || given.has('h') {
        let why = "no background and no HTML: ask clusterd for its status";
        return Err(Said::error(USAGE, why));
    }
    let Answer::Status { nodes, resources } = ask(caller, Request::Status)? else {
        return Err(Said::error(NO_SUCH, "clusterd answered something else"));
    };
    let xml = given.has('X') || given.value('o').as_deref() == Some("xml");
    Ok(Said::out(if xml {
        show::xml(&nodes, &resources)
    } else {
        show::text(&nodes, &resources)
    }))
}

/// There is no CIB. Only the one call of the agents' shell library gets anything: it
/// feeds it to `crm_mon`, which does not read it here.
pub(super) fn cibadmin(arguments: &[String]) -> Result<Said, Said> {
    if arguments.len() == 1 && matches!(arguments[0].as_str(), "-Q" | "--query") {
        return Ok(Said::out("<cib validate-with=\"none\"/>"));
    }
    Err(Said::error(
        USAGE,
        "clusterd has no CIB; an agent that needs it does not run here",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cib_is_refused_clearly() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let refused = cibadmin(&words("-Q --xpath //node_state")).expect_err("no CIB");
        assert!(refused.code != 0 && refused.stderr.contains("no CIB"));
        assert!(cibadmin(&words("-Q")).is_ok());
    }

    #[test]
    fn utilization_is_refused_in_the_words_that_agents_look_for() {
        let words: Vec<String> = ["-Q", "-r", "vm", "-z", "-g", "cpu"]
            .map(str::to_owned)
            .to_vec();
        let refused = crm_resource(&words, &Caller::default()).expect_err("none kept");
        assert!(refused.stderr.contains("not connected"));
    }
}
