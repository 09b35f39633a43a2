//! Commands that change something.

use clap::Args;

/// How long to wait for what was asked.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// Do not wait until it is carried out.
    #[arg(long, conflicts_with = "timeout")]
    pub(crate) no_wait: bool,
    /// Seconds after which waiting ends; what was asked for stays asked for.
    #[arg(long, value_name = "S", default_value_t = 60,
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) timeout: u32,
}

/// A resource, or everything.
#[derive(Args, Clone, Debug)]
pub(crate) struct ResourceOrClusterArguments {
    /// Which.
    #[arg(required_unless_present = "cluster")]
    pub(crate) resource: Option<String>,
    /// Everything, on all nodes.
    #[arg(long, conflicts_with = "resource")]
    pub(crate) cluster: bool,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

/// A node.
#[derive(Args, Clone, Debug)]
pub(crate) struct NodeArguments {
    /// Which; nothing: this one.
    pub(crate) node: Option<String>,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

/// A move.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
A move is no constraint: `status` shows it, and it ends by itself. Afterwards the resource
stays where it is until there is a reason to move it.

Examples:
  clusterd move web --to zape           for an hour
  clusterd move web --away-from zipi --minutes 15
  clusterd move web --clear             forget it earlier")]
pub(crate) struct MoveArguments {
    /// Which.
    pub(crate) resource: String,
    /// Where to.
    #[arg(long, value_name = "NODE", required_unless_present_any = ["away_from", "clear"])]
    pub(crate) to: Option<String>,
    /// Away from where.
    #[arg(long, value_name = "NODE", conflicts_with = "to")]
    pub(crate) away_from: Option<String>,
    /// Forget an earlier move.
    #[arg(long, conflicts_with_all = ["to", "away_from"])]
    pub(crate) clear: bool,
    /// For how many minutes.
    #[arg(long, value_name = "MINUTES", default_value_t = 60,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) minutes: u64,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

/// What is left alone.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
What is left alone goes on running, is not mended, and does not move.
`clusterd simulate --maintenance-end` says beforehand what its end would change.

Examples:
  clusterd maintenance                  the whole cluster
  clusterd maintenance zape             what runs on one node
  clusterd maintenance --resource httpd one resource
  clusterd maintenance --off            and mend what has to be mended")]
pub(crate) struct MaintenanceArguments {
    /// Which node; nothing: the cluster.
    pub(crate) node: Option<String>,
    /// Only this resource.
    #[arg(long, value_name = "RESOURCE", conflicts_with = "node")]
    pub(crate) resource: Option<String>,
    /// Not any more.
    #[arg(long)]
    pub(crate) off: bool,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

/// Of whose data.
#[derive(Args, Clone, Debug)]
pub(crate) struct FencePeerArguments {
    /// The resource of the cluster that has the data.
    pub(crate) resource: String,
    /// Seconds after which to give up: until then a lost peer may be switched off. drbdadm(8)
    /// itself waits for ten minutes.
    #[arg(long, value_name = "S", default_value_t = 590,
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) timeout: u32,
}

/// Of whose data.
#[derive(Args, Clone, Debug)]
pub(crate) struct UnfencePeerArguments {
    /// The resource of the cluster that has the data.
    pub(crate) resource: String,
    /// Seconds after which to give up: DRBD does nothing else meanwhile.
    #[arg(long, value_name = "S", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) timeout: u32,
}

/// What is forgotten.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  clusterd cleanup                      everything, everywhere
  clusterd cleanup httpd --node zipi")]
pub(crate) struct CleanupArguments {
    /// Of which resource; nothing: of all.
    pub(crate) resource: Option<String>,
    /// On which node; nothing: everywhere.
    #[arg(long, value_name = "NODE")]
    pub(crate) node: Option<String>,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}
