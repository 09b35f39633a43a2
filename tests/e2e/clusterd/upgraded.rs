//! Another release of the daemon on a pair that serves, in rolling order, and the old one
//! again.

use super::setup::{healthy, report, wait_until_healthy, with_fencing, with_witness};
use crate::operator::Operator;
use crate::service::Poller;
use crate::stage::{HOSTS, Stage, other};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Another program that does the same: what follows the end of an ELF file is not read.
fn another_daemon(stage: &Stage) -> PathBuf {
    let built = std::env::var_os("TANDEM_CLUSTERD_BINARY").expect("the test command sets it");
    let mut program = std::fs::read(built).expect("the daemon can be read");
    program.extend_from_slice(b"another release");
    let path = stage.file("another-clusterd");
    std::fs::write(&path, program).expect("the copy can be written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, mode).expect("the copy can be run");
    path
}

/// The daemons that run, by the digest of their programs.
fn running(stage: &Stage) -> BTreeSet<String> {
    let script = "sha256sum < /proc/$(systemctl show -P MainPID clusterd)/exe";
    HOSTS
        .iter()
        .map(|host| stage.must(host, script).trim().to_owned())
        .collect()
}

/// The daemon decides, hears and writes before everything else on its machine.
fn is_urgent(stage: &Stage) {
    let script = "cd /proc/$(systemctl show -P MainPID clusterd)/task\n\
                  for task in *; do\n\
                  policy=$(sed 's/.*) //' $task/stat | cut -d ' ' -f 39)\n\
                  echo $(cat $task/comm)=$policy; done";
    for host in HOSTS {
        let threads = stage.must(host, script);
        for thread in ["clusterd=2", "link0=2", "link1=2", "disk=2"] {
            let is_so = threads.lines().any(|line| line == thread);
            assert!(is_so, "SCHED_RR is 2; on {host}: {threads}");
        }
    }
}

fn up_and_down(name: &str, with: fn(&Operator)) {
    let Some(stage) = healthy(name, with) else {
        return;
    };
    let active = stage.holder();
    let old = running(&stage);
    assert_eq!(old.len(), 1, "both run the same");
    is_urgent(&stage);

    let program = another_daemon(&stage);
    let program = program.to_str().expect("UTF-8");
    let words = ["build", "--release", "1.1.0"];
    let _ = stage
        .start(&words, &[("TANDEM_CLUSTERD_BINARY", program)])
        .finish()
        .exits(0);
    let poller = Poller::start(&stage);
    let _ = stage.at(&["apply", "--yes", "--release", "1.1.0"]).exits(0);
    wait_until_healthy(&stage);
    let new = running(&stage);
    assert!(new.len() == 1 && new != old, "both run the other one");
    is_urgent(&stage);
    let up = poller.stop();
    eprintln!("{name}, upgrade of the daemon: {up}");
    assert!(up.failures.is_empty(), "{up}");
    assert_eq!(stage.holder(), active);

    let poller = Poller::start(&stage);
    let _ = stage.at(&["rollback", "--yes"]).exits(0);
    wait_until_healthy(&stage);
    assert_eq!(running(&stage), old);
    let down = poller.stop();
    eprintln!("{name}, downgrade of the daemon: {down}");
    assert!(down.failures.is_empty(), "{down}");
    assert_eq!(stage.holder(), active);
    // What was renewed still takes over.
    stage.must(active, "clusterd give");
    stage.wait_for_holder(other(active), super::setup::WHOLE);
    assert_eq!(report(&stage, active)["verdict"]["health"], "healthy");
}

#[test]
fn another_daemon_and_the_old_one_again_cost_a_pair_with_a_witness_nothing() {
    up_and_down("clusterd-up-witness", with_witness);
}

#[test]
fn another_daemon_and_the_old_one_again_cost_a_lone_pair_nothing() {
    up_and_down("clusterd-up-pair", with_fencing);
}

/// A script in the place of the daemon: it takes files that the daemon does not, or says
/// so, and makes one of them that the daemon takes before it begins.
fn install_another(stage: &Stage, host: &str, takes: bool) {
    let check = if takes {
        "exit 0"
    } else {
        "echo no such word >&2; exit 3"
    };
    stage.must(
        host,
        &format!(
            "cd /usr/sbin; test -e clusterd-own || cp -p clusterd clusterd-own\n\
             cat > clusterd-new <<'END'\n\
             #!/bin/sh\n\
             test \"$1\" != check || {{ {check}; }}\n\
             test \"$1\" != run || sed -i /{WORD}/d /etc/clusterd/cluster.yaml\n\
             exec /usr/sbin/clusterd-own \"$@\"\n\
             END\n\
             chmod 755 clusterd-new; mv clusterd-new clusterd"
        ),
    );
}

/// Nobody knows it.
const WORD: &str = "word_of_a_later_release";

#[test]
fn what_only_the_installed_program_understands_is_left_to_it() {
    let Some(stage) = healthy("clusterd-up-word", with_witness) else {
        return;
    };
    let active = stage.holder();
    let main = "systemctl show -P MainPID clusterd";
    let before = stage.must(active, main);
    let write = format!("echo '{WORD}: true' >> /etc/clusterd/cluster.yaml");
    stage.must(active, &write);
    let refused = stage.exec(active, "systemctl reload clusterd");
    assert_eq!(refused.code, 1, "nobody understands it: {}", refused.text());

    install_another(&stage, active, false);
    let refused = stage.exec(active, "clusterd reload 2>&1");
    assert_eq!(refused.code, 1, "{}", refused.text());
    let said = "everything stays as it was: the installed /usr/sbin/clusterd does not take the file: exit status: 3: no such word";
    assert!(refused.text().contains(said), "{}", refused.text());
    assert_eq!(stage.must(active, main), before);

    // Not even that one changes who votes.
    install_another(&stage, active, true);
    let file = "/etc/clusterd/cluster.yaml";
    stage.must(active, &format!("sed -i 's/id: 3/id: 7/' {file}"));
    let refused = stage.exec(active, "clusterd reload 2>&1");
    assert_eq!(refused.code, 1, "{}", refused.text());
    let said = "change only while all daemons are stopped";
    assert!(refused.text().contains(said), "{}", refused.text());
    stage.must(active, &format!("sed -i 's/id: 7/id: 3/' {file}"));
    assert_eq!(stage.must(active, main), before);

    let poller = Poller::start(&stage);
    stage.must(active, "systemctl reload clusterd");
    let renewed = |stage: &Stage| stage.must(active, main) != before;
    assert!(
        stage.eventually(super::setup::WHOLE, renewed),
        "it begins anew"
    );
    wait_until_healthy(&stage);
    let outage = poller.stop();
    assert!(outage.failures.is_empty(), "{outage}");
    assert_eq!(stage.holder(), active);
}
