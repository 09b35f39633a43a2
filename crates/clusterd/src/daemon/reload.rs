//! Files that changed while the daemon runs.

use super::Input;
use super::agents::Order;
use super::agreement::Wanted;
use super::clock;
use super::journal::Level;
use super::machine::Machine;
use super::program;
use super::refused::Refused;
use crate::configuration::{ClusterFile, Deciding, Outline, read_keys};
use cluster_wire::KeyRing;
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::Duration;
use tokio::sync::oneshot;

/// Answers that are on their way get out: who asks for a reload hears that it was good, and
/// so does the service manager before the process ends.
const FAREWELL: Duration = Duration::from_millis(200);

/// So long the installed program may take to read a file: it starts, and reads.
const READING: Duration = Duration::from_secs(10);

/// Who asked for a reload, and waits for what comes of it. Who asked by a signal hears nothing.
pub(crate) type Answer = Option<oneshot::Sender<Result<(), Refused>>>;

/// Whether another program takes a file.
#[derive(Debug)]
pub(crate) struct Question {
    program: PathBuf,
    file: PathBuf,
    answers: Vec<Answer>,
}

/// Has the file checked by the program that is to go on with it, and tells what is in it.
pub(crate) async fn ask(question: Question, out: Sender<Input>) {
    let text = read_by(&question.program, &question.file).await;
    let answers = question.answers;
    let _ = out.send(Input::Read { text, answers });
}

async fn read_by(program: &Path, file: &Path) -> Result<String, String> {
    let text = || std::fs::read_to_string(file).map_err(|error| error.to_string());
    let before = text()?;
    let words = [OsStr::new("check"), file.as_os_str()];
    program::run(program, &words, &[], READING)
        .await
        .map_err(|why| {
            format!(
                "the installed {} does not take the file: {why}",
                program.display()
            )
        })?;
    if text()? == before {
        Ok(before)
    } else {
        Err("it changed while it was read".to_owned())
    }
}

impl Machine {
    /// Takes what it can; begins anew for the rest, which touches no resource. A file
    /// that is wrong changes nothing. If another program is installed, its word counts: the
    /// file may say what this one does not know yet.
    pub(super) fn reload(&mut self, answers: Vec<Answer>) {
        if let Some(queue) = &mut self.own.reading {
            // What is being read may be older than what was asked for.
            queue.extend(answers);
            return;
        }
        let Some(program) = replaced_by() else {
            let taken = self.take_files();
            self.told(taken, answers);
            return;
        };
        self.own.reading = Some(Vec::new());
        let file = self.path.clone();
        self.agents.order(Order::Read(Question {
            program,
            file,
            answers,
        }));
    }

    /// Begins anew as the program that is installed, if that one takes the file.
    pub(super) fn give_way(&mut self, text: Result<String, String>, answers: Vec<Answer>) {
        let keys = text.and_then(|text| {
            let outline = Outline::parse(&text, &self.path).map_err(|error| error.to_string())?;
            self.keep_deciding(&outline.deciding())?;
            self.keep_the_watchdog(outline.watchdog.as_deref())?;
            read_keys(&outline.keys).map_err(|error| format!("{error:#}"))
        });
        let taken = keys.map(|keys| self.begin_anew(keys, "another program is installed"));
        self.told(taken, answers);
        let more = self.own.reading.take().unwrap_or_default();
        if !more.is_empty() {
            self.reload(more);
        }
    }

    fn told(&mut self, taken: Result<(), String>, answers: Vec<Answer>) {
        self.own.version += 1;
        let taken = taken.map_err(|why| {
            // Nor does it begin anew as an earlier request had it.
            self.own.renew = None;
            let sentence = format!("everything stays as it was: {why}");
            self.journal.say(Level::Error, &sentence, &[]);
            Refused::NotTaken(sentence)
        });
        for answer in answers.into_iter().flatten() {
            let _ = answer.send(taken.clone());
        }
    }

