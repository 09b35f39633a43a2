//! Somebody who runs `tandem`: a project, private keys, and nothing of this
//! machine's own configuration.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Longest time that one command may take before the test gives up on it.
pub(crate) const LIMIT: Duration = Duration::from_secs(400);

/// What the command says when it is ready and how it ended.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    /// Words of the command, for messages.
    pub(crate) what: String,
    /// Exit code; 128 + signal where one ended it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Ran {
    /// Fails the test unless the command ended with this code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "exit code of {self}");
        self
    }

    /// Fails the test unless standard output or error contains these words.
    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Self {
        assert!(
            self.stdout.contains(words) || self.stderr.contains(words),
            "`{words}` was expected from {self}"
        );
        self
    }

    /// Fails the test if standard output or error contains these words.
    #[track_caller]
    pub(crate) fn does_not_say(self, words: &str) -> Self {
        assert!(
            !self.stdout.contains(words) && !self.stderr.contains(words),
            "`{words}` was not expected from {self}"
        );
        self
    }

    /// Standard output as one JSON document with `api_version`.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        let document: serde_json::Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON ({error}) from {self}"));
        assert_eq!(document["api_version"], 1, "api_version of {self}");
        document
    }

    /// Name of the run that the command began.
    #[track_caller]
    pub(crate) fn run(&self) -> String {
        self.stderr
            .lines()
            .find_map(|line| line.strip_prefix("run "))
            .unwrap_or_else(|| panic!("no run in {self}"))
            .trim()
            .to_owned()
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "`tandem {}` (exit {}, {:.1} s)\n--- stdout\n{}\n--- stderr\n{}",
            self.what,
            self.code,
            self.took.as_secs_f64(),
            self.stdout,
            self.stderr
        )
    }
}

/// A command that still runs.
pub(crate) struct Running {
    what: String,
    begun: Instant,
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Running {
    /// Process id, for those who want to end it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it said on standard error so far.
    pub(crate) fn stderr_so_far(&self) -> String {
        fs::read_to_string(&self.err).unwrap_or_default()
    }

    /// Waits until standard error contains these words, or the command ended.
    /// True if they came.
    pub(crate) fn wait_for(&mut self, words: &str, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if self.stderr_so_far().contains(words) {
                return true;
            }
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return self.stderr_so_far().contains(words);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// Ends it at once, as a power cut of the operator's machine would.
    pub(crate) fn kill(mut self) -> Ran {
        let _ = self.child.kill();
        self.finish()
    }

    /// Waits for its end; past the limit it is killed and the test fails.
    pub(crate) fn finish(mut self) -> Ran {
        use std::os::unix::process::ExitStatusExt;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break Some(status);
            }
            if self.begun.elapsed() > LIMIT {
                let _ = self.child.kill();
                let _ = self.child.wait();
                break None;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let read = |path: &Path| {
            let text = fs::read(path).unwrap_or_default();
            let _ = fs::remove_file(path);
            String::from_utf8_lossy(&text).into_owned()
        };
        let ran = Ran {
            what: self.what.clone(),
            code: status.map_or(-1, |status| {
                status
                    .code()
                    .unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
            }),
            stdout: read(&self.out),
            stderr: read(&self.err),
            took: self.begun.elapsed(),
        };
        assert!(status.is_some(), "took longer than {LIMIT:?}: {ran}");
        ran
    }
}

/// Somebody with a project and keys of their own.
pub(crate) struct Operator {
    /// Name, as locks and histories show it.
    pub(crate) name: String,
    /// Name of the environment that all of it is about.
    pub(crate) environment: String,
    /// The project.
    pub(crate) project: PathBuf,
    /// `TANDEM_HOME`.
    pub(crate) home: PathBuf,
    counter: AtomicU32,
}

impl Operator {
    /// In a directory with `project` and `home`.
    pub(crate) fn new(name: &str, environment: &str, directory: &Path) -> Self {
        Self {
            name: name.to_owned(),
            environment: environment.to_owned(),
            project: directory.join("project"),
            home: directory.join("home"),
            counter: AtomicU32::new(0),
        }
    }

    /// Starts a command; `environment` is added to what it sees.
    pub(crate) fn start(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Running {
        self.spawn(env!("CARGO_BIN_EXE_tandem"), arguments, environment)
    }

    fn spawn(&self, program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Running {
        let number = self.counter.fetch_add(1, Ordering::SeqCst);
        let file = |kind: &str| self.home.join(format!(".{kind}-{number}"));
        let (out, err) = (file("out"), file("err"));
        let create = |path: &Path| File::create(path).expect("a file for the output");
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.project)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .env("USER", &self.name)
            .env("TANDEM_HOME", &self.home)
            .env("TANDEM_HOST_BINARY", helper())
            .env("TANDEM_CLUSTERD_BINARY", daemon())
            .env("SOURCE_DATE_EPOCH", "1795132800")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(create(&out))
            .stderr(create(&err));
        Running {
            what: arguments.join(" "),
            begun: Instant::now(),
            child: command.spawn().expect("the program starts"),
            out,
            err,
        }
    }

    /// Runs a command to its end.
    pub(crate) fn tandem(&self, arguments: &[&str]) -> Ran {
        self.start(arguments, &[]).finish()
    }

    /// The lab's BMCs have a password of their own, which an operator enters where the
    /// inventory wants one.
    pub(crate) fn knows_the_bmcs(&self) {
        let inventory = fs::read_to_string(self.file(&self.inventory())).expect("an inventory");
        if inventory.contains("bmc_password") {
            let editor = "sed -i 's/^bmc_password:.*/bmc_password: secret/'";
            let words = ["secret", "edit", "-i", &self.environment];
            let _ = self.start(&words, &[("EDITOR", editor)]).finish().exits(0);
        }
    }

    /// Runs a line as an operator types it; standard error goes where standard
    /// output goes, as on a terminal.
    pub(crate) fn shell(&self, line: &str) -> Ran {
        let tandem = Path::new(env!("CARGO_BIN_EXE_tandem"));
        let mut path = tandem.parent().expect("a directory").as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let path = path.into_string().expect("a PATH of text");
        let script = format!("exec 2>&1\n{line}");
        self.spawn("sh", &["-c", &script], &[("PATH", &path)])
            .finish()
    }

    /// Words of a command about this environment's twin.
    pub(crate) fn words<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let mut words = arguments.to_vec();
        words.extend(["-i", &self.environment, "--lab"]);
        words
    }

    /// Runs a command about this environment's twin.
    pub(crate) fn at(&self, arguments: &[&str]) -> Ran {
        self.tandem(&self.words(arguments))
    }

    /// `tandem plan`.
    pub(crate) fn plan(&self) -> Ran {
        self.at(&["plan", "--detailed-exitcode"])
    }

    /// `tandem apply`, with consent.
    pub(crate) fn apply(&self) -> Ran {
        self.at(&["apply", "--yes"])
    }

    /// Builds a release, which must succeed.
    #[track_caller]
    pub(crate) fn build(&self, version: &str) -> Ran {
        self.tandem(&["build", "--release", version]).exits(0)
    }

    /// Path of a file of the project.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.project.join(path)
    }

    /// Path of the inventory, within the project.
    pub(crate) fn inventory(&self) -> String {
        format!("inventories/{}.yaml", self.environment)
    }

    /// Replaces the only occurrence of `from` in a file of the project.
    #[track_caller]
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let file = self.file(path);
        let text = fs::read_to_string(&file).expect("the file can be read");
        assert_eq!(
            text.matches(from).count(),
            1,
            "`{from}` in {path} is there once:\n{text}"
        );
        fs::write(&file, text.replacen(from, to, 1)).expect("the file can be written");
    }

