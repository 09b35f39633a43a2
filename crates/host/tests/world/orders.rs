//! Orders that lead from one wish to another.

use super::{Built, Key, Plan, Wish, build};
use jiff::Timestamp;
use rpm::Dependency;
use tandem_generation::manifest::{ReleaseRef, Source};
use tandem_generation::{
    Cause, Digest, FORMAT, Generation, Order, Package, PackageId, RunId, Transaction, place,
};

/// The order from `old` to `new` with generation `number`, its undo `number+1`.
pub fn plan(run: &RunId, leg: u32, number: u64, old: Option<&Wish>, new: &Wish) -> Plan {
    let nothing = Wish::default();
    let before = old.unwrap_or(&nothing);
    let forward_package = generation_package(number, &gone(before, new));
    let back_package = generation_package(number + 1, &gone(new, before));
    let mut packages: Vec<Built> = new.packages.clone();
    packages.extend(before.packages.iter().cloned());
    packages.push(forward_package.clone());
    packages.push(back_package.clone());
    let forward = Transaction {
        target: Some(generation(number, new, Cause::Applied)),
        generation_package: Some(forward_package.package),
        install: changed(before, new),
        erase: gone(before, new),
        unedit: Vec::new(),
        release_units: Vec::new(),
        before: Vec::new(),
        after: Vec::new(),
    };
    let cause = Cause::RolledBack {
        of: number,
        content: new.content.identity(),
        because: "staged".into(),
    };
    let undo = Transaction {
        target: old.map(|old| generation(number + 1, old, cause)),
        generation_package: old.map(|_| back_package.package),
        install: old.map_or_else(Vec::new, |old| changed(new, old)),
        erase: gone(new, before),
        unedit: Vec::new(),
        release_units: Vec::new(),
        before: Vec::new(),
        after: Vec::new(),
    };
    Plan {
        order: Order {
            format: FORMAT,
            run: run.clone(),
            leg,
            host: "zipi".into(),
            operator: "alice@desk".into(),
            plan: Digest::of("plan"),
            created: Timestamp::UNIX_EPOCH,
            forward,
            undo,
            confirm_within_s: 30,
            validators: Vec::new(),
            irreversible: Vec::new(),
        },
        packages,
    }
}

fn changed(old: &Wish, new: &Wish) -> Vec<Package> {
    let there = &old.content.packages;
    let wanted = new.content.packages.iter();
    wanted
        .filter(|package| !there.contains(package))
        .cloned()
        .collect()
}

fn gone(old: &Wish, new: &Wish) -> Vec<PackageId> {
    let stays = |id: &PackageId| new.content.package(&id.name).is_some();
    let there = old
        .content
        .packages
        .iter()
        .map(|package| package.id.clone());
    there.filter(|id| !stays(id)).collect()
}

fn generation_package(number: u64, erased: &[PackageId]) -> Built {
    let text = format!("{{\"number\": {number}}}\n");
    build(
        place::GENERATION_PACKAGE,
        &number.to_string(),
        &[(place::GENERATION_FILE, &text)],
        Key::Ours,
        |builder| {
            for id in erased {
                builder.obsoletes(Dependency::less_eq(
                    &id.name,
                    format!("{}-{}", id.version, id.release),
                ));
            }
        },
    )
}

fn generation(number: u64, wish: &Wish, cause: Cause) -> Generation {
    Generation {
        format: FORMAT,
        number,
        environment: "test".into(),
        host: "zipi".into(),
        cluster: None,
        members: Vec::new(),
        release: ReleaseRef {
            version: "1.0.0".into(),
            digest: Digest::of("release"),
        },
        inventory: Source::default(),
        tandem: "0.1.0".into(),
        cause,
        content: wish.content.clone(),
    }
}
