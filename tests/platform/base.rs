//! What every host carries: services off, packages removed, logins hardened,
//! SNMP answered - and what happens when one of it is wrong.

use crate::operator::Operator;
use crate::premises;
use crate::stage::Stage;
use crate::tree::assert_same;
use std::time::Duration;
use tandem_lab::Places;

/// What a restart of something, or the next look at it, may take here.
const SOON: Duration = Duration::from_secs(60);

/// Address of a host in the O&M network.
fn om(host: &str) -> &'static str {
    if host == "bend1" {
        "10.77.2.21"
    } else {
        "10.77.2.22"
    }
}

/// Sets params of the backend in the inventory.
fn set(operator: &Operator, params: serde_json::Value) {
    let path = operator.file(&operator.inventory());
    let text = std::fs::read_to_string(&path).expect("the inventory can be read");
    let mut inventory: serde_json::Value =
        serde_saphyr::from_str(&text).expect("the inventory is YAML");
    let all = inventory["clusters"]["backend"]["set"]
        .as_object_mut()
        .expect("params");
    let serde_json::Value::Object(params) = params else {
        panic!("params have names: {params}");
    };
    all.extend(params);
    let text = serde_saphyr::to_string(&inventory).expect("YAML again");
    std::fs::write(path, text).expect("the inventory can be written");
}

/// `tandem apply` with consent to what cannot be undone.
fn accept(stage: &Stage, words: &[&str]) -> crate::operator::Ran {
    let mut all = vec!["apply", "--yes", "--accept-irreversible"];
    all.extend(words);
    stage.at(&all)
}

/// State of a unit: `active`, `inactive`, `failed`.
fn active(stage: &Stage, host: &str, unit: &str) -> String {
    let output = stage.exec(host, &format!("systemctl is-active {unit}"));
    output.text().trim().to_owned()
}

/// Is a package in the host's rpm database?
fn has(stage: &Stage, host: &str, package: &str) -> bool {
    stage
        .exec(host, &format!("rpm -q --quiet {package}"))
        .success()
}

/// What a manager in a network gets from the agent of `bend1`, with the tools of
/// the lab's own hosts; empty where there is no answer.
fn walk(stage: &Stage, network: &str, words: &str, oid: &str) -> String {
    let root = Places::default()
        .run
        .join(&stage.environment)
        .join("hosts/bend1/root");
    let script = format!(
        "chroot {} env MIBS= snmpwalk -t 1 -r 1 -On {words} {} {oid} 2>&1",
        root.display(),
        om("bend1")
    );
    let output = stage.client(network, &script);
    if output.success() {
        output.text()
    } else {
        String::new()
    }
}

/// A line of a file on `bend1`, without what it begins with.
fn word(stage: &Stage, file: &str, begin: &str) -> String {
    let script = format!("sed -n 's/^{begin} \\([^ ]*\\).*/\\1/p' {file}");
    stage.must("bend1", &script).trim().to_owned()
}

#[test]
fn every_host_is_tuned_hardened_and_monitored() {
    let change = |operator: &Operator| {
        let params = serde_json::json!({
            "conflicting_packages": ["gcc-java", "telnet"],
            "unit_stop_limit_s": 80,
            "snmp_sources": ["10.77.2.192/26"],
            "snmp_trap_sinks": ["om/22"],
            "snmp_look_every_s": 1,
            "snmp_processes": ["sshd", "gbwatch"],
        });
        set(operator, params);
    };
    let Some(stage) = premises::of("base", &["backend"], change) else {
        return;
    };
    stage.build("1.0.0");
    a_missing_distribution_package_is_named(&stage);
    a_package_is_removed_only_with_consent(&stage);
    receive_traps(&stage);
    let _ = accept(&stage, &["--again"]).exits(0);
    for host in ["bend1", "bend2"] {
        assert!(!has(&stage, host, "telnet"), "telnet is gone from {host}");
    }
    services_are_off(&stage);
    logins_are_hardened(&stage);
    permissions_are_kept(&stage);
    managers_in_the_om_network_are_answered(&stage);
    nobody_else_is(&stage);
    secrets_stay_secret(&stage);
    a_new_passphrase_counts_at_once(&stage);
    a_threshold_that_is_passed_is_told_once(&stage);
    activity_is_recorded_each_minute(&stage);
    let _ = stage.at(&["status"]).exits(0);
    let _ = stage.plan().exits(0);
}

