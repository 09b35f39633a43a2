//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Deploys, upgrades, tests and rolls back a high-availability Linux platform.
#[derive(Debug, Parser)]
#[command(
    name = "tandem",
    version,
    propagate_version = true,
    after_help = "\
Examples:
  tandem init shop && cd shop           a new project, explained
  tandem check -i dev                   everything that is wrong with it, at once
  tandem build --release 1.0.0          packages, signed, in dist/1.0.0
  tandem lab up -i dev                  a twin of dev on this machine
  tandem plan -i dev --lab              what would change there, and what it interrupts
  tandem apply -i dev --lab             change it, in rolling order, with a way back

Exit codes: 0 done; 1 failed; 2 changes or drift; 3 invalid input; 4 unreachable; 5 locked;
6 stale plan; 7 failed and rolled back; 8 failed and rollback failed; 64 wrong usage."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// The project; by default the nearest directory upwards with `roles/`.
    #[arg(short = 'C', long, global = true, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// Colour on standard output.
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto)]
    pub(crate) color: Colour,
    /// Private key for SSH, besides those of ssh-agent and ~/.ssh.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) identity: Vec<PathBuf>,
    /// Say more on standard error.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// An environment.
#[derive(Clone, Debug, Args)]
pub(crate) struct Inventory {
    /// Inventory: a name (`dev`) or a file.
    #[arg(short, long, value_name = "INV")]
    pub(crate) inventory: String,
    /// Speak to the twin that `tandem lab up` made, not to the real hosts.
    #[arg(long)]
    pub(crate) lab: bool,
}

