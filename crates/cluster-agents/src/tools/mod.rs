//! The programs that agents call to know and to say something about the cluster:
//! `crm_attribute` and its kin, with the options that the installed agents use.
//!
//! They are one program under several names, in a directory of its own that only
//! agents have on their `PATH`, so that a real Pacemaker beside it is not disturbed.
//! Each asks the daemon over its socket and prints what Pacemaker's would: agents read
//! that with `awk`.

mod arguments;
mod ask;
mod attribute;
mod cluster;
pub mod protocol;
mod show;

use std::path::Path;
use std::process::ExitCode;

/// Environment variable with the path of the daemon's socket for agents.
pub const SOCKET: &str = "CLUSTERD_AGENT_SOCKET";

/// Names under which the program is called.
pub const NAMES: &[&str] = &[
    "attrd_updater",
    "cibadmin",
    "crm_attribute",
    "crm_master",
    "crm_mon",
    "crm_node",
    "crm_resource",
    "pacemakerd",
];

/// What a tool prints, and its exit code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    stdout: String,
    stderr: String,
    code: u8,
}

// Exit codes of Pacemaker 2.1 (crm_error(8)); agents look at some of them.
const ERROR: u8 = 1;
const USAGE: u8 = 64;
const DISCONNECTED: u8 = 102;
const NO_SUCH: u8 = 105;

impl Said {
    fn out(text: impl Into<String>) -> Self {
        Self {
            stdout: text.into(),
            ..Self::default()
        }
    }

    fn error(code: u8, text: impl Into<String>) -> Self {
        Self {
            stderr: text.into(),
            code,
            ..Self::default()
        }
    }
}

/// Where a tool is called: what it takes from its environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller {
    /// `OCF_RESOURCE_INSTANCE`.
    pub(crate) instance: Option<String>,
    pub(crate) socket: Option<std::path::PathBuf>,
}

/// The tool of this name, for a process that was called so: prints, and says with
/// which code to end.
pub fn tools_main(name: &str, arguments: impl IntoIterator<Item = String>) -> ExitCode {
    let caller = Caller {
        instance: std::env::var("OCF_RESOURCE_INSTANCE").ok(),
        socket: std::env::var_os(SOCKET).map(Into::into),
    };
    let arguments: Vec<String> = arguments.into_iter().collect();
    let said = run(name, &arguments, &caller);
    // A reader that has gone away is no reason to fail: `crm_mon | grep -q`.
    let _ = writeln(&mut std::io::stdout().lock(), &said.stdout);
    let error = if said.stderr.is_empty() {
        String::new()
    } else {
        format!("{name}: {}", said.stderr)
    };
    let _ = writeln(&mut std::io::stderr().lock(), &error);
    ExitCode::from(said.code)
}

fn writeln(to: &mut impl std::io::Write, text: &str) -> std::io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    to.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        to.write_all(b"\n")?;
    }
    to.flush()
}

pub(crate) fn run(name: &str, arguments: &[String], caller: &Caller) -> Said {
    let done = match name {
        "crm_attribute" => attribute::crm_attribute(arguments, caller),
        "crm_master" => attribute::crm_master(arguments, caller),
        "attrd_updater" => attribute::attrd_updater(arguments, caller),
        "crm_node" => cluster::crm_node(arguments, caller),
        "crm_resource" => cluster::crm_resource(arguments, caller),
        "crm_mon" => cluster::crm_mon(arguments, caller),
        "cibadmin" => cluster::cibadmin(arguments),
        // The shell library asks it whether `crm_node -n` may be trusted.
        "pacemakerd" => Ok(Said::out("Pacemaker 2.1.5")),
        _ => Err(Said::error(USAGE, "no such tool")),
    };
    done.unwrap_or_else(|said| said)
}

/// Makes the directory with one symbolic link per tool to `program`, which has to call
/// [`tools_main`] with the name that it was called by.
///
/// # Errors
///
/// When it cannot be made.
pub fn link(directory: &Path, program: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    for name in NAMES {
        let path = directory.join(name);
        if std::fs::read_link(&path).is_ok_and(|found| found == program) {
            continue;
        }
        let part = directory.join(format!(".{name}.part"));
        let _ = std::fs::remove_file(&part);
        std::os::unix::fs::symlink(program, &part)?;
        // An agent that calls it meanwhile finds the old one or the new one.
        std::fs::rename(&part, &path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_made_and_made_anew() {
        let directory = tempfile::tempdir().expect("a directory");
        let tools = directory.path().join("tools");
        link(&tools, Path::new("/old")).expect("made");
        link(&tools, Path::new("/usr/sbin/clusterd")).expect("made anew");
        for name in NAMES {
            let found = std::fs::read_link(tools.join(name)).expect("a link");
            assert_eq!(found, Path::new("/usr/sbin/clusterd"));
        }
        let count = std::fs::read_dir(&tools).expect("read").count();
        assert_eq!(count, NAMES.len());
    }

    #[test]
    fn without_a_daemon_tools_say_so() {
        let said = run("crm_node", &["-n".to_owned()], &Caller::default());
        assert_eq!(said.code, DISCONNECTED);
        assert!(said.stderr.contains("not connected"), "{said:?}");
    }
}