    /// The same in the inventory.
    #[track_caller]
    pub(crate) fn edit_inventory(&self, from: &str, to: &str) {
        self.edit(&self.inventory(), from, to);
    }

    /// Writes a file of the project, with the directories above it.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let file = self.file(path);
        fs::create_dir_all(file.parent().expect("a directory")).expect("the directory is made");
        fs::write(file, text).expect("the file can be written");
    }

    /// Somebody else with the same project and keys, on another machine as it
    /// were: nothing that this operator's runs left behind is there.
    pub(crate) fn colleague(&self, name: &str) -> Self {
        let above = self.project.parent().expect("a directory above");
        let directory = above.join(name);
        let other = Self::new(name, &self.environment, &directory);
        copy(&self.project, &other.project);
        copy(self.home.join("keys"), &other.home.join("keys"));
        fs::copy(
            self.home.join("identity.txt"),
            other.home.join("identity.txt"),
        )
        .expect("the identity is copied");
        other
    }
}

/// Copies a directory with everything in it.
pub(crate) fn copy(from: impl AsRef<OsStr>, to: &Path) {
    fs::create_dir_all(to.parent().expect("a directory above")).expect("a directory is made");
    let status = Command::new("cp")
        .args(["-a", "--dereference"])
        .arg(from)
        .arg(to)
        .status()
        .expect("cp runs");
    assert!(status.success(), "copying to {}", to.display());
}

/// This repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The small project that most tests begin with.
pub(crate) fn example() -> PathBuf {
    repository().join("examples/web")
}

/// The static helper. A debug build of it would depend on this machine's C
/// library, and hosts are other machines.
pub(crate) fn helper() -> PathBuf {
    host_program("TANDEM_HOST_BINARY", "tandem-host")
}

/// The static cluster daemon, for the same reason.
pub(crate) fn daemon() -> PathBuf {
    host_program("TANDEM_CLUSTERD_BINARY", "clusterd")
}

fn host_program(variable: &str, name: &str) -> PathBuf {
    let path = std::env::var_os(variable).map_or_else(
        || repository().join(format!("target/x86_64-unknown-linux-gnu/host/{name}")),
        PathBuf::from,
    );
    assert!(
        path.is_file(),
        "{name} is not at {}: build it with `RUSTFLAGS='-C target-feature=+crt-static' \
         cargo build --release --target x86_64-unknown-linux-gnu -p {name}`, or name it in \
         {variable}",
        path.display()
    );
    path
}
