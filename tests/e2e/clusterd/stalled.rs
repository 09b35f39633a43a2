//! A daemon that stands still, and a host that freezes, while clients write into the
//! database of the pair.

use super::setup::{TAKEOVER, WHOLE, boots, figures, run_instead, served, wait_until_healthy};
use super::writer::{Writers, one_after_the_other};
use crate::edition::is_long;
use crate::service::Guard;
use crate::stage::{HOSTS, Stage};
use std::time::Duration;

/// What can happen to the node that has the database.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// SIGSTOP of the daemon alone: what it has started runs on.
    Stall,
    /// Everything in it stands still, until the watchdog resets it.
    Freeze,
    /// Everything in it stands still for so long, and then goes on as if nothing had
    /// been. The watchdog waits two seconds, from the last time that it was petted.
    FreezeAndThaw(Duration),
}

/// An address, and MariaDB by the unchanged agent. Each node has data of its own: rows
/// are counted by who acknowledged them.
const DATABASE: &str = r#"
  - group:
      name: data
      members:
        - name: vip
          agent: {address: {address: 10.77.4.50, prefix: 24, interface: eth4}}
        - name: db
          agent:
            ocf:
              provider: heartbeat
              kind: mysql
              parameters:
                binary: /usr/sbin/mariadbd
                log: /var/lib/mysql/error.log
                additional_parameters: "--bind-address=0.0.0.0 --skip-grant-tables"
          operations:
            start: {timeout_ms: 120000}
            stop: {timeout_ms: 60000}
            monitors: [{interval_ms: 10000}]
"#;

fn with_database(name: &str) -> Option<Stage> {
    let stage = served(name)?;
    wait_until_healthy(&stage);
    for host in HOSTS {
        let make = "mariadb-install-db --user=mysql --datadir=/var/lib/mysql >/dev/null";
        stage.must(host, make);
    }
    run_instead(&stage, DATABASE);
    wait_until_healthy(&stage);
    let serves = "mariadb -e 'SELECT 1' >/dev/null";
    let runs = stage.eventually(WHOLE, |stage| {
        let holders = stage.holders_of_vip();
        holders.len() == 1 && stage.exec(holders[0], serves).success()
    });
    assert!(runs, "MariaDB runs where the address is");
    wait_until_healthy(&stage);
    Some(stage)
}

impl Trouble {
    /// Each kind in turn. A thaw comes earlier or later: before the watchdog, about when
    /// it fires, after it.
    fn number(n: usize) -> Self {
        let later = u64::try_from(n / 3 % 8).unwrap_or_default();
        match n % 3 {
            0 => Self::Stall,
            1 => Self::Freeze,
            _ => Self::FreezeAndThaw(Duration::from_millis(1200 + 150 * later)),
        }
    }

    /// Makes it, and returns once the node was reset, or has gone on.
    #[track_caller]
    fn happen(self, stage: &Stage, host: &str) {
        let before = boots(stage, host);
        let is_reset = |stage: &Stage| boots(stage, host) > before;
        let words = match self {
            Self::Stall => format!("stall {host} clusterd"),
            Self::Freeze | Self::FreezeAndThaw(_) => format!("freeze {host}"),
        };
        stage.fault(&words);
        if let Self::FreezeAndThaw(after) = self {
            std::thread::sleep(after);
            // If it was reset meanwhile, there is nothing to thaw.
            stage.fault(&format!("thaw {host}"));
            // What comes of it comes now.
            std::thread::sleep(Duration::from_secs(3));
            return;
        }
        assert!(
            stage.eventually(TAKEOVER, is_reset),
            "{words}: the watchdog resets it"
        );
    }
}

fn repeat(name: &str, times: usize) {
    let Some(stage) = with_database(name) else {
        return;
    };
    let guard = Guard::start(&stage);
    let mut outages = Vec::new();
    for n in 0..times {
        wait_until_healthy(&stage);
        let active = stage.holder();
        let before = boots(&stage, active);
        let writers = Writers::start(&stage);
        std::thread::sleep(Duration::from_millis(500));
        let trouble = Trouble::number(n);
        trouble.happen(&stage, active);
        wait_until_healthy(&stage);
        // Clients come back, and write for a while.
        std::thread::sleep(Duration::from_secs(1));
        let rows = writers.stop();
        let outage = one_after_the_other(&rows);
        let reset = boots(&stage, active) - before;
        let holder = stage.holder();
        assert_eq!(
            rows.last().map(|row| row.host),
            Some(holder),
            "the last row is where the address is"
        );
        eprintln!(
            "{trouble:?} of {active}: {reset} resets, {holder} serves; {} rows, none for {} ms",
            rows.len(),
            outage.as_millis()
        );
        outages.push(outage);
    }
    let looks = guard.never_two();
    eprintln!(
        "no rows, {}; never two holders in {looks} looks",
        figures(outages)
    );
}

/// The watchdog is outside of the host, and resets it: by the time that anybody else may
/// run anything, nothing runs there.
#[test]
fn a_daemon_that_stands_still_and_a_host_that_freezes_are_reset() {
    repeat("clusterd-stall", if is_long() { 10 } else { 3 });
}

#[test]
#[ignore = "takes long: 20 of 50 stalls and freezes"]
fn a_daemon_stands_still_and_a_host_freezes_twenty_times() {
    repeat("clusterd-stall-a", 20);
}

#[test]
#[ignore = "takes long: 20 more of 50 stalls and freezes"]
fn a_daemon_stands_still_and_a_host_freezes_another_twenty_times() {
    repeat("clusterd-stall-b", 20);
}
