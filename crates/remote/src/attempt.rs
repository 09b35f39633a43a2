//! Connecting again where that may help: a way that loses packets, a host that is
//! busy.

use crate::RemoteError;

/// A way that loses packets may swallow a whole attempt to connect, however
/// often the kernel repeats them within its time.
pub(crate) const ATTEMPTS: u32 = 3;
/// Where not even TCP gets an answer there is mostly nobody: one more attempt.
pub(crate) const ATTEMPTS_IN_SILENCE: u32 = 2;

/// Why an attempt to connect failed, and how often it is worth it.
pub(crate) struct Failed {
    pub(crate) error: RemoteError,
    /// In all.
    pub(crate) attempts: u32,
}

impl Failed {
    /// For good.
    pub(crate) fn for_good(error: RemoteError) -> Self {
        Self { error, attempts: 1 }
    }
}

/// Does something until it succeeds, or fails for good.
pub(crate) fn attempt<T>(mut once: impl FnMut() -> Result<T, Failed>) -> Result<T, RemoteError> {
    let mut made = 0;
    loop {
        made += 1;
        match once() {
            Ok(value) => return Ok(value),
            Err(failed) if made >= failed.attempts => return Err(failed.error),
            Err(_) => {}
        }
    }
}

/// True where libssh2 waited in vain, or the other side hung up before it had
/// said who it is (sshd_config(5), MaxStartups).
pub(crate) fn is_passing(error: &ssh2::Error) -> bool {
    // LIBSSH2_ERROR_TIMEOUT, _SOCKET_TIMEOUT, _SOCKET_DISCONNECT, _SOCKET_RECV,
    // _BANNER_RECV of libssh2.h.
    matches!(
        error.code(),
        ssh2::ErrorCode::Session(-9 | -30 | -13 | -43 | -2)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn failed(attempts: u32) -> Failed {
        let error = RemoteError::Local {
            what: "connecting".to_owned(),
            why: "no answer".to_owned(),
        };
        Failed { error, attempts }
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_is_for_good_is_not() {
        for attempts in [1, ATTEMPTS_IN_SILENCE, ATTEMPTS] {
            let made = Cell::new(0);
            let outcome = attempt(|| {
                made.set(made.get() + 1);
                Err::<(), _>(failed(attempts))
            });
            assert!(outcome.is_err());
            assert_eq!(made.get(), attempts);
        }
    }

    #[test]
    fn an_attempt_that_succeeds_is_the_last() {
        let made = Cell::new(0);
        let outcome = attempt(|| {
            made.set(made.get() + 1);
            if made.get() < 2 {
                Err(failed(ATTEMPTS))
            } else {
                Ok(())
            }
        });
        assert!(outcome.is_ok());
        assert_eq!(made.get(), 2);
    }

    #[test]
    fn a_host_that_falls_silent_is_not_one_that_refuses() {
        let timeout = ssh2::Error::new(ssh2::ErrorCode::Session(-9), "timed out");
        let refused = ssh2::Error::new(ssh2::ErrorCode::Session(-18), "refused");
        assert!(is_passing(&timeout));
        assert!(!is_passing(&refused));
    }
}
