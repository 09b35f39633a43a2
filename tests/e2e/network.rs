//! The network goes: in the middle of a push, in the middle of a transaction, or
//! a fifth of it all the time.

use crate::edition::{self, Edition, Editions};
use crate::operator::Running;
use crate::stage::{HOSTS, Stage, other};
use std::time::{Duration, Instant};
use tandem_generation::{Event, LegState};

const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of a package that takes its time on the wire.
const LARGE: usize = 24 << 20;

fn name_of(running: &mut Running) -> String {
    assert!(running.wait_for("run ", PATIENCE), "a run begins");
    let said = running.stderr_so_far();
    let line = said.lines().find_map(|line| line.strip_prefix("run "));
    line.expect("the run's name").trim().to_owned()
}

/// Bytes of the upload that is under way to a host, as its disk tells.
fn arrived(stage: &Stage, host: &str) -> u64 {
    let store = stage.lab().root(host).join("var/lib/tandem/store");
    let entries = std::fs::read_dir(store).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "part"))
        .filter_map(|entry| Some(entry.metadata().ok()?.len()))
        .max()
        .unwrap_or(0)
}

/// Bytes that a host's management interface received since it came up.
fn received(stage: &Stage, host: &str) -> u64 {
    let text = stage.must(host, "cat /sys/class/net/eth2/statistics/rx_bytes");
    text.trim().parse().expect("a number")
}

#[test]
fn a_push_goes_on_where_the_network_broke_it_off() {
    let Some(stage) = Stage::served("push") else {
        return;
    };
    let mut noise = vec![0; LARGE];
    let mut state = 7_u32;
    for byte in &mut noise {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = state.to_be_bytes()[0];
    }
    let old = stage.trees();
    std::fs::write(stage.file("specs/web-site/site/large"), noise).expect("a large file");
    edition::second(&stage);
    let host = HOSTS[0];
    let mut apply = stage.start(&stage.words(&["apply", "--yes"]), &[]);
    let run = name_of(&mut apply);
    let end = Instant::now() + PATIENCE;
    while arrived(&stage, host) < (LARGE as u64) / 4 {
        assert!(Instant::now() < end, "the push begins");
    }
    stage.fault(&format!("nic-down {host} eth2"));
    let ended = apply.finish().exits(4);
    let ended = ended
        .says(&format!("the connection to {host} broke"))
        .says("nothing was changed on any host");
    let kept = arrived(&stage, host);
    assert!(
        (LARGE as u64) / 4 <= kept && kept < LARGE as u64,
        "{kept} bytes are a part of the package"
    );
    eprintln!(
        "the push broke off after {kept} bytes: told after {:.1} s",
        ended.took.as_secs_f64()
    );
    for (host, old) in HOSTS.iter().zip(&old) {
        crate::tree::assert_same(old, &stage.tree(host), host);
    }
    stage.fault(&format!("nic-up {host} eth2"));

    // The host could not be told that the run is over.
    let _ = stage.apply().exits(5).says(&format!("tandem abort {run}"));
    let _ = stage.at(&["abort", &run]).exits(0);
    assert_eq!(arrived(&stage, host), kept, "what arrived is kept");
    let before = received(&stage, host);
    let _ = stage.apply().exits(0).says("accepted");
    let sent = received(&stage, host) - before;
    let rest = LARGE as u64 - kept;
    assert!(
        rest < sent && sent < rest + kept / 2,
        "{sent} bytes were sent, of which {rest} were missing"
    );
    assert!(stage.get("/health").contains("second edition"));
    stage.assert_calm();
}

#[test]
fn a_transaction_goes_on_while_the_network_is_away() {
    let Some(stage) = Stage::served("cut") else {
        return;
    };
    edition::second(&stage);
    let passive = other(stage.holder());
    let mut apply = stage.start(&stage.words(&["apply", "--yes"]), &[]);
    let run = name_of(&mut apply);
    stage.wait_for_leg(passive, &run, &[LegState::Activating], PATIENCE);
    stage.fault(&format!("nic-down {passive} eth2"));
    let events = stage.journal(passive, &run);
    assert!(
        !events.contains(&Event::Verified),
        "in the middle: {events:?}"
    );
    // Longer than any connection lives without an answer.
    std::thread::sleep(Duration::from_secs(35));
    assert_eq!(
        stage.leg(passive, &run),
        Some(LegState::AwaitingConfirm),
        "rpm was not interrupted"
    );
    stage.fault(&format!("nic-up {passive} eth2"));
    let ended = apply.finish().exits(0).says("accepted");
    eprintln!(
        "away in the transaction: accepted after {:.1} s",
        ended.took.as_secs_f64()
    );
    assert!(stage.get("/health").contains("second edition"));
    stage.assert_calm();
    let _ = stage.plan().exits(0).says("no change");
}

#[test]
fn a_fifth_of_all_packets_is_lost() {
    let Some(stage) = Stage::served("loss") else {
        return;
    };
    let old = stage.trees();
    edition::second(&stage);
    let _ = stage.apply().exits(0);
    let new = stage.trees();
    let editions = Editions { old, new };
    let _ = stage.at(&["rollback", "--yes"]).exits(0);
    for host in HOSTS {
        stage.fault(&format!("loss {host} eth2 20"));
    }
    let ended = stage.at(&["apply", "--yes", "--again"]);
    eprintln!(
        "a fifth is lost: exit {} after {:.1} s",
        ended.code,
        ended.took.as_secs_f64()
    );
    let _ = ended.exits(0).says("accepted");
    assert_eq!(editions.of_both(&stage), Edition::New);
    for host in HOSTS {
        stage.fault(&format!("loss {host} eth2 0"));
    }
    stage.assert_calm();
    let _ = stage.plan().exits(0).says("no change");
}
