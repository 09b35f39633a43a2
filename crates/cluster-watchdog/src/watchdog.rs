//! A watchdog of whatever kind.

use crate::device::Device;
use crate::problem::Problem;
use crate::socket::Socket;
use crate::sysfs::Sysfs;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

/// Which watchdog this node has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A device of the kernel.
    Device {
        /// `/dev/watchdog`, or one with a number.
        path: PathBuf,
        /// How long it waits for the next pet: whole seconds, rounded up.
        timeout: Duration,
    },
    /// A program outside of this container that resets it, behind a Unix stream socket.
    ///
    /// It is told, a line each: `hello`, `arm MILLISECONDS`, `pet`, `disarm`; and answers
    /// `ok armed MILLISECONDS`, `ok disarmed` or `error TEXT`. A connection that ends
    /// disarms nothing.
    Socket {
        /// The socket.
        path: PathBuf,
        /// How long it waits for the next pet: whole milliseconds, rounded up.
        timeout: Duration,
    },
    /// None: a node that cannot stop what it has goes on with it.
    None,
}

/// A watchdog that was found to be good.
#[derive(Debug)]
pub struct Watchdog(Kind);

#[derive(Debug)]
enum Kind {
    Device(Device),
    Socket(Socket),
    None,
}

impl Watchdog {
    /// Looks at a watchdog and leaves it as it is: does not arm it, nor pet one that is
    /// armed. `kept` is its descriptor from an earlier daemon, out of the service
    /// manager's store: such a device is armed, and stays so.
    ///
    /// # Errors
    ///
    /// [`Problem`]: it is none, another process has it, or it cannot be relied upon.
    pub fn open(choice: Choice, kept: Option<OwnedFd>) -> Result<Self, Problem> {
        Ok(Self(match choice {
            Choice::Device { path, timeout } => {
                Kind::Device(Device::open(path, timeout, kept, &Sysfs::default())?)
            }
            Choice::Socket { path, timeout } => Kind::Socket(Socket::open(path, timeout)?),
            Choice::None => Kind::None,
        }))
    }

    /// Is it armed? By an earlier daemon, too.
    pub fn is_armed(&self) -> bool {
        match &self.0 {
            Kind::Device(device) => device.is_armed(),
            Kind::Socket(socket) => socket.is_armed(),
            Kind::None => false,
        }
    }

    /// Is there one at all?
    pub fn is_none(&self) -> bool {
        matches!(self.0, Kind::None)
    }

    /// Is it only a timer of the kernel (`softdog`), which does not reset a machine whose
    /// kernel hangs? As far as can be seen; after [`Watchdog::arm`], for certain.
    pub fn is_soft(&self) -> bool {
        match &self.0 {
            Kind::Device(device) => device.is_soft(),
            Kind::Socket(_) | Kind::None => false,
        }
    }

    /// What it calls itself, if that is known.
    pub fn identity(&self) -> Option<&str> {
        match &self.0 {
            Kind::Device(device) => device.identity(),
            Kind::Socket(_) | Kind::None => None,
        }
    }

    /// How long it waits after a pet, as read back from one that is armed; what it will
    /// be told, from one that is not: [`Watchdog::arm`] fails if it makes something else
    /// of it. Nothing, without a watchdog.
    pub fn timeout(&self) -> Duration {
        match &self.0 {
            Kind::Device(device) => device.timeout(),
            Kind::Socket(socket) => socket.timeout(),
            Kind::None => Duration::ZERO,
        }
    }

    /// Arms it, and pets it. An armed one is petted and stays armed.
    ///
    /// # Errors
    ///
    /// [`Problem`]; it was disarmed again, unless [`Watchdog::is_armed`] says otherwise.
    pub fn arm(&mut self) -> Result<(), Problem> {
        match &mut self.0 {
            Kind::Device(device) => device.arm(),
            Kind::Socket(socket) => socket.arm(),
            Kind::None => Ok(()),
        }
    }

    /// It may wait once more for its whole time. Does not wait for anybody: a tenth of a
    /// second at most. One that is not armed is left alone.
    ///
    /// # Errors
    ///
    /// [`Problem`]; whether it was petted is not known.
    pub fn pet(&mut self) -> Result<(), Problem> {
        match &mut self.0 {
            Kind::Device(device) => device.pet(),
            Kind::Socket(socket) => socket.pet(),
            Kind::None => Ok(()),
        }
    }

    /// Disarms it. The descriptor has to be out of the service manager's store before
    /// (`FDSTOREREMOVE=1`): a device is released when the last copy of it is closed.
    ///
    /// # Errors
    ///
    /// [`Problem`]; it has to be taken for armed.
    pub fn disarm(&mut self) -> Result<(), Problem> {
        match &mut self.0 {
            Kind::Device(device) => device.disarm(),
            Kind::Socket(socket) => socket.disarm(),
            Kind::None => Ok(()),
        }
    }

    /// What keeps it armed when this daemon ends: to be put into the service manager's
    /// store (`FDSTORE=1`) after arming. Only devices have one.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match &self.0 {
            Kind::Device(device) => device.descriptor(),
            Kind::Socket(_) | Kind::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_watchdog_nothing_is_done_and_nothing_promised() {
        let mut watchdog = Watchdog::open(Choice::None, None).expect("none");
        watchdog.arm().expect("nothing to do");
        watchdog.pet().expect("nothing to do");
        assert!(!watchdog.is_armed() && watchdog.is_none() && !watchdog.is_soft());
        assert_eq!(watchdog.timeout(), Duration::ZERO);
        assert!(watchdog.descriptor().is_none());
        watchdog.disarm().expect("nothing to do");
    }
}
