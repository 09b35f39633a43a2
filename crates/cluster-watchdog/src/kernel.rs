//! Calls of the kernel that no safe interface has: the ioctls of `linux/watchdog.h`, and
//! descriptors that were passed to this process.
#![allow(unsafe_code)]

use nix::errno::Errno;
use nix::libc::c_int;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// What a watchdog says of itself: `struct watchdog_info` of `linux/watchdog.h`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Support {
    /// What it can do: `WDIOF_*`.
    pub(crate) options: u32,
    firmware_version: u32,
    identity: [u8; 32],
}

impl Support {
    /// Its name.
    pub(crate) fn identity(&self) -> String {
        let name = self.identity.split(|byte| *byte == 0).next();
        String::from_utf8_lossy(name.unwrap_or_default()).into_owned()
    }
}

/// `WDIOS_DISABLECARD` of `linux/watchdog.h`.
const DISABLE: c_int = 1;

/// The functions that nix makes of the requests in `linux/watchdog.h`. Those that only
/// take a number are declared `_IOR` there all the same.
#[allow(unreachable_pub)]
mod requests {
    nix::ioctl_read!(get_support, b'W', 0, super::Support);
    nix::ioctl_read!(set_options, b'W', 4, nix::libc::c_int);
    nix::ioctl_read!(keep_alive, b'W', 5, nix::libc::c_int);
    nix::ioctl_readwrite!(set_timeout, b'W', 6, nix::libc::c_int);
    nix::ioctl_read!(get_timeout, b'W', 7, nix::libc::c_int);
}

/// `WDIOC_GETSUPPORT`
pub(crate) fn get_support(device: BorrowedFd<'_>) -> Result<Support, Errno> {
    let mut support = Support::default();
    // SAFETY: the descriptor is open; the kernel writes at most a `struct watchdog_info`,
    // which `Support` is laid out as, and any bytes are valid in it.
    unsafe { requests::get_support(device.as_raw_fd(), &raw mut support) }?;
    Ok(support)
}

/// `WDIOC_SETTIMEOUT`, in seconds. What the device made of it.
pub(crate) fn set_timeout(device: BorrowedFd<'_>, seconds: c_int) -> Result<c_int, Errno> {
    let mut seconds = seconds;
    // SAFETY: the descriptor is open; the kernel reads and writes one int.
    unsafe { requests::set_timeout(device.as_raw_fd(), &raw mut seconds) }?;
    Ok(seconds)
}

/// `WDIOC_GETTIMEOUT`, in seconds.
pub(crate) fn get_timeout(device: BorrowedFd<'_>) -> Result<c_int, Errno> {
    let mut seconds = 0;
    // SAFETY: the descriptor is open; the kernel writes one int.
    unsafe { requests::get_timeout(device.as_raw_fd(), &raw mut seconds) }?;
    Ok(seconds)
}

/// `WDIOC_KEEPALIVE`
pub(crate) fn keep_alive(device: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut ignored = 0;
    // SAFETY: the descriptor is open; the kernel writes at most one int.
    unsafe { requests::keep_alive(device.as_raw_fd(), &raw mut ignored) }?;
    Ok(())
}

/// `WDIOC_SETOPTIONS` with `WDIOS_DISABLECARD`
pub(crate) fn disable(device: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut options = DISABLE;
    // SAFETY: the descriptor is open; the kernel reads one int.
    unsafe { requests::set_options(device.as_raw_fd(), &raw mut options) }?;
    Ok(())
}

/// Takes a descriptor that the parent left open for this process; nothing, if it is not
/// open. It is closed in children from now on.
///
/// To be called once for each number, before the process has opened anything by itself:
/// `kept.rs`, the only caller, sees to the first, and names the second in its contract.
pub(crate) fn take_descriptor(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: `fcntl(2)` with F_GETFD touches no memory; on a number that is not open it
    // fails with EBADF.
    if unsafe { nix::libc::fcntl(number, nix::libc::F_GETFD) } < 0 {
        return None;
    }
    // SAFETY: it is open, and nobody else in this process has it: the parent says that it
    // was passed (`sd_listen_fds(3)`), and it is taken once.
    let owned = unsafe { OwnedFd::from_raw_fd(number) };
    // SAFETY: the descriptor is open, and F_SETFD touches no memory.
    let set =
        unsafe { nix::libc::fcntl(owned.as_raw_fd(), nix::libc::F_SETFD, nix::libc::FD_CLOEXEC) };
    (set == 0).then_some(owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsFd;

    #[test]
    fn what_is_no_watchdog_refuses_each_request() {
        let file = File::open("/dev/null").expect("there");
        let device = file.as_fd();
        assert_eq!(get_support(device).err(), Some(Errno::ENOTTY));
        assert_eq!(set_timeout(device, 5), Err(Errno::ENOTTY));
        assert_eq!(get_timeout(device), Err(Errno::ENOTTY));
        assert_eq!(keep_alive(device), Err(Errno::ENOTTY));
        assert_eq!(disable(device), Err(Errno::ENOTTY));
    }

    #[test]
    fn the_structure_is_laid_out_as_the_kernel_has_it() {
        assert_eq!(size_of::<Support>(), 40);
        let mut support = Support::default();
        support.identity[..5].copy_from_slice(b"iTCO\0");
        assert_eq!(support.identity(), "iTCO");
        support.identity = [b'x'; 32];
        assert_eq!(support.identity().len(), 32);
    }
}
