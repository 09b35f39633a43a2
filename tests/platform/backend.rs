//! The database pair: one node takes writes, the other has every row, and a
//! node without data gets it from the one that has it.

use crate::premises;
use crate::stage::Stage;
use std::time::Duration;

/// Where the database takes writes.
const WRITER: &str = "10.77.3.60";
/// The platform's own command on its hosts.
const DB: &str = "/usr/libexec/gbroker/gbroker-db";
/// Generous: the machine may be busy.
const LONG: Duration = Duration::from_secs(120);

/// The pair with release 1.0.0 on it; `None` where labs cannot be.
fn pair(name: &str) -> Option<Stage> {
    // A server that hangs is given up soon.
    let stage = premises::of(name, &["backend"], |operator| {
        operator.edit_inventory("writer: int/60\n", "writer: int/60\n      stop_wait_s: 5\n");
    })?;
    stage.build("1.0.0");
    let _ = stage
        .at(&["apply", "--yes", "--accept-irreversible"])
        .exits(0);
    Some(stage)
}

fn other(host: &str) -> &'static str {
    if host == "bend1" { "bend2" } else { "bend1" }
}

/// Runs SQL on a host's own server, as root.
#[track_caller]
fn root(stage: &Stage, host: &str, sql: &str) -> String {
    stage.must(
        host,
        &format!(
            "mariadb --defaults-file=/etc/gbroker/backend/my.cnf -BN gbroker <<'SQL'\n{sql}\nSQL"
        ),
    )
}

/// Runs SQL at the writer address with the applications' account, from a host
/// of the internal network; false when it was refused or nobody answered.
fn client(stage: &Stage, from: &str, sql: &str) -> bool {
    let script = format!(
        "umask 077; {{ printf '[client]\\nhost={WRITER}\\nuser=gbroker\\n'; \
         sed -n \"s/^ALTER USER 'gbroker'.*IDENTIFIED BY '\\(.*\\)';/password=\\1/p\" \
         /etc/gbroker/backend/accounts.sql; }} >/run/client.cnf; \
         timeout 10 mariadb --defaults-file=/run/client.cnf --connect-timeout=3 -BN gbroker <<'SQL'\n{sql}\nSQL"
    );
    stage.exec(from, &script).success()
}

fn entry(text: &str) -> String {
    format!("INSERT INTO entries (node, application, text) VALUES ('test', 'test', '{text}')")
}

fn has(stage: &Stage, host: &str, text: &str) -> bool {
    let sql = format!("SELECT COUNT(*) FROM entries WHERE text = '{text}'");
    root(stage, host, &sql).trim() == "1"
}

/// What a node's daemon says of another one.
fn standing(stage: &Stage, at: &str, of: &str) -> String {
    let text = stage.must(at, "clusterd status --json || true");
    let report: serde_json::Value = serde_json::from_str(&text).expect("a report");
    let said = &report["members"][of]["standing"];
    said.as_str().unwrap_or_default().to_owned()
}

/// Waits until the pair could survive the next failure, and says who writes.
#[track_caller]
fn redundant(stage: &Stage) -> String {
    let real = stage.eventually(LONG, |stage| {
        let cluster = &stage.status().1["clusters"]["backend"];
        cluster["redundant"] == true && stage.holders_of(WRITER).len() == 1
    });
    assert!(real, "the pair is redundant again: {}", stage.status().0);
    stage.wait_for_one_holder_of(WRITER, LONG)
}

