//! The project whose hosts are compared: the web server of `examples/web`, with an
//! inventory for each contender and roles of the benchmark's own.

use super::super::work::write;
use super::engine::Engine;
use crate::checkout::Checkout;
use crate::demo::{copy_tree, enter_bmc_password};
use crate::process::{self, quietly};
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::process::Command;

const PAIR: &str = include_str!("../../../bench/cluster/pair.yaml");
const VERSION: &str = "1.0.0";

/// What serves, and where it runs: Apache, but for the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Site {
    /// On the active node, started after the address.
    Active,
    /// On both nodes: only the address moves.
    Both,
    /// Nowhere: it is Tomcat on the active node.
    Tomcat,
}

impl Site {
    pub(super) const ALL: [Self; 3] = [Self::Active, Self::Both, Self::Tomcat];

    /// Above its table.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Active => "Apache on the active node",
            Self::Both => "Apache on both nodes, the address moves",
            Self::Tomcat => "Tomcat on the active node",
        }
    }

    /// Where a client asks, and for what.
    pub(super) fn asked(self) -> (u16, &'static str) {
        match self {
            Self::Active | Self::Both => (80, "/"),
            Self::Tomcat => (8080, "/answer"),
        }
    }
}

/// A copy of the example below `target/bench/cluster`.
#[derive(Debug)]
pub(super) struct Project {
    place: PathBuf,
    tandem: PathBuf,
    helper: PathBuf,
}

impl Project {
    /// Makes it anew.
    pub(super) fn make(checkout: &Checkout, tandem: PathBuf, helper: PathBuf) -> Result<Self> {
        let project = Self {
            place: checkout.target.join("bench/cluster"),
            tandem,
            helper,
        };
        if project.place.exists() {
            std::fs::remove_dir_all(&project.place)
                .with_context(|| format!("removing {}", project.place.display()))?;
        }
        let example = checkout.root.join("examples/web");
        for part in ["roles", "profiles", "templates", "specs"] {
            copy_tree(&example.join(part), &project.root().join(part))?;
        }
        let own = checkout.root.join("xtask/bench/cluster");
        for part in ["roles", "templates"] {
            copy_tree(&own.join(part), &project.root().join(part))?;
        }
        std::fs::create_dir_all(project.root().join("inventories"))?;
        Ok(project)
    }

    fn root(&self) -> PathBuf {
        self.place.join("project")
    }

    /// For what is kept beside the copy.
    pub(super) fn scratch(&self) -> PathBuf {
        self.place.clone()
    }

    /// The command, in the copy.
    pub(super) fn tandem(&self, words: &[&str]) -> Command {
        let mut command = process::command(&self.tandem.to_string_lossy());
        command
            .current_dir(self.root())
            .env("TANDEM_HOME", self.place.join("home"))
            .env("TANDEM_HOST_BINARY", &self.helper)
            .env(
                "TANDEM_CLUSTERD_BINARY",
                self.helper.with_file_name("clusterd"),
            )
            .env("SOURCE_DATE_EPOCH", "1763596800")
            .args(words);
        command
    }

    /// Runs it; what it says is shown only if it fails.
    pub(super) fn quietly(&self, words: &[&str]) -> Result<()> {
        quietly(&mut self.tandem(words))
    }

    /// The inventory of a contender.
    pub(super) fn inventory(&self, engine: Engine, site: Site) -> Result<()> {
        let name = engine.environment();
        let path = self.root().join(format!("inventories/{name}.yaml"));
        write(&path, inventory(engine, site).as_bytes())
    }

    /// Keys of all whose inventories are there.
    pub(super) fn keys(&self) -> Result<()> {
        self.quietly(&["key", "init"])
    }

    /// Secrets of a contender; the lab's BMCs have a password of their own.
    pub(super) fn secrets(&self, engine: Engine) -> Result<()> {
        let name = engine.environment();
        self.quietly(&["secret", "init", "-i", &name])?;
        if engine.part().contains("bmc_password") {
            enter_bmc_password(&mut self.tandem(&["secret", "edit", "-i", &name]))?;
        }
        Ok(())
    }

    /// One release for all.
    pub(super) fn build(&self) -> Result<()> {
        self.quietly(&["build", "--release", VERSION])
    }

    /// Makes the hosts of a contender what its inventory says.
    pub(super) fn apply(&self, engine: Engine) -> Result<()> {
        let name = engine.environment();
        let words = ["apply", "-i", &name, "--lab", "--release", VERSION, "--yes"];
        self.quietly(&[&words[..], &["--accept-outage"]].concat())
    }
}

fn inventory(engine: Engine, site: Site) -> String {
    let part: Vec<&str> = engine.part().lines().collect();
    let known = !part.is_empty();
    let witness = engine.part().contains("witness: yoda");
    let role = match (known, site) {
        (true, Site::Active) => "web",
        (true, Site::Both) => "address",
        (true, Site::Tomcat) => "tomcat",
        (false, Site::Active) => "site",
        (false, Site::Both) => "site-on-both",
        (false, Site::Tomcat) => "site-of-tomcat",
    };
    let (host, watch) = if witness {
        (
            "yoda: {profile: debian12, nics: {eth1: hb/13, eth2: om/13}}",
            "watch: {role: base, nodes: [yoda]}",
        )
    } else {
        ("", "")
    };
    PAIR.replace(
        "environment: NAME",
        &format!("environment: {}", engine.environment()),
    )
    .replace("role: ROLE", &format!("role: {role}"))
    .replace("    ENGINE\n", &format!("    {}\n", part.join("\n    ")))
    .replace("  WITNESS\n", &format!("  {host}\n"))
    .replace("  WATCH\n", &format!("  {watch}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inventory_names_what_its_contender_needs_and_nothing_is_left_to_fill_in() {
        for engine in Engine::ALL {
            for site in Site::ALL {
                let text = inventory(engine, site);
                for left in ["ROLE\n", "ENGINE\n", "WITNESS\n", "WATCH\n", ": NAME"] {
                    assert!(!text.contains(left), "{left}: {text}");
                }
                assert_eq!(
                    text.contains("yoda: {"),
                    text.contains("witness: yoda"),
                    "{text}"
                );
            }
        }
        assert!(inventory(Engine::Keepalived, Site::Both).contains("role: site-on-both\n"));
        assert!(inventory(Engine::Pair, Site::Active).contains("      kind: clusterd\n"));
    }
}
