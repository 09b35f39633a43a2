//! From an inventory to hosts that can be spoken to.

use crate::arguments::Global;
use crate::command::Context;
use crate::environment::Environment;
use crate::failure::Problem;
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tandem_deploy::{Fleet, Helper, Host};
use tandem_lab::{Lab, Places};
use tandem_model::Inventory;
use tandem_remote::{KnownHosts, Ssh, Target, Way};

/// Hosts spoken to at the same time.
const PARALLEL: usize = 32;

/// The way to an environment's hosts, or to their twins.
pub(crate) fn ssh(
    space: &Workspace,
    inventory: &Inventory,
    lab: bool,
    global: &Global,
) -> Result<Ssh, Problem> {
    let mut identities = global.identity.clone();
    let (way, files) = if lab {
        let lab = Lab::open(&Places::default(), &inventory.environment).map_err(|error| {
            Problem::failed(error.to_string()).hint(format!(
                "`tandem lab up -i {}` brings the twin up",
                inventory.environment
            ))
        })?;
        identities.insert(0, lab.identity());
        (Way::Namespace(lab.netns()), vec![lab.known_hosts()])
    } else {
        if let Some(home) = std::env::var_os("HOME") {
            let ssh = Path::new(&home).join(".ssh");
            identities.extend(["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| ssh.join(name)));
        }
        (Way::Direct, space.known_hosts(&inventory.environment))
    };
    Ok(Ssh {
        way,
        known_hosts: KnownHosts { files },
        identities,
        connect_timeout: Duration::from_secs(5),
        silence_timeout: Duration::from_secs(60),
    })
}

/// An environment's hosts with everything that is needed to speak to them.
pub(crate) struct Reach {
    pub(crate) space: Workspace,
    pub(crate) environment: Environment,
    ssh: Ssh,
    helper: Helper,
}

impl Reach {
    pub(crate) fn new(
        context: &Context,
        space: Workspace,
        environment: Environment,
        lab: bool,
    ) -> Result<Self, Problem> {
        let ssh = ssh(&space, &environment.inventory, lab, &context.global)?;
        let helper = helper(&space)?;
        Ok(Self {
            space,
            environment,
            ssh,
            helper,
        })
    }

    pub(crate) fn fleet(&self) -> Fleet<'_> {
        fleet(&self.environment.inventory, &self.ssh, &self.helper)
    }
}

/// Where each host is.
pub(crate) fn targets(inventory: &Inventory) -> Vec<Target> {
    inventory
        .hosts
        .values()
        .map(|host| Target {
            host: host.name.clone(),
            address: host.ssh.address,
            port: host.ssh.port,
            user: host.ssh.user.clone(),
        })
        .collect()
}

/// All hosts of an inventory.
pub(crate) fn fleet<'a>(inventory: &Inventory, ssh: &'a Ssh, helper: &'a Helper) -> Fleet<'a> {
    Fleet::new(
        targets(inventory)
            .into_iter()
            .map(|target| Host::new(target, ssh, helper)),
        PARALLEL,
    )
}

/// Where static programs for hosts are built in a checkout, seen from this one.
const BUILT: &str = "../x86_64-unknown-linux-gnu/host";

/// Where the program called `name` may lie that goes to the hosts: where `variable` says,
/// in the library directory of this program's package, or where a checkout builds it.
fn places(variable: &str, name: &str) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = std::env::var_os(variable)
        .map(PathBuf::from)
        .into_iter()
        .collect();
    if let Ok(own) = std::env::current_exe()
        && let Some(directory) = own.parent()
    {
        places.push(directory.join("../lib/tandem").join(name));
        places.push(directory.join(BUILT).join(name));
    }
    places
}

/// The cluster daemon for the hosts; releases without it serve clusters with other
/// engines.
pub(crate) fn daemon() -> Result<Option<Vec<u8>>, Problem> {
    let places = places("TANDEM_CLUSTERD_BINARY", "clusterd");
    let mut read = places
        .iter()
        .filter_map(|path| Some((path, std::fs::read(path).ok()?)));
    let Some((path, bytes)) = read.next() else {
        return Ok(None);
    };
    refuse_loaded(path, &bytes)?;
    Ok(Some(bytes))
}

fn refuse_loaded(path: &std::path::Path, bytes: &[u8]) -> Result<(), Problem> {
    if needs_a_loader(bytes) {
        return Err(Problem::failed(format!(
            "{} is not static: it would run only on hosts with the same libraries",
            path.display()
        ))
        .hint("build it with `-C target-feature=+crt-static`, as `cargo xtask demo` does"));
    }
    Ok(())
}

/// The helper that goes to the hosts: the one that speaks this program's words.
/// `TANDEM_HOST_BINARY` names it; else it lies in the library directory of this
/// program's package, or where a checkout builds it, or in a release.
pub(crate) fn helper(space: &Workspace) -> Result<Helper, Problem> {
    let mut places = places("TANDEM_HOST_BINARY", "tandem-host");
    let releases = crate::environment::releases(&space.dist());
    places.extend(
        releases
            .iter()
            .rev()
            .map(|(_, path)| path.join(tandem_package::release::HELPER)),
    );
    let Some((path, bytes)) = places
        .iter()
        .find_map(|path| Some((path, std::fs::read(path).ok()?)))
    else {
        let tried: Vec<String> = places
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        return Err(Problem::failed(format!(
            "the helper tandem-host is not at {}",
            tried.join(", ")
        ))
        .hint("TANDEM_HOST_BINARY names it"));
    };
    refuse_loaded(path, &bytes)?;
    Ok(Helper::new(bytes))
}

/// True for an ELF program with an interpreter (elf(5), `PT_INTERP`): its first
/// page names the dynamic loader.
fn needs_a_loader(bytes: &[u8]) -> bool {
    let first = &bytes[..bytes.len().min(4096)];
    first.windows(8).any(|window| window == b"ld-linux")
}
