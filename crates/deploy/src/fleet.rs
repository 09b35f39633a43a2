//! Several hosts at once, with bounded parallelism.

use crate::{DeployError, Failure, Host};
use std::collections::BTreeMap;
use std::sync::Mutex;
use tandem_generation::{Facts, FactsRequest};

/// All hosts of an environment.
pub struct Fleet<'a> {
    hosts: BTreeMap<String, Mutex<Host<'a>>>,
    /// At most so many hosts are spoken to at the same time.
    parallel: usize,
}

impl<'a> Fleet<'a> {
    /// These hosts, at most `parallel` at once.
    pub fn new(hosts: impl IntoIterator<Item = Host<'a>>, parallel: usize) -> Self {
        Self {
            hosts: hosts
                .into_iter()
                .map(|host| (host.name().to_owned(), Mutex::new(host)))
                .collect(),
            parallel: parallel.max(1),
        }
    }

    /// Names, sorted.
    pub fn names(&self) -> Vec<String> {
        self.hosts.keys().cloned().collect()
    }

    /// Does something on one host.
    ///
    /// # Errors
    /// Whatever `work` fails with, or the host is not part of the fleet.
    pub fn on<T>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Host<'a>) -> Result<T, DeployError>,
    ) -> Result<T, DeployError> {
        let host = self
            .hosts
            .get(name)
            .ok_or_else(|| DeployError::Local(format!("{name} is not in the inventory")))?;
        let mut host = host
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        work(&mut host)
    }

    /// Does something on several hosts and returns every outcome.
    pub fn each<T: Send>(
        &self,
        names: &[String],
        work: impl Fn(&mut Host<'a>) -> Result<T, DeployError> + Sync,
    ) -> BTreeMap<String, Result<T, DeployError>> {
        let queue = Mutex::new(names.iter());
        let results = Mutex::new(BTreeMap::new());
        std::thread::scope(|scope| {
            for _ in 0..self.parallel.min(names.len()) {
                scope.spawn(|| {
                    loop {
                        let next = queue
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner)
                            .next();
                        let Some(name) = next else { break };
                        let result = self.on(name, &work);
                        results
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner)
                            .insert(name.clone(), result);
                    }
                });
            }
        });
        results
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The same, where all must succeed.
    ///
    /// # Errors
    /// Every failure, by host.
    pub fn all<T: Send>(
        &self,
        names: &[String],
        work: impl Fn(&mut Host<'a>) -> Result<T, DeployError> + Sync,
    ) -> Result<BTreeMap<String, T>, Failure> {
        let mut good = BTreeMap::new();
        let mut failure = Failure::default();
        for (name, result) in self.each(names, work) {
            match result {
                Ok(value) => {
                    good.insert(name, value);
                }
                Err(error) => {
                    failure.errors.insert(name, error);
                }
            }
        }
        if failure.errors.is_empty() {
            Ok(good)
        } else {
            Err(failure)
        }
    }

    /// What each host says of itself: one connection, one exec.
    pub fn facts(
        &self,
        requests: &BTreeMap<String, FactsRequest>,
    ) -> BTreeMap<String, Result<Facts, DeployError>> {
        let names: Vec<String> = requests.keys().cloned().collect();
        self.each(&names, |host| {
            let request = requests.get(host.name()).cloned().unwrap_or_default();
            host.ask(&["facts"], &request)
        })
    }
}
