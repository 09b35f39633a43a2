//! Puts faults into force and ends them. A fault is recorded before it begins and forgotten after it
//! has ended, so that whoever is killed in between leaves one that `heal` and `down` still know.

use std::collections::BTreeSet;
use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bmc::BmcTrouble;
use crate::error::{Error, IoContext as _, Result};
use crate::fault::{Fault, FaultAction, expect_host};
use crate::lab::Lab;
use crate::lock::Lock;
use crate::progress::Progress;
use crate::record::Record;
use crate::status::HostState;

impl Lab {
    /// Injects or undoes a fault. Injecting one that is active, or undoing one that is not, changes
    /// nothing. Returns at once: after a host got its power back, see [`Lab::wait_ready`].
    ///
    /// # Errors
    /// [`Error::Unknown`] for names that the lab does not have, [`Error::WrongState`] for freezing a host
    /// that is off; nothing was changed then.
    pub fn fault(&self, action: &FaultAction, progress: &dyn Fn(Progress)) -> Result<()> {
        let lock = &self.lock(progress)?;
        let mut record = self.record()?;
        match action {
            FaultAction::Inject(fault) => self.inject(&mut record, fault, lock),
            FaultAction::Undo(fault) => self.undo(&mut record, fault, lock),
            FaultAction::Reset { host } => {
                expect_host(&record.topology, host)?;
                self.undo(&mut record, &Fault::Frozen { host: host.clone() }, lock)?;
                self.power_off(&record, host, lock)?;
                self.undo(&mut record, &Fault::PowerOff { host: host.clone() }, lock)
            }
            FaultAction::Mains { host, on } => {
                let bmc = Fault::Bmc {
                    host: host.clone(),
                    trouble: BmcTrouble::Off,
                };
                let power = Fault::PowerOff { host: host.clone() };
                let switch = if *on { Self::undo } else { Self::inject };
                switch(self, &mut record, &bmc, lock)?;
                switch(self, &mut record, &power, lock)
            }
            FaultAction::Heal => {
                for fault in record.faults.clone() {
                    self.undo(&mut record, &fault, lock)?;
                }
                Ok(())
            }
        }
    }

    fn inject(&self, record: &mut Record, fault: &Fault, lock: &Lock) -> Result<()> {
        fault.check(&record.topology)?;
        if let Fault::Frozen { host } = fault
            && self.host_state(record, host) == HostState::PoweredOff
        {
            return Err(Error::WrongState {
                attempted: "freeze its processes".into(),
                host: host.clone(),
                state: HostState::PoweredOff.to_string(),
                way_out: "power it on first".into(),
            });
        }
        let before = record.faults.clone();
        if !record.faults.contains(fault) {
            // The same loss with another share takes the place of the one before, a BMC has one trouble at a
            // time, and whoever loses power is no longer frozen.
            record.faults.retain(|f| match (f, fault) {
                (Fault::Loss { .. }, Fault::Loss { .. })
                | (Fault::Bmc { .. }, Fault::Bmc { .. }) => !f.is_undone_by(fault),
                (Fault::Frozen { host }, Fault::PowerOff { host: off }) => host != off,
                _ => true,
            });
            record.faults.push(fault.clone());
            record.write(&self.places.record())?;
        }
        match fault {
            Fault::PowerOff { host } => {
                let mark = self.places.host(host).power_cut();
                fs::write(&mark, "").on("write", &mark)?;
                self.power_off(record, host, lock)
            }
            Fault::Frozen { host } => self.groups(host).freeze(),
            Fault::Stalled { host, program } => {
                let groups = self.groups(host);
                let processes = groups.processes_of(program);
                if processes.is_empty() {
                    record.faults = before;
                    record.write(&self.places.record())?;
                    let known: BTreeSet<String> = groups
                        .programs()
                        .into_iter()
                        .map(|(name, _)| name)
                        .collect();
                    return Err(Error::Unknown {
                        lab: self.name.clone(),
                        kind: "running program",
                        name: format!("{host}:{program}"),
                        known: known.into_iter().collect(),
                    });
                }
                signal(&processes, Signal::SIGSTOP);
                Ok(())
            }
            Fault::Bmc { host, trouble } => self.switch_bmc(record, host, Some(trouble), lock),
            _ => self.enforce_faults(record, lock).inspect_err(|_| {
                // Not in force, so not to be reported. What fails here fails no worse than before.
                record.faults = before;
                let _ = record.write(&self.places.record());
                let _ = self.enforce_faults(record, lock);
            }),
        }
    }

    fn undo(&self, record: &mut Record, fault: &Fault, lock: &Lock) -> Result<()> {
        fault.check(&record.topology)?;
        match fault {
            Fault::PowerOff { host } => {
                if self.groups(host).keeper().is_empty() {
                    let host = expect_host(&record.topology, host)?;
                    self.power_on(record, host, lock)?;
                }
            }
            Fault::Frozen { host } => self.groups(host).thaw()?,
            Fault::Stalled { host, program } => {
                signal(&self.groups(host).processes_of(program), Signal::SIGCONT);
            }
            // One that is well keeps its sessions.
            Fault::Bmc { host, .. } if record.bmc_trouble(host).is_none() => {}
            Fault::Bmc { host, .. } => {
                self.switch_bmc(record, host, None, lock)?;
                self.wait_bmc(record, expect_host(&record.topology, host)?)?;
            }
            _ => {
                let mut without = record.clone();
                without.faults.retain(|f| !f.is_undone_by(fault));
                self.enforce_faults(&without, lock)?;
            }
        }
        let before = record.faults.len();
        record.faults.retain(|f| !f.is_undone_by(fault));
        if record.faults.len() == before {
            return Ok(());
        }
        record.write(&self.places.record())
    }
}

fn signal(processes: &[Pid], signal: Signal) {
    for pid in processes {
        // It may have ended in the meantime.
        let _ = kill(*pid, signal);
    }
}
