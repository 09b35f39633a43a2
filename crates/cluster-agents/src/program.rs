//! Which program runs an agent, with which argument and environment.

use crate::code::OcfCode;
use crate::job::{Action, Job, Settings};
use crate::problem::Problem;
use crate::tools;
use cluster_model::Agent;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where OCF agents are (OCF 1.1, "Installation paths").
pub(crate) const OCF_ROOT: &str = "/usr/lib/ocf";

const INIT: &str = "/etc/init.d";

/// What Pacemaker 2.1.5 says of itself. The shell library of resource-agents asks
/// `crm_attribute -p` for promotion scores from 3.10.0 on, and `crm_master` before.
const FEATURE_SET: &str = "3.16.2";

/// Names of 1.1 and the older ones for the same. Agents look for either, so both are
/// there, as Pacemaker has it.
const ALIASES: &[(&str, &str)] = &[
    ("promotable", "master"),
    ("promoted_max", "master_max"),
    ("promoted_node_max", "master_node_max"),
    ("notify_promoted_resource", "notify_master_resource"),
    ("notify_promoted_uname", "notify_master_uname"),
    ("notify_unpromoted_resource", "notify_slave_resource"),
    ("notify_unpromoted_uname", "notify_slave_uname"),
];

/// What to execute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
}

/// Where an OCF agent is.
pub(crate) fn ocf_path(provider: &str, kind: &str) -> Result<PathBuf, Problem> {
    for name in [provider, kind] {
        if name.is_empty() || name.starts_with('.') || name.contains('/') {
            return Err(Problem::Name(
                format!("ocf:{provider}:{kind}"),
                "name of an agent",
            ));
        }
    }
    Ok(Path::new(OCF_ROOT)
        .join("resource.d")
        .join(provider)
        .join(kind))
}

/// What every program gets: `PATH` and little else.
pub(crate) fn basis(settings: &Settings) -> BTreeMap<String, String> {
    let tools = settings.tools.display();
    let mut environment = BTreeMap::new();
    let mut set = |name: &str, value: String| environment.insert(name.to_owned(), value);
    set("PATH", format!("{tools}:/usr/sbin:/usr/bin:/sbin:/bin"));
    set("HOME", "/root".to_owned());
    set("USER", "root".to_owned());
    set("LOGNAME", "root".to_owned());
    set("SHELL", "/bin/sh".to_owned());
    // Agents read what programs print.
    set("LC_ALL", "C".to_owned());
    set("HA_SBIN_DIR", tools.to_string());
    set("HA_LOGFACILITY", "daemon".to_owned());
    set(
        tools::SOCKET,
        settings.run.join("agent.sock").display().to_string(),
    );
    environment
}

/// The program of an OCF agent or a script. `None`: such an agent has no such action.
pub(crate) fn program(job: &Job, settings: &Settings) -> Result<Option<Program>, Problem> {
    let mut environment = basis(settings);
    let (path, argument) = match &job.agent {
        Agent::Ocf {
            provider,
            kind,
            parameters,
        } => {
            ocf(job, settings, provider, kind, &mut environment);
            for (name, value) in parameters {
                environment.insert(format!("OCF_RESKEY_{name}"), value.clone());
            }
            (ocf_path(provider, kind)?, job.action.argument())
        }
        Agent::Lsb { script } => {
            if script.is_empty() || script.contains("..") {
                return Err(Problem::Name(script.clone(), "name of a script"));
            }
            let argument = match job.action {
                Action::Probe | Action::Monitor { .. } => "status",
                Action::Start => "start",
                Action::Stop => "stop",
                _ => return Ok(None),
            };
            // An absolute path replaces the directory.
            (Path::new(INIT).join(script), argument)
        }
        Agent::Systemd { .. } | Agent::Address { .. } => return Ok(None),
    };
    environment.extend(job.environment.clone());
    Ok(Some(Program {
        path,
        arguments: vec![argument.to_owned()],
        environment,
    }))
}

fn ocf(
    job: &Job,
    settings: &Settings,
    provider: &str,
    kind: &str,
    environment: &mut BTreeMap<String, String>,
) {
    let mut set = |name: &str, value: &str| environment.insert(name.to_owned(), value.to_owned());
    set("OCF_ROOT", OCF_ROOT);
    set("OCF_RA_VERSION_MAJOR", "1");
    set("OCF_RA_VERSION_MINOR", "1");
    set("OCF_RESOURCE_INSTANCE", &job.resource);
    set("OCF_RESOURCE_TYPE", kind);
    set("OCF_RESOURCE_PROVIDER", provider);
    set("OCF_RESKEY_crm_feature_set", FEATURE_SET);
    let mut meta: BTreeMap<String, String> = job
        .meta
        .iter()
        .map(|(name, value)| (name.replace('-', "_"), value.clone()))
        .collect();
    let mut set_meta = |name: &str, value: String| meta.insert(name.to_owned(), value);
    set_meta("name", job.action.argument().to_owned());
    set_meta("timeout", job.timeout.as_millis().to_string());
    set_meta("on_node", settings.node.clone());
    match &job.action {
        Action::Probe => {
            set_meta("interval", "0".to_owned());
        }
        Action::Monitor {
            interval,
            depth,
            promoted,
        } => {
            set_meta("interval", interval.as_millis().to_string());
            // Without it agents take the depth for 0 as well; with it they need not.
            set("OCF_CHECK_LEVEL", &depth.to_string());
            if *promoted {
                // As Pacemaker 2.1 says it; `Job::meta` may say `Promoted`.
                meta.entry("role".to_owned())
                    .or_insert_with(|| "Master".to_owned());
            }
        }
        Action::Notify { kind, operation } => {
            set_meta("notify_type", kind.clone());
            set_meta("notify_operation", operation.clone());
        }
        _ => {}
    }
    for (new, old) in ALIASES {
        for (from, to) in [(new, old), (old, new)] {
            if let Some(value) = meta.get(*from).cloned() {
                meta.entry((*to).to_owned()).or_insert(value);
            }
        }
    }
    for (name, value) in meta {
        environment.insert(format!("OCF_RESKEY_CRM_meta_{name}"), value);
    }
}

