//! Staging: everything that a run needs is on disk, signed, validated and
//! proven, and nothing of the host is changed.

use crate::before::wanted;
use crate::journal::{Journal, state_of};
use crate::place::{Place, make_private};
use crate::refusal::{Attempt, Refused, Result};
use crate::{disk, edits, helper, lock, proof, records, signatures, store, validate};
use std::path::Path;
use tandem_generation::protocol::{StageReply, StageRequest};
use tandem_generation::{Event, FORMAT, LegState, Order, Package};

/// Space set aside for a run on a disk that fills up: journal and records, and
/// what rpm's database grows by.
const RESERVE_BYTES: u64 = 8 << 20;
/// So many times the size of a package file is what it is when unpacked.
const UNPACKED: u64 = 3;

/// Stages the legs of a run.
pub fn stage(place: &Place, request: &StageRequest, this_program: &Path) -> Result<StageReply> {
    place.prepare()?;
    for order in &request.orders {
        must_be_for_us(place, order)?;
    }
    let Some(first) = request.orders.first() else {
        return Err(Refused::invalid("there is no leg to stage"));
    };
    if request.orders.iter().any(|order| order.run != first.run) {
        return Err(Refused::invalid("the legs to stage are of several runs"));
    }
    lock::must_hold(place, &first.run)?;
    for order in &request.orders {
        let journal = Journal::of(place, &order.run, order.leg);
        if journal.exists() && journal.state()? != LegState::Staged {
            return Err(Refused::invalid(format!(
                "leg {} of run {} was activated already",
                order.leg, order.run
            )));
        }
    }
    signatures::import(place, &request.keys)?;
    let packages: Vec<Package> = request.orders.iter().flat_map(all_packages).collect();
    store::must_hold(place, &packages)?;
    let signed = signatures::verify(place, &packages)?;
    signatures::identify(place, &packages)?;
    let mut reply = StageReply::default();
    reply.proofs.push(format!(
        "{signed} packages carry good signatures by keys of tandem's keyring"
    ));
    if let Some(target) = &first.forward.target {
        edits::foresee(place, &first.forward.unedit, &target.content.edits)?;
    }
    for order in &request.orders {
        let (proven, skipped) = validate::run(place, order)?;
        reply.proofs.extend(proven);
        reply.skipped.extend(skipped);
    }
    reply.proofs.extend(proof::prove(place, &request.orders)?);
    // All that took its time, and the operator may be gone: a run that somebody
    // ended meanwhile leaves nothing behind.
    let _alone = lock::exclusively(place)?;
    lock::must_hold(place, &first.run)?;
    write_down(place, request, &reply)?;
    helper::install(place, this_program)?;
    helper::guard(place, &request.orders)?;
    for order in &request.orders {
        let journal = Journal::of(place, &order.run, order.leg);
        if !journal.exists() || state_of(&journal.read()?) != LegState::Staged {
            journal.append(&Event::Staged)?;
        }
    }
    Ok(reply)
}

/// Every package that a leg needs, the complete contents of both sides
/// included: repair after a crash installs all of them again.
fn all_packages(order: &Order) -> Vec<Package> {
    let mut packages = wanted(&order.forward);
    packages.extend(order.forward.install.iter().cloned());
    packages.extend(wanted(&order.undo));
    packages.extend(order.undo.install.iter().cloned());
    packages
}

fn must_be_for_us(place: &Place, order: &Order) -> Result<()> {
    if order.format > FORMAT {
        return Err(Refused::invalid(format!(
            "the order is of format {}; this tandem-host knows {FORMAT}",
            order.format
        ))
        .hint("stream the helper of the operator's version first"));
    }
    let name = place.hostname()?;
    let short = |name: &str| name.split('.').next().unwrap_or(name).to_ascii_lowercase();
    if short(&name) != short(&order.host) {
        return Err(Refused::invalid(format!(
            "the order is for {} and this is {name}",
            order.host
        ))
        .hint("check the address of the host in the inventory"));
    }
    for (package, transaction) in [&order.forward, &order.undo]
        .iter()
        .flat_map(|transaction| {
            transaction
                .install
                .iter()
                .map(move |package| (package, transaction))
        })
    {
        let listed = transaction
            .target
            .as_ref()
            .is_some_and(|target| target.content.package(&package.id.name) == Some(package));
        if !listed {
            return Err(Refused::invalid(format!(
                "the order installs {}, which its target does not have",
                package.id
            )));
        }
    }
    Ok(())
}

fn write_down(place: &Place, request: &StageRequest, reply: &StageReply) -> Result<()> {
    for order in &request.orders {
        let directory = place.run(&order.run);
        make_private(&directory)?;
        disk::write_document(&place.order(&order.run, order.leg), order)?;
        disk::write(&place.plan(&order.run), request.plan.as_bytes())?;
        disk::write_document(&directory.join("proofs.json"), reply)?;
        disk::set_aside(&place.reserve(&order.run), reserve_bytes(&request.orders))?;
        disk::sync_parent(&directory).attempt(|| format!("sync {}", place.runs().display()))?;
        records::take_numbers(place, order)?;
    }
    Ok(())
}

/// The way back must fit, whatever fills the disk meanwhile: at worst it installs
/// everything anew, each new file beside the old one.
fn reserve_bytes(orders: &[Order]) -> u64 {
    let back = orders.iter().map(|order| {
        let packages = wanted(&order.undo);
        packages.iter().map(|package| package.size).sum::<u64>()
    });
    RESERVE_BYTES + UNPACKED * back.max().unwrap_or(0)
}
