//! Control groups: what runs in a scope, and killing all of it.
//!
//! This does not go through systemd: it works while systemd or the bus does not.

use crate::problem::Problem;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The slice that all scopes of ours are in.
pub(crate) const SLICE: &str = "clusterd.slice";

/// Longest pause between two looks at what is to go.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Where systemd keeps the control groups by which it tracks processes.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    slice: PathBuf,
}

impl Groups {
    /// Finds the mount: cgroup2, or the named hierarchy `name=systemd` where there
    /// is no cgroup2 ("legacy" in systemd's words). `first` is /proc/1/cgroup: systemd
    /// itself is in `init.scope` below the root of what it looks after.
    pub(crate) fn find(mountinfo: &str, first: &str) -> Result<Self, Problem> {
        let mount = |wanted: &dyn Fn(&str, &str) -> bool| {
            mountinfo.lines().find_map(|line| {
                let (before, after) = line.split_once(" - ")?;
                let mut after = after.split(' ');
                let kind = after.next()?;
                let options = after.nth(1)?;
                let point = before.split(' ').nth(4)?;
                wanted(kind, options).then(|| PathBuf::from(point))
            })
        };
        let root = |hierarchy: &str| {
            let mut paths = first.lines().filter_map(|line| line.split_once(hierarchy));
            paths.find_map(|(_, path)| path.strip_suffix("/init.scope"))
        };
        let unified = || Some((mount(&|kind, _| kind == "cgroup2")?, root("0::")?));
        let named = || {
            let mount = mount(&|kind, options| {
                kind == "cgroup" && options.split(',').any(|option| option == "name=systemd")
            });
            Some((mount?, root(":name=systemd:")?))
        };
        let (mount, root) = unified().or_else(named).ok_or(Problem::NoControlGroups)?;
        Ok(Self {
            slice: mount.join(root.trim_matches('/')).join(SLICE),
        })
    }

    /// Directories that stand for control groups.
    #[cfg(test)]
    pub(crate) fn at(slice: PathBuf) -> Self {
        Self { slice }
    }

    /// The control group of a scope of ours.
    pub(crate) fn scope(&self, unit: &str) -> Group {
        Group {
            path: self.slice.join(unit),
        }
    }

    /// Names of all scopes in our slice.
    pub(crate) fn scopes(&self) -> Result<Vec<String>, Problem> {
        let failed = |source| Problem::File {
            what: "read",
            path: self.slice.clone(),
            source,
        };
        let entries = match std::fs::read_dir(&self.slice) {
            Ok(entries) => entries,
            Err(error) if is_gone(&error) => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            // Whose they are is for the names to say.
            names.extend(name.into_string());
        }
        names.sort();
        Ok(names)
    }

    /// The same, however long it takes until they can be read: what is not seen must not
    /// be taken for gone.
    pub(crate) async fn all_scopes(&self) -> Vec<String> {
        loop {
            if let Ok(names) = self.scopes() {
                return names;
            }
            tokio::time::sleep(LONGEST_PAUSE).await;
        }
    }
}

/// One control group and those below it.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    path: PathBuf,
}

impl Group {
    /// Makes it and moves a process into it, without systemd: for when there is no bus.
    /// systemd leaves alone what it does not know as long as something runs in it. An
    /// empty one stays behind: removing it could take from systemd the sign that a scope
    /// of its own has become empty.
    pub(crate) fn adopt(&self, pid: u32) -> io::Result<()> {
        std::fs::create_dir_all(&self.path)?;
        std::fs::write(self.path.join("cgroup.procs"), pid.to_string())
    }

    /// Everything that is seen to run in it.
    pub(crate) fn processes(&self) -> Vec<Pid> {
        self.look().0
    }

    /// Is it known that nothing runs in it? A group that is not there is empty; one that
    /// cannot be read, as when there are no descriptors left, is not known to be.
    pub(crate) fn is_empty(&self) -> bool {
        let (found, all) = self.look();
        all && found.is_empty()
    }

    /// What runs in it, and whether that is all.
    fn look(&self) -> (Vec<Pid>, bool) {
        let mut found = Vec::new();
        let all = collect(&self.path, &mut found);
        (found, all)
    }

    /// One attempt at killing all of it; who forks meanwhile lives.
    fn strike(&self) {
        // Atomic, also against forks (Linux 5.14, cgroup2).
        if std::fs::write(self.path.join("cgroup.kill"), "1").is_ok() {
            return;
        }
        for process in self.processes() {
            // Gone already, or in a moment; who is not is struck again.
            let _ = kill(process, Signal::SIGKILL);
        }
    }