/// What an exit code of this agent means.
pub(crate) fn code(job: &Job, code: i32) -> OcfCode {
    match (&job.agent, &job.action) {
        (Agent::Lsb { .. }, Action::Probe | Action::Monitor { .. }) => OcfCode::of_lsb_status(code),
        (Agent::Lsb { .. }, _) => OcfCode::of_lsb(code),
        _ => OcfCode::of(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Id;
    use std::time::Duration;

    fn settings() -> Settings {
        Settings {
            run: PathBuf::from("/run/clusterd"),
            tools: PathBuf::from("/usr/libexec/clusterd"),
            supervisor: Vec::new(),
            node: "zipi".to_owned(),
            cluster: "prod".to_owned(),
        }
    }

    fn job(agent: Agent, action: Action) -> Job {
        Job {
            id: Id {
                session: 1,
                number: 1,
            },
            resource: "db:0".to_owned(),
            agent,
            action,
            timeout: Duration::from_secs(20),
            meta: BTreeMap::from([("promoted-max".to_owned(), "1".to_owned())]),
            environment: BTreeMap::new(),
        }
    }

    fn stateful() -> Agent {
        Agent::Ocf {
            provider: "heartbeat".to_owned(),
            kind: "Stateful".to_owned(),
            parameters: BTreeMap::from([("state".to_owned(), "/run/x y".to_owned())]),
        }
    }

    #[test]
    fn an_agent_gets_what_the_standard_says() {
        let program = program(&job(stateful(), Action::Probe), &settings())
            .expect("a name")
            .expect("an action");
        assert_eq!(
            program.path,
            Path::new("/usr/lib/ocf/resource.d/heartbeat/Stateful")
        );
        assert_eq!(program.arguments, ["monitor"]);
        let has = |name: &str| program.environment.get(name).map(String::as_str);
        assert_eq!(has("OCF_RESKEY_state"), Some("/run/x y"));
        assert_eq!(has("OCF_RESKEY_CRM_meta_interval"), Some("0"));
        assert_eq!(has("OCF_RESKEY_CRM_meta_timeout"), Some("20000"));
        assert_eq!(has("OCF_RESKEY_CRM_meta_promoted_max"), Some("1"));
        assert_eq!(has("OCF_RESKEY_CRM_meta_master_max"), Some("1"));
        assert_eq!(has("OCF_RESOURCE_INSTANCE"), Some("db:0"));
        assert_eq!(has("HA_SBIN_DIR"), Some("/usr/libexec/clusterd"));
        assert_eq!(
            has("PATH"),
            Some("/usr/libexec/clusterd:/usr/sbin:/usr/bin:/sbin:/bin")
        );
        assert_eq!(has("OCF_CHECK_LEVEL"), None);
    }

    #[test]
    fn a_monitor_tells_its_depth_and_a_notification_its_occasion() {
        let monitor = Action::Monitor {
            interval: Duration::from_secs(10),
            depth: 20,
            promoted: true,
        };
        let found = program(&job(stateful(), monitor), &settings())
            .expect("a name")
            .expect("an action");
        assert_eq!(found.environment["OCF_CHECK_LEVEL"], "20");
        assert_eq!(found.environment["OCF_RESKEY_CRM_meta_interval"], "10000");
        let notify = Action::Notify {
            kind: "pre".to_owned(),
            operation: "promote".to_owned(),
        };
        let found = program(&job(stateful(), notify), &settings())
            .expect("a name")
            .expect("an action");
        assert_eq!(found.environment["OCF_RESKEY_CRM_meta_notify_type"], "pre");
    }

    #[test]
    fn a_script_has_four_actions_and_its_own_codes() {
        let script = |name: &str| Agent::Lsb {
            script: name.to_owned(),
        };
        let probe = job(script("mysql"), Action::Probe);
        let found = program(&probe, &settings()).expect("a name");
        let found = found.expect("an action");
        assert_eq!(found.path, Path::new("/etc/init.d/mysql"));
        assert_eq!(found.arguments, ["status"]);
        assert_eq!(code(&probe, 3), OcfCode::NotRunning);
        let start = job(script("/opt/app/ctl"), Action::Start);
        let found = program(&start, &settings()).expect("a name");
        assert_eq!(found.expect("an action").path, Path::new("/opt/app/ctl"));
        let promote = job(script("mysql"), Action::Promote);
        assert_eq!(program(&promote, &settings()).expect("a name"), None);
        assert!(program(&job(script("../x"), Action::Start), &settings()).is_err());
    }

    #[test]
    fn names_do_not_lead_elsewhere() {
        assert!(ocf_path("heartbeat", "../../x").is_err());
        assert!(ocf_path("..", "x").is_err());
        assert!(ocf_path("", "x").is_err());
    }
}
