//! SSH to the hosts: one trait, ssh2 behind it.
//!
//! The rest of the deploy wing sees [`Network`] and [`Connection`]; a test or
//! another transport puts its own behind them.

mod attempt;
mod dial;
mod error;
mod known_hosts;
mod ssh;

pub use dial::Way;
pub use error::RemoteError;
pub use known_hosts::{HostKey, KnownHosts, Trust};
pub use ssh::{Ssh, scan};

use std::io::Read;
use std::net::IpAddr;

/// Where a host is and who we are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The host's name, for people and for known_hosts.
    pub host: String,
    /// Its address in the management network.
    pub address: IpAddr,
    /// TCP port.
    pub port: u16,
    /// Account; anything but `root` goes through `sudo -n`.
    pub user: String,
}

/// What a program on a host answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Exit status.
    pub exit: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error, for messages.
    pub stderr: String,
}

/// A way to hosts.
pub trait Network: Sync {
    /// A new connection, authenticated, host key checked.
    ///
    /// # Errors
    /// See [`RemoteError`].
    fn connect(&self, target: &Target) -> Result<Box<dyn Connection>, RemoteError>;
}

/// An open connection to a host.
pub trait Connection: Send {
    /// Runs a shell command as root, feeds it `input`, and waits for its end.
    /// `sent` is told how many bytes went out, for progress bars.
    ///
    /// # Errors
    /// The connection broke or fell silent. A non-zero exit is no error here.
    fn exec(
        &mut self,
        command: &str,
        input: &mut dyn Read,
        sent: &mut dyn FnMut(u64),
    ) -> Result<Output, RemoteError>;
}
