//! What this machine must have, and how it gets it: Debian's packages with apt.

use crate::process;
use anyhow::{Result, bail};

/// To build the workspace.
const BUILD: &[&str] = &["gcc", "libc6-dev", "pkg-config", "libssl-dev", "git"];

/// To have a lab, and to look at it.
const LAB: &[&str] = &[
    "systemd-container",
    "mmdebstrap",
    "nftables",
    "iproute2",
    "iputils-ping",
    "mount",
    "openssh-client",
    "util-linux",
    "curl",
];

/// To test packages, repositories and rendered files with the real programs.
const TEST: &[&str] = &[
    "rpm",
    "dnf",
    "createrepo-c",
    "rpmlint",
    "gpg",
    "apache2-bin",
    // crm_simulate, beside which the policy of clusterd is tested.
    "pacemaker-cli-utils",
    "unzip",
    "vagrant",
];

/// To compare with other tools, and with building packages the usual way.
const BENCH: &[&str] = &["rpm", "cpio", "python3-venv"];

/// What a command of this workspace needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Demo,
    Test,
    Bench,
}

impl Need {
    fn packages(self) -> Vec<&'static str> {
        let mut packages = [BUILD, LAB].concat();
        match self {
            Self::Demo => {}
            Self::Test => packages.extend(TEST),
            Self::Bench => packages.extend(BENCH),
        }
        packages
    }
}

/// Installs what is missing. Without the right to do so it says what to do.
pub(crate) fn equip(need: Need) -> Result<()> {
    let packages = need.packages();
    let missing = missing(&packages)?;
    if missing.is_empty() {
        eprintln!("everything is there: {}", packages.join(" "));
        return Ok(());
    }
    let words = missing.join(" ");
    if !is_root()? {
        bail!(
            "{words}: not installed\nhint: as root: apt-get install --no-install-recommends {words}"
        );
    }
    eprintln!("installing {words}");
    // A package that is not known yet means that the lists are old or not there.
    let known = process::caught(
        process::command("apt-cache")
            .args(["show", "--no-all-versions"])
            .args(&missing),
    )?;
    let install = || {
        process::succeeds(
            process::command("apt-get")
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args([
                    "install",
                    "--yes",
                    "--quiet=2",
                    "--option=Dpkg::Use-Pty=0",
                    "--no-install-recommends",
                ])
                .args(&missing),
        )
    };
    if known.status.success() && install()? {
        return Ok(());
    }
    process::must(process::command("apt-get").args(["update", "--quiet=2"]))?;
    if !install()? {
        bail!("apt-get could not install {words}\nhint: install them by hand, then start again");
    }
    Ok(())
}

/// Whether we may change this machine.
pub(crate) fn is_root() -> Result<bool> {
    Ok(process::text(process::command("id").arg("-u"))?.trim() == "0")
}

fn missing(packages: &[&'static str]) -> Result<Vec<&'static str>> {
    let Ok(output) = process::caught(
        process::command("dpkg-query")
            .args(["--show", "--showformat=${Package} ${db:Status-Status}\\n"])
            .args(packages),
    ) else {
        bail!(
            "this machine has no dpkg, and only Debian's packages are known here\n\
             hint: on Debian 12 it would be: {}",
            packages.join(" ")
        );
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(absent(packages, &text))
}

/// Packages that dpkg's answer does not call installed.
fn absent(packages: &[&'static str], answer: &str) -> Vec<&'static str> {
    packages
        .iter()
        .filter(|package| {
            !answer
                .lines()
                .any(|line| line == format!("{package} installed"))
        })
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_packages_with_leftover_configuration_are_missing_too() {
        let answer = "curl installed\nrpm config-files\n";
        assert_eq!(absent(&["curl", "rpm", "dnf"], answer), ["rpm", "dnf"]);
    }

    #[test]
    fn tests_need_what_the_demo_needs_and_more() {
        let test = Need::Test.packages();
        assert!(Need::Demo.packages().iter().all(|name| test.contains(name)));
        assert!(test.len() > Need::Demo.packages().len());
    }
}
