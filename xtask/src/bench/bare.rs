//! The least that can be done: one `ssh` process per host, all started at once,
//! each with everything it needs on standard input. Files are rendered before
//! the clock starts, nothing is verified, and there is no way back.

use super::contender::Scenario;
use super::fleet::Fleet;
use super::place::Place;
use super::work::{self, Package};
use crate::process;
use anyhow::{Context as _, Result};
use std::process::Command;

/// Answers of a host: nothing to do, or what differs.
const SAME: &str = "same";

/// What would change on a host.
fn check(package: &Package, sums: &str) -> String {
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
    let bare = place.scratch("bare");
    for host in &fleet.hosts {
        let own = bare.join(&host.name);
        let sums = work::expected_sums(&place.scratch("expected"), &host.name)?;
        work::write(&own.with_extension("sh"), check(package, &sums).as_bytes())?;
        work::write(&own.join("change.sh"), change(package).as_bytes())?;
        std::fs::copy(&package.file, own.join("bench-data.rpm"))
            .with_context(|| format!("copying {}", package.file.display()))?;
        for number in 1..=work::FILES {
            work::write(
                &own.join(work::file_name(number)),
                work::rendered(number, &host.name).as_bytes(),
            )?;
        }
        process::must(
            process::command("tar")
                .arg("--create")
                .arg("--file")
                .arg(own.with_extension("tar"))
                .arg("--directory")
                .arg(&own)
                .arg("."),
        )?;
    }
    let checks = fleet.everywhere("sh -s", &|host| bare.join(&host.name).with_extension("sh"));
    let changes = fleet.everywhere(
        "d=$(mktemp -d) && tar --extract --directory $d && sh $d/change.sh $d; s=$?; rm -rf $d; exit $s",
        &|host| bare.join(&host.name).with_extension("tar"),
    );
    let answers: Vec<String> = fleet
        .hosts
        .iter()
        .map(|host| place.output(&host.name).display().to_string())
        .collect();
    let tell = format!("cat {}\n", answers.join(" "));
    work::write(&bare.join("plan.sh"), format!("{checks}{tell}").as_bytes())?;
    work::write(
        &bare.join("apply.sh"),
        format!("{changes}{tell}").as_bytes(),
    )?;
    std::fs::create_dir_all(place.output("x").with_file_name(""))?;
    Ok(())
}

pub(super) fn command(place: &Place, fleet: &Fleet<'_>, scenario: Scenario) -> Command {
    let mut command = fleet.inside("sh");
    command.arg(place.scratch("bare").join(match scenario {
        Scenario::Plan => "plan.sh",
        Scenario::First | Scenario::Again => "apply.sh",
    }));
    command
}

pub(super) fn says_change(said: &str) -> bool {
    said.lines().any(|line| line != SAME)
}
