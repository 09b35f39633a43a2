//! What real rpm says of packages built from specs.

mod tools;

use std::path::Path;
use std::process::Command;
use tandem_package::{BuildError, Problem, SigningKey, build};
use tools::{Rpm, date, release_key, success, text, web_site, write_payload};

#[test]
fn rpm_reads_back_everything_that_the_spec_says() {
    let payload = tempfile::tempdir().expect("tempdir");
    write_payload(payload.path());
    let built = build(&web_site(payload.path(), "1.0.0"), date(), &release_key()).expect("build");
    let rpm = Rpm::new();
    let file = rpm.write(&built);
    assert_eq!(built.file_name(), "web-site-1.0.0-1.noarch.rpm");
    assert_eq!(built.package.restarts, ["httpd.service"]);
    let one = |tag: &str| rpm.query(&file, &format!("%{{{tag}}}"));
    for (tag, expected) in [
        ("NVRA", "web-site-1.0.0-1.noarch"),
        ("EPOCH", "(none)"),
        ("SUMMARY", "The company's web site"),
        (
            "DESCRIPTION",
            "Pages, styles and the server's configuration.",
        ),
        ("LICENSE", "MIT"),
        ("GROUP", "Applications/Internet"),
        ("URL", "https://www.example.org/"),
        ("PACKAGER", "Ada Lovelace <ada@example.org>"),
        ("BUILDHOST", "tandem"),
        ("BUILDTIME", "1767571200"),
        ("PAYLOADCOMPRESSOR", "zstd"),
        ("POSTIN", "echo post \"$1\" >> /scriptlet.log"),
        ("POSTINPROG", "/bin/sh"),
        ("SHA256HEADER", built.package.header.as_str()),
    ] {
        assert_eq!(one(tag), expected, "{tag}");
    }
    assert_eq!(
        rpm.query(&file, "[%{PROVIDENEVRS}\n]"),
        "site\nweb-site = 1.0.0-1\n"
    );
    assert!(
        rpm.query(&file, "[%{REQUIRENEVRS}\n]")
            .contains("web-base >= 2.4\n")
    );
    assert_eq!(rpm.query(&file, "[%{CONFLICTNEVRS}\n]"), "web-old < 0.5\n");
    assert_eq!(
        rpm.query(&file, "[%{OBSOLETENEVRS}\n]"),
        "web-older <= 0.4-1\n"
    );
    assert_eq!(
        rpm.query(
            &file,
            "[%{CHANGELOGTIME:day} %{CHANGELOGNAME}\n%{CHANGELOGTEXT}\n]"
        ),
        "Mon Jan 05 2026 Ada Lovelace <ada@example.org> - 1.0.0-1\n- Newest\n- Second line\n\
         Mon Dec 01 2025 Ada Lovelace <ada@example.org> - 0.9-1\n- Newest\n- Second line\n"
            .replacen("0.9-1\n- Newest", "0.9-1\n- Older", 1)
    );
    assert_eq!(
        rpm.query(
            &file,
            "[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILEFLAGS:fflags} \
             %{FILENAMES} %{FILELINKTOS} %{FILEMTIMES}\n]"
        ),
        "-rw-r--r-- root:root d /usr/share/doc/web-site/README  1767571200\n\
         -rw-r--r-- root:root l /usr/share/licenses/web-site/LICENSE  1767571200\n\
         drwxr-xr-x root:root  /usr/share/web-site  1767571200\n\
         lrwxrwxrwx root:root  /usr/share/web-site/current pages 1767571200\n\
         drwxr-x--- root:root  /usr/share/web-site/empty  1767571200\n\
         drwxr-xr-x root:root  /usr/share/web-site/pages  1767571200\n\
         -rw-r--r-- root:root  /usr/share/web-site/pages/a.html  1767571200\n\
         drwxr-xr-x root:root  /usr/share/web-site/pages/css  1767571200\n\
         -rw-r--r-- root:root  /usr/share/web-site/pages/css/style.css  1767571200\n\
         -rw-r--r-- root:root  /usr/share/web-site/pages/index.html  1767571200\n\
         -rwxr-xr-x root:root  /usr/share/web-site/run.sh  1767571200\n\
         -rw-r----- root:root  /usr/share/web-site/secret.conf  1767571200\n\
         -rw-r--r-- root:root  /usr/share/web-site/web.conf  1767571200\n"
    );
}

#[test]
fn rpmlint_finds_no_error() {
    let payload = tempfile::tempdir().expect("tempdir");
    write_payload(payload.path());
    let built = build(&web_site(payload.path(), "1.0.0"), date(), &release_key()).expect("build");
    let rpm = Rpm::new();
    let file = rpm.write(&built);
    let output = Command::new("rpmlint")
        .args([
            "--config",
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rpmlint.toml"),
        ])
        .arg(&file)
        .output()
        .expect("rpmlint");
    let report = text(&output.stdout);
    assert!(report.contains(" 0 errors"), "{report}");
}

