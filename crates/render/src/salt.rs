//! The last line of a secret file. rpm shows the digest of every file to every
//! user of the host; with a secret in the file that nobody can guess, the digest
//! tells nothing about the rest of it.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt::Write;

/// A comment that differs from file to file and from environment to
/// environment, and never changes for a file.
pub fn line(salt: &str, path: &str, comment: &str) -> String {
    let mut digits = String::with_capacity(64);
    if let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(salt.as_bytes()) {
        hmac.update(path.as_bytes());
        for byte in hmac.finalize().into_bytes() {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
    }
    let close = match comment {
        "<!--" => " -->",
        "/*" => " */",
        _ => "",
    };
    format!("{comment} {digits}{close}\n")
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn it_is_hmac_sha256_of_the_path() {
        // RFC 4231, test case 2.
        assert_eq!(
            line("Jefe", "what do ya want for nothing?", "#"),
            "# 5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843\n"
        );
    }

    #[test]
    fn comments_that_must_be_closed_are() {
        assert!(line("s", "/p", "<!--").ends_with(" -->\n"));
    }
}
