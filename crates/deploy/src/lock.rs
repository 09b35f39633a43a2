//! Locks on all hosts of a run, all or none.

use crate::{DeployError, Failure, Fleet, Host, Watch};
use std::collections::BTreeMap;
use tandem_generation::protocol::{LockReply, LockRequest};
use tandem_generation::{FORMAT, Lock};

/// Takes the lock on every host, or on none. The first by name is taken before
/// the others, which are taken together: of two runs on the same hosts one
/// fails there, and the other goes on.
///
/// # Errors
/// Who holds it where, or the way to a host.
pub fn lock_all(
    fleet: &Fleet<'_>,
    hosts: &[String],
    lock: &Lock,
    take_over: bool,
    watch: &dyn Watch,
) -> Result<(), Failure> {
    let request = LockRequest {
        format: FORMAT,
        lock: lock.clone(),
        take_over,
    };
    let take = |host: &mut Host<'_>| {
        let name = host.name().to_owned();
        match host.ask(&["lock"], &request)? {
            LockReply::Taken => {
                watch.boundary(&format!("locked {name}"));
                Ok(())
            }
            LockReply::Held(lock) => Err(DeployError::Locked { host: name, lock }),
        }
    };
    let mut sorted = hosts.to_vec();
    sorted.sort();
    let mut taken = Vec::new();
    let mut errors = BTreeMap::new();
    let (first, others) = sorted.split_at(sorted.len().min(1));
    for together in [first, others] {
        for (name, result) in fleet.each(together, take) {
            match result {
                Ok(()) => taken.push(name),
                Err(error) => {
                    errors.insert(name, error);
                }
            }
        }
        if !errors.is_empty() {
            // A lock that cannot be given back is reported by the next run.
            let _ = fleet.each(&taken, |host| {
                host.ask::<_, ()>(&["unlock", lock.run.as_str()], &())
            });
            return Err(Failure { errors });
        }
    }
    Ok(())
}