/// What a plan is made from.
#[derive(Clone, Debug, Args)]
pub(crate) struct Aim {
    /// Release; by default the highest version in dist/.
    #[arg(long, value_name = "V")]
    pub(crate) release: Option<String>,
    /// Only these hosts.
    #[arg(long, value_name = "HOST,..", value_delimiter = ',')]
    pub(crate) limit: Option<Vec<String>>,
    /// These hosts are down; go on without them.
    #[arg(long, value_name = "HOST,..", value_delimiter = ',')]
    pub(crate) without: Vec<String>,
    /// Apply what was rolled back once more.
    #[arg(long)]
    pub(crate) again: bool,
    /// Accept an interruption that rolling order cannot avoid.
    #[arg(long)]
    pub(crate) accept_outage: bool,
    /// Accept steps that cannot be undone.
    #[arg(long)]
    pub(crate) accept_irreversible: bool,
    /// Seconds after which a host undoes the change unless we come back.
    #[arg(long, value_name = "S", default_value_t = 120)]
    pub(crate) confirm_within: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A new project from nothing: one role, one inventory, explained.
    Init {
        /// Directory to make.
        directory: PathBuf,
    },
    /// Validate everything; no network.
    Check {
        /// Inventory; all of them by default.
        #[arg(short, long, value_name = "INV")]
        inventory: Option<String>,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// How two environments differ: is one a fair rehearsal of the other?
    DiffEnv {
        /// Inventory: a name (`demo`) or a file.
        left: String,
        /// The one that it is compared with (`prod`).
        right: String,
        /// The lines of files that differ too, secrets masked.
        #[arg(long)]
        diff: bool,
        /// One JSON document.
        #[arg(long)]
        json: bool,
        /// Exit 2 when something differs.
        #[arg(long)]
        detailed_exitcode: bool,
    },
    /// Write the files that a host would get.
    Render {
        /// Inventory: a name (`dev`) or a file.
        #[arg(short, long, value_name = "INV")]
        inventory: String,
        /// Only this host.
        #[arg(long)]
        host: Option<String>,
        /// Directory to write to.
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
        /// Write secrets too, mode 0600.
        #[arg(long)]
        with_secrets: bool,
    },
    /// Build a release: packages, manifest, signatures, repository.
    Build {
        /// Its version; by default what the file VERSION says.
        #[arg(long, value_name = "V")]
        release: Option<String>,
        /// Where releases lie.
        #[arg(short, long, value_name = "DIR", default_value = "dist")]
        output: PathBuf,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Install the distribution packages that the roles need.
    Prepare {
        #[command(flatten)]
        inventory: Inventory,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Show what would change and what it would interrupt.
    Plan {
        #[command(flatten)]
        inventory: Inventory,
        #[command(flatten)]
        aim: Aim,
        /// Save it, for `apply FILE`.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// One JSON document.
        #[arg(long)]
        json: bool,
        /// Exit 2 when there is something to do.
        #[arg(long)]
        detailed_exitcode: bool,
    },
    /// Push and prove by day; `resume` activates at night.
    Stage {
        #[command(flatten)]
        inventory: Inventory,
        #[command(flatten)]
        aim: Aim,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Change the hosts to what the inventory says.
    Apply {
        /// A saved plan; it names its inventory and its release.
        #[arg(required_unless_present = "inventory")]
        plan: Option<PathBuf>,
        /// Inventory: a name (`dev`) or a file.
        #[arg(short, long, value_name = "INV")]
        inventory: Option<String>,
        /// Speak to the twin that `tandem lab up` made, not to the real hosts.
        #[arg(long)]
        lab: bool,
        #[command(flatten)]
        aim: Aim,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Go on with a run, from any machine.
    Resume {
        /// Its name, as `status` shows it.
        run: String,
        #[command(flatten)]
        inventory: Inventory,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Undo a run that is not finished, from any machine.
    Abort {
        /// Its name, as `status` shows it.
        run: String,
        #[command(flatten)]
        inventory: Inventory,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Go back to an earlier generation, from packages kept on the hosts.
    Rollback {
        #[command(flatten)]
        inventory: Inventory,
        /// Generation number or release version; by default the one before.
        #[arg(long, value_name = "N|V")]
        to: Option<String>,
        /// Why, for the history.
        #[arg(long, default_value = "an operator asked for it")]
        because: String,
        /// Accept an interruption that rolling order cannot avoid.
        #[arg(long)]
        accept_outage: bool,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Remove everything of ours from a host that left the inventory.
    Retire {
        /// The host.
        host: String,
        #[command(flatten)]
        inventory: Inventory,
        /// Its address, where the inventory no longer knows it.
        #[arg(long)]
        address: Option<std::net::IpAddr>,
        /// It is gone for good: only its peers forget it.
        #[arg(long)]
        gone: bool,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Forget old generations and their packages on the hosts.
    Prune {
        #[command(flatten)]
        inventory: Inventory,
        /// Generations to keep besides the current one.
        #[arg(long, default_value_t = 5)]
        keep: u32,
    },
    /// One screen: generations, drift, cluster, redundancy.
    Status {
        #[command(flatten)]
        inventory: Inventory,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Every generation of every host, and what became of it.
    History {
        #[command(flatten)]
        inventory: Inventory,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Who holds the locks; give one back that nobody needs.
    #[command(subcommand)]
    Lock(LockCommand),
    /// A twin of an inventory on this machine.
    #[command(subcommand)]
    Lab(LabCommand),
    /// Keys that sign packages.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Secrets of an environment.
    #[command(subcommand)]
    Secret(SecretCommand),
    /// Show the host keys of hosts that are new, and trust them.
    Trust {
        /// Hosts; all of the inventory by default.
        hosts: Vec<String>,
        #[command(flatten)]
        inventory: Inventory,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// A Vagrantfile with the hosts of an inventory.
    Vagrant {
        /// Inventory: a name (`dev`) or a file.
        #[arg(short, long, value_name = "INV")]
        inventory: String,
        /// Memory of each host.
        #[arg(long, value_name = "MIB", default_value_t = 2048,
              value_parser = clap::value_parser!(u32).range(256..=1_048_576))]
        memory: u32,
        /// File to write; by default it is shown.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Completions for a shell.
    Completions {
        /// Which.
        shell: clap_complete::Shell,
    },
    /// Man pages.
    Man {
        /// Directory to write to.
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum LockCommand {
    /// Who holds them.
    Status {
        #[command(flatten)]
        inventory: Inventory,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Give back locks of a run that nobody will resume.
    Release {
        #[command(flatten)]
        inventory: Inventory,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum LabCommand {
    /// Bring it up, or what is missing of it.
    Up {
        #[command(flatten)]
        lab: LabName,
        /// Limit what a host may write: `zape=300` (MiB).
        #[arg(long, value_name = "HOST=MIB")]
        disk_limit: Vec<String>,
    },
    /// Remove it without a trace.
    Down {
        #[command(flatten)]
        lab: LabName,
    },
    /// Hosts, networks, active faults.
    Status {
        #[command(flatten)]
        lab: LabName,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// A shell on a host.
    Shell {
        #[command(flatten)]
        lab: LabName,
        /// The host.
        host: String,
    },
    /// A command on a host; `client-NETWORK` is a machine in that network of the lab.
    Exec {
        #[command(flatten)]
        lab: LabName,
        /// The host, or `client-NETWORK` (`client-ext`).
        host: String,
        /// The command.
        #[arg(trailing_var_arg = true, required = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Break something on purpose, or mend it.
    #[command(after_help = tandem_lab::FAULT_USAGE)]
    Fault {
        #[command(flatten)]
        lab: LabName,
        /// What, see below.
        #[arg(trailing_var_arg = true, required = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
}

/// Which lab.
#[derive(Clone, Debug, Args)]
pub(crate) struct LabName {
    /// Inventory: a name (`dev`) or a file.
    #[arg(short, long, value_name = "INV")]
    pub(crate) inventory: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make the release key and a key for each inventory, where missing.
    Init,
    /// Fingerprints of the keys that this project trusts.
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Edit the secrets of an environment in $EDITOR.
    Edit {
        /// Inventory: a name (`dev`) or a file.
        #[arg(short, long, value_name = "INV")]
        inventory: String,
    },
    /// Encrypt again for the recipients as they are now.
    Rekey {
        /// Inventory: a name (`dev`) or a file.
        #[arg(short, long, value_name = "INV")]
        inventory: String,
    },
    /// A new value under the next number; the old one stays until dropped.
    Rotate {
        /// Inventory: a name (`dev`) or a file.
        #[arg(short, long, value_name = "INV")]
        inventory: String,
        /// Name of the secret.
        name: String,
    },
    /// Make what is missing: this operator's identity, the file, its secrets.
    Init {
        /// Inventory: a name (`dev`) or a file.
        #[arg(short, long, value_name = "INV")]
        inventory: String,
    },
}
