//! What can be asked for on the command line.

mod change;
mod question;

pub(crate) use change::{
    CleanupArguments, FencePeerArguments, MaintenanceArguments, MoveArguments, NodeArguments,
    ResourceOrClusterArguments, UnfencePeerArguments, Waiting,
};
pub(crate) use question::{
    BundleArguments, ExplainArguments, FailcountArguments, Goal, SimulateArguments, StatusArguments,
};

use crate::configuration::DEFAULT;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// The cluster daemon and its commands.
///
/// A cluster is described by one file that is the same on all members. `clusterd run` is
/// what the service manager starts; everything else asks the daemon of this machine.
#[derive(Debug, Parser)]
#[command(
    name = "clusterd",
    version,
    propagate_version = true,
    after_help = "\
Examples:
  clusterd status                       how the cluster stands, the verdict first
  clusterd explain web                  why it is where it is, and why not elsewhere
  clusterd simulate --lose zipi         what would happen if zipi died
  clusterd standby zipi                 take everything away from zipi, and say what moved
  clusterd check cluster.yaml           everything that is wrong with a file, at once

Exit codes: 0 done; 1 failed; 2 not healthy (`status`), or something would be lost
(`simulate`); 3 invalid input; 64 wrong usage. `check` without a file has those of Nagios."
)]
pub(crate) struct Arguments {
    /// Where the sockets of the daemon are.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "/run/clusterd",
        env = "CLUSTERD_RUN",
        hide_env_values = true
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
    #[command(
        visible_alias = "witness",
        after_help = "\
Examples:
  clusterd run                          the member that has this machine's name
  clusterd run --me yoda1               another one
A witness beside another cluster's daemon has sockets, files and a disk of its own:
  clusterd --run /run/clusterd-witness/web witness --me yoda1 \\
    --configuration /etc/clusterd/witness/web.yaml --state /var/lib/clusterd-witness/web"
    )]
    Run(RunArguments),
    /// Say how the cluster stands; exit 2 if it is not healthy.
    Status(StatusArguments),
    /// Say why a resource is where it is, why not elsewhere, and what it waits for.
    Explain(ExplainArguments),
    /// Say what would happen, without doing anything.
    Simulate(SimulateArguments),
    /// Check a file; without one, check the cluster as Nagios wants it.
    #[command(after_help = "\
With a file: exit 0 if it can be used, 3 if not. Without: 0 OK, 1 WARNING, 2 CRITICAL,
3 UNKNOWN, and performance data behind the `|`.

Examples:
  clusterd check /etc/clusterd/cluster.yaml
  clusterd check                        as a plugin of Nagios, Icinga or NRPE")]
    Check {
        /// The file.
        file: Option<PathBuf>,
    },
    /// Move a resource, for a time.
    Move(MoveArguments),
    /// Start a resource that was stopped with `stop`, or everything.
    #[command(after_help = "\
With --cluster everything may run again that `stop --cluster` stopped. A resource that was
stopped by itself, or that the configuration wants stopped, stays so.

Examples:
  clusterd start web                    and wait until it runs
  clusterd start --cluster              and wait until all runs that should")]
    Start(ResourceOrClusterArguments),
    /// Stop a resource until `start`, or everything.
    #[command(after_help = "\
With --cluster everything is stopped on all nodes, in order, and stays so until `start
--cluster`: also if daemons or machines are restarted meanwhile, because the replicated log
says so. Nodes stay members, and go on deciding: to stop the daemons too, run `systemctl stop
clusterd` on each node afterwards. What is left alone (maintenance, unmanaged) is not stopped.
`clusterd status` says since when the cluster is stopped and at which node that was asked.

Examples:
  clusterd stop web                     and wait until it is stopped
  clusterd stop --cluster --timeout 300 before the power of the room is cut")]
    Stop(ResourceOrClusterArguments),
    /// Take everything away from a node, until `online`.
    #[command(after_help = "\
Examples:
  clusterd standby                      this node
  clusterd standby zape --timeout 300   a node whose resources need long to stop")]
    Standby(NodeArguments),
    /// Let a node take resources again.
    #[command(after_help = "\