fn a_missing_distribution_package_is_named(stage: &Stage) {
    stage.must(
        "bend1",
        "cp -a /var/lib/rpm /root/rpm.kept && rpm -e --justdb --nodeps net-snmp",
    );
    let _ = stage
        .apply()
        .exits(1)
        .says("bend1")
        .says("distribution packages are missing: net-snmp")
        .says("tandem prepare");
    stage.must(
        "bend1",
        "rm -r /var/lib/rpm && mv /root/rpm.kept /var/lib/rpm",
    );
}

fn a_package_is_removed_only_with_consent(stage: &Stage) {
    let bare = stage.tree("bend1");
    let _ = stage
        .apply()
        .exits(1)
        .says("cannot be undone: initialise conflicting-packages (telnet-")
        .says("--accept-irreversible");
    assert!(has(stage, "bend1", "telnet"));

    // Somebody else needs it: it stays, and the host goes back.
    let spec = "Name: needer\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n\
                Requires: telnet\n%description\nx\n%files\n";
    stage.must(
        "bend1",
        &format!(
            "printf '{}' > /tmp/needer.spec && rpmbuild -bb --quiet /tmp/needer.spec \
             --define '_topdir /tmp/needer' >/dev/null 2>&1 && \
             rpm -i /tmp/needer/RPMS/noarch/*.rpm",
            spec.replace('%', "%%").replace('\n', "\\n")
        ),
    );
    let _ = accept(stage, &[])
        .exits(7)
        .says("others need it")
        .says("needer")
        .says("rolled back: every host is what it was");
    assert!(has(stage, "bend1", "telnet"));
    stage.must("bend1", "rpm -e needer");

    // What the first installation changed is what it was: login.defs, units,
    // permissions and kernel settings too.
    assert_same(&bare, &stage.tree("bend1"), "bend1");
    assert_eq!(active(stage, "bend1", "rpcbind.socket"), "active");
    assert_eq!(active(stage, "bend1", "avahi-daemon.socket"), "active");
    let keepalive = stage.must("bend1", "cat /proc/sys/net/ipv4/tcp_keepalive_time");
    assert_eq!(keepalive.trim(), "7200");
}

/// A receiver of traps on `bend2`, before there is somebody to send them.
fn receive_traps(stage: &Stage) {
    stage.must(
        "bend2",
        "systemctl stop snmptrapd.socket; echo 'disableAuthorization yes' > /tmp/traps.conf; \
         systemd-run --quiet --unit=receiver --setenv=MIBS= snmptrapd -f -n -On -C \
         -c /tmp/traps.conf -Lf /tmp/traps udp:10.77.2.22:162",
    );
}

fn services_are_off(stage: &Stage) {
    for host in ["bend1", "bend2"] {
        for unit in [
            "rpcbind.service",
            "rpcbind.socket",
            "avahi-daemon.service",
            "avahi-daemon.socket",
        ] {
            assert_eq!(active(stage, host, unit), "inactive", "{unit} of {host}");
            let enabled = stage.exec(host, &format!("systemctl is-enabled {unit}"));
            assert_eq!(enabled.text().trim(), "disabled", "{unit} of {host}");
        }
    }
    // Whatever an installer or an administrator had chosen.
    let target = stage.must(
        "bend1",
        "systemctl set-default graphical.target 2>/dev/null; systemctl daemon-reload; \
         systemctl show -P Id default.target; systemctl set-default multi-user.target 2>/dev/null",
    );
    assert_eq!(target.trim(), "multi-user.target");
    let limit = stage.must("bend1", "systemctl show -P DefaultTimeoutStopUSec");
    assert_eq!(limit.trim(), "1min 20s");
    let keepalive = stage.must("bend1", "cat /proc/sys/net/ipv4/tcp_keepalive_time");
    assert_eq!(keepalive.trim(), "300");
    // What a container cannot set is said, not passed over.
    let said = stage.must("bend1", "journalctl -u gbroker-sysctl -o cat --no-pager");
    assert!(
        said.contains("cannot be set on this host: vm.swappiness"),
        "{said}"
    );
}