    /// Kills all of it, and ends when nothing is left, however long that takes:
    /// a process in the kernel's hands cannot be killed and still holds the resource.
    pub(crate) async fn kill(&self) {
        let mut pause = Duration::from_millis(1);
        while !self.is_empty() {
            self.strike();
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Waits until it is empty by itself; whether it became so.
    pub(crate) async fn empties_within(&self, limit: Duration) -> bool {
        let until = tokio::time::Instant::now() + limit;
        let mut pause = Duration::from_millis(1);
        while !self.is_empty() {
            if tokio::time::Instant::now() >= until {
                return false;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        true
    }

    /// Names of what runs in it, for people; at most eight.
    pub(crate) fn names(&self) -> String {
        let processes = self.processes();
        let mut names: Vec<String> = processes
            .iter()
            .take(8)
            .map(|process| {
                let name = std::fs::read_to_string(format!("/proc/{process}/comm"));
                format!("{} ({process})", name.unwrap_or_default().trim_end())
            })
            .collect();
        if names.is_empty() {
            names.push("what cannot be seen".to_owned());
        }
        if processes.len() > names.len() {
            names.push(format!("{} more", processes.len() - names.len()));
        }
        names.join(", ")
    }
}

/// Adds what runs in a group and below; false: there may be more.
fn collect(path: &Path, found: &mut Vec<Pid>) -> bool {
    let text = match std::fs::read_to_string(path.join("cgroup.procs")) {
        Ok(text) => text,
        Err(error) if is_gone(&error) => return true,
        // Threads are put here, and their processes are seen in a group above.
        Err(error) if error.raw_os_error() == Some(Errno::EOPNOTSUPP as i32) => String::new(),
        Err(_) => return false,
    };
    found.extend(
        text.lines()
            .filter_map(|line| line.parse().ok())
            .filter(|&number: &i32| number > 0)
            .map(Pid::from_raw),
    );
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => return is_gone(&error),
    };
    let mut all = true;
    for entry in entries {
        all &= match entry.and_then(|entry| Ok((entry.file_type()?, entry.path()))) {
            Ok((kind, below)) => !kind.is_dir() || collect(&below, found),
            Err(error) => is_gone(&error),
        };
    }
    all
}

/// The group is not there, or is just being removed, which needs it to be empty.
fn is_gone(error: &io::Error) -> bool {
    let gone = [Errno::ENOENT, Errno::ENODEV].map(|it| it as i32);
    error.raw_os_error().is_some_and(|it| gone.contains(&it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hierarchy_that_systemd_tracks_by_is_found() {
        let unified = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
        let hybrid = "74 58 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n\
                      73 58 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup rw\n";
        let legacy = "69 58 0:29 / /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n\
                      74 58 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n";
        let slice = |text, first| Groups::find(text, first).expect("mounted").slice;
        assert_eq!(
            slice(unified, "0::/init.scope\n"),
            Path::new("/sys/fs/cgroup/clusterd.slice")
        );
        assert_eq!(
            slice(
                hybrid,
                "1:name=systemd:/y/init.scope\n0::/machine/x/init.scope\n"
            ),
            Path::new("/sys/fs/cgroup/unified/machine/x/clusterd.slice")
        );
        assert_eq!(
            slice(legacy, "9:cpu:/\n1:name=systemd:/init.scope\n"),
            Path::new("/sys/fs/cgroup/systemd/clusterd.slice")
        );
        // A cgroup2 mount that systemd does not use.
        assert_eq!(
            slice(hybrid, "1:name=systemd:/init.scope\n0::/\n"),
            Path::new("/sys/fs/cgroup/systemd/clusterd.slice")
        );
        let none = "1 1 0:1 / / rw - ext4 /dev/vda rw\n";
        assert!(Groups::find(none, "0::/init.scope\n").is_err());
        assert!(
            Groups::find(unified, "0::/\n").is_err(),
            "that is not systemd"
        );
    }

    #[test]
    fn a_group_that_is_not_there_is_empty() {
        let group = Group {
            path: PathBuf::from("/sys/fs/cgroup/no-such"),
        };
        assert!(group.is_empty());
    }

    #[test]
    fn a_group_that_cannot_be_read_is_killed_until_it_is_seen_to_be_empty() {
        let directory = tempfile::tempdir().expect("a directory");
        let group = Group {
            path: directory.path().join("a.scope"),
        };
        // Below it, so that what is in the group itself can be read.
        let processes = group.path.join("below/cgroup.procs");
        std::fs::create_dir_all(&processes).expect("no file that could be read");
        std::fs::write(group.path.join("cgroup.procs"), "").expect("written");
        assert!(!group.is_empty());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            assert!(!group.empties_within(Duration::from_millis(20)).await);
            let short = Duration::from_millis(200);
            let killed = tokio::time::timeout(short, group.kill()).await;
            assert!(killed.is_err(), "nobody knows what runs in it");
            std::fs::remove_dir(&processes).expect("removed");
            std::fs::write(&processes, "").expect("written");
            let killed = tokio::time::timeout(Duration::from_secs(10), group.kill()).await;
            assert!(killed.is_ok(), "now it is seen to be empty");
        });
    }

    #[test]
    fn scopes_that_cannot_be_listed_are_waited_for() {
        let directory = tempfile::tempdir().expect("a directory");
        let slice = directory.path().join(SLICE);
        std::fs::write(&slice, "").expect("no directory");
        let groups = Groups {
            slice: slice.clone(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let short = Duration::from_millis(100);
            let all = tokio::time::timeout(short, groups.all_scopes()).await;
            assert!(all.is_err(), "none seen is not none there");
            std::fs::remove_file(&slice).expect("removed");
            std::fs::create_dir_all(slice.join("a.scope")).expect("made");
            assert_eq!(groups.all_scopes().await, ["a.scope"]);
        });
    }
}
