//! Commands that change nothing.

use crate::simulation::Fault;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// How much to say.
#[derive(Args, Clone, Debug, Default)]
#[command(after_help = "\
Examples:
  clusterd status                       exit 0: healthy; 2: not
  clusterd status --watch               again whenever something changed
  clusterd status --wait healthy --timeout 120
  clusterd status --json | jq -r .verdict.because
  clusterd status --file bundle.json    as it was when somebody made a bundle")]
pub(crate) struct StatusArguments {
    /// One JSON document; with --watch one on each line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Again whenever something changed.
    #[arg(long, conflicts_with = "wait")]
    pub(crate) watch: bool,
    /// A report or a bundle, in place of the daemon of this machine.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["wait", "watch"])]
    pub(crate) file: Option<PathBuf>,
    /// Only once the cluster is so.
    #[arg(long, value_name = "HEALTH", value_enum)]
    pub(crate) wait: Option<Goal>,
    /// Seconds after which waiting ends.
    #[arg(
        long,
        value_name = "S",
        default_value_t = 60,
        requires = "wait",
        value_parser = clap::value_parser!(u32).range(1..=86_400)
    )]
    pub(crate) timeout: u32,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Goal {
    /// All runs that should, and the next failure can be survived.
    Healthy,
    /// All runs that should.
    Running,
    /// Nothing is under way.
    Settled,
}

/// What to explain.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  clusterd explain web                  the group and its members
  clusterd explain                      everything
  clusterd explain --file bundle.json   as it was when somebody made a bundle")]
pub(crate) struct ExplainArguments {
    /// Which; nothing: all.
    pub(crate) resource: Option<String>,
    /// A model or a bundle, in place of the daemon of this machine.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// One JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to suppose.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
All that is supposed happens at once; then everything that is tried succeeds. Exit 2 if
something that runs now would run nowhere in the end. A network between the members is
nothing to simulate: as long as they hear each other on another one, nothing changes.

Examples:
  clusterd simulate --lose zipi         a node dies
  clusterd simulate --lose yoda1 --lose zipi
  clusterd simulate --fail httpd@zipi   and --fail httpd@zipi --fail httpd@zipi: twice
  clusterd simulate --attribute zipi:pingd=0
  clusterd simulate --maintenance-end   what would be mended
  clusterd simulate --lose zipi --file bundle.json")]
pub(crate) struct SimulateArguments {
    /// A node or witness dies, or nobody hears it any more.
    #[arg(long, value_name = "NODE")]
    pub(crate) lose: Vec<String>,
    /// A resource fails, everywhere or on a node; again for another failure.
    #[arg(long, value_name = "RESOURCE[@NODE]")]
    pub(crate) fail: Vec<String>,
    /// A node goes into standby.
    #[arg(long, value_name = "NODE")]
    pub(crate) standby: Vec<String>,
    /// A node takes resources again.
    #[arg(long, value_name = "NODE")]
    pub(crate) online: Vec<String>,
    /// All maintenance ends.
    #[arg(long)]
    pub(crate) maintenance_end: bool,
    /// An attribute of a node changes: `pingd` counts the hosts that it reaches.
    #[arg(long, value_name = "NODE:NAME=VALUE", value_parser = attribute)]
    pub(crate) attribute: Vec<Attribute>,
    /// A model (`GET /v1/model`) or a bundle, in place of the daemon of this machine.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// One JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// An attribute of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    node: String,
    name: String,
    value: String,
}

fn attribute(text: &str) -> Result<Attribute, String> {
    let parts = text.split_once(':').and_then(|(node, rest)| {
        rest.split_once('=')
            .map(|(name, value)| (node, name, value))
    });
    match parts {
        Some((node, name, value)) if !node.is_empty() && !name.is_empty() => Ok(Attribute {
            node: node.to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
        }),
        _ => Err("NODE:NAME=VALUE is wanted, as in zipi:pingd=0".to_owned()),
    }
}

impl SimulateArguments {
    /// What is supposed.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        faults.extend(self.lose.iter().cloned().map(Fault::Lose));
        faults.extend(self.fail.iter().map(|text| {
            let (resource, node) = match text.split_once('@') {
                Some((resource, node)) => (resource, Some(node.to_owned())),
                None => (text.as_str(), None),
            };
            Fault::Fail {
                resource: resource.to_owned(),
                node,
            }
        }));
        faults.extend(self.standby.iter().cloned().map(Fault::Standby));
        faults.extend(self.online.iter().cloned().map(Fault::Online));
        if self.maintenance_end {
            faults.push(Fault::MaintenanceEnd);
        }
        faults.extend(self.attribute.iter().map(|attribute| Fault::Attribute {
            node: attribute.node.clone(),
            name: attribute.name.clone(),
            value: attribute.value.clone(),
        }));
        faults
    }
}

/// Whose failures.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  clusterd failcount                    of all
  clusterd failcount httpd --node zipi
  clusterd cleanup httpd                forgets them")]
pub(crate) struct FailcountArguments {
    /// Of which resource; nothing: of all.
    pub(crate) resource: Option<String>,
    /// On which node; nothing: everywhere.
    #[arg(long, value_name = "NODE")]
    pub(crate) node: Option<String>,
    /// One JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where a bundle goes.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
The file holds the report, the model, its explanation, versions, and the last lines of the
journal. Values of parameters and attributes whose names look like secrets (password,
passwd, secret, token, key) are removed, there and wherever else they turn up. Read it
before you give it away all the same.

Examples:
  clusterd bundle                       clusterd-bundle-HOST-TIME.json
  clusterd bundle -o - | ssh admin@desk 'cat > bundle.json'
  clusterd simulate --lose zipi --file bundle.json")]
pub(crate) struct BundleArguments {
    /// File to write; `-`: standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Lines of the journal.
    #[arg(long, value_name = "N", default_value_t = 1_000,
          value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(crate) lines: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_has_three_parts() {
        let known = attribute("zipi:pingd=0").expect("right");
        assert_eq!((known.node.as_str(), known.value.as_str()), ("zipi", "0"));
        for text in ["zipi", "zipi:pingd", ":pingd=0", "zipi:=0"] {
            assert!(attribute(text).is_err(), "{text}");
        }
    }
}
