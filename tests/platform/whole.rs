//! Both pairs together: what answers where, what a client sees of an upgrade,
//! and what survives when the power of a node fails.

use crate::operator::Operator;
use crate::premises;
use crate::service::{Guard, Poller};
use crate::stage::Stage;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

const BACKEND: [&str; 2] = ["bend1", "bend2"];
/// Where clients and operators find the platform, and where the writer is.
const CLIENT_VIP: &str = "10.77.4.50";
const OM_VIP: &str = "10.77.2.50";
const WRITER: &str = "10.77.3.60";
const GATEKEEPER: &str = "10.77.4.50:8081";
const LICENSING: &str = "10.77.4.50:8082";
/// How long a power cut may take until the database is written again, on a
/// busy machine.
const TAKEOVER: Duration = Duration::from_secs(90);

/// The whole platform, served; nothing is left to do.
fn served(name: &str, change: impl FnOnce(&Operator)) -> Option<Stage> {
    let stage = premises::of(name, &["backend", "frontend"], change)?;
    stage.build("1.0.0");
    let words = ["apply", "--yes", "--accept-irreversible"];
    let applied = stage.at(&words).exits(0).says("accepted");
    eprintln!(
        "bare hosts to the whole platform: {:.1} s",
        applied.took.as_secs_f64()
    );
    let _ = stage.plan().exits(0).says("no change");
    Some(stage)
}

/// The status of a page, and the page.
fn get(stage: &Stage, network: &str, words: &str) -> (String, String) {
    let script = format!("curl -s --max-time 5 -w '\\n%{{http_code}}' {words}");
    let text = stage.client(network, &script).text();
    let (page, status) = text.rsplit_once('\n').unwrap_or(("", "000"));
    (status.trim().to_owned(), page.to_owned())
}

/// Fails the test unless a page of a network has this status; 000: no answer.
#[track_caller]
fn expect(stage: &Stage, network: &str, words: &str, wanted: &str) {
    let (status, page) = get(stage, network, words);
    assert_eq!(status, wanted, "{words} from {network}: {page}");
}

/// Writes a row through an application; true if it was acknowledged.
fn write(stage: &Stage, text: &str) -> bool {
    let words = format!("-d text={text} http://{GATEKEEPER}/gatekeeper/db");
    // See Other: the row is there, look at it.
    get(stage, "ext", &words).0 == "303"
}

/// Version 1.1.0 of an application.
fn another_gatekeeper(stage: &Stage) {
    stage.edit(
        "specs/gbroker-gatekeeper.yaml",
        "\nversion: 1.0.0\n",
        "\nversion: 1.1.0\n",
    );
    stage.edit(
        "specs/gbroker-gatekeeper.yaml",
        "\nchangelog:\n",
        "\nchangelog:\n  - {date: 2026-11-27, author: T <t@tandem.invalid>, version: 1.1.0-1, lines: [Next]}\n",
    );
    stage.build("1.1.0");
}

/// Upgrades one application while clients ask for it and for another one.
fn upgrade(stage: &Stage) {
    another_gatekeeper(stage);
    let plan = stage.plan().exits(2);
    let told: Vec<&str> = plan
        .stdout
        .lines()
        .filter(|line| line.contains("to change,"))
        .collect();
    let gatekeeper = Poller::of(stage, GATEKEEPER, "/gatekeeper/health");
    let licensing = Poller::of(stage, LICENSING, "/licensing/health");
    let applied = stage.apply().exits(0).says("accepted");
    let (mine, other) = (gatekeeper.stop(), licensing.stop());
    eprintln!(
        "predicted: {told:?}\nupgrade of gatekeeper in {:.1} s\n  gatekeeper: {mine}\n  licensing: {other}",
        applied.took.as_secs_f64()
    );
    let (_, page) = get(
        stage,
        "ext",
        &format!("http://{GATEKEEPER}/gatekeeper/health"),
    );
    assert!(page.contains("ok gatekeeper 1.1.0"), "{page}");
}

