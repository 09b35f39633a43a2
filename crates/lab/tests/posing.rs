//! A host poses as an RPM host: what is installed, who owns what, what conflicts.

mod fixture;

use fixture::{Fixture, pair, skipped};

const SPEC: &str = "\
Name: probe
Version: 1
Release: 1
Summary: Probe
License: MIT
BuildArch: noarch
%{?needs:Requires: %{needs}}

%description
Probe.

%install
mkdir -p %{buildroot}$(dirname %{path})
echo mine >%{buildroot}%{path}

%files
%{path}
";

/// Builds a package in the host and installs it for real; returns exit code and messages.
fn install(fixture: &Fixture, path: &str, needs: &str) -> (i32, String) {
    let output = fixture.exec(
        "zipi",
        &format!(
            "cd /tmp && cat >probe.spec <<'SPEC'\n{SPEC}SPEC\n\
             rpmbuild -bb --quiet --define '_topdir /tmp/rpm' --define 'path {path}' --define 'needs {needs}' probe.spec \
             && rpm -U --force-debian /tmp/rpm/RPMS/noarch/probe-1-1.noarch.rpm"
        ),
    );
    (output.code, output.error_text())
}

#[test]
fn the_rpm_database_is_that_of_an_el_host() {
    if skipped("the_rpm_database_is_that_of_an_el_host") {
        return;
    }
    let fixture = Fixture::pair("r-db");
    // The clock is the machine's: even to set it to what it is is not a host's right.
    let clock = fixture.exec("zipi", "date --set=\"$(date)\"");
    assert!(!clock.success(), "{}", clock.text());
    for home in ["/", "/root", "/nonexistent"] {
        let owner = fixture.must(
            "zipi",
            &format!("HOME={home} rpm -qf --qf '%{{NAME}}' /usr/sbin/apache2"),
        );
        assert_eq!(owner, "httpd");
    }
    let names = fixture.must("zipi", "rpm -q --qf '%{NAME} ' httpd heartbeat openssh-server systemd bash coreutils rpm iproute glibc");
    assert_eq!(
        names,
        "httpd heartbeat openssh-server systemd bash coreutils rpm iproute glibc "
    );
    for path in [
        "/bin/sh",
        "/usr/bin/bash",
        "/etc/passwd",
        "/usr/bin",
        "/etc/apache2/apache2.conf",
    ] {
        fixture.must("zipi", &format!("rpm -qf {path}"));
    }
    for capability in [
        "/bin/sh",
        "config(httpd)",
        "httpd >= 2.4",
        "heartbeat >= 3.0",
        "libc.so.6()(64bit)",
    ] {
        fixture.must(
            "zipi",
            &format!(
                "rpm -q --whatprovides '{}'",
                capability.split(' ').next().unwrap()
            ),
        );
    }
    // Nothing differs from what the stubs say, on a booted host.
    let differences = fixture.exec("zipi", "rpm -Va --nomtime");
    assert_eq!(differences.text(), "");
    assert_eq!(fixture.exec("zipi", "rpm -V httpd").text(), "");
}

#[test]
fn requirements_and_file_conflicts_are_judged_as_on_el() {
    if skipped("requirements_and_file_conflicts_are_judged_as_on_el") {
        return;
    }
    let fixture = Fixture::pair("r-conflict");
    let (code, messages) = install(&fixture, "/usr/sbin/apache2", "bash");
    assert_ne!(code, 0);
    assert!(
        messages.contains("conflicts with file from package httpd"),
        "{messages}"
    );
    let (code, messages) = install(&fixture, "/opt/probe", "no-such-thing");
    assert_ne!(code, 0);
    assert!(
        messages.contains("no-such-thing is needed by probe"),
        "{messages}"
    );
    let (code, messages) = install(&fixture, "/opt/probe", "httpd >= 2.4");
    assert_eq!(code, 0, "{messages}");
    assert_eq!(
        fixture.must("zipi", "cat /opt/probe; rpm -e probe; test ! -e /opt/probe"),
        "mine\n"
    );
}

#[test]
fn a_limited_disk_fills_up() {
    if skipped("a_limited_disk_fills_up") {
        return;
    }
    let mut topology = pair("r-disk");
    topology.hosts[0].disk_limit_mb = Some(48);
    let fixture = Fixture::up(&topology);
    let full = fixture.exec("zipi", "dd if=/dev/zero of=/var/lib/big bs=1M count=64");
    assert!(
        !full.success() && full.error_text().contains("No space left on device"),
        "{full:?}"
    );
    fixture.must("zipi", "rm /var/lib/big && echo fits >/var/lib/small");
    fixture.fault("reset zipi");
    fixture
        .lab
        .wait_ready(&["zipi"], fixture::LIMIT, &tandem_lab::silent)
        .unwrap();
    assert_eq!(fixture.must("zipi", "cat /var/lib/small"), "fits\n");
    assert!(
        fixture
            .exec("zape", "dd if=/dev/zero of=/var/lib/big bs=1M count=64")
            .success(),
        "the other host is limited too"
    );
}
