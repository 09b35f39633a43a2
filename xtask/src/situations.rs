//! `docs/clusterd-situations.md`: what operators see when something is wrong, to the
//! letter, from the situations that the daemon's tests are about.

use crate::process;
use anyhow::{Context as _, Result, bail};
use std::fmt::Write as _;
use std::path::Path;

/// Below the checkout.
const TESTS: &str = "crates/clusterd/tests";

const OPENING: &str = "\
# Situations

What `clusterd status` and `clusterd explain` say when something is wrong, to the letter. Made from
`crates/clusterd/tests` by `cargo xtask docs`; tests keep these in step with what a daemon says.

All of it is one cluster, `web`: nodes zipi and zape, and the witness yoda1 on a host of another
cluster. The group `web` (an address and a web server) runs on one of the nodes, the clone
`ping-clone` on both. Read from the top: the first line is the verdict and its reason; the line
after `hint:` names the next command. `status` ends with 0 if the cluster is healthy, else with 2.
";

/// A situation: its file, its heading, what to know, and what is explained.
struct Situation {
    file: &'static str,
    heading: &'static str,
    words: &'static str,
    resource: &'static str,
}

const SITUATIONS: &[Situation] = &[
    Situation {
        file: "healthy-pair",
        heading: "All is well",
        words: "Nothing happened; this is what the others are compared with. Each of the three may be lost, \
and all would run on: that is what the table `Would all run on without` says.",
        resource: "web",
    },
    Situation {
        file: "node-lost",
        heading: "A node died, and its resources are on their way",
        words: "Nobody has heard zipi for four seconds. What it ran counts as running there until it is certain \
that it stopped: that takes at most the time in the line `fencing`. Wait for it; nothing has to be done by hand, \
and `clusterd status --wait running` says when it is over.",
        resource: "httpd",
    },
    Situation {
        file: "node-down",
        heading: "A node is down, and everything runs",
        words: "zape has been away for over an hour, and zipi runs everything. Nothing is in danger until another \
member goes: two voters are left, and two are needed. Bring zape back; look there whether the machine and its \
daemon run.",
        resource: "web",
    },
    Situation {
        file: "witness-down",
        heading: "The witness is down",
        words: "Both nodes are there and nothing stopped. Without its witness a pair cannot lose a node any more: \
whoever is left would be one of three and may not decide. Bring yoda1, or the network to it, back before anything \
is upgraded.",
        resource: "web",
    },
    Situation {
        file: "no-quorum",
        heading: "This node hears nobody",
        words: "zape alone hears neither zipi nor the witness, so it decides nothing and runs nothing. The verdict \
is `unknown` because the others may be well: ask one of them first. If they are, mend the network of zape (all \
addresses that are not heard are in the table of members).",
        resource: "httpd",
    },
    Situation {
        file: "failed-resource",
        heading: "A resource failed",
        words: "httpd stopped answering for the second time, and is stopped and started again where it is. What its \
agent said is in the verdict and below the resource. At the third failure it goes to zape, because its role says \
`migration_threshold: 3`; \
look into its own log meanwhile, and `clusterd cleanup httpd` once it is mended.",
        resource: "httpd",
    },
    Situation {
        file: "stuck-stop",
        heading: "A resource cannot be stopped",
        words: "The stop of httpd did not end, so it counts as running on zipi and starts nowhere else: two of them \
could destroy data. The node is to reset itself, and zape takes over then. If it does not, switch zipi off by hand; \
nothing else is safe.",
        resource: "httpd",
    },
    Situation {
        file: "down-everywhere",
        heading: "A resource may run nowhere",
        words: "No node reaches the clients' network, and the rule `clients` wants that: neither is good enough. The \
cluster waits, and starts the group by itself once the attribute `pingd` of a node says that it reaches somebody. \
Look at the router, not at the cluster.",
        resource: "vip",
    },
    Situation {
        file: "standby",
        heading: "Somebody left a node in standby",
        words: "zape takes nothing because an operator said so, perhaps for an upgrade that is over. All runs, and \
the loss of zipi would stop all of it. `clusterd online zape` ends it.",
        resource: "web",
    },
    Situation {
        file: "maintenance",
        heading: "The cluster is in maintenance",
        words: "An operator told it to leave everything alone: what dies now stays dead. End it with `clusterd \
maintenance --off` once whoever began it agrees; what that would change can be seen before.",
        resource: "web",
    },
    Situation {
        file: "move-in-force",
        heading: "An operator moved something",
        words: "The group runs on zape because somebody moved it there, for another 45 minutes. That is no fault, and \
it does not go back by itself afterwards unless the configuration prefers zipi. `clusterd move web --clear` ends the \
move earlier.",
        resource: "web",
    },
    Situation {
        file: "joining",
        heading: "A node comes back",
        words: "zape is heard again and is not admitted yet: what may still run there is looked at first. That takes \
seconds. If it lasts, `clusterd status` on zape says what it waits for.",
        resource: "ping-clone",
    },
    Situation {
        file: "wrong-key",
        heading: "Somebody has another key",
        words: "A machine at 10.77.2.19 sends packets that are sealed with another key, and they are refused. If it is a \
member, compare `/etc/clusterd/keys` on both (of a witness: `/etc/clusterd/witness/CLUSTER.keys`); if it is none, find out who it is. The cluster itself is well.",
        resource: "web",
    },
    Situation {
        file: "split-link",
        heading: "One of two networks is down",
        words: "zape is heard on `om` and not on `hb`, so nothing moved and nothing stopped. The next fault, on the \
other network, would look like the death of a node. Mend the network that is named first: cable, port, switch.",
        resource: "web",
    },
    Situation {
        file: "full-disk",
        heading: "A disk is full",
        words: "zipi cannot write what the cluster decides, and says so before anything else. After half a lease it asks \
for no more leases and gives up what it has, so that zape can take it. Make space on zipi and restart the daemon there: \
what was half written is only known once it is opened again.",
        resource: "web",
    },
    Situation {
        file: "fence-device",
        heading: "A fencing device does not answer",
        words: "Here the two nodes have no witness: whoever loses the other one switches it off before it takes over. The \
device of zape hangs, so zipi could not take over from zape. All runs; mend the device (its address, its password, \
its cable) before anything else fails. It is tested every minute.",
        resource: "web",
    },
];