Examples:
  clusterd online zape")]
    Online(NodeArguments),
    /// Leave everything alone, or a node, or a resource, until `--off`.
    Maintenance(MaintenanceArguments),
    /// Forget failures, and look at everything anew.
    Cleanup(CleanupArguments),
    /// Say how often resources failed since the last `cleanup`.
    Failcount(FailcountArguments),
    /// Write one file with everything that somebody who helps needs; secrets are removed.
    Bundle(BundleArguments),
    /// Make a key for the packets between members.
    ///
    /// Keys that others can read are refused: `umask 077` before a file of them is made.
    #[command(after_help = "\
Examples:
  clusterd key > /etc/clusterd/keys     the first one; give the same file to all members
  clusterd key 2 >> /etc/clusterd/keys  the next one; spread the file before it is used")]
    Key {
        /// The number of the key.
        #[arg(default_value_t = 1)]
        number: u32,
    },
    /// Replace the daemon by the program that is installed now; resources are not touched.
    #[command(after_help = "\
Examples:
  clusterd renew                        after an update of the package")]
    Renew,
    /// Confirm that a node is off, where its fencing device cannot.
    ///
    /// In a lone pair with fencing devices nothing of a lost node is taken over before it is
    /// known to be off.
    /// Look at the machine, and see that it stays off until this was answered: if it is
    /// not off, both nodes may write to the same data. What it decided alone is not known here:
    /// also not that only its copy of DRBD's data is the newest (`fence-peer`).
    #[command(after_help = "\
Examples:
  clusterd fence --confirm-off bend2    I have pulled its plug")]
    Fence {
        /// The node, by its name.
        #[arg(long, value_name = "NODE")]
        confirm_off: String,
    },
    /// Outdate the other copy of a resource's data: DRBD's handler `fence-peer`.
    ///
    /// Once it is in the replicated log that only this node has the newest data, the
    /// resource is promoted, or run if it cannot be promoted, nowhere else, whatever happens
    /// to this node. For two copies: of three nobody can say that one of them is up to date.
    #[command(after_help = "\
Exit codes are those that drbd.conf(5) wants of this handler: 4 the other copy is outdated;
6 another node said so first, and this one is outdated; anything else: nobody knows, and DRBD
lets nothing be written until it hears its peer again, or `drbdadm resume-io`.

Examples:
  clusterd fence-peer content           what DRBD calls when it loses its peer

In drbd.conf(5), for a resource `content` of the cluster:
  disk { fencing resource-and-stonith; }
  handlers {
      fence-peer \"/usr/sbin/clusterd fence-peer content\";
      unfence-peer \"/usr/sbin/clusterd unfence-peer content\";
  }
DRBD 9 has `fencing` in its section `net`.")]
    FencePeer(FencePeerArguments),
    /// All copies of a resource's data are the same again: DRBD's handler `unfence-peer`.
    ///
    /// What is said of them while this runs is not taken back by it.
    #[command(after_help = "\
By hand: when DRBD says `UpToDate/UpToDate` and `clusterd status` still names one node; or to
go on with older data because the node with the newest is lost for good. What only that one
had is lost, too; while it lives, both nodes may write.

Examples:
  clusterd unfence-peer content         what DRBD calls when its peer has caught up")]
    UnfencePeer(UnfencePeerArguments),
    /// Give everything that runs on a node to the others, once; it may come back.
    #[command(after_help = "\
Examples:
  clusterd give                         before this node is changed
  clusterd give zape")]
    Give {
        /// Which; nothing: this one.
        node: Option<String>,
    },
    /// Make the daemon read its files again. It begins anew, without touching resources,
    /// if what changed asks for it, or as another program that is installed by now and takes
    /// the file.
    #[command(after_help = "\
Examples:
  clusterd reload                       what `systemctl reload clusterd` does")]
    Reload,
    /// Completions for a shell.
    #[command(after_help = "\
Examples:
  clusterd completions bash > /etc/bash_completion.d/clusterd")]
    Completions {
        /// Which.
        shell: clap_complete::Shell,
    },
    /// Man pages.
    #[command(after_help = "\
Examples:
  clusterd man -o /usr/share/man/man8")]
    Man {
        /// Directory to write to.
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
    },
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_for_people_has_examples() {
        for command in Arguments::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string);
            let examples = help.is_some_and(|help| help.contains("Examples:\n  clusterd "));
            assert!(examples || command.is_hide_set(), "{}", command.get_name());
        }
    }
}
