//! What can be asked for on the command line.

use crate::configuration::DEFAULT;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// The cluster daemon and its commands.
///
/// A cluster is described by one file that is the same on all members. `clusterd run` is
/// what the service manager starts; everything else asks the daemon of this machine.
#[derive(Debug, Parser)]
#[command(name = "clusterd", version, propagate_version = true)]
pub(crate) struct Arguments {
    /// Where the sockets of the daemon are.
    #[arg(
        long,
        global = true,
        default_value = "/run/clusterd",
        env = "CLUSTERD_RUN"
    )]
    pub(crate) run: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Request,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Request {
    /// Be the daemon.
    #[command(visible_alias = "witness")]
    Run(RunArguments),
    /// Say how the cluster stands.
    Status(StatusArguments),
    /// Say why a resource is where it is, and why not elsewhere.
    Explain {
        /// Which; nothing: all.
        resource: Option<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check a file; without one, check the cluster as Nagios wants it.
    Check {
        /// The file.
        file: Option<PathBuf>,
    },
    /// Move a resource, for a time.
    Move {
        /// Which.
        resource: String,
        /// Where to.
        #[arg(long, value_name = "NODE", required_unless_present_any = ["away_from", "clear"])]
        to: Option<String>,
        /// Away from where.
        #[arg(long, value_name = "NODE", conflicts_with = "to")]
        away_from: Option<String>,
        /// Forget an earlier move.
        #[arg(long, conflicts_with_all = ["to", "away_from"])]
        clear: bool,
        /// For how many minutes; afterwards it stays where it is until there is a reason.
        #[arg(long, value_name = "MINUTES", default_value_t = 60)]
        minutes: u64,
    },
    /// Start a resource that was stopped with `stop`.
    Start {
        /// Which.
        resource: String,
    },
    /// Stop a resource until `start`.
    Stop {
        /// Which.
        resource: String,
    },
    /// Take everything away from a node.
    Standby {
        /// Which; nothing: this one.
        node: Option<String>,
    },
    /// Let a node take resources again.
    Online {
        /// Which; nothing: this one.
        node: Option<String>,
    },
    /// Leave everything alone, or a node, until `--off`.
    Maintenance {
        /// Which; nothing: the cluster.
        node: Option<String>,
        /// Not any more.
        #[arg(long)]
        off: bool,
    },
    /// Forget failures, and look at everything anew.
    Cleanup {
        /// Of which resource; nothing: of all.
        resource: Option<String>,
        /// On which node; nothing: everywhere.
        #[arg(long)]
        node: Option<String>,
    },
    /// Make a key for the packets between members.
    Key {
        /// The number of the key.
        #[arg(default_value_t = 1)]
        number: u32,
    },
    /// Give everything that runs on a node to the others, once; it may come back.
    Give {
        /// Which; nothing: this one.
        node: Option<String>,
    },
    /// Replace the daemon by the program that is installed now; resources are not touched.
    Renew,
    /// Make the daemon read its files again. It begins anew, without touching resources,
    /// if another program is installed by now or if what changed asks for it.
    Reload,
    /// Run an agent in a scope of its own. Not for people.
    #[command(hide = true)]
    Supervise,
}

/// How the daemon is to run.
#[derive(Args, Debug)]
pub(crate) struct RunArguments {
    /// The file that describes the cluster.
    #[arg(long, value_name = "FILE", default_value = DEFAULT)]
    pub(crate) configuration: PathBuf,
    /// Which member this is; without it, the name of this machine.
    #[arg(long, value_name = "NAME")]
    pub(crate) me: Option<String>,
    /// Where the replicated log is kept.
    #[arg(long, value_name = "DIRECTORY", default_value = "/var/lib/clusterd")]
    pub(crate) state: PathBuf,
    /// Where the small programs are that agents call.
    #[arg(
        long,
        value_name = "DIRECTORY",
        default_value = "/usr/libexec/clusterd"
    )]
    pub(crate) tools: PathBuf,
    /// Where the sockets are.
    #[arg(skip)]
    pub(crate) run: PathBuf,
}

/// How much to say.
#[derive(Args, Debug)]
pub(crate) struct StatusArguments {
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Again whenever something changed.
    #[arg(long)]
    pub(crate) watch: bool,
    /// Until the cluster is healthy; 1 if it is not after a minute.
    #[arg(long, value_name = "HEALTH")]
    pub(crate) wait: Option<String>,
}