/// The page.
pub(crate) fn page(root: &Path, clusterd: &Path) -> Result<String> {
    let tests = root.join(TESTS);
    let all = std::fs::read_dir(tests.join("situations"))
        .with_context(|| format!("reading {}", tests.display()))?;
    if all.count() != SITUATIONS.len() {
        bail!("there are situations in {TESTS} that xtask/src/situations.rs has no words for");
    }
    let mut text = OPENING.to_owned();
    for one in SITUATIONS {
        let file = format!("{}.json", one.file);
        let report = tests.join("situations").join(&file);
        let own = tests.join("models").join(&file);
        let model = if own.exists() {
            own
        } else {
            tests.join("models/pair.json")
        };
        let status = said(clusterd, &["status", "--file"], &report)?;
        let explained = said(clusterd, &["explain", one.resource, "--file"], &model)?;
        let _ = write!(
            text,
            "\n## {}\n\n{}\n\n```text\n$ clusterd status\n{status}\n```\n\n```text\n$ clusterd explain {}\n{explained}\n```\n",
            one.heading,
            wrapped(one.words),
            one.resource
        );
    }
    Ok(text)
}

/// Everything that a command says.
fn said(clusterd: &Path, words: &[&str], file: &Path) -> Result<String> {
    let output = process::command(&clusterd.to_string_lossy())
        .args(words)
        .arg(file)
        .env("NO_COLOR", "1")
        .output()
        .with_context(|| format!("running {}", clusterd.display()))?;
    let words = words.join(" ");
    // 2: the cluster is not healthy.
    if !matches!(output.status.code(), Some(0 | 2)) {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("clusterd {words} {}: {error}", file.display());
    }
    let all = [output.stdout, output.stderr].concat();
    let all = String::from_utf8(all).with_context(|| format!("clusterd {words}"))?;
    let lines: Vec<&str> = all.lines().map(str::trim_end).collect();
    Ok(lines.join("\n").trim_end().to_owned())
}

/// Lines of at most 100 characters.
fn wrapped(words: &str) -> String {
    let mut lines = vec![String::new()];
    for word in words.split_whitespace() {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last > 0 && last + 1 + word.chars().count() > 100 {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_not_too_long_and_lose_nothing() {
        let words = "a situation ".repeat(40);
        let text = wrapped(&words);
        assert!(text.lines().all(|line| line.len() <= 100));
        assert_eq!(text.split_whitespace().count(), 80);
        assert_eq!(wrapped("one"), "one");
    }
}