#[test]
fn one_command_brings_the_platform_up_and_each_network_reaches_what_it_should() {
    let Some(stage) = served("whole", |_| ()) else {
        return;
    };
    expect(&stage, "ext", &format!("http://{CLIENT_VIP}/"), "401");
    for (name, port) in [
        ("gatekeeper", 8081),
        ("licensing", 8082),
        ("swupgrade", 8084),
    ] {
        let url = format!("http://{CLIENT_VIP}:{port}/{name}");
        expect(&stage, "ext", &format!("{url}/health"), "200");
        expect(&stage, "ext", &format!("{url}/health/db"), "200");
    }
    expect(
        &stage,
        "om",
        &format!("http://{OM_VIP}:8083/o_m/health"),
        "200",
    );
    expect(
        &stage,
        "om",
        &format!("http://{OM_VIP}:8083/o_m/health/db"),
        "200",
    );
    // Everybody's key is good on the O&M network, and nobody's on the others.
    for (network, address, good) in [
        ("om", "10.77.2.11", true),
        ("ext", "10.77.4.11", false),
        ("int", "10.77.3.21", false),
    ] {
        let ssh = format!(
            "ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
             -i {} root@{address} true",
            stage.lab().identity().display()
        );
        let entered = stage.client(network, &ssh);
        assert_eq!(
            entered.success(),
            good,
            "{network}: {}",
            entered.error_text()
        );
    }
    // Nobody outside reaches the database, by whatever address.
    for address in [WRITER, "10.77.3.21", "10.77.3.22", "10.77.2.21"] {
        expect(&stage, "ext", &format!("http://{address}:3306/"), "000");
    }

    // One application, upgraded where it serves: nobody else notices.
    let licensing = Poller::of(&stage, LICENSING, "/licensing/health");
    upgrade(&stage);
    let seen = licensing.stop();
    assert!(seen.failures.is_empty(), "licensing: {seen}");
    let _ = stage.at(&["rollback", "--yes", "--to", "1.0.0"]).exits(0);
    let (_, page) = get(
        &stage,
        "ext",
        &format!("http://{GATEKEEPER}/gatekeeper/health"),
    );
    assert!(page.contains("ok gatekeeper 1.0.0"), "{page}");

    // Rows that were acknowledged survive the writer's power.
    let guard = Guard::of(&stage, BACKEND, WRITER);
    let rows = power_cut_of_the_writer(&stage, 60, 20);
    let looks = guard.never_two();
    eprintln!("{rows} acknowledged rows, all there; {looks} looks, never two writers");
}

/// Writes rows one after the other, cuts the writer's power after some of them,
/// and wants every acknowledged one afterwards; how many there were.
fn power_cut_of_the_writer(stage: &Stage, rows: usize, before: usize) -> usize {
    let writer = stage.wait_for_one_holder_of(WRITER, TAKEOVER);
    let mut acknowledged = Vec::new();
    let mut refused = 0;
    let mut cut = false;
    let mut quiet = Instant::now();
    while acknowledged.len() < rows {
        let row = format!("row-{}-{refused}", acknowledged.len());
        if write(stage, &row) {
            acknowledged.push(row);
            quiet = Instant::now();
        } else {
            refused += 1;
            std::thread::sleep(Duration::from_millis(100));
        }
        if acknowledged.len() == before && !cut {
            stage.fault(&format!("power-off {writer}"));
            cut = true;
        }
        assert!(
            quiet.elapsed() < TAKEOVER,
            "nothing is written: {refused} were refused"
        );
    }
    let survivor = stage.wait_for_one_holder_of(WRITER, TAKEOVER);
    assert_ne!(survivor, writer);
    let there = stage.must(
        &survivor,
        "mariadb --defaults-file=/etc/gbroker/backend/my.cnf -N -e 'select text from gbroker.entries'",
    );
    let there: std::collections::BTreeSet<&str> = there.lines().collect();
    let mut lost = String::new();
    for row in acknowledged
        .iter()
        .filter(|row| !there.contains(row.as_str()))
    {
        let _ = write!(lost, " {row}");
    }
    assert!(lost.is_empty(), "acknowledged and lost:{lost}");
    eprintln!("power cut of {writer}: {refused} rows were not acknowledged");
    stage.fault(&format!("power-on {writer}"));
    let good = stage.eventually(TAKEOVER, |stage| stage.status().0.code == 0);
    assert!(good, "{}", stage.status().0);
    acknowledged.len()
}

#[test]
#[ignore = "takes long: a thousand rows"]
fn a_thousand_acknowledged_rows_survive_the_writers_power() {
    let Some(stage) = served("rows", |_| ()) else {
        return;
    };
    let rows = power_cut_of_the_writer(&stage, 1000, 500);
    eprintln!("{rows} acknowledged rows, all there");
}

#[test]
#[ignore = "takes long: the other variant of `applications`"]
fn where_applications_run_on_both_nodes_an_upgrade_moves_the_addresses() {
    let both = |operator: &Operator| {
        let path = operator.file(&operator.inventory());
        let text = std::fs::read_to_string(&path).expect("the inventory");
        let mut inventory: serde_json::Value = serde_saphyr::from_str(&text).expect("YAML");
        inventory["clusters"]["frontend"]["set"]["applications"] = "both-nodes".into();
        let text = serde_saphyr::to_string(&inventory).expect("YAML again");
        std::fs::write(path, text).expect("written");
    };
    let Some(stage) = served("both", both) else {
        return;
    };
    let before = stage.wait_for_one_holder_of(CLIENT_VIP, TAKEOVER);
    upgrade(&stage);
    let after = stage.wait_for_one_holder_of(CLIENT_VIP, TAKEOVER);
    assert_ne!(
        before, after,
        "the addresses moved to the node that was ready"
    );
}
