//! Facts: everything that a host says about itself, in one go.

use crate::accounts::Accounts;
use crate::before::identity_of;
use crate::journal::{self, Journal};
use crate::place::{Place, boot_id};
use crate::refusal::{Refused, Result};
use crate::rpm::{self, Listing};
use crate::{disk, forget, hold, lock, process, records, store, units};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use tandem_generation::facts::{FileFact, OpenLeg, Space};
use tandem_generation::{
    Digest, FORMAT, Facts, FactsRequest, Generation, LegState, Record, place as constants,
};

/// Largest content that comes back.
const CONTENT_MAX_BYTES: u64 = 256 * 1024;

/// Gathers them. Slow things happen at the same time.
pub fn gather(place: &Place, request: &FactsRequest) -> Result<Facts> {
    if request.format > FORMAT {
        return Err(Refused::invalid(format!(
            "the request is of format {}; this tandem-host knows {FORMAT}",
            request.format
        ))
        .hint("stream the helper of the operator's version first"));
    }
    place.check_format()?;
    let (all_records, mut damaged) = records::all(place)?;
    let current = match records::current_number(place) {
        Ok(number) => number,
        Err(refused) => {
            damaged.push(refused);
            0
        }
    };
    let record = all_records
        .iter()
        .find(|record| record.generation.number == current);
    let generation = record.map(|record| &record.generation);
    let (open, damaged_journals) = open_legs(place)?;
    damaged.extend(damaged_journals);
    let names = our_names(request, &all_records);
    let units = unit_names(request, generation);
    std::thread::scope(|scope| {
        let listing = scope.spawn(|| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let listing = rpm::installed_files(place, &names)?;
            let files = files(place, request, generation, &listing)?;
            Ok::<_, Refused>((listing, files))
        });
        let base = scope.spawn(|| rpm::versions(place, &request.base));
        let states = scope.spawn(|| units::states(place, &units));
        let observed: Vec<_> = request
            .observe
            .iter()
            .map(|command| scope.spawn(|| process::run_command(command)))
            .collect();
        let (listing, files) = joined(listing)??;
        Ok(Facts {
            format: FORMAT,
            tandem: env!("CARGO_PKG_VERSION").to_owned(),
            hostname: place.hostname()?,
            boot: boot_id(),
            time: Timestamp::now(),
            os: os(place),
            arch: std::env::consts::ARCH.to_owned(),
            addresses: addresses()?,
            packages: listing.packages,
            base: joined(base)??,
            generation: generation.cloned(),
            next_number: records::next_number(place)?,
            files,
            units: joined(states)??,
            observed: observed
                .into_iter()
                .map(joined)
                .collect::<Result<Vec<_>>>()?,
            space: spaces(place),
            store: store::complete(place)?,
            partial: store::partial(place)?,
            lock: lock::holder(place)?,
            open,
            recovery_failed: failures(place, &damaged)?,
            held: hold::held(place)?,
            retired: forget::retired(place)?,
            records: all_records.clone(),
        })
    })
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> Result<T> {
    thread
        .join()
        .map_err(|_| Refused::failed("gathering facts broke off"))
}

/// What recovery could not do, and what cannot be read at all.
fn failures(place: &Place, damaged: &[Refused]) -> Result<Option<String>> {
    let mut words: Vec<String> = damaged.iter().map(ToString::to_string).collect();
    words.extend(disk::read_text_if_there(&place.recovery_failed())?);
    Ok((!words.is_empty()).then(|| words.join("\n")))
}

fn our_names(request: &FactsRequest, records: &[Record]) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = [
        constants::CONFIG_PACKAGE,
        constants::GENERATION_PACKAGE,
        constants::HELPER_PACKAGE,
    ]
    .map(str::to_owned)
    .into();
    names.extend(request.packages.iter().cloned());
    for record in records {
        let packages = &record.generation.content.packages;
        names.extend(packages.iter().map(|package| package.id.name.clone()));
    }
    names
}

fn unit_names(request: &FactsRequest, generation: Option<&Generation>) -> Vec<String> {
    let mut names: BTreeSet<String> = request.units.iter().cloned().collect();
    if let Some(generation) = generation {
        let content = &generation.content;
        names.extend(content.units.iter().map(|policy| policy.unit.clone()));
        names.extend(content.guarded_units.iter().cloned());
    }
    names.into_iter().collect()
}

