//! The least that can be done: one `ssh` process per host, all started at once,
//! each with everything it needs on standard input. Files are rendered before
//! the clock starts, nothing is verified, and there is no way back.

use super::contender::Scenario;
use super::fleet::{Fleet, Host};
use super::place::Place;
use super::work::{self, Package};
use crate::process;
use anyhow::{Context as _, Result};
use std::path::Path;
use std::process::Command;

/// Answers of a host: nothing to do, or what differs.
pub(super) const SAME: &str = "same";
/// Unpacks standard input into a directory of its own, `$d`.
pub(super) const UNPACK: &str = "d=$(mktemp -d) && tar --extract --directory $d";

/// What would change on a host.
pub(super) fn check(package: &Package, sums: &str) -> String {
    format!(
        "same={SAME}\n\
         [ \"$(rpm -q --queryformat '%{{SHA256HEADER}}' bench-data)\" = {} ] || same=package\n\
         sha256sum --check --quiet --strict <<'END' || same=files\n{sums}END\n\
         systemctl --quiet is-active bench-app.service || same=service\n\
         echo $same\n",
        package.digest
    )
}

/// Changes what differs, from the directory in `$1`.
fn change(package: &Package) -> String {
    format!(
        "set -eu\nchanged=\n\
         [ \"$(rpm -q --queryformat '%{{SHA256HEADER}}' bench-data)\" = {} ] || {{\n  \
           rpm --upgrade --quiet \"$1/bench-data.rpm\"; changed=1\n}}\n\
         mkdir -p /etc/bench\n\
         for new in \"$1\"/*.conf; do\n  \
           old=/etc/bench/${{new##*/}}\n  \
           cmp -s \"$new\" \"$old\" || {{ cp \"$new\" \"$old\"; changed=1; }}\ndone\n\
         [ -z \"$changed\" ] || systemctl restart bench-app.service\n\
         systemctl --quiet is-active bench-app.service\n\
         echo ${{changed:-{SAME}}}\n",
        package.digest
    )
}

pub(super) fn prepare(place: &Place, fleet: &Fleet<'_>, package: &Package) -> Result<()> {
    let own = place.scratch("bare");
    for host in &fleet.hosts {
        let sums = work::expected_sums(&place.scratch("expected"), &host.name)?;
        pack(&own.join(&host.name), host, package, &change(package))?;
        let script = own.join(&host.name).with_extension("sh");
        work::write(&script, check(package, &sums).as_bytes())?;
    }
    let changes = fleet.everywhere(
        &format!("{UNPACK} && sh $d/change.sh $d; s=$?; rm -rf $d; exit $s"),
        &|host| own.join(&host.name).with_extension("tar"),
    );
    write_scripts(place, fleet, "bare", &changes, "true\n")
}

/// What a host needs for an apply, in a tar file beside the directory.
pub(super) fn pack(directory: &Path, host: &Host, package: &Package, change: &str) -> Result<()> {
    work::write(&directory.join("change.sh"), change.as_bytes())?;
    std::fs::copy(&package.file, directory.join("bench-data.rpm"))
        .with_context(|| format!("copying {}", package.file.display()))?;
    for number in 1..=work::FILES {
        work::write(
            &directory.join(work::file_name(number)),
            work::rendered(number, &host.name).as_bytes(),
        )?;
    }
    process::must(
        process::command("tar")
            .arg("--create")
            .arg("--file")
            .arg(directory.with_extension("tar"))
            .arg("--directory")
            .arg(directory)
            .arg("."),
    )
}

/// The two programs that are measured; both show the hosts' answers.
pub(super) fn write_scripts(
    place: &Place,
    fleet: &Fleet<'_>,
    name: &str,
    changes: &str,
    once_changed: &str,
) -> Result<()> {
    let own = place.scratch(name);
    let checks = fleet.everywhere("sh -s", &|host| {
        place.scratch("bare").join(&host.name).with_extension("sh")
    });
    let answers: Vec<String> = fleet
        .hosts
        .iter()
        .map(|host| place.output(&host.name).display().to_string())
        .collect();
    let answers = answers.join(" ");
    let tell = format!("cat {answers}\n");
    let then = format!("if cat {answers} | grep -qvx {SAME}; then\n{once_changed}fi\n");
    work::write(&own.join("plan.sh"), format!("{checks}{tell}").as_bytes())?;
    work::write(
        &own.join("apply.sh"),
        format!("{changes}{tell}{then}").as_bytes(),
    )
}

pub(super) fn command(place: &Place, fleet: &Fleet<'_>, name: &str, scenario: Scenario) -> Command {
    let mut command = fleet.inside("sh");
    command.arg(place.scratch(name).join(match scenario {
        Scenario::Plan => "plan.sh",
        Scenario::First | Scenario::Again => "apply.sh",
    }));
    command
}

pub(super) fn says_change(said: &str) -> bool {
    said.lines().any(|line| line != SAME)
}
