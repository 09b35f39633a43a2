//! Bare `ssh` that makes sure of what tandem makes sure of: signatures by keys of
//! its own, the transaction tested forth and back on a copy of the database, the
//! old state kept, everything on disk and looked at before it counts, and a way
//! back that is taken unless somebody comes on a new connection. It still knows
//! neither locks nor journals nor recovery at boot.

use super::bare::{self, SAME, UNPACK};
use super::fleet::Fleet;
use super::place::Place;
use super::work::{self, Package};
use anyhow::{Context as _, Result};

/// Seconds until a host goes back by itself.
const CONFIRM_WITHIN_S: u32 = 120;

/// Changes what differs, from the directory in `$1`.
fn change(package: &Package, sums: &str) -> String {
    format!(
        "set -eu\nd=$1\n\
         same() {{ sh $d/check.sh; }}\n\
         cat >$d/check.sh <<'SCRIPT'\n{check}SCRIPT\n\
         [ \"$(same 2>/dev/null)\" != {SAME} ] || {{ rm -rf $d; echo {SAME}; exit 0; }}\n\
         rpmkeys --dbpath $d/keyring --import $d/release.asc\n\
         rpmkeys --dbpath $d/keyring --define '_pkgverify_level all' -Kv $d/bench-data.rpm >/dev/null\n\
         rpm --upgrade --test --nosignature $d/bench-data.rpm\n\
         cp -r /var/lib/rpm $d/forth\n\
         rpm --dbpath $d/forth --upgrade --nosignature --justdb --noscripts --notriggers $d/bench-data.rpm\n\
         rpm --dbpath $d/forth --query bench-data >/dev/null\n\
         cp -r $d/forth $d/back\n\
         rpm --dbpath $d/back --erase --test bench-data\n\
         rpm --dbpath $d/back --erase --justdb --noscripts --notriggers bench-data\n\
         [ ! -e /etc/bench ] || cp -a /etc/bench $d/old\n\
         sync -f $d\n\
         cat >$d/undo.sh <<'SCRIPT'\n\
         sleep {CONFIRM_WITHIN_S}\nrpm --erase bench-data\nrm -rf /etc/bench\n\
         [ ! -e $1/old ] || cp -a $1/old /etc/bench\n\
         systemctl restart bench-app.service\nSCRIPT\n\
         systemd-run --quiet --collect --unit bench-undo sh $d/undo.sh $d\n\
         rpm --upgrade --quiet --nosignature $d/bench-data.rpm\n\
         mkdir -p /etc/bench\n\
         for new in $d/*.conf; do\n  \
           old=/etc/bench/${{new##*/}}\n  \
           cmp -s $new $old || cp $new $old\ndone\n\
         systemctl restart bench-app.service\n\
         rpm --verify bench-data\n\
         [ \"$(same)\" = {SAME} ]\n\
         sync -f /\necho 1\n",
        check = bare::check(package, sums),
    )
}

pub(super) fn prepare(place: &Place, fleet: &Fleet<'_>, package: &Package) -> Result<()> {
    // A plan is the same question.
    bare::prepare(place, fleet, package)?;
    let own = place.scratch("careful");
    let key = place.project().join("keys/release.asc");
    for host in &fleet.hosts {
        let directory = own.join(&host.name);
        let sums = work::expected_sums(&place.scratch("expected"), &host.name)?;
        std::fs::create_dir_all(&directory)?;
        std::fs::copy(&key, directory.join("release.asc"))
            .with_context(|| format!("copying {}", key.display()))?;
        bare::pack(&directory, host, package, &change(package, &sums))?;
    }
    let changes = fleet.everywhere(&format!("{UNPACK} && sh $d/change.sh $d"), &|host| {
        own.join(&host.name).with_extension("tar")
    });
    // Who comes back on a new connection ends the way back.
    let nothing = own.join("nothing");
    work::write(&nothing, b"")?;
    let confirm = fleet.everywhere(
        "systemctl stop bench-undo.service && rm -rf /tmp/tmp.*",
        &|_| nothing.clone(),
    );
    bare::write_scripts(place, fleet, "careful", &changes, &confirm)
}
