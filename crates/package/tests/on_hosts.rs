//! The packages that are made for hosts, installed with real rpm into a root
//! of their own.

mod tools;

use jiff::Timestamp;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tandem_generation::manifest::{Content, ReleaseRef, Source};
use tandem_generation::{Cause, Digest, FORMAT, Generation, PackageId};
use tandem_model::spec::{Comparison, Dependency};
use tandem_package::{
    BuiltPackage, KeyRole, OpenPackage, RenderedFile, SigningKey, SourceDate, build,
    config_package, document, generation_package, helper_package,
};
use tools::{Rpm, date, key, simple, success, text};

fn environment_key() -> SigningKey {
    key(&KeyRole::environment("dev").expect("a name"))
}

fn rendered(path: &str, content: &str, mode: u32) -> RenderedFile {
    RenderedFile {
        path: path.to_owned(),
        content: content.as_bytes().to_vec(),
        mode,
        owner: "root".to_owned(),
        group: "root".to_owned(),
    }
}

fn files(port: u16) -> Vec<RenderedFile> {
    vec![
        rendered(
            "/etc/tandem/httpd/site.conf",
            &format!("Listen {port}\n"),
            0o644,
        ),
        rendered(
            "/etc/tandem/db/password.cnf",
            "password = secret\n# salt\n",
            0o600,
        ),
        rendered("/etc/ha.d/ha.cf", "node zipi zape\n", 0o640),
        rendered(
            "/etc/systemd/system/httpd.service.d/tandem.conf",
            "[Service]\n",
            0o644,
        ),
    ]
}

fn config(host: &str, port: u16, key: &SigningKey) -> BuiltPackage {
    config_package(host, "1.1.0", &files(port), &[], date(), key).expect("build")
}

fn generation(number: u64) -> Generation {
    Generation {
        format: FORMAT,
        number,
        environment: "dev".to_owned(),
        host: "zipi".to_owned(),
        cluster: None,
        members: Vec::new(),
        release: ReleaseRef {
            version: "1.1.0".to_owned(),
            digest: Digest::of("manifest"),
        },
        inventory: Source::default(),
        tandem: "0.1.0".to_owned(),
        cause: Cause::Applied,
        content: Content::default(),
    }
}

fn generation_of(number: u64, obsoletes: &[&PackageId], key: &SigningKey) -> BuiltPackage {
    let obsoletes: Vec<_> = obsoletes.iter().map(|id| (*id).clone()).collect();
    generation_package(&generation(number), &obsoletes, date(), key).expect("build")
}

fn thing(name: &str, version: &str, key: &SigningKey) -> BuiltPackage {
    let payload = tempfile::tempdir().expect("tempdir");
    let content = format!("{name} {version}\n");
    build(
        &simple(payload.path(), name, version, &content),
        date(),
        key,
    )
    .expect("build")
}