fn files(
    place: &Place,
    request: &FactsRequest,
    generation: Option<&Generation>,
    listing: &Listing,
) -> Result<Vec<FileFact>> {
    let mut facts: BTreeMap<String, FileFact> = BTreeMap::new();
    let mut owned: BTreeMap<&str, (Option<Digest>, &str)> = BTreeMap::new();
    let mut known: BTreeMap<&str, Option<Digest>> = BTreeMap::new();
    let accounts = Accounts::of(place)?;
    for file in &listing.files {
        if file.ghost || file.is_directory() {
            continue;
        }
        let identity = file.identity();
        let there = place.on_host(&file.path);
        let actual = identity_of(&there)?;
        let attributes_differ = actual.is_some() && !accounts.agree(file, &there);
        let differs = actual != identity || attributes_differ;
        owned.insert(&file.path, (identity, &file.package));
        if differs {
            let owner = owned.get(file.path.as_str());
            let mut fact = fact(place, generation, &file.path, owner, actual.clone());
            fact.owner = accounts.owner_of(&there);
            fact.attributes_differ = attributes_differ;
            facts.insert(file.path.clone(), fact);
        }
        known.insert(&file.path, actual);
    }
    for (path, wanted) in &request.files {
        let actual = match known.get(path.as_str()) {
            Some(actual) => actual.clone(),
            None => identity_of(&place.on_host(path))?,
        };
        if actual.as_ref() != Some(wanted) && !facts.contains_key(path) {
            let owner = owned.get(path.as_str());
            facts.insert(path.clone(), fact(place, generation, path, owner, actual));
        }
    }
    for path in &request.contents {
        if !facts.contains_key(path) {
            let actual = identity_of(&place.on_host(path))?;
            let owner = owned.get(path.as_str());
            facts.insert(path.clone(), fact(place, generation, path, owner, actual));
        }
    }
    Ok(facts.into_values().collect())
}

fn fact(
    place: &Place,
    generation: Option<&Generation>,
    path: &str,
    owner: Option<&(Option<Digest>, &str)>,
    actual: Option<Digest>,
) -> FileFact {
    let there = place.on_host(path);
    let secret = generation.is_some_and(|generation| {
        generation
            .content
            .file(path)
            .is_some_and(|file| file.secret)
    });
    FileFact {
        path: path.to_owned(),
        owned: owner.and_then(|(digest, _)| digest.clone()),
        package: owner.map(|(_, package)| (*package).to_owned()),
        actual,
        mode: mode_of(&there),
        owner: None,
        attributes_differ: false,
        content: if secret { None } else { public_text(&there) },
    }
}

fn mode_of(path: &Path) -> Option<u32> {
    let metadata = fs::symlink_metadata(path).ok()?;
    Some(metadata.mode() & 0o7777)
}

/// The text of a file that everyone may read, if it is not too long.
fn public_text(path: &Path) -> Option<String> {
    let metadata = fs::symlink_metadata(path).ok()?;
    let is_public = metadata.is_file() && metadata.mode() & 0o004 != 0;
    if !is_public || metadata.len() > CONTENT_MAX_BYTES {
        return None;
    }
    fs::read_to_string(path).ok()
}

/// Legs that are not finished, and what cannot be read of them.
fn open_legs(place: &Place) -> Result<(Vec<OpenLeg>, Vec<Refused>)> {
    let mut open = Vec::new();
    let mut damaged = Vec::new();
    for (run, leg) in records::legs(place)? {
        let journal = Journal::of(place, &run, leg);
        let entries = match journal.exists().then(|| journal.read()) {
            Some(Ok(entries)) => entries,
            // Staging was interrupted.
            None => Vec::new(),
            Some(Err(refused)) => {
                damaged.push(refused);
                continue;
            }
        };
        let state = journal::state_of(&entries);
        if state == LegState::Finished {
            continue;
        }
        match records::order(place, &run, leg) {
            Ok(order) => open.push(OpenLeg {
                run,
                leg,
                state,
                operator: order.operator,
                because: journal::because(&entries),
            }),
            Err(refused) => damaged.push(refused),
        }
    }
    Ok((open, damaged))
}

fn spaces(place: &Place) -> Vec<Space> {
    ["/", constants::STATE, constants::RPM_DATABASE]
        .iter()
        .filter_map(|path| {
            let there = place.on_host(path);
            let there = there.ancestors().find(|path| path.is_dir())?;
            let (free_bytes, total_bytes) = store::space(there).ok()?;
            Some(Space {
                path: (*path).to_owned(),
                free_bytes,
                total_bytes,
            })
        })
        .collect()
}

fn os(place: &Place) -> String {
    let text = fs::read_to_string(place.on_host("/etc/os-release")).unwrap_or_default();
    let value = |key: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .unwrap_or_default()
            .trim_matches('"')
    };
    format!("{} {}", value("ID"), value("VERSION_ID"))
        .trim()
        .to_owned()
}

fn addresses() -> Result<BTreeMap<String, Vec<String>>> {
    use crate::refusal::Attempt;
    let mut addresses: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let found = nix::ifaddrs::getifaddrs().attempt(|| "list the host's addresses".to_owned())?;
    for interface in found {
        let (Some(address), Some(mask)) = (interface.address, interface.netmask) else {
            continue;
        };
        let text = if let (Some(address), Some(mask)) =
            (address.as_sockaddr_in(), mask.as_sockaddr_in())
        {
            format!("{}/{}", address.ip(), mask.ip().to_bits().count_ones())
        } else if let (Some(address), Some(mask)) =
            (address.as_sockaddr_in6(), mask.as_sockaddr_in6())
        {
            format!("{}/{}", address.ip(), mask.ip().to_bits().count_ones())
        } else {
            continue;
        };
        if interface.interface_name != "lo" {
            addresses
                .entry(interface.interface_name)
                .or_default()
                .push(text);
        }
    }
    Ok(addresses)
}