fn logins_are_hardened(stage: &Stage) {
    let defs = stage.must("bend1", "cat /etc/login.defs");
    assert!(defs.contains("\nPASS_MAX_DAYS\t90\n"), "{defs}");
    stage.must(
        "bend1",
        "useradd -m carol && useradd -m dora && usermod -aG sudo dora && \
         printf 'carol:one\\ndora:two\\nroot:three\\n' | chpasswd",
    );
    let aged = stage.must("bend1", "chage -l carol");
    assert!(aged.contains("password change\t\t: 90"), "{aged}");
    let become_root = |user: &str| {
        let script = format!("echo three | runuser -u {user} -- su root -c id 2>&1");
        stage.exec("bend1", &script)
    };
    assert!(become_root("dora").success(), "administrators may");
    let refused = become_root("carol");
    assert!(
        !refused.success() && refused.text().contains("Permission denied"),
        "others may not, with the right password: {}",
        refused.text()
    );
    let sshd = stage.must("bend1", "sshd -T");
    for line in [
        "permitrootlogin without-password",
        "maxauthtries 6",
        "banner /etc/gbroker/issue.net",
    ] {
        assert!(sshd.lines().any(|one| one == line), "{line}: {sshd}");
    }
    let sudo = stage.must("bend1", "runuser -u dora -- sudo -n -l 2>&1 || true");
    assert!(!sudo.contains("syntax error"), "{sudo}");
}

fn permissions_are_kept(stage: &Stage) {
    let mode = |path: &str| {
        let text = stage.must("bend1", &format!("stat -c %a {path}"));
        text.trim().to_owned()
    };
    assert_eq!(mode("/etc/ssh/sshd_config"), "600");
    stage.must("bend1", "gbroker-permissions check");
    stage.must("bend1", "chmod 666 /etc/passwd");
    let found = stage.exec("bend1", "gbroker-permissions check");
    assert!(
        !found.success() && found.error_text().contains("/etc/passwd has mode 666"),
        "{}",
        found.error_text()
    );
    stage.must("bend1", "systemctl restart gbroker-permissions");
    assert_eq!(mode("/etc/passwd"), "644");

    // Apache may load what is on the list.
    let check = "/usr/libexec/gbroker-pos/apache-modules /usr/sbin/apache2 /tmp/a/httpd.conf \
                 /etc/gbroker/apache-modules.allowed";
    let modules = "/usr/lib/apache2/modules";
    stage.must(
        "bend1",
        &format!(
            "mkdir /tmp/a && echo ErrorLog syslog:daemon > /tmp/a/httpd.conf; \
             for m in mpm_event authz_core dir; do \
             echo LoadModule ${{m}}_module {modules}/mod_$m.so; done >> /tmp/a/httpd.conf; {check}"
        ),
    );
    let found = stage.exec(
        "bend1",
        &format!("echo LoadModule cgid_module {modules}/mod_cgid.so >> /tmp/a/httpd.conf; {check}"),
    );
    assert!(
        !found.success() && found.error_text().contains("does not name: cgid"),
        "{}",
        found.error_text()
    );
}

/// Words for a walk: version 2c, and version 3 authenticated and encrypted.
fn credentials(stage: &Stage) -> [String; 2] {
    let community = word(stage, "/etc/gbroker/snmp/snmpd.conf", "rocommunity");
    let manager = "/etc/gbroker/snmp/manager/snmp.conf";
    let auth = word(stage, manager, "defAuthPassphrase");
    let privacy = word(stage, manager, "defPrivPassphrase");
    assert!(community.len() > 8 && auth.len() > 8 && privacy.len() > 8);
    [
        format!("-v2c -c {community}"),
        format!("-v3 -l authPriv -u oam -a SHA-512 -A {auth} -x AES -X {privacy}"),
    ]
}

fn managers_in_the_om_network_are_answered(stage: &Stage) {
    // CPU, load of 1, 5 and 15 minutes, memory, free memory, swap, disks,
    // interfaces: the parameters of the thesis, 3.5.1.
    let wanted = [
        (".1.3.6.1.4.1.2021.11.50", ".2021.11.50.0 = Counter32"),
        (".1.3.6.1.4.1.2021.10.1.3", ".10.1.3.3 = STRING"),
        (".1.3.6.1.4.1.2021.4", ".4.5.0 = INTEGER"),
        (".1.3.6.1.4.1.2021.4", ".4.6.0 = INTEGER"),
        (".1.3.6.1.4.1.2021.4", ".4.3.0 = INTEGER"),
        (".1.3.6.1.4.1.2021.9.1.7", ".9.1.7."),
        (".1.3.6.1.4.1.2021.9.1.2", "\"/run\""),
        (".1.3.6.1.2.1.2.2.1.2", "\"eth2\""),
        (".1.3.6.1.2.1.2.2.1.8", "INTEGER: 1"),
        (".1.3.6.1.2.1.2.2.1.10", "Counter32"),
    ];
    for words in credentials(stage) {
        for (oid, text) in wanted {
            let answer = walk(stage, "om", &words, oid);
            assert!(answer.contains(text), "`{text}` below {oid}: `{answer}`");
        }
        // Tables of users are nobody's business.
        let users = walk(stage, "om", &words, ".1.3.6.1.6.3.15");
        assert!(
            !users.contains("OID") && !users.contains("STRING"),
            "{users}"
        );
    }
}

