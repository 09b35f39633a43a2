//! The helper's own copy on the host, and the unit that recovers at boot:
//! resources wait for it.

use crate::disk;
use crate::place::{Place, make_private};
use crate::refusal::{Attempt, Result};
use crate::{records, units};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use tandem_generation::{Order, place as constants};

const UNITS: &str = "/etc/systemd/system";
const DROP_IN: &str = "10-tandem-recover.conf";

/// The helper as kept on this host.
pub fn path(place: &Place) -> PathBuf {
    let link = place.helpers().join("current/tandem-host");
    fs::canonicalize(&link).unwrap_or(link)
}

/// Copies this program to its place by digest and makes it the current one.
pub fn install(place: &Place, program: &Path) -> Result<()> {
    let what = || format!("copy the helper from {}", program.display());
    let digest = disk::digest(program).attempt(what)?;
    let directory = place.helpers().join(digest.as_str());
    let copy = directory.join("tandem-host");
    if disk::digest(&copy).ok().as_ref() != Some(&digest) {
        make_private(&directory)?;
        let temporary = disk::beside(&copy);
        fs::copy(program, &temporary).attempt(what)?;
        fs::set_permissions(&temporary, fs::Permissions::from_mode(0o700)).attempt(what)?;
        fs::File::open(&temporary)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&temporary, &copy))
            .and_then(|()| disk::sync_parent(&copy))
            .attempt(what)?;
    }
    let link = place.helpers().join("current");
    if fs::read_link(&link).ok().as_deref() == Some(Path::new(digest.as_str())) {
        return Ok(());
    }
    let temporary = disk::beside(&link);
    let _ = fs::remove_file(&temporary);
    symlink(digest.as_str(), &temporary)
        .and_then(|()| fs::rename(&temporary, &link))
        .and_then(|()| disk::sync_parent(&link))
        .attempt(what)
}

/// Units that carry resources on either side of these orders, or now.
pub fn guarded(place: &Place, orders: &[Order]) -> Vec<String> {
    let mut guarded: BTreeSet<String> = BTreeSet::new();
    for order in orders {
        for transaction in [&order.forward, &order.undo] {
            if let Some(target) = &transaction.target {
                guarded.extend(target.content.guarded_units.iter().cloned());
            }
        }
    }
    if let Ok(Some(record)) = records::current(place) {
        guarded.extend(record.generation.content.guarded_units);
    }
    guarded.into_iter().collect()
}

/// The same for the current generation alone, once no leg is open any more.
pub fn guard_current(place: &Place) -> Result<()> {
    if place.on_host(UNITS).join(constants::RECOVER_UNIT).exists() {
        guard(place, &[])?;
    }
    Ok(())
}

/// Puts the recovery before the units that carry resources.
pub fn guard(place: &Place, orders: &[Order]) -> Result<()> {
    let guarded = guarded(place, orders);
    let recover = place.on_host(UNITS).join(constants::RECOVER_UNIT);
    // systemd reads a unit that it does not know yet when it is first asked for it.
    let known = recover.exists();
    let mut changed = write_if_other(&recover, &recover_unit(&guarded))? && known;
    let drop_in = format!(
        "# Resources wait until this host is wholly the old or the new generation.\n\
         [Unit]\nRequires={unit}\nAfter={unit}\n",
        unit = constants::RECOVER_UNIT
    );
    for unit in &guarded {
        let path = place.on_host(UNITS).join(format!("{unit}.d")).join(DROP_IN);
        changed |= write_if_other(&path, &drop_in)?;
    }
    changed |= remove_drop_ins(place, &guarded)?;
    if changed {
        units::daemon_reload(place)?;
    }
    let enabled = units::states(place, &[constants::RECOVER_UNIT.to_owned()])?;
    if enabled.iter().any(|unit| unit.enabled != "enabled") {
        units::enable_for_boot(place, constants::RECOVER_UNIT)?;
    }
    Ok(())
}

/// Removes the unit and its drop-ins.
pub fn uninstall(place: &Place) -> Result<()> {
    let unit = place.on_host(UNITS).join(constants::RECOVER_UNIT);
    if unit.exists() {
        units::verb(place, "disable", &[constants::RECOVER_UNIT], true)?;
    }
    disk::remove(&unit)?;
    remove_drop_ins(place, &[])?;
    units::daemon_reload(place)
}

fn recover_unit(guarded: &[String]) -> String {
    let before = if guarded.is_empty() {
        String::new()
    } else {
        format!("Before={}\n", guarded.join(" "))
    };
    format!(
        "# Written by tandem when it stages a run.\n\
         [Unit]\n\
         Description=tandem: complete or undo what a crash interrupted\n\
         RequiresMountsFor={state} /var/lib/rpm /usr\n\
         {before}\
         \n\
         [Service]\n\
         Type=oneshot\n\
         RemainAfterExit=yes\n\
         ExecStart={state}/helper/current/tandem-host recover\n\
         TimeoutStartSec=infinity\n\
         KillMode=mixed\n\
         OOMScoreAdjust=-900\n\
         \n\
         [Install]\n\
         WantedBy=multi-user.target\n",
        state = constants::STATE
    )
}

fn remove_drop_ins(place: &Place, kept: &[String]) -> Result<bool> {
    let mut changed = false;
    for name in disk::names(&place.on_host(UNITS))? {
        let Some(unit) = name.strip_suffix(".d") else {
            continue;
        };
        let path = place.on_host(UNITS).join(&name).join(DROP_IN);
        if path.exists() && !kept.iter().any(|kept| kept == unit) {
            disk::remove(&path)?;
            // Other drop-ins may live there.
            let _ = fs::remove_dir(place.on_host(UNITS).join(&name));
            changed = true;
        }
    }
    Ok(changed)
}

/// Writes a unit file, readable by everyone, unless it is that already.
fn write_if_other(path: &Path, text: &str) -> Result<bool> {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(false);
    }
    let what = || format!("write {}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).attempt(what)?;
    }
    let temporary = disk::beside(path);
    disk::write_new(&temporary, text.as_bytes(), 0o644).attempt(what)?;
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o644)).attempt(what)?;
    fs::rename(&temporary, path).attempt(what)?;
    disk::sync_parent(path).attempt(what)?;
    Ok(true)
}