    /// What is wrong with the files, or why what they want cannot be had now.
    fn take_files(&mut self) -> Result<(), String> {
        let file = ClusterFile::read(&self.path).map_err(|error| error.to_string())?;
        self.keep_deciding(&file.deciding())?;
        self.keep_the_watchdog(file.watchdog.as_deref())?;
        let keys = read_keys(&file.keys).map_err(|error| format!("{error:#}"))?;
        if !file.has_the_same_members(&self.file) {
            self.begin_anew(keys, "the members, or what is between them, changed");
            return Ok(());
        }
        self.wire.set_keys(keys);
        self.wanted = Wanted::of(&file);
        self.file = file;
        let sentence = "the keys and the configuration were read again";
        self.journal.say(Level::Notice, sentence, &[]);
        Ok(())
    }

    /// Two halves that count votes differently could both decide; and who promised for a
    /// shorter time than another one holds what it has takes over too early.
    fn keep_deciding(&self, deciding: &Deciding) -> Result<(), String> {
        if *deciding == self.file.deciding() {
            return Ok(());
        }
        Err(
            "who votes, who decides, and for how long a promise holds change only while all daemons are stopped"
                .to_owned(),
        )
    }

    /// One that is armed would be petted by nobody whose file names another one.
    fn keep_the_watchdog(&self, other: Option<&Path>) -> Result<(), String> {
        if other == self.file.watchdog.as_deref() || !self.watchdog.is_armed() {
            return Ok(());
        }
        Err(
            "the watchdog is armed and cannot be another one: `clusterd standby` moves what runs here away first"
                .to_owned(),
        )
    }

    fn begin_anew(&mut self, keys: KeyRing, why: &str) {
        self.wire.set_keys(keys);
        let sentence = format!("the daemon begins anew: {why}");
        self.journal.say(Level::Notice, &sentence, &[]);
        self.renew_soon();
    }

    /// Ends, for a daemon that begins anew; after what is being answered, for the sockets are
    /// closed then.
    pub(super) fn renew_soon(&mut self) {
        let soon = clock::now() + FAREWELL;
        self.own.renew.get_or_insert(soon);
    }
}

/// What the kernel adds to the name of a program that was replaced: proc_pid_exe(5).
const REPLACED: &str = " (deleted)";

/// The program that is installed, if this process has another one.
fn replaced_by() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let name = own.to_str().and_then(|name| name.strip_suffix(REPLACED));
    let installed = name.map_or_else(|| own.clone(), PathBuf::from);
    let place = |path: &Path| {
        let known = std::fs::metadata(path).ok()?;
        Some((known.dev(), known.ino()))
    };
    (place(Path::new("/proc/self/exe")) != place(&installed)).then_some(installed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// What comes of it where this script is the installed program.
    fn asked(script: &str) -> Result<String, String> {
        let place = tempfile::tempdir().expect("a directory");
        let program = place.path().join("clusterd");
        std::fs::write(&program, script).expect("a script");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, mode).expect("its mode");
        let file = place.path().join("cluster.yaml");
        std::fs::write(&file, "cluster: web\n").expect("a file");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(read_by(&program, &file))
    }

    #[test]
    fn the_installed_program_takes_a_file_or_says_why_not() {
        let takes = "#!/bin/sh\ntest \"$1\" = check && grep -q web \"$2\"\n";
        assert_eq!(asked(takes), Ok("cluster: web\n".to_owned()));
        let refuses = "#!/bin/sh\necho \"$2:3:1: no such word\" >&2\nexit 3\n";
        let why = asked(refuses).expect_err("it says no");
        assert!(
            why.contains("does not take the file: exit status: 3: /"),
            "{why}"
        );
        assert!(why.ends_with("/cluster.yaml:3:1: no such word"), "{why}");
    }

    #[test]
    fn what_changes_while_it_is_read_is_not_taken() {
        let changes = "#!/bin/sh\necho cluster: other > \"$2\"\n";
        let why = asked(changes).expect_err("it is another file");
        assert_eq!(why, "it changed while it was read");
    }

    #[test]
    fn a_program_that_cannot_be_run_takes_nothing() {
        let why = asked("#!/nonexistent/interpreter\n").expect_err("it cannot be run");
        assert!(
            why.contains("does not take the file: No such file"),
            "{why}"
        );
    }
}