#[test]
fn an_acknowledged_row_survives_its_writer_and_a_blank_node_is_filled() {
    let Some(stage) = pair("backend-rows") else {
        return;
    };
    let writer = redundant(&stage);
    let survivor = other(&writer);

    // Only the holder of the address takes writes, and not from everywhere.
    assert!(client(&stage, survivor, &entry("first")), "rows are taken");
    assert_eq!(root(&stage, &writer, "SELECT @@read_only").trim(), "0");
    assert_eq!(root(&stage, survivor, "SELECT @@read_only").trim(), "1");
    let strange = stage.exec(
        survivor,
        "exec 2>&1; sed 's/^host=.*/host=10.77.2.21/' /run/client.cnf >/run/strange.cnf; \
         sed 's/10.77.2.21/10.77.2.22/' /run/strange.cnf >/run/strange2.cnf; \
         for file in /run/strange.cnf /run/strange2.cnf; do \
         timeout 10 mariadb --defaults-file=$file --connect-timeout=3 -e 'SELECT 1' && exit 0; done; exit 1",
    );
    assert!(
        !strange.success(),
        "from the operations network nobody gets in: {}",
        strange.text()
    );
    // What the client was told is on the other node's disk before the power goes.
    assert!(client(&stage, survivor, &entry("acknowledged")));
    stage.fault(&format!("power-off {writer}"));
    stage.eventually(LONG, |stage| stage.holders_of(WRITER) == [survivor]);
    assert!(
        has(&stage, survivor, "acknowledged"),
        "what was acknowledged is read after the power cut"
    );
    let again = stage.eventually(LONG, |stage| client(stage, survivor, &entry("alone")));
    assert!(again, "the survivor takes writes");
    stage.fault(&format!("power-on {writer}"));
    assert_eq!(redundant(&stage), survivor, "what moved stays");
    let caught_up = stage.eventually(LONG, |stage| has(stage, &writer, "alone"));
    assert!(caught_up, "the old writer has what it missed");

    // A machine that was replaced: no data, no packages, no memory.
    stage.must(
        &writer,
        "systemctl stop clusterd mariadb && cd / && \
         rpm --dbpath /var/lib/rpm -e --nodeps $(rpm -qa --qf '%{NAME} ' 'gbroker*' 'tandem-*' clusterd) && \
         rm -rf /var/lib/gbroker* /var/lib/tandem /etc/gbroker /var/lib/clusterd /etc/clusterd",
    );
    let noticed = stage.eventually(LONG, |stage| {
        standing(stage, survivor, &writer) == "offline"
    });
    assert!(
        noticed,
        "{survivor} knows that {writer} is gone, and has nothing"
    );
    let ran = stage
        .at(&["apply", "--yes", "--accept-irreversible"])
        .exits(0);
    eprintln!("a blank node was filled within {:?}", ran.took);
    assert_eq!(redundant(&stage), survivor);
    for text in ["first", "acknowledged", "alone"] {
        assert!(
            has(&stage, &writer, text),
            "`{text}` was copied to {writer}"
        );
    }

    // Replication goes on in both directions, over an upgrade in rolling order.
    stage.edit_inventory(
        "writer: int/60\n",
        "writer: int/60\n      max_connections: 150\n",
    );
    let _ = stage.apply().exits(0);
    assert_eq!(redundant(&stage), writer, "the address moved once");
    let written = stage.eventually(LONG, |stage| client(stage, survivor, &entry("after")));
    assert!(written, "the replaced node takes writes");
    let arrived = stage.eventually(LONG, |stage| has(stage, survivor, "after"));
    assert!(arrived, "and the other one follows it");

    // A server that does not stop in time is killed, and has lost nothing. It comes
    // back by itself, too, when it was killed right after a row, between the end of
    // its binary log and the end of InnoDB. (systemd wakes what it wants to stop, so
    // that one SIGSTOP is not enough.)
    for round in ["killed once", "killed twice", "killed thrice"] {
        assert!(client(&stage, survivor, &entry(round)));
        let arrived = stage.eventually(LONG, |stage| has(stage, survivor, round));
        assert!(arrived, "`{round}` is on the other node");
        let begun = std::time::Instant::now();
        stage.must(
            survivor,
            "pid=$(systemctl show -P MainPID mariadb); \
             (while kill -STOP $pid 2>/dev/null; do sleep 0.02; done) & \
             timeout 90 systemctl restart mariadb || \
             { journalctl -u mariadb --no-pager | tail -20 >&2; exit 1; }",
        );
        let took = begun.elapsed();
        assert!(took > Duration::from_secs(4), "it did not hang: {took:?}");
        assert_eq!(redundant(&stage), writer);
        assert!(has(&stage, survivor, round), "`{round}` is not lost");
    }
    let said = stage.must(survivor, "journalctl -u mariadb --no-pager");
    assert!(said.contains("timed out. Killing"), "{said}");
}

