//! Hosts of the lab fence each other with the agents that they would use anywhere.

mod fixture;

use std::time::{Duration, Instant};

use fixture::{Fixture, LIMIT, eventually, skipped};
use tandem_lab::{Fault, HostState, Lab, Output, Places, silent};

impl Fixture {
    /// `fence_ipmilan` on zipi, against the BMC of zape.
    fn fence(&self, action: &str) -> Output {
        self.fence_with(action, "secret", "")
    }

    fn fence_with(&self, action: &str, password: &str, more: &str) -> Output {
        let input = format!(
            "ip=10.255.0.2\nusername=admin\npassword={password}\nlanplus=1\ncipher=3\n\
             power_wait=0\naction={action}\n{more}"
        );
        self.lab
            .exec("zipi", &["fence_ipmilan"], input.as_bytes(), LIMIT)
            .unwrap()
    }

    fn power(&self, words: &str) -> String {
        let command = format!(
            "ipmitool -I lanplus -C 3 -N 1 -R 2 -H zape-bmc -U admin -P secret chassis power {words} 2>&1"
        );
        self.exec("zipi", &command).text()
    }
}

#[test]
fn fence_ipmilan_switches_another_host_off_and_on() {
    if skipped("fence_ipmilan_switches_another_host_off_and_on") {
        return;
    }
    let fixture = Fixture::pair("bmc-fence");
    let status = fixture.lab.status().unwrap();
    let bmc = status.hosts[1].bmc.clone().unwrap();
    assert_eq!(bmc.address.to_string(), "10.255.0.2");
    fixture.must("zape", "echo kept >/root/data; echo lost >/run/memory");

    assert_eq!(fixture.fence("status").code, 0);
    assert_eq!(fixture.fence("monitor").code, 0);
    assert_eq!(fixture.state("zape"), HostState::Running);
    let off = fixture.fence("off");
    assert_eq!(off.code, 0, "{off:?}");
    assert_eq!(fixture.state("zape"), HostState::PoweredOff);
    assert!(fixture.misses("zipi", "10.77.2.12"));
    assert_eq!(fixture.fence("status").code, 2, "2 says that it is off");
    assert!(fixture.lab.status().unwrap().faults.is_empty(), "no fault");

    let on = fixture.fence("on");
    assert_eq!(on.code, 0, "{on:?}");
    fixture.lab.wait_ready(&["zape"], LIMIT, &silent).unwrap();
    assert_eq!(fixture.must("zape", "cat /root/data"), "kept\n");
    assert!(!fixture.exec("zape", "test -e /run/memory").success());
    assert!(fixture.reaches("zape", "10.77.2.11"));
    assert_eq!(fixture.boots("zape"), 2);
    assert_eq!(fixture.boots("zipi"), 1);

    let reboot = fixture.fence("reboot");
    assert_eq!(reboot.code, 0, "{reboot:?}");
    fixture.lab.wait_ready(&["zape"], LIMIT, &silent).unwrap();
    assert_eq!(fixture.boots("zape"), 3);
    assert_ne!(fixture.fence_with("off", "wrong", "").code, 0);
    assert_eq!(fixture.state("zape"), HostState::Running);
}

#[test]
fn off_is_said_when_nothing_runs_any_more() {
    if skipped("off_is_said_when_nothing_runs_any_more") {
        return;
    }
    let fixture = Fixture::pair("bmc-off");
    for round in 1..4 {
        // One that is frozen, and takes no signals, too.
        if round == 2 {
            fixture.fault("freeze zape");
        }
        let pid = fixture.pid("zape").unwrap();
        assert!(fixture.power("off").contains("Down/Off"));
        assert!(fixture.power("status").contains("is off"));
        let proc = format!("/proc/{pid}");
        assert!(
            !std::path::Path::new(&proc).exists(),
            "PID 1 is still there"
        );
        assert_eq!(fixture.state("zape"), HostState::PoweredOff);
        assert!(fixture.power("on").contains("Up/On"));
        assert!(fixture.power("status").contains("is on"));
        fixture.lab.wait_ready(&["zape"], LIMIT, &silent).unwrap();
    }
    // Buttons that are pressed together with the lab's own switch.
    fixture.fault("power-off zape");
    assert!(fixture.power("status").contains("is off"));
    assert!(fixture.power("on").contains("Up/On"));
    fixture.lab.wait_ready(&["zape"], LIMIT, &silent).unwrap();
    assert!(fixture.lab.status().unwrap().faults.is_empty());
    fixture.fault("power-off zape");
    assert!(fixture.power("on").contains("Up/On"));
    fixture.fault("heal");
    fixture.lab.wait_ready(&["zape"], LIMIT, &silent).unwrap();
    let boots = fixture.boots("zape");
    assert!(fixture.power("reset").contains("Reset"));
    assert!(eventually(|| fixture.boots("zape") == boots + 1));
    fixture.lab.wait_ready(&["zape"], LIMIT, &silent).unwrap();
    assert!(fixture.power("soft").contains("Soft"));
    assert!(eventually(|| fixture.state("zape") == HostState::PoweredOff));
    // It was switched off by others: no fault of the lab's, also not the one of before.
    assert!(fixture.lab.status().unwrap().faults.is_empty());
}

