//! Files that changed while the daemon runs.

use super::agreement::Wanted;
use super::journal::Level;
use super::machine::Machine;
use crate::configuration::{ClusterFile, read_keys};
use std::os::unix::fs::MetadataExt as _;

impl Machine {
    /// Takes what it can; begins anew for the rest, which touches no resource. A file
    /// that is wrong changes nothing.
    pub(super) fn reload(&mut self) {
        let file = match ClusterFile::read(&self.path) {
            Ok(file) => file,
            Err(error) => {
                let sentence = format!("everything stays as it was: {error}");
                self.journal.say(Level::Error, &sentence, &[]);
                return;
            }
        };
        // Two halves that count votes differently could both decide.
        if file.arbitration != self.file.arbitration || file.voting() != self.file.voting() {
            let sentence = "everything stays as it was: who votes, and who decides, changes only while all daemons are stopped";
            self.journal.say(Level::Error, sentence, &[]);
            return;
        }
        match read_keys(&file.keys) {
            Ok(keys) => self.wire.set_keys(keys),
            Err(error) => {
                let sentence = format!("the keys stay as they were: {error:#}");
                self.journal.say(Level::Error, &sentence, &[]);
                return;
            }
        }
        let why = if is_replaced() {
            "another program is installed"
        } else if file.has_the_same_members(&self.file) {
            self.wanted = Wanted::of(&file);
            self.file = file;
            let sentence = "the keys and the configuration were read again";
            self.journal.say(Level::Notice, sentence, &[]);
            return;
        } else {
            "the members, or what is between them, changed"
        };
        let sentence = format!("the daemon begins anew: {why}");
        self.journal.say(Level::Notice, &sentence, &[]);
        self.own.renew = true;
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
