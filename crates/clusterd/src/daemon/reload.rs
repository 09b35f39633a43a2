//! Files that changed while the daemon runs.

use super::agreement::Wanted;
use super::clock;
use super::journal::Level;
use super::machine::{Machine, Refused};
use crate::configuration::{ClusterFile, read_keys};
use cluster_wire::KeyRing;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

/// Answers that are on their way get out: who asks for a reload hears that it was good, and
/// so does the service manager before the process ends.
const FAREWELL: Duration = Duration::from_millis(200);

impl Machine {
    /// Takes what it can; begins anew for the rest, which touches no resource. A file
    /// that is wrong changes nothing.
    ///
    /// # Errors
    /// What is wrong with the files, or why what they want cannot be had now.
    pub(super) fn reload(&mut self) -> Result<(), Refused> {
        let (file, keys) = match self.fit() {
            Ok(read) => read,
            Err(error) => {
                let sentence = format!("everything stays as it was: {error}");
                self.journal.say(Level::Error, &sentence, &[]);
                return Err(Refused::NotTaken(sentence));
            }
        };
        self.wire.set_keys(keys);
        let why = if is_replaced() {
            "another program is installed"
        } else if file.has_the_same_members(&self.file) {
            self.wanted = Wanted::of(&file);
            self.file = file;
            let sentence = "the keys and the configuration were read again";
            self.journal.say(Level::Notice, sentence, &[]);
            return Ok(());
        } else {
            "the members, or what is between them, changed"
        };
        let sentence = format!("the daemon begins anew: {why}");
        self.journal.say(Level::Notice, &sentence, &[]);
        self.renew_soon();
        Ok(())
    }

    /// Ends, for a daemon that begins anew; after what is being answered, for the sockets are
    /// closed then.
    pub(super) fn renew_soon(&mut self) {
        let soon = clock::now() + FAREWELL;
        self.own.renew.get_or_insert(soon);
    }

    /// The files, if this daemon can go on with them.
    fn fit(&self) -> Result<(ClusterFile, KeyRing), String> {
        let file = ClusterFile::read(&self.path).map_err(|error| error.to_string())?;
        // Two halves that count votes differently could both decide.
        if file.arbitration != self.file.arbitration || file.voting() != self.file.voting() {
            return Err(
                "who votes, and who decides, changes only while all daemons are stopped".to_owned(),
            );
        }
        let keys = read_keys(&file.keys).map_err(|error| format!("{error:#}"))?;
        Ok((file, keys))
    }
}

/// The program of this process is not the one that is installed any more.
fn is_replaced() -> bool {
    let Ok(path) = std::env::current_exe() else {
        return true;
    };
    let same = |one: std::fs::Metadata, other: std::fs::Metadata| {
        (one.dev(), one.ino()) == (other.dev(), other.ino())
    };
    match (std::fs::metadata("/proc/self/exe"), std::fs::metadata(path)) {
        (Ok(own), Ok(installed)) => !same(own, installed),
        // A program that was replaced is called `... (deleted)` by then.
        _ => true,
    }
}
