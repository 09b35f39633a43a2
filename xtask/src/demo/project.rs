//! The demo's own copy of the project, with its own keys and secrets, and the
//! `tandem` command in it.

use crate::checkout::Checkout;
use crate::process;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What makes a project besides its inventories.
const PARTS: &[&str] = &["roles", "profiles", "templates", "specs"];

/// Instead of the time when our lab was made, until it is.
const BEING_MADE: &str = "being made";

/// Two hosts, and the virtual IP that one of them holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) hosts: [&'static str; 2],
    pub(crate) address: &'static str,
}

/// Which project is shown.
#[derive(Debug)]
pub(crate) struct Scene {
    /// Where it lies in the checkout.
    source: &'static str,
    /// Pairs of its dev inventory, the one that clients reach first.
    pub(crate) pairs: &'static [Pair],
    /// What to look at from the client's network.
    look: &'static str,
}

/// The web server of `examples/web`.
pub(crate) static WEB: Scene = Scene {
    source: "examples/web",
    pairs: &[Pair {
        hosts: ["zipi", "zape"],
        address: "10.77.4.50",
    }],
    look: "curl -si http://10.77.4.50/",
};

/// The platform: frontend and backend.
pub(crate) static PLATFORM: Scene = Scene {
    source: ".",
    pairs: &[
        Pair {
            hosts: ["zipi", "zape"],
            address: "10.77.4.50",
        },
        Pair {
            hosts: ["bend1", "bend2"],
            address: "10.77.3.60",
        },
    ],
    look: "curl -si http://10.77.4.50:8081/gatekeeper/db",
};

/// A copy of the project in `target/demo/NAME/project`.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    /// Name of the environment, and of its lab.
    pub(crate) name: String,
    pub(crate) scene: &'static Scene,
    source: PathBuf,
    place: PathBuf,
    tandem: PathBuf,
    helper: PathBuf,
}

impl Project {
    /// The network in which clients are.
    const CLIENT: &str = "client-ext";

    pub(crate) fn new(
        checkout: &Checkout,
        scene: &'static Scene,
        name: &str,
        tandem: PathBuf,
        helper: PathBuf,
    ) -> Self {
        Self {
            name: name.to_owned(),
            scene,
            source: checkout.root.join(scene.source),
            place: checkout.target.join("demo").join(name),
            tandem,
            helper,
        }
    }

    fn root(&self) -> PathBuf {
        self.place.join("project")
    }

    fn home(&self) -> PathBuf {
        self.place.join("home")
    }

    /// When our lab was made: a lab of that name that was made at another time
    /// is somebody else's.
    fn mark(&self) -> PathBuf {
        self.place.join("lab-created")
    }

    /// The command, in the copy.
    pub(crate) fn tandem(&self, words: &[&str]) -> Command {
        let mut command = process::command(&self.tandem.to_string_lossy());
        command
            .current_dir(self.root())
            .env("TANDEM_HOME", self.home())
            .env("TANDEM_HOST_BINARY", &self.helper)
            .env(
                "TANDEM_CLUSTERD_BINARY",
                self.helper.with_file_name("clusterd"),
            )
            .args(words);
        command
    }

    /// Runs the command as a person would, with its output on the terminal, and
    /// wants one of some exit codes.
    pub(crate) fn runs(&self, words: &[&str], wanted: &[i32]) -> Result<()> {
        eprintln!("$ tandem {}", words.join(" "));
        let status = self
            .tandem(words)
            .stdin(std::process::Stdio::null())
            .status()
            .with_context(|| format!("running {}", self.tandem.display()))?;
        match status.code() {
            Some(code) if wanted.contains(&code) => Ok(()),
            _ => bail!(
                "`tandem {}` ended with {status}; wanted was exit code {}",
                words.join(" "),
                wanted
                    .iter()
                    .map(i32::to_string)
                    .collect::<Vec<_>>()
                    .join(" or ")
            ),
        }
    }

