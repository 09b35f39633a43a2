//! Locks on all hosts of a run, in name order, all or none.

use crate::{DeployError, Failure, Fleet, Watch};
use tandem_generation::protocol::{LockReply, LockRequest};
use tandem_generation::{FORMAT, Lock};

/// Takes the lock on every host, or on none.
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
    let mut sorted = hosts.to_vec();
    sorted.sort();
    for (index, name) in sorted.iter().enumerate() {
        let reply: Result<LockReply, DeployError> =
            fleet.on(name, |host| host.ask(&["lock"], &request));
        let error = match reply {
            Ok(LockReply::Taken) => {
                watch.boundary(&format!("locked {name}"));
                continue;
            }
            Ok(LockReply::Held(lock)) => DeployError::Locked {
                host: name.clone(),
                lock,
            },
            Err(error) => error,
        };
        for taken in &sorted[..index] {
            // A lock that cannot be given back is reported by the next run.
            let _: Result<(), _> =
                fleet.on(taken, |host| host.ask(&["unlock", lock.run.as_str()], &()));
        }
        return Err(Failure::one(name, error));
    }
    Ok(())
}
