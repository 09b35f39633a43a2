//! Is the host exactly what a target says? Success is what is seen here, not
//! what rpm's exit status says.

use crate::before::{self, identity_of, wanted};
use crate::place::Place;
use crate::refusal::Result;
use crate::{edits, rpm, units};
use std::fs;
use std::os::unix::fs::MetadataExt;
use tandem_generation::{Content, Order, OwnedFile, Transaction};

/// Everything that is not as the target of a transaction says; `running`:
/// whether units shall be judged too.
pub fn complaints(
    place: &Place,
    order: &Order,
    transaction: &Transaction,
    running: bool,
) -> Result<Vec<String>> {
    let mut complaints = packages(place, order, transaction)?;
    if !complaints.is_empty() {
        // What belongs to packages cannot be judged without them.
        return Ok(complaints);
    }
    let wanted = wanted(transaction);
    let names: Vec<&str> = wanted
        .iter()
        .map(|package| package.id.name.as_str())
        .collect();
    complaints.extend(
        rpm::verify(place, &names)?
            .into_iter()
            .map(|line| format!("rpm -V: {line}")),
    );
    if let Some(target) = &transaction.target {
        complaints.extend(content(place, &target.content)?);
        complaints.extend(units::complaints(place, &target.content.units, running)?);
    }
    Ok(complaints)
}

/// Packages that are not as the target says, in number, version and header.
pub fn packages(place: &Place, order: &Order, transaction: &Transaction) -> Result<Vec<String>> {
    let names = before::names(order);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = rpm::installed(place, &names)?;
    let wanted = wanted(transaction);
    let mut complaints = Vec::new();
    for package in &wanted {
        let same_name: Vec<_> = found
            .iter()
            .filter(|found| found.id.name == package.id.name)
            .collect();
        match same_name.as_slice() {
            [] => complaints.push(format!("{} is not installed", package.id)),
            [one] if one.id != package.id => {
                complaints.push(format!("{} is installed instead of {}", one.id, package.id));
            }
            [one] if one.header.as_ref() != Some(&package.header) => complaints.push(format!(
                "{} is installed from another build than ordered",
                package.id
            )),
            [_] => {}
            several => complaints.push(format!(
                "{} is installed {} times",
                package.id.name,
                several.len()
            )),
        }
    }
    for package in &found {
        if !wanted
            .iter()
            .any(|wanted| wanted.id.name == package.id.name)
        {
            complaints.push(format!("{} is still installed", package.id));
        }
    }
    Ok(complaints)
}

fn content(place: &Place, content: &Content) -> Result<Vec<String>> {
    let mut complaints = edits::complaints(place, &content.edits)?;
    for file in &content.files {
        complaints.extend(of_file(place, file)?);
    }
    Ok(complaints)
}

fn of_file(place: &Place, file: &OwnedFile) -> Result<Option<String>> {
    let path = place.on_host(&file.path);
    let Some(actual) = identity_of(&path)? else {
        return Ok(Some(format!("{} is missing", file.path)));
    };
    if actual != file.digest {
        return Ok(Some(format!("{} has another content", file.path)));
    }
    let Ok(metadata) = fs::metadata(&path) else {
        return Ok(Some(format!("{} is missing", file.path)));
    };
    let mode = metadata.mode() & 0o7777;
    if mode != file.mode & 0o7777 {
        return Ok(Some(format!(
            "{} has mode {mode:04o}, not {:04o}",
            file.path,
            file.mode & 0o7777
        )));
    }
    let owner = name_of(place, "/etc/passwd", metadata.uid());
    let group = name_of(place, "/etc/group", metadata.gid());
    if owner.is_some_and(|owner| owner != file.owner)
        || group.is_some_and(|group| group != file.group)
    {
        return Ok(Some(format!(
            "{} does not belong to {}:{}",
            file.path, file.owner, file.group
        )));
    }
    Ok(None)
}

/// The name of a user or group, from the file alone: asking the system's name
/// service would load its libraries into a static program. What is not in the
/// file is left to `rpm -V`.
fn name_of(place: &Place, list: &str, id: u32) -> Option<String> {
    let text = fs::read_to_string(place.on_host(list)).ok()?;
    let id = id.to_string();
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    })
}