    /// Makes the copy anew, without releases, keys and secrets.
    pub(crate) fn copy(&self) -> Result<()> {
        self.forget()?;
        for part in PARTS {
            copy_tree(&self.source.join(part), &self.root().join(part))?;
        }
        let inventory = self.source.join("inventories/dev.yaml");
        let text = std::fs::read_to_string(&inventory)
            .with_context(|| format!("reading {}", inventory.display()))?;
        let renamed = replace_once(
            &text,
            "environment: dev\n",
            &format!("environment: {}\n", self.name),
        )?;
        std::fs::create_dir_all(self.root().join("inventories"))?;
        std::fs::write(self.root().join(self.inventory()), renamed)?;
        std::fs::write(self.root().join(".gitignore"), "/dist\n")?;
        // There is no lab now: whatever is there after this, we made.
        std::fs::write(self.mark(), BEING_MADE)?;
        self.git(&["init", "--quiet"])
    }

    /// Path of the inventory, within the project.
    pub(crate) fn inventory(&self) -> String {
        format!("inventories/{}.yaml", self.name)
    }

    /// What the project is now, as a commit: packages are dated by it.
    pub(crate) fn commit(&self, message: &str) -> Result<()> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "-m", message])
    }

    fn git(&self, words: &[&str]) -> Result<()> {
        process::must(
            process::command("git")
                .current_dir(self.root())
                .args([
                    "-c",
                    "user.name=demo",
                    "-c",
                    "user.email=demo@tandem.invalid",
                ])
                .args([
                    "-c",
                    "commit.gpgsign=false",
                    "-c",
                    "init.defaultBranch=main",
                ])
                .args(words),
        )
    }

    /// A file of the copy.
    pub(crate) fn read(&self, file: &str) -> Result<String> {
        let path = self.root().join(file);
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    }

    /// Replaces in a file what must be there exactly once.
    pub(crate) fn replace(&self, file: &str, old: &str, new: &str) -> Result<()> {
        let path = self.root().join(file);
        let text = self.read(file)?;
        let edited = replace_once(&text, old, new).with_context(|| format!("editing {file}"))?;
        std::fs::write(&path, edited).with_context(|| format!("writing {}", path.display()))
    }

    /// What the lab says of itself; nothing if there is none.
    pub(crate) fn lab(&self) -> Result<Option<Value>> {
        std::fs::create_dir_all(self.root())?;
        let output =
            process::caught(&mut self.tandem(&["lab", "status", "-i", &self.name, "--json"]))?;
        if !output.status.success() {
            return Ok(None);
        }
        serde_json::from_slice(&output.stdout)
            .context("reading what `tandem lab status --json` says")
            .map(Some)
    }

    /// Whether there is a lab, and this demo or an earlier one made it.
    pub(crate) fn owns_lab(&self) -> Result<bool> {
        let Some(lab) = self.lab()? else {
            return Ok(false);
        };
        let ours = std::fs::read_to_string(self.mark()).unwrap_or_default();
        Ok(ours == BEING_MADE || Some(ours.as_str()) == lab["created"].as_str())
    }

    /// Refuses a lab that is not ours.
    pub(crate) fn refuse_foreign_lab(&self) -> Result<()> {
        ensure!(
            self.lab()?.is_none() || self.owns_lab()?,
            "there is a lab `{0}` that no demo made\n\
             hint: `tandem lab down -i {0}` removes it, `cargo xtask demo --name {0}-demo` lets it be",
            self.name
        );
        Ok(())
    }

    /// Notes that the lab is ours; the network namespace of its clients.
    pub(crate) fn own_lab(&self) -> Result<PathBuf> {
        let lab = self.lab()?.context("the lab that was made is not there")?;
        let created = lab["created"]
            .as_str()
            .context("a lab says when it was made")?;
        std::fs::write(self.mark(), created)?;
        lab["clients"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|client| client["name"] == Self::CLIENT)
            .and_then(|client| client["netns"].as_str())
            .map(PathBuf::from)
            .with_context(|| format!("the lab has no {}", Self::CLIENT))
    }

    /// A program in the network of the clients, or of `client-om` and the like.
    pub(crate) fn client(&self, client: &str, words: &[&str]) -> Command {
        self.tandem(&[&["lab", "exec", "-i", &self.name, client], words].concat())
    }

    /// Whether a host has the address; a host without power has none.
    pub(crate) fn holds(&self, host: &str, address: &str) -> bool {
        let words = [
            "lab", "exec", "-i", &self.name, host, "ip", "-o", "addr", "show", "to", address,
        ];
        process::caught(&mut self.tandem(&words))
            .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(address))
    }

    /// A file of a host.
    pub(crate) fn file(&self, host: &str, path: &str) -> Result<String> {
        process::text(&mut self.tandem(&["lab", "exec", "-i", &self.name, host, "cat", path]))
    }

    /// Removes the lab and the copy.
    pub(crate) fn remove(&self) -> Result<()> {
        self.refuse_foreign_lab()?;
        self.runs(&["lab", "down", "-i", &self.name], &[0])?;
        self.forget()
    }

    fn forget(&self) -> Result<()> {
        if self.place.exists() {
            std::fs::remove_dir_all(&self.place)
                .with_context(|| format!("removing {}", self.place.display()))?;
        }
        Ok(())
    }

    /// What to type next; where things are once all steps were gone.
    pub(crate) fn how_to_look_around(&self, finished: bool) -> String {
        let name = &self.name;
        let bin = self.tandem.parent().unwrap_or(Path::new("."));
        let more = if name == "dev" {
            String::new()
        } else {
            format!(" --name {name}")
        };
        let state = if finished {
            "The hosts are back on 1.0.0, the files of the project still ask for 1.1.0: `tandem plan`\n\
             says so, and `--again` would apply it once more.\n"
        } else {
            ""
        };
        format!(
            "The lab is up. To look around:\n\n  \
             cd {}\n  \
             export TANDEM_HOME={}\n  \
             export TANDEM_HOST_BINARY={}\n  \
             export PATH={}:$PATH\n  \
             tandem status -i {name} --lab\n  \
             tandem history -i {name} --lab\n  \
             tandem lab shell -i {name} {}\n  \
             tandem lab exec -i {name} {} {}\n\n\
             {state}\
             `cargo xtask demo --down{more}` removes all of it.",
            self.root().display(),
            self.home().display(),
            self.helper.display(),
            bin.display(),
            self.scene.pairs[0].hosts[0],
            Self::CLIENT,
            self.scene.look,
        )
    }
}

/// Replaces what must be there exactly once.
fn replace_once(text: &str, old: &str, new: &str) -> Result<String> {
    let count = text.matches(old).count();
    ensure!(
        count == 1,
        "{:?} is there {count} times, once was expected",
        old.trim()
    );
    Ok(text.replacen(old, new, 1))
}

/// The lab's BMCs have a password of their own. An operator enters it in the editor of
/// `tandem secret edit`, which this is.
pub(crate) fn enter_bmc_password(edit: &mut Command) -> Result<()> {
    let editor = "sed -i 's/^bmc_password:.*/bmc_password: secret/'";
    process::quietly(edit.env("EDITOR", editor))
}

/// Copies a directory with what is below it.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    let entries = std::fs::read_dir(from).with_context(|| format!("reading {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_tree(&source, &target)?;
        } else {
            std::fs::copy(&source, &target)
                .with_context(|| format!("copying {}", source.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_that_finds_nothing_or_too_much_is_an_error() {
        assert_eq!(replace_once("a b", "a", "c").expect("once"), "c b");
        assert!(replace_once("a b", "x", "c").is_err());
        assert!(replace_once("a a", "a", "c").is_err());
    }
}