#[test]
fn a_node_that_is_not_fit_refuses_the_writes_and_says_why() {
    let Some(stage) = pair("backend-refusal") else {
        return;
    };
    let writer = redundant(&stage);
    let broken = other(&writer);

    // A replica that is far behind is no second node, and takes no writes.
    root(&stage, broken, "STOP SLAVE SQL_THREAD");
    assert!(client(&stage, broken, &entry("received")));
    stage.must(
        broken,
        "cp -p /etc/gbroker/backend/node.conf /run/ && \
         sed -i 's/^PROMOTE_WAIT_S=.*/PROMOTE_WAIT_S=3/' /etc/gbroker/backend/node.conf",
    );
    let behind = stage.exec(broken, &format!("{DB} promote 2>&1"));
    assert!(!behind.success(), "{}", behind.text());
    assert!(
        behind.text().contains("is not applied"),
        "{}",
        behind.text()
    );
    assert!(
        !stage
            .exec(broken, &format!("{DB} check redundancy"))
            .success()
    );
    stage.must(
        broken,
        "cp -p /run/node.conf /etc/gbroker/backend/node.conf",
    );
    root(&stage, broken, "START SLAVE SQL_THREAD");
    assert_eq!(redundant(&stage), writer);

    // A row that is on the replica only stops it.
    root(
        &stage,
        broken,
        "SET sql_log_bin = 0; INSERT INTO entries (id, node, application, text) \
         VALUES (1000, 'test', 'test', 'by hand')",
    );
    assert!(client(
        &stage,
        broken,
        "INSERT INTO entries (id, node, application, text) VALUES (1000, 'test', 'test', 'real')"
    ));
    let stopped = stage.eventually(LONG, |stage| {
        !stage
            .exec(broken, &format!("{DB} check redundancy"))
            .success()
    });
    assert!(stopped, "the conflict stops replication");
    let (status, document) = stage.status();
    assert_eq!(
        document["clusters"]["backend"]["redundant"], false,
        "{status}"
    );

    // tandem does not begin what needs a second node.
    stage.edit_inventory(
        "writer: int/60\n",
        "writer: int/60\n      max_connections: 150\n",
    );
    let plan = stage.plan();
    let said = format!("{}{}", plan.stdout, plan.stderr);
    assert!(
        said.contains("replication from") && said.contains("1062"),
        "the plan is refused and says why: {plan}"
    );

    // Given the resources, the node refuses, and the other has them again.
    let _ = stage.exec(&writer, "clusterd give");
    let refused = stage.eventually(LONG, |stage| {
        stage
            .must(broken, "journalctl -u gbroker-writer --no-pager")
            .contains("refused: this node does not take writes: broken")
    });
    assert!(refused, "the journal says why");
    let back = stage.eventually(LONG, |stage| client(stage, broken, &entry("still here")));
    assert!(back, "writes are taken again");
    assert_eq!(stage.holders_of(WRITER), [writer.as_str()]);

    // Without the other node nobody takes writes, until the node is mended and an
    // operator says so: what went wrong is not tried again at once.
    stage.fault(&format!("power-off {writer}"));
    let alone = stage.eventually(LONG, |stage| standing(stage, broken, &writer) == "offline");
    assert!(alone, "the other node was seen to be off");
    let said = stage.exec(broken, "clusterd status");
    assert!(
        !said.success() && said.text().contains("right-to-write"),
        "{}",
        said.text()
    );
    assert_eq!(stage.holders_of(WRITER), Vec::<String>::new());
    root(
        &stage,
        broken,
        "SET sql_log_bin = 0; DELETE FROM entries WHERE id = 1000; START SLAVE",
    );
    stage.must(broken, "clusterd cleanup");
    let served = stage.eventually(LONG, |stage| client(stage, broken, &entry("mended")));
    assert!(served, "the mended node takes writes");
    assert!(has(&stage, broken, "real"), "and has every row");
}

#[test]
fn a_copy_that_finds_no_room_leaves_a_blank_node_that_can_be_filled() {
    let Some(stage) = pair("backend-room") else {
        return;
    };
    let writer = redundant(&stage);
    let blank = other(&writer);
    root(
        &stage,
        &writer,
        "INSERT INTO entries (node, application, text) \
         SELECT 'test', 'test', REPEAT('x', 250) FROM seq_1_to_120000",
    );
    // A small disk that somebody else fills while the copy runs.
    stage.must(
        blank,
        "systemctl stop mariadb && rm -rf /var/lib/gbroker/mysql/* && \
         mount -t tmpfs -o size=300M tmpfs /var/lib/gbroker/mysql && systemctl start mariadb",
    );
    let said = stage.exec(
        blank,
        &format!(
            "(until [ -d /var/lib/gbroker/mysql/data/gbroker ]; do sleep 0.02; done; \
             head -c 400M /dev/zero >/var/lib/gbroker/mysql/filler) 2>/dev/null & \
             {DB} init 2>&1; code=$?; wait; exit $code"
        ),
    );
    assert!(!said.success(), "the copy fails: {}", said.text());
    let text = said.text();
    assert!(
        text.contains("broke off") && text.contains("blank again"),
        "and says what became of it: {text}"
    );
    assert!(!stage.exec(blank, &format!("{DB} whole")).success());
    // It would not take writes either.
    let promotion = stage.exec(blank, &format!("{DB} promote 2>&1"));
    assert!(!promotion.success() && promotion.text().contains("blank"));

    stage.must(blank, "rm /var/lib/gbroker/mysql/filler");
    stage.must(blank, &format!("{DB} init"));
    let rows = "SELECT COUNT(*) FROM entries";
    assert_eq!(root(&stage, blank, rows), root(&stage, &writer, rows));
    assert_eq!(redundant(&stage), writer);

    // The address of the writer was never anywhere else, and data that did not
    // come from here is not touched.
    root(
        &stage,
        blank,
        "STOP SLAVE; SET sql_log_bin = 0; DROP DATABASE gbroker_local",
    );
    stage.must(blank, "rm /var/lib/gbroker/mysql/data/gbroker.whole");
    let foreign = stage.exec(blank, &format!("{DB} init 2>&1"));
    assert!(!foreign.success() && foreign.text().contains("not touched"));
    assert_eq!(root(&stage, blank, rows), root(&stage, &writer, rows));
}
