//! A booted host: units, the transient unit of a leg, power cuts, recovery
//! before anything carries resources. Needs root and systemd-nspawn; the host
//! is a copy-on-write view of `TANDEM_TEST_BASE` (or of this machine's root).

mod world;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tandem_generation::{Action, Event, LegState, UnitPolicy, UnitRun, UnitVerb};
use world::{Plan, Wish, World, failure, plain, run};

struct Host {
    world: World,
    container: Option<Child>,
    base: PathBuf,
}

impl Host {
    fn new() -> Self {
        let mut world = World::new();
        let base = world.directory.path().join("host");
        for name in ["host", "over"] {
            fs::create_dir_all(world.directory.path().join(name)).expect("directory");
        }
        let over = world.directory.path().join("over");
        mount(&["-t", "tmpfs", "tmpfs", &over.display().to_string()]);
        for name in ["upper", "work"] {
            fs::create_dir_all(over.join(name)).expect("directory");
        }
        let lower = std::env::var("TANDEM_TEST_BASE").unwrap_or_else(|_| "/".into());
        let options = format!(
            "lowerdir={lower},upperdir={},workdir={}",
            over.join("upper").display(),
            over.join("work").display()
        );
        mount(&[
            "-t",
            "overlay",
            "overlay",
            "-o",
            &options,
            &base.display().to_string(),
        ]);
        fs::write(base.join("etc/hostname"), "zipi\n").expect("write");
        fs::copy(
            env!("CARGO_BIN_EXE_tandem-host"),
            base.join("usr/local/bin/tandem-host"),
        )
        .expect("copy");
        world.root.clone_from(&base);
        let mut host = Self {
            world,
            container: None,
            base,
        };
        host.boot();
        host
    }