#[test]
fn two_builds_are_the_same_bytes_whatever_the_machine_looks_like() {
    let key = release_key();
    let here = tempfile::tempdir().expect("tempdir");
    write_payload(here.path());
    let first = build(&web_site(here.path(), "1.0.0"), date(), &key).expect("build");

    // Another directory, another order of creation, other modes, times, owner
    // and links; and a directory that is larger, so that it lists otherwise.
    let there = tempfile::tempdir().expect("tempdir");
    let payload = there.path().join("deeper/payload");
    write_payload(&payload);
    for number in 0..200 {
        std::fs::write(payload.join(format!("site/x{number}")), "").expect("file");
    }
    for number in 0..200 {
        std::fs::remove_file(payload.join(format!("site/x{number}"))).expect("file");
    }
    std::fs::remove_file(payload.join("site/a.html")).expect("file");
    std::fs::write(payload.join("site/a.html"), "a\n").expect("file");
    success(
        Command::new("chmod")
            .args(["-R", "u=rwX,go="])
            .arg(&payload),
    );
    success(
        Command::new("chown")
            .args(["-R", "65534:65534"])
            .arg(&payload),
    );
    success(
        Command::new("touch")
            .args(["-d", "2001-01-01"])
            .arg(payload.join("web.conf")),
    );
    std::fs::hard_link(payload.join("README"), payload.join("other-name")).expect("link");
    let second = build(&web_site(&payload, "1.0.0"), date(), &key).expect("build");
    assert!(first.bytes == second.bytes);
    assert_eq!(first.package, second.package);
}

#[test]
fn all_mistakes_are_told_at_once() {
    let payload = tempfile::tempdir().expect("tempdir");
    write_payload(payload.path());
    for gone in ["web.conf", "README"] {
        std::fs::remove_file(payload.path().join(gone)).expect("remove");
    }
    std::fs::remove_file(payload.path().join("run.sh")).expect("remove");
    std::os::unix::fs::symlink("/etc/hostname", payload.path().join("run.sh")).expect("link");
    let mut spec = web_site(payload.path(), "1.0.0");
    spec.files[0].path = "/etc/systemd/system".to_owned();
    spec.files.push(spec.files[4].clone());
    spec.changelog[0].date = "2026-13-01".to_owned();
    let error = build(&spec, date(), &release_key()).expect_err("mistakes");
    let said = error.to_string();
    let BuildError::Problems { problems, .. } = error else {
        panic!("{said}");
    };
    let missing = problems
        .0
        .iter()
        .filter(|p| matches!(p, Problem::Missing { .. }));
    assert_eq!(missing.count(), 2);
    for expected in [
        "/usr/share/web-site/web.conf wants the payload file",
        "run.sh leads out of the payload directory",
        "/etc/systemd/system belongs to the distribution",
        "/usr/share/web-site/pages/index.html is put there by two entries",
        "`2026-13-01` in the changelog",
    ] {
        assert!(said.contains(expected), "{expected} is not in\n{said}");
    }
}

/// Run by the next test as another user; alone it does nothing.
#[test]
fn build_as_whoever_i_am() {
    let Ok(directory) = std::env::var("TANDEM_TEST_BUILD_IN") else {
        return;
    };
    let directory = Path::new(&directory);
    let key = SigningKey::load(&directory.join("private/key")).expect("key");
    let payload = directory.join("payload");
    write_payload(&payload);
    let built = build(&web_site(&payload, "1.0.0"), date(), &key).expect("build");
    std::fs::write(directory.join("built.rpm"), built.bytes).expect("write");
}

#[test]
fn another_user_umask_directory_zone_and_language_make_the_same_bytes() {
    let scratch = tempfile::tempdir().expect("tempdir");
    success(Command::new("chmod").arg("755").arg(scratch.path()));
    // The test's own program, at a place that everybody can reach.
    let program = scratch.path().join("test");
    std::fs::copy(std::env::current_exe().expect("program"), &program).expect("copy");
    let key = release_key();
    let build = |user: &str, umask: &str, cwd: &str, zone: &str, language: &str| {
        let home = scratch.path().join(format!("of-{user}"));
        key.save(&home.join("private/key")).expect("save");
        success(Command::new("chown").args(["-R", user]).arg(&home));
        let script = format!("umask {umask}; cd {cwd}; exec \"$@\"");
        success(
            Command::new("setpriv")
                .args(["--reuid", user, "--regid", user, "--clear-groups"])
                .args(["sh", "-c", &script, "sh"])
                .arg(&program)
                .args(["--exact", "build_as_whoever_i_am"])
                .env("TANDEM_TEST_BUILD_IN", &home)
                .env("TZ", zone)
                .env("LC_ALL", language),
        );
        std::fs::read(home.join("built.rpm")).expect("built")
    };
    let ours = build("0", "022", "/", "UTC", "C");
    let theirs = build("65534", "077", "/tmp", "Pacific/Auckland", "de_DE.UTF-8");
    assert!(ours == theirs);
}