#[track_caller]
fn transaction(rpm: &Rpm, arguments: &[&str], packages: &[&BuiltPackage]) {
    let files: Vec<_> = packages.iter().map(|package| rpm.write(package)).collect();
    let files: Vec<&Path> = files.iter().map(AsRef::as_ref).collect();
    let output = rpm.in_root(arguments, &files);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn the_header_digest_is_the_one_that_rpm_tells_of_file_and_installation() {
    let key = environment_key();
    let rpm = Rpm::new();
    let packages = [
        config("zipi", 80, &key),
        generation_of(7, &[], &key),
        helper_package(b"\x7fELF static", "0.1.0", &key).expect("build"),
    ];
    for package in &packages {
        let file = rpm.write(package);
        let expected = package.package.header.as_str();
        assert_eq!(rpm.query(&file, "%{SHA256HEADER}"), expected);
        assert_eq!(
            OpenPackage::open(&file).expect("open").package,
            package.package
        );
        assert!(
            success(
                std::process::Command::new("rpm")
                    .args(["-qp", "--nosignature", "--scripts", "--triggers"])
                    .arg(&file)
            )
            .is_empty()
        );
        transaction(&rpm, &["-U"], &[package]);
        let name = &package.package.id.name;
        let output = rpm.in_root(&["-q", "--qf", "%{SHA256HEADER}", name], &[]);
        assert_eq!(text(&output.stdout), expected);
    }
    rpm.import(key.public());
    for package in &packages {
        assert!(rpm.verify(&rpm.write(package)).status.success());
    }
    let root = rpm.path("root");
    let mode = |path: &str| {
        let metadata = std::fs::metadata(root.join(path)).expect("installed");
        metadata.permissions().mode() & 0o7777
    };
    assert_eq!(mode("usr/libexec/tandem/tandem-host"), 0o755);
    assert_eq!(mode("usr/lib/tandem/generation.json"), 0o644);
    assert_eq!(mode("etc/tandem/db/password.cnf"), 0o600);
    let installed = std::fs::read(root.join("usr/lib/tandem/generation.json")).expect("read");
    assert_eq!(installed, document(&generation(7)));
    assert_eq!(
        serde_json::from_slice::<Generation>(&installed).expect("parse"),
        generation(7)
    );
}

#[test]
fn the_host_package_owns_its_files_and_its_own_directories_alone() {
    let rpm = Rpm::new();
    let built = config("zipi", 80, &environment_key());
    let file = rpm.write(&built);
    assert_eq!(
        rpm.query(&file, "[%{FILEMODES:perms} %{FILENAMES} %{FILEFLAGS}\n]"),
        "-rw-r----- /etc/ha.d/ha.cf 0\n\
         drwxr-xr-x /etc/systemd/system/httpd.service.d 0\n\
         -rw-r--r-- /etc/systemd/system/httpd.service.d/tandem.conf 0\n\
         drwxr-xr-x /etc/tandem 0\n\
         drwxr-xr-x /etc/tandem/db 0\n\
         -rw------- /etc/tandem/db/password.cnf 0\n\
         drwxr-xr-x /etc/tandem/httpd 0\n\
         -rw-r--r-- /etc/tandem/httpd/site.conf 0\n"
    );
    let opened = OpenPackage::from_bytes("it", &built.bytes).expect("open");
    assert_eq!(opened.paths().expect("paths").len(), 8);
    assert_eq!(
        opened
            .content("/etc/tandem/httpd/site.conf")
            .expect("read")
            .as_deref(),
        Some(&b"Listen 80\n"[..])
    );
    assert_eq!(opened.content("/etc/tandem/httpd").expect("read"), None);
    assert_eq!(opened.content("/etc/passwd").expect("read"), None);
    assert!(!format!("{built:?} {:?}", files(80)).contains("secret"));
}

#[test]
fn the_release_of_a_host_package_is_a_hash_of_all_it_says() {
    let key = environment_key();
    let other_key = environment_key();
    let base = config("zipi", 80, &key);
    let release = |package: &BuiltPackage| package.package.id.release.clone();
    assert_eq!(release(&base).len(), 13);
    assert_eq!(config("zipi", 80, &key), base);
    assert_eq!(release(&config("zipi", 80, &other_key)), release(&base));
    assert_eq!(
        config("zipi", 80, &other_key).package.header,
        base.package.header
    );
    // The order in which files were rendered is no content.
    let mut reversed = files(80);
    reversed.reverse();
    let again = config_package("zipi", "1.1.0", &reversed, &[], date(), &key).expect("build");
    assert_eq!(again, base);
    let mut chmod = files(80);
    chmod[0].mode = 0o640;
    let mut chown = files(80);
    chown[0].group = "apache".to_owned();
    let later = SourceDate::new(tools::DATE + 1).expect("in range");
    let made = |files: &[RenderedFile], date| {
        config_package("zipi", "1.1.0", files, &[], date, &key).expect("build")
    };
    for other in [
        config("zape", 80, &key),
        config("zipi", 81, &key),
        made(&chmod, date()),
        made(&chown, date()),
        made(&files(80), later),
    ] {
        assert_ne!(release(&other), release(&base));
    }
}

#[test]
fn upgrade_and_the_way_back_leave_exactly_what_the_package_says() {
    let key = environment_key();
    let rpm = Rpm::new();
    let (one, two) = (config("zipi", 80, &key), config("zipi", 81, &key));
    let site = rpm.path("root/etc/tandem/httpd/site.conf");
    let read = || std::fs::read_to_string(&site).expect("installed");
    transaction(
        &rpm,
        &["-U"],
        &[
            &one,
            &thing("web", "1.0", &key),
            &generation_of(1, &[], &key),
        ],
    );
    assert_eq!(read(), "Listen 80\n");
    let forward = [
        &two,
        &thing("web", "2.0", &key),
        &generation_of(2, &[], &key),
    ];
    transaction(&rpm, &["-U", "--oldpackage"], &forward);
    assert_eq!(read(), "Listen 81\n");
    // An edit by hand does not survive the way back.
    std::fs::write(&site, "by hand\n").expect("write");
    let back = [
        &one,
        &thing("web", "1.0", &key),
        &generation_of(3, &[], &key),
    ];
    transaction(&rpm, &["-U", "--oldpackage"], &back);
    assert_eq!(read(), "Listen 80\n");
    assert_eq!(
        rpm.installed(),
        ["tandem-config-1.1.0", "tandem-generation-3", "web-1.0"]
    );
    assert!(
        rpm.in_root(&["-V", "tandem-config", "web"], &[])
            .status
            .success()
    );
    // Undoing the first install leaves nothing of ours.
    let erased = rpm.in_root(&["-e", "tandem-config", "tandem-generation", "web"], &[]);
    assert!(erased.status.success(), "{}", text(&erased.stderr));
    for gone in [
        "etc/tandem",
        "etc/systemd/system/httpd.service.d",
        "usr/lib/tandem/generation.json",
    ] {
        assert!(!rpm.path("root").join(gone).exists(), "{gone}");
    }
}

#[test]
fn a_generation_erases_what_it_obsoletes_and_the_next_can_bring_it_back() {
    let key = environment_key();
    let rpm = Rpm::new();
    let (kept, removed) = (thing("kept", "1.0", &key), thing("removed", "1.0", &key));
    let newer = thing("newer", "2.0", &key);
    transaction(
        &rpm,
        &["-U"],
        &[&kept, &removed, &newer, &generation_of(1, &[], &key)],
    );
    // `newer` is named with an older version than is there: somebody else's.
    let older_than_installed = PackageId {
        version: "1.0".to_owned(),
        ..newer.package.id.clone()
    };
    let forward = generation_of(2, &[&removed.package.id, &older_than_installed], &key);
    assert_eq!(
        rpm.query(&rpm.write(&forward), "[%{OBSOLETENEVRS}\n]"),
        "newer <= 1.0-1\nremoved <= 1.0-1\n"
    );
    transaction(&rpm, &["-U", "--oldpackage"], &[&forward]);
    assert_eq!(
        rpm.installed(),
        ["kept-1.0", "newer-2.0", "tandem-generation-2"]
    );
    // While it is installed, what it removed stays away ...
    let alone = rpm.in_root(&["-U"], &[&rpm.write(&removed)]);
    assert!(!alone.status.success());
    // ... and the generation that takes its place brings it back with itself.
    transaction(
        &rpm,
        &["-U", "--oldpackage"],
        &[&removed, &generation_of(3, &[], &key)],
    );
    assert_eq!(
        rpm.installed(),
        [
            "kept-1.0",
            "newer-2.0",
            "removed-1.0",
            "tandem-generation-3"
        ]
    );
}

#[test]
fn what_a_host_package_requires_is_part_of_its_identity() {
    let key = environment_key();
    let rpm = Rpm::new();
    let requires = [Dependency {
        name: "httpd".to_owned(),
        version: Some((Comparison::GreaterOrEqual, "2.4".to_owned())),
    }];
    let built =
        config_package("zipi", "1.1.0", &files(80), &requires, date(), &key).expect("build");
    let file = rpm.write(&built);
    let required = rpm.query(&file, "[%{REQUIRENEVRS}\n]");
    assert!(required.contains("httpd >= 2.4\n"), "{required}");
    assert_ne!(built.package.id, config("zipi", 80, &key).package.id);
    let refused = rpm.in_root(&["-U"], &[&file]);
    assert!(text(&refused.stderr).contains("httpd >= 2.4 is needed by tandem-config"));
}

#[test]
fn a_generation_package_needs_nothing_of_the_host() {
    let rpm = Rpm::new();
    let file = rpm.write(&generation_of(1, &[], &environment_key()));
    let requires = rpm.query(&file, "[%{REQUIRENAME}\n]");
    assert!(
        requires.lines().all(|line| line.starts_with("rpmlib(")),
        "{requires}"
    );
    assert_eq!(rpm.query(&file, "%{EPOCH} %{RELEASE}"), "(none) 1");
}

#[test]
fn a_date_in_the_future_is_refused() {
    let tomorrow = SourceDate::new(Timestamp::now().as_second() + 86_400).expect("in range");
    let error = generation_package(&generation(1), &[], tomorrow, &environment_key());
    assert!(
        error
            .expect_err("future")
            .to_string()
            .contains("in the future")
    );
}