fn nobody_else_is(stage: &Stage) {
    let uptime = ".1.3.6.1.2.1.1.3";
    let [second, third] = credentials(stage);
    assert!(walk(stage, "om", &third, uptime).contains("Timeticks"));
    for words in [
        "-v2c -c public".to_owned(),
        third.replace("authPriv", "authNoPriv"),
        third.replace("-A ", "-A x"),
        "-v3 -l noAuthNoPriv -u gbrokerInternal".to_owned(),
    ] {
        assert_eq!(walk(stage, "om", &words, uptime), "", "{words}");
    }
    // Another host of the same network, outside of the range for version 2c.
    let neighbour = |words: &str| {
        let script = format!("MIBS= snmpget -t 1 -r 1 {words} 10.77.2.21 {uptime}.0");
        stage.exec("bend2", &script).success()
    };
    assert!(neighbour(&third) && !neighbour(&second));
    // From elsewhere, through another interface of the host, with everything
    // else right.
    let route = stage.client("int", "ip route add 10.77.2.21 via 10.77.3.21");
    assert!(route.success(), "{}", route.error_text());
    let ping = stage.client("int", "ping -c 1 -W 2 10.77.2.21");
    assert!(ping.success(), "the way there is good");
    for words in [second, third] {
        assert_eq!(walk(stage, "int", &words, uptime), "", "{words}");
    }
}

fn secrets_stay_secret(stage: &Stage) {
    let manager = "/etc/gbroker/snmp/manager/snmp.conf";
    let secrets = [
        word(stage, "/etc/gbroker/snmp/snmpd.conf", "rocommunity"),
        word(stage, manager, "defAuthPassphrase"),
        word(stage, manager, "defPrivPassphrase"),
    ];
    for secret in secrets {
        // On standard input: this very search must not be what it finds.
        let found = stage
            .lab()
            .exec(
                "bend1",
                &[
                    "sh",
                    "-c",
                    "cat > /root/pattern; \
                     { find /etc /usr/lib /var/lib /var/log -xdev -type f -perm -o+r; \
                       ls /proc/[0-9]*/cmdline; } 2>/dev/null | \
                     xargs grep -lFf /root/pattern 2>/dev/null; \
                     journalctl --no-pager | grep -Ff /root/pattern; rm /root/pattern",
                ],
                secret.as_bytes(),
                SOON,
            )
            .expect("the search runs");
        assert_eq!(found.text(), "", "a secret is readable");
    }
}

fn a_new_passphrase_counts_at_once(stage: &Stage) {
    let uptime = ".1.3.6.1.2.1.1.3";
    let boots = |words: &str| {
        let answer = walk(stage, "om", words, ".1.3.6.1.6.3.10.2.1.2");
        let number = answer.trim().rsplit(' ').next().map(str::parse::<u32>);
        number.expect("an answer").expect("a number")
    };
    let [_, old] = credentials(stage);
    let before = boots(&old);
    let environment = &stage.environment;
    let _ = stage
        .tandem(&["secret", "rotate", "-i", environment, "snmp_v3_auth"])
        .exits(0);
    let _ = stage.apply().exits(0);
    let [_, new] = credentials(stage);
    assert_ne!(old, new);
    assert!(walk(stage, "om", &new, uptime).contains("Timeticks"));
    assert_eq!(walk(stage, "om", &old, uptime), "");
    // Managers would take an agent whose count begins anew for a replay.
    assert!(boots(&new) > before, "engineBoots goes on from {before}");
}