    fn boot(&mut self) {
        let child = Command::new("systemd-nspawn")
            .args([
                "--quiet",
                "--register=no",
                "--keep-unit",
                "--private-network",
                "--boot",
            ])
            .args(["-M", "zipi", "-D", &self.base.display().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("systemd-nspawn");
        let children = format!("/proc/{0}/task/{0}/children", child.id());
        self.container = Some(child);
        let start = Instant::now();
        loop {
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "the host does not boot"
            );
            std::thread::sleep(Duration::from_millis(100));
            let text = fs::read_to_string(&children).unwrap_or_default();
            let Some(first) = text.split_whitespace().next() else {
                continue;
            };
            self.world.inside = Some(first.to_owned());
            let state = self.systemctl(&["is-system-running"]);
            if state.starts_with("running") || state.starts_with("degraded") {
                return;
            }
        }
    }

    /// As when somebody pulls the plug.
    fn power_cut(&mut self) {
        if let Some(pid) = self.world.inside.take() {
            let _ = Command::new("kill").args(["-9", &pid]).status();
        }
        if let Some(mut child) = self.container.take() {
            child.wait().expect("nspawn");
        }
    }

    fn systemctl(&self, arguments: &[&str]) -> String {
        let pid = self.world.inside.clone().unwrap_or_default();
        let output = Command::new("nsenter")
            .args(["-t", &pid, "-a", "systemctl"])
            .args(arguments)
            .output()
            .expect("nsenter");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.power_cut();
        for name in ["host", "over"] {
            let _ = Command::new("umount")
                .args(["--lazy"])
                .arg(self.world.directory.path().join(name))
                .status();
        }
    }
}

fn mount(arguments: &[&str]) {
    let status = Command::new("mount")
        .args(arguments)
        .status()
        .expect("mount");
    assert!(status.success(), "mount {arguments:?}");
}

const WEB: &str = "tandem-test-web.service";
const CLUSTER: &str = "tandem-test-cluster.service";

fn unit(description: &str) -> String {
    format!(
        "[Unit]\nDescription={description}\n[Service]\nExecStart=/bin/sleep infinity\n\
         [Install]\nWantedBy=multi-user.target\n"
    )
}

fn wish(version: &str) -> Wish {
    let web = plain(
        "web",
        version,
        &[
            (
                &format!("/usr/lib/systemd/system/{WEB}"),
                &unit(&format!("web {version}")),
            ),
            (
                &format!("/usr/lib/systemd/system/{CLUSTER}"),
                &unit("cluster"),
            ),
        ],
    );
    let mut wish = Wish::of(&[&web]);
    wish.content.guarded_units = vec![CLUSTER.into()];
    let policy = |unit: &str, enabled, run| UnitPolicy {
        unit: unit.into(),
        enabled,
        run,
        restart: None,
    };
    wish.content.units = vec![
        policy(WEB, Some(true), UnitRun::Started),
        policy(CLUSTER, None, UnitRun::Cluster),
    ];
    wish
}

fn with_restart(mut plan: Plan) -> Plan {
    let restart = Action::Unit {
        unit: WEB.into(),
        verb: UnitVerb::Restart,
        why: "its package changed".into(),
    };
    plan.order.forward.after.push(restart.clone());
    plan.order.undo.after.push(restart);
    plan
}

#[test]
#[ignore = "boots a container: needs root and systemd-nspawn"]
fn a_host_is_old_or_new_through_units_power_cuts_and_a_failing_recovery() {
    let mut host = Host::new();

    // A first install, undone: its units are gone without a trace.
    let first = run("first");
    let plan = host.world.plan(&first, 1, &wish("1"));
    host.world.go(&plan, LegState::AwaitingConfirm);
    assert_eq!(host.systemctl(&["is-active", WEB]), "active");
    assert_eq!(host.systemctl(&["is-enabled", WEB]), "enabled");
    assert_eq!(host.systemctl(&["is-active", &first.unit(1)]), "active");
    host.world
        .ask::<()>(&["undo", "first", "1", "no"], b"")
        .expect("undo");
    host.world.wait_for(&first, 1, LegState::Undone);
    assert_eq!(host.systemctl(&["is-active", WEB]), "inactive");
    let link = format!("/etc/systemd/system/multi-user.target.wants/{WEB}");
    assert!(fs::symlink_metadata(host.world.on_host(&link)).is_err());
    host.world.finish(&first, "rolled-back");

    // A good run.
    host.world.apply("good", &wish("1"));
    assert_eq!(
        host.systemctl(&["is-enabled", "tandem-recover.service"]),
        "enabled"
    );
    assert!(
        host.systemctl(&["show", "-P", "Requires", CLUSTER])
            .contains("tandem-recover")
    );
    // Resources start only after recovery, which finds nothing to do.
    host.systemctl(&["start", CLUSTER]);
    assert_eq!(host.systemctl(&["is-active", CLUSTER]), "active");
    assert_eq!(
        host.systemctl(&["is-active", "tandem-recover.service"]),
        "active"
    );

    // A unit that does not come up is a failure, and undone.
    let broken = run("broken");
    let mut bad = wish("3");
    bad.content.units.push(UnitPolicy {
        unit: "no-such-unit.service".into(),
        enabled: None,
        run: UnitRun::Started,
        restart: None,
    });
    let plan = host.world.plan(&broken, 1, &bad);
    let entries = host.world.go(&plan, LegState::Undone);
    assert!(failure(&entries).contains("no-such-unit"), "{entries:#?}");
    host.world.finish(&broken, "rolled-back");

    // The process is killed: its unit starts it again, and it goes back.
    let killed = run("killed");
    let plan = with_restart(host.world.plan(&killed, 1, &wish("2")));
    host.world.go(&plan, LegState::AwaitingConfirm);
    assert_eq!(host.systemctl(&["show", "-P", "Description", WEB]), "web 2");
    host.systemctl(&["kill", "--signal=KILL", &killed.unit(1)]);
    host.world.wait_for(&killed, 1, LegState::Undone);
    assert_eq!(host.systemctl(&["show", "-P", "Description", WEB]), "web 1");
    assert_eq!(host.systemctl(&["is-active", WEB]), "active");
    host.world.finish(&killed, "rolled-back");

    // Power goes while the operator is awaited.
    let cut = run("cut");
    let plan = with_restart(host.world.plan(&cut, 1, &wish("2")));
    host.world.go(&plan, LegState::AwaitingConfirm);
    host.power_cut();
    host.boot();
    let entries = host.world.wait_for(&cut, 1, LegState::Undone);
    assert!(
        entries
            .iter()
            .any(|entry| matches!(entry.event, Event::Recovering { .. }))
    );
    assert_eq!(host.systemctl(&["show", "-P", "Description", WEB]), "web 1");
    assert_eq!(host.systemctl(&["is-active", WEB]), "active");
    host.world.finish(&cut, "rolled-back");

    // An orderly restart while the operator is awaited does not hang and leads
    // back too.
    let restart = run("restart");
    let plan = host.world.plan(&restart, 1, &wish("2"));
    host.world.go(&plan, LegState::AwaitingConfirm);
    let start = Instant::now();
    host.systemctl(&["poweroff", "--no-block"]);
    if let Some(mut child) = host.container.take() {
        child.wait().expect("nspawn");
    }
    assert!(start.elapsed() < Duration::from_secs(30));
    host.boot();
    host.world.wait_for(&restart, 1, LegState::Undone);
    host.world.finish(&restart, "rolled-back");

    // Recovery cannot do it: no resources until it can.
    let lost = run("lost");
    let plan = host.world.plan(&lost, 1, &wish("2"));
    host.world.go(&plan, LegState::AwaitingConfirm);
    host.power_cut();
    let package = format!(
        "/var/lib/tandem/store/{}.rpm",
        wish("1").content.packages[0].file
    );
    let away = host.world.directory.path().join("away");
    fs::copy(host.world.on_host(&package), &away).expect("copy");
    fs::remove_file(host.world.on_host(&package)).expect("remove");
    host.boot();
    assert!(host.world.facts().recovery_failed.is_some());
    host.systemctl(&["start", CLUSTER]);
    assert_ne!(host.systemctl(&["is-active", CLUSTER]), "active");
    fs::copy(&away, host.world.on_host(&package)).expect("copy");
    host.world.ask::<()>(&["recover"], b"").expect("recover");
    host.systemctl(&["start", CLUSTER]);
    assert_eq!(host.systemctl(&["is-active", CLUSTER]), "active");
    assert_eq!(host.world.leg_state(&lost, 1), LegState::Undone);
    host.world.finish(&lost, "rolled-back");

    // Leaving: nothing of ours stays.
    host.world.ask::<()>(&["retire"], b"").expect("retire");
    assert!(!host.world.state().exists());
    assert_eq!(host.systemctl(&["is-active", WEB]), "inactive");
    let recover = host
        .world
        .on_host("/etc/systemd/system/tandem-recover.service");
    assert!(!recover.exists());
}
