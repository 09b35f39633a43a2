//! From a plan to the orders of a host: everything but the bytes of the
//! generation packages, which only their signer can make.

use crate::change::{given_up, released};
use crate::plan::{HostPlan, LegPlan, Plan};
use jiff::Timestamp;
use tandem_generation::{
    Cause, Content, FORMAT, Generation, Order, Package, PackageId, RunId, Transaction, Validator,
};

/// An order without its generation packages.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Forth.
    pub forward: TransactionDraft,
    /// Back.
    pub undo: TransactionDraft,
    /// The leg.
    pub leg: u32,
    /// The host.
    pub host: String,
    irreversible: Vec<String>,
}

/// A transaction without its generation package.
#[derive(Clone, Debug)]
pub struct TransactionDraft {
    /// What the generation package will carry; `None`: nothing of ours is left.
    pub target: Option<Generation>,
    /// What it must name as Obsoletes.
    pub obsoletes: Vec<PackageId>,
    transaction: Transaction,
}

/// The drafts of a host, one per leg.
pub fn drafts(plan: &Plan, host: &HostPlan) -> Vec<Draft> {
    let mut from = host.from.clone();
    let mut drafts = Vec::new();
    for leg in &host.legs {
        let target = generation(plan, host, leg);
        drafts.push(Draft {
            forward: forward(leg, target.clone()),
            undo: undo(leg, from.as_ref(), &target),
            leg: leg.leg,
            host: host.host.clone(),
            irreversible: leg.irreversible.clone(),
        });
        from = Some(target);
    }
    drafts
}

fn generation(plan: &Plan, host: &HostPlan, leg: &LegPlan) -> Generation {
    // A rollback in several legs leaves what was there before the first one.
    let cause = match (&leg.rollback, &host.from) {
        (Some(because), Some(left)) => Cause::RolledBack {
            of: left.number,
            content: left.content.identity(),
            because: because.clone(),
        },
        _ => Cause::Applied,
    };
    Generation {
        format: FORMAT,
        number: leg.generation,
        environment: plan.environment.clone(),
        host: host.host.clone(),
        cluster: Some(host.cluster.clone()),
        members: host.members.clone(),
        release: leg.release.clone(),
        inventory: leg.inventory.as_ref().unwrap_or(&plan.inventory).clone(),
        tandem: plan.tandem.clone(),
        cause,
        content: leg.content.clone(),
    }
}

fn forward(leg: &LegPlan, target: Generation) -> TransactionDraft {
    TransactionDraft {
        obsoletes: leg.erase.clone(),
        transaction: Transaction {
            target: None,
            generation_package: None,
            install: leg.install.clone(),
            erase: leg.erase.clone(),
            unedit: leg.unedit.clone(),
            release_units: leg.release_units.clone(),
            before: leg.before.clone(),
            after: leg.after.clone(),
        },
        target: Some(target),
    }
}

fn undo(leg: &LegPlan, from: Option<&Generation>, left: &Generation) -> TransactionDraft {
    let nothing = Content::default();
    let same = |one: &Package, other: &Package| one.id == other.id && one.header == other.header;
    let target = from.map(|generation| {
        let mut generation = Generation {
            number: leg.undo_generation,
            cause: Cause::RolledBack {
                of: left.number,
                content: left.content.identity(),
                because: "its run was undone".to_owned(),
            },
            ..generation.clone()
        };
        // What stays is on the host in the file that came with the way forth.
        for package in &mut generation.content.packages {
            let there = left.content.package(&package.id.name);
            if let Some(there) = there.filter(|there| same(there, package)) {
                package.file.clone_from(&there.file);
                package.size = there.size;
            }
        }
        generation
    });
    let back = target
        .as_ref()
        .map_or(&nothing, |generation| &generation.content);
    let install: Vec<Package> = back
        .packages
        .iter()
        .filter(|package| {
            let there = left.content.package(&package.id.name);
            !there.is_some_and(|there| same(there, package))
        })
        .cloned()
        .collect();
    let erase: Vec<PackageId> = left
        .content
        .packages
        .iter()
        .filter(|package| back.package(&package.id.name).is_none())
        .map(|package| package.id.clone())
        .collect();
    TransactionDraft {
        obsoletes: if target.is_some() {
            erase.clone()
        } else {
            Vec::new()
        },
        transaction: Transaction {
            target: None,
            generation_package: None,
            install,
            erase,
            unedit: given_up(&left.content, back),
            release_units: released(&left.content, back),
            before: leg.undo_before.clone(),
            after: leg.undo_after.clone(),
        },
        target,
    }
}

/// Circumstances of a run that every order repeats.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// The run.
    pub run: RunId,
    /// `user@machine`.
    pub operator: String,
    /// When.
    pub created: Timestamp,
}

impl Draft {
    /// The order, with the packages that its signer made for both ways.
    pub fn order(
        self,
        plan: &Plan,
        circumstances: &Circumstances,
        forward: Option<Package>,
        undo: Option<Package>,
        validators: Vec<Validator>,
    ) -> Order {
        Order {
            format: FORMAT,
            run: circumstances.run.clone(),
            leg: self.leg,
            host: self.host,
            operator: circumstances.operator.clone(),
            plan: plan.digest(),
            created: circumstances.created,
            forward: self.forward.complete(forward),
            undo: self.undo.complete(undo),
            confirm_within_s: plan.confirm_within_s,
            validators,
            irreversible: self.irreversible,
        }
    }
}

impl TransactionDraft {
    fn complete(self, package: Option<Package>) -> Transaction {
        Transaction {
            target: self.target,
            generation_package: package,
            ..self.transaction
        }
    }
}
