//! The filter `password_hash`: what a file may know of a password that others
//! type in.
//!
//! `{{ params.password | password_hash(user=name, salt=salt) }}` is a hash that
//! crypt(3) and so Apache, PAM and others understand (SHA-512, `$6$`). It is the
//! same each time, because its salt is made of the environment's and the user's
//! name, and differs from user to user and from environment to environment.

use hmac::{Hmac, Mac};
use sha_crypt::{PasswordHasher, ShaCrypt};
use sha2::Sha256;
use tera::{Kwargs, State, TeraResult};

/// Bytes of salt: sixteen characters, the most that crypt(3) takes.
const SALT_BYTES: usize = 12;

#[expect(
    clippy::needless_pass_by_value,
    reason = "what the engine wants of a filter"
)]
pub(crate) fn password_hash(password: &str, named: Kwargs, _: &State) -> TeraResult<String> {
    let user: &str = named.must_get("user")?;
    let salt: &str = named.must_get("salt")?;
    hash(password, user, salt).map_err(tera::Error::message)
}

fn hash(password: &str, user: &str, salt: &str) -> Result<String, String> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(salt.as_bytes())
        .map_err(|_| "this salt cannot be used".to_owned())?;
    hmac.update(b"password of ");
    hmac.update(user.as_bytes());
    let own = hmac.finalize().into_bytes();
    ShaCrypt::SHA512
        .hash_password_with_salt(password.as_bytes(), &own[..SALT_BYTES])
        .map(|hash| hash.as_str().to_owned())
        .map_err(|error| format!("this password cannot be hashed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::hash;
    use std::process::Command;

    #[test]
    fn it_is_the_same_each_time_and_differs_for_each_user_and_environment() {
        let of = |user, salt| hash("secret", user, salt).expect("a hash");
        assert_eq!(of("alice", "dev"), of("alice", "dev"));
        assert_ne!(of("alice", "dev"), of("bob", "dev"));
        assert_ne!(of("alice", "dev"), of("alice", "prod"));
        assert!(!of("alice", "dev").contains("secret"));
    }

    /// Perl's `crypt` is the C library's.
    #[test]
    fn the_c_library_agrees() {
        let own = hash("pa ss'wörd", "alice", "salt").expect("a hash");
        let script = "print crypt($ARGV[0], $ARGV[1])";
        let output = Command::new("perl")
            .args(["-e", script, "pa ss'wörd", &own])
            .output();
        let Ok(output) = output else {
            eprintln!("SKIPPED the_c_library_agrees: no perl");
            return;
        };
        assert_eq!(String::from_utf8_lossy(&output.stdout), own);
    }
}