#[test]
fn bmcs_fail_in_every_way_they_do() {
    if skipped("bmcs_fail_in_every_way_they_do") {
        return;
    }
    let fixture = Fixture::pair("bmc-faults");
    let quick = "login_timeout=3\npower_timeout=3\nshell_timeout=3\n";
    let works = || fixture.power("status").contains("is on");
    assert!(works());

    // Dead: nobody has the address.
    fixture.fault("bmc-off zape");
    assert!(fixture.misses("zipi", "10.255.0.2"));
    assert!(
        fixture.reaches("zipi", "10.255.0.1"),
        "another BMC died too"
    );
    assert_ne!(fixture.fence_with("off", "secret", quick).code, 0);
    assert_eq!(fixture.state("zape"), HostState::Running);
    fixture.fault("bmc-on zape");
    assert!(works());

    // Hung: the address is there, what was asked in the meantime is not done afterwards.
    fixture.fault("bmc-hang zape");
    assert!(fixture.reaches("zipi", "10.255.0.2"));
    assert_ne!(fixture.fence_with("off", "secret", quick).code, 0);
    fixture.fault("bmc-on zape");
    assert!(works());
    assert_eq!(fixture.boots("zape"), 1);

    // It lies: the agent believes it, and the host runs.
    fixture.fault("bmc-lie zape");
    assert!(works(), "it has no reason to lie yet");
    assert_eq!(fixture.fence("off").code, 0);
    assert_eq!(fixture.fence("status").code, 2);
    assert_eq!(fixture.state("zape"), HostState::Running);
    assert_eq!(
        fixture.lab.status().unwrap().faults[0].to_string(),
        "bmc-lie zape"
    );
    fixture.fault("bmc-on zape");
    assert!(works(), "it still lies");

    // Slow: agreed at once, done later; the truth is told in between.
    fixture.fault("bmc-slow zape 2");
    let from = Instant::now();
    assert!(fixture.power("off").contains("Down/Off"));
    assert!(works());
    assert!(eventually(|| fixture.state("zape") == HostState::PoweredOff));
    assert!(
        from.elapsed() >= Duration::from_secs(2),
        "{:?}",
        from.elapsed()
    );
    assert!(fixture.power("status").contains("is off"));
    assert!(fixture.power("on").contains("Up/On"));
    assert!(eventually(|| fixture.state("zape") == HostState::Running));
    fixture.lab.wait_ready(&["zape"], LIMIT, &silent).unwrap();

    // The plug: both at once. Then what keeps hosts up repairs nothing of it.
    fixture.fault("bmc-off zape with-power");
    assert_eq!(fixture.state("zape"), HostState::PoweredOff);
    assert!(fixture.misses("zipi", "10.255.0.2"));
    let faults = fixture.lab.status().unwrap().faults;
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults.contains(&Fault::PowerOff {
        host: "zape".into()
    }));
    fixture.fault("heal");
    fixture.lab.wait_ready(&["zape"], LIMIT, &silent).unwrap();
    assert!(works());
    assert!(fixture.lab.status().unwrap().faults.is_empty());

    // A host that loses its way to the BMCs has lost that alone.
    fixture.fault("nic-down zipi bmc");
    assert!(fixture.misses("zipi", "10.255.0.2"));
    assert!(fixture.reaches("zipi", "10.77.2.12"));
}

#[test]
fn down_leaves_no_hardware_behind_and_up_repairs_it() {
    if skipped("down_leaves_no_hardware_behind_and_up_repairs_it") {
        return;
    }
    let fixture = Fixture::pair("bmc-down");
    let running = || {
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        all.filter_map(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            line.contains("tandem-lab/bmc-down/").then_some(line)
        })
        .collect::<Vec<_>>()
    };
    let of_bmcs = |all: &[String]| all.iter().filter(|l| l.contains("ipmi_sim")).count();
    assert_eq!(of_bmcs(&running()), 2, "{:?}", running());
    fixture.fault("bmc-off zape");
    assert_eq!(of_bmcs(&running()), 1);
    let up = || {
        Lab::up(
            &Places::default(),
            &fixture::pair("bmc-down"),
            LIMIT,
            &silent,
        )
    };
    up().unwrap();
    assert_eq!(of_bmcs(&running()), 1, "`up` undid a fault");
    fixture.fault("bmc-hang zape");
    fixture.fault("bmc-slow zipi 600");
    assert!(Lab::down(&Places::default(), "bmc-down", &silent).unwrap());
    assert_eq!(running(), Vec::<String>::new());
    up().unwrap();
    assert!(fixture.power("status").contains("is on"));
    assert!(fixture.lab.status().unwrap().faults.is_empty());
}
