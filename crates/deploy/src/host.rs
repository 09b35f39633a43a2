//! One host: its connection, and words with its helper.

use crate::DeployError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::Read;
use std::time::{Duration, Instant};
use tandem_generation::protocol::Reply;
use tandem_generation::{Digest, place};
use tandem_remote::{Connection, Network, Output, RemoteError, Target};

/// Exit status of our shell line when the helper is not there yet.
const NO_HELPER: i32 = 119;

/// The helper's binary, streamed to hosts that do not have it.
#[derive(Clone)]
pub struct Helper {
    /// Digest of the bytes: its directory on the host.
    pub digest: Digest,
    /// The static binary.
    pub bytes: Vec<u8>,
}

impl Helper {
    /// A helper from its bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self {
            digest: Digest::of(&bytes),
            bytes,
        }
    }
}

/// A host and, once it was needed, an open connection to it.
pub struct Host<'a> {
    target: Target,
    network: &'a dyn Network,
    helper: &'a Helper,
    connection: Option<Box<dyn Connection>>,
}

impl<'a> Host<'a> {
    /// A host; nothing is connected yet.
    pub fn new(target: Target, network: &'a dyn Network, helper: &'a Helper) -> Self {
        Self {
            target,
            network,
            helper,
            connection: None,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.target.host
    }

    /// Forgets the connection: the next call makes a new one.
    pub fn hang_up(&mut self) {
        self.connection = None;
    }

    /// Calls the helper with words and a JSON document.
    ///
    /// # Errors
    /// The way to the host, or what the helper refused.
    pub fn call<I: Serialize, O: DeserializeOwned>(
        &mut self,
        words: &[&str],
        input: &I,
    ) -> Result<O, DeployError> {
        let document = serde_json::to_vec(input).map_err(|error| {
            DeployError::Local(format!("writing a request for {}: {error}", self.name()))
        })?;
        let output = self.helper_exec(
            words,
            &mut || Box::new(std::io::Cursor::new(document.clone())),
            &mut |_| {},
        )?;
        self.reply(words, &output)
    }

    /// The same, and once more on a new connection when the old one turns out
    /// to be broken. Only for requests that may be repeated.
    ///
    /// # Errors
    /// As for [`Host::call`].
    pub fn ask<I: Serialize, O: DeserializeOwned>(
        &mut self,
        words: &[&str],
        input: &I,
    ) -> Result<O, DeployError> {
        let fresh = self.connection.is_none();
        match self.call(words, input) {
            Err(DeployError::Remote(RemoteError::Lost { .. })) if !fresh => {
                self.hang_up();
                self.call(words, input)
            }
            other => other,
        }
    }

    /// The same, again and again until the host answers or time is up: it may
    /// be on its way back from a reset.
    ///
    /// # Errors
    /// As for [`Host::call`], the last one.
    pub fn ask_patiently<I: Serialize, O: DeserializeOwned>(
        &mut self,
        words: &[&str],
        input: &I,
        patience: Duration,
    ) -> Result<O, DeployError> {
        let end = Instant::now() + patience;
        loop {
            match self.ask(words, input) {
                Err(DeployError::Remote(error)) if error.is_transient() && Instant::now() < end => {
                    self.hang_up();
                    std::thread::sleep(Duration::from_millis(300));
                }
                other => return other,
            }
        }
    }

    /// Streams a package into the host's store, from where an earlier attempt
    /// broke off.
    ///
    /// # Errors
    /// As for [`Host::call`].
    pub fn send(
        &mut self,
        file: &Digest,
        size: u64,
        offset: u64,
        open: &mut dyn FnMut() -> Box<dyn Read>,
        sent: &mut dyn FnMut(u64),
    ) -> Result<(), DeployError> {
        let (size, offset) = (size.to_string(), offset.to_string());
        let words = ["receive", file.as_str(), &size, &offset];
        let output = self.helper_exec(&words, open, sent)?;
        self.reply(&words, &output)
    }

    fn connection(&mut self) -> Result<&mut Box<dyn Connection>, DeployError> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            empty => Ok(empty.insert(self.network.connect(&self.target)?)),
        }
    }

    fn helper_exec(
        &mut self,
        words: &[&str],
        open: &mut dyn FnMut() -> Box<dyn Read>,
        sent: &mut dyn FnMut(u64),
    ) -> Result<Output, DeployError> {
        let command = format!(
            "h={}/helper/{}/tandem-host; [ -x \"$h\" ] || exit {NO_HELPER}; exec \"$h\"{}",
            place::STATE,
            self.helper.digest,
            words.iter().fold(String::new(), |line, word| format!(
                "{line} {}",
                quoted(word)
            ))
        );
        let output = self.exec(&command, &mut *open(), sent)?;
        if output.exit != NO_HELPER {
            return Ok(output);
        }
        self.bootstrap()?;
        self.exec(&command, &mut *open(), sent)
    }

    fn exec(
        &mut self,
        command: &str,
        input: &mut dyn Read,
        sent: &mut dyn FnMut(u64),
    ) -> Result<Output, DeployError> {
        let result = self.connection()?.exec(command, input, sent);
        if matches!(result, Err(RemoteError::Lost { .. })) {
            self.hang_up();
        }
        Ok(result?)
    }

    /// First contact: the helper goes over by digest.
    fn bootstrap(&mut self) -> Result<(), DeployError> {
        let digest = &self.helper.digest;
        let command = format!(
            "umask 077; d={state}/helper/{digest}; n=$d/new.$$; \
             mkdir -p \"$d\" && chmod 0700 {state} && cat > \"$n\" && chmod 0700 \"$n\" && \
             echo \"{digest}  $n\" | sha256sum --check --quiet >&2 && mv \"$n\" \"$d/tandem-host\"",
            state = place::STATE,
        );
        let bytes = self.helper.bytes.clone();
        let output = self.exec(&command, &mut std::io::Cursor::new(bytes), &mut |_| {})?;
        if output.exit == 0 {
            return Ok(());
        }
        Err(DeployError::Garbled {
            host: self.name().to_owned(),
            asked: "installing the helper".to_owned(),
            why: output.stderr.trim().to_owned(),
        })
    }

    fn reply<O: DeserializeOwned>(
        &self,
        words: &[&str],
        output: &Output,
    ) -> Result<O, DeployError> {
        match serde_json::from_slice::<Reply<O>>(&output.stdout) {
            Ok(Reply::Ok(value)) => Ok(value),
            Ok(Reply::Error(refusal)) => Err(DeployError::Refused {
                host: self.name().to_owned(),
                refusal,
            }),
            Err(error) => Err(DeployError::Garbled {
                host: self.name().to_owned(),
                asked: words.first().copied().unwrap_or_default().to_owned(),
                why: if output.stderr.trim().is_empty() {
                    format!("exit {}, {error}", output.exit)
                } else {
                    format!("exit {}, {}", output.exit, output.stderr.trim())
                },
            }),
        }
    }
}

/// A word for the shell; what needs no quotes stays as it is.
fn quoted(word: &str) -> String {
    let plain = !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_./:,=@".contains(&byte));
    if plain {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_reason_with_quotes_stays_one_word() {
        assert_eq!(quoted("it's down"), r"'it'\''s down'");
        assert_eq!(quoted("facts"), "facts");
        assert_eq!(quoted(""), "''");
    }
}
