//! Before anything changes: packages over the wire, orders on the disk, proofs.

use crate::{DeployError, Failure, Fleet, Progress, Run, Watch};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use tandem_generation::protocol::{StageReply, StageRequest};
use tandem_generation::{
    Digest, FORMAT, Facts, FactsRequest, Generation, Order, Package, PackageId, Validator,
};
use tandem_plan::Plan;
use tandem_plan::draft::{Circumstances, TransactionDraft, drafts};

/// A signed generation package.
pub struct Sealed {
    /// What it is.
    pub package: Package,
    /// The file.
    pub bytes: Vec<u8>,
}

/// What the operator's side has to give.
pub trait Supplies: Sync {
    /// Opens a package file by its digest; `None`: it is not here.
    fn open(&self, file: &Digest) -> Option<Box<dyn Read>>;
    /// Makes and signs the package of a generation.
    ///
    /// # Errors
    /// In words.
    fn seal(&self, generation: &Generation, obsoletes: &[PackageId]) -> Result<Sealed, String>;
    /// Programs that judge the files of this host and leg.
    fn validators(&self, host: &str, leg: u32) -> Vec<Validator>;
    /// Public keys (armoured) that may sign.
    fn keys(&self) -> Vec<String>;
}

/// Orders of a host, with the generation packages that go with them.
struct Bundle {
    orders: Vec<Order>,
    sealed: Vec<Sealed>,
}

fn bundle(
    plan: &Plan,
    host: &str,
    run: &Run,
    supplies: &dyn Supplies,
) -> Result<Bundle, DeployError> {
    let mut bundle = Bundle {
        orders: Vec::new(),
        sealed: Vec::new(),
    };
    let circumstances = Circumstances {
        run: run.id.clone(),
        operator: run.operator.clone(),
        created: run.created,
    };
    let Some(host_plan) = plan.hosts.get(host) else {
        return Ok(bundle);
    };
    for draft in drafts(plan, host_plan) {
        let mut seal = |draft: &TransactionDraft| -> Result<Option<Package>, DeployError> {
            let Some(target) = &draft.target else {
                return Ok(None);
            };
            let sealed = supplies
                .seal(target, &draft.obsoletes)
                .map_err(DeployError::Local)?;
            let package = sealed.package.clone();
            bundle.sealed.push(sealed);
            Ok(Some(package))
        };
        let forward = seal(&draft.forward)?;
        let undo = seal(&draft.undo)?;
        let validators = supplies.validators(host, draft.leg);
        bundle
            .orders
            .push(draft.order(plan, &circumstances, forward, undo, validators));
    }
    Ok(bundle)
}

/// Pushes what is missing and stages the legs on every host of the plan.
pub(crate) fn stage(
    fleet: &Fleet<'_>,
    plan: &Plan,
    run: &Run,
    supplies: &dyn Supplies,
    watch: &dyn Watch,
) -> Result<BTreeMap<String, StageReply>, Failure> {
    let names: Vec<String> = plan.hosts.keys().cloned().collect();
    let text = serde_json::to_string(plan)
        .map_err(|error| Failure::one("plan", DeployError::Local(error.to_string())))?;
    fleet.all(&names, |host| {
        let name = host.name().to_owned();
        let bundle = bundle(plan, &name, run, supplies)?;
        push(host, &name, &bundle, supplies, watch)?;
        watch.boundary(&format!("pushed {name}"));
        let request = StageRequest {
            format: FORMAT,
            orders: bundle.orders,
            plan: text.clone(),
            keys: supplies.keys(),
        };
        let reply: StageReply = host.ask(&["stage"], &request)?;
        watch.progress(Progress::Staged {
            host: &name,
            reply: &reply,
        });
        watch.boundary(&format!("staged {name}"));
        Ok(reply)
    })
}

fn push(
    host: &mut crate::Host<'_>,
    name: &str,
    bundle: &Bundle,
    supplies: &dyn Supplies,
    watch: &dyn Watch,
) -> Result<(), DeployError> {
    let facts: Facts = host.ask(
        &["facts"],
        &FactsRequest {
            format: FORMAT,
            ..FactsRequest::default()
        },
    )?;
    let mut wanted: BTreeMap<Digest, &Package> = BTreeMap::new();
    for order in &bundle.orders {
        for transaction in [&order.forward, &order.undo] {
            // Also what does not change: a repair installs the whole content.
            let content = transaction
                .target
                .iter()
                .flat_map(|target| &target.content.packages);
            let packages = content.chain(&transaction.generation_package);
            wanted.extend(packages.map(|package| (package.file.clone(), package)));
        }
    }
    let there: BTreeSet<&Digest> = facts.store.iter().collect();
    wanted.retain(|file, _| !there.contains(file));
    let total = wanted.values().map(|package| package.size).sum();
    let mut done = 0;
    for (file, package) in wanted {
        let open = || -> Option<Box<dyn Read>> {
            let own = bundle
                .sealed
                .iter()
                .find(|sealed| sealed.package.file == file);
            match own {
                Some(sealed) => Some(Box::new(std::io::Cursor::new(sealed.bytes.clone()))),
                None => supplies.open(&file),
            }
        };
        if open().is_none() {
            return Err(DeployError::Local(format!(
                "{} is neither on {name} nor here",
                package.id
            )));
        }
        let offset = facts
            .partial
            .get(&file)
            .copied()
            .unwrap_or(0)
            .min(package.size);
        host.send(
            &file,
            package.size,
            offset,
            &mut || {
                let mut reader = open().unwrap_or_else(|| Box::new(std::io::empty()));
                // What is there already is skipped; a short read shows up as a
                // wrong digest on the host.
                let _ = std::io::copy(&mut reader.by_ref().take(offset), &mut std::io::sink());
                reader
            },
            &mut |sent| {
                watch.progress(Progress::Pushing {
                    host: name,
                    file: &file,
                    sent: done + offset + sent,
                    total,
                });
            },
        )?;
        done += package.size;
        watch.boundary(&format!("sent {} to {name}", package.id.name));
    }
    Ok(())
}