fn a_threshold_that_is_passed_is_told_once(stage: &Stage) {
    // Nobody started `gbwatch`. The agent looks each second, from a fresh start.
    stage.must("bend1", "systemctl stop snmpd");
    stage.must("bend2", "truncate -s 0 /tmp/traps");
    stage.must("bend1", "systemctl start snmpd");
    let told = |stage: &Stage| {
        let traps = stage.must(
            "bend2",
            "grep -a -A1 'UDP: .10.77.2.21.' /tmp/traps || true",
        );
        traps.matches("No gbwatch process running").count()
    };
    assert!(stage.eventually(SOON, |stage| told(stage) > 0), "a trap");
    std::thread::sleep(Duration::from_secs(4));
    let traps = stage.must("bend2", "cat /tmp/traps");
    assert_eq!(told(stage), 1, "{traps}");
    // sshd runs: nothing is said about it.
    assert!(!traps.contains("No sshd process"), "{traps}");
}

fn activity_is_recorded_each_minute(stage: &Stage) {
    let calendar = stage.must(
        "bend1",
        "systemctl show -P TimersCalendar sysstat-collect.timer",
    );
    assert!(calendar.contains("*:00/1:00"), "{calendar}");
    // It has run by itself at least once, and well.
    let ran = |stage: &Stage| {
        let last = "systemctl show -P LastTriggerUSec sysstat-collect.timer";
        !matches!(stage.must("bend1", last).trim(), "" | "n/a")
    };
    assert!(stage.eventually(Duration::from_secs(150), ran), "it runs");
    let result = "systemctl show -P Result sysstat-collect.service";
    assert_eq!(stage.must("bend1", result).trim(), "success");
    stage.must("bend1", "test -s /var/log/sysstat/sa$(date +%d)");
}

#[test]
fn mistakes_in_the_hosts_configuration_change_nothing_or_are_taken_back() {
    let Some(stage) = premises::of("mistakes", &["backend"], |_| ()) else {
        return;
    };
    stage.build("1.0.0");
    let _ = accept(&stage, &[]).exits(0);
    let before = stage.tree("bend1");
    let unchanged = |stage: &Stage| assert_same(&before, &stage.tree("bend1"), "bend1");

    // sudoers with a missing colon: nobody would be root any more.
    let rule = "%sudo ALL=(ALL) NOPASSWD /usr/bin/true";
    set(&stage, serde_json::json!({"sudo_rules": [rule]}));
    let _ = stage
        .apply()
        .exits(1)
        .says("sudoers does not accept /etc/sudoers.d/60-gbroker")
        .says("nothing was changed on any host");
    unchanged(&stage);
    set(&stage, serde_json::json!({"sudo_rules": []}));

    // A word that snmpd does not know. It would warn, and run without it.
    let template = "templates/monitoring/snmpd.conf";
    let (good, bad) = ("\nlinkUpDownNotifications", "\nlinkUpDownNotification");
    stage.edit(template, good, bad);
    stage.build("1.1.0");
    let _ = stage
        .at(&["apply", "--yes", "--release", "1.1.0"])
        .exits(1)
        .says("snmpd does not accept /etc/gbroker/snmp/snmpd.conf")
        .says("nothing was changed on any host");
    unchanged(&stage);
    stage.edit(template, bad, good);

    // snmpd dies: seen, and mended.
    stage.must("bend1", "systemctl stop snmpd");
    let _ = stage
        .at(&["status"])
        .exits(2)
        .says("bend1: snmpd.service is inactive, and it should run");
    let again = ["apply", "--yes", "--release", "1.0.0"];
    let _ = stage.at(&again).exits(0);
    assert_eq!(active(&stage, "bend1", "snmpd"), "active");

    // snmpd cannot start, because clusterd has its port.
    set(&stage, serde_json::json!({"snmp_port": 5410}));
    let _ = stage
        .at(&again)
        .exits(7)
        .says("snmpd")
        .says("rolled back: every host is what it was");
    unchanged(&stage);
    assert_eq!(active(&stage, "bend1", "snmpd"), "active");

    // Root may not log in any more: neither may the operator. The host lets
    // them in again by itself.
    set(
        &stage,
        serde_json::json!({"snmp_port": 161, "ssh_root_login": "no"}),
    );
    let mut words = again.to_vec();
    words.extend(["--confirm-within", "10"]);
    let ran = stage.at(&words).exits(8).says("does not let root in");
    let back = |stage: &Stage| {
        let (ran, _) = stage.status();
        ran.stdout.contains("did not come back within 10 s")
    };
    assert!(stage.eventually(SOON, back), "{}", stage.status().0);
    let _ = stage.at(&["abort", &ran.run()]).exits(0);
    set(&stage, serde_json::json!({"ssh_root_login": "keys-only"}));
    unchanged(&stage);
}
