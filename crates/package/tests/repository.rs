//! A release directory is a repository: for dnf, and as createrepo_c would have
//! made it.

mod tools;

use std::path::Path;
use std::process::Command;
use tools::project::Project;
use tools::{date, release_key, success};

#[test]
fn dnf_takes_a_release_for_a_repository() {
    let project = Project::new(release_key());
    project.build("1.0.0", &project.specs()).expect("build");
    let scratch = tempfile::tempdir().expect("tempdir");
    let repository = format!("release,{}", project.path("dist/1.0.0").display());
    let dnf = |arguments: &[&str]| {
        success(
            Command::new("dnf")
                .args([
                    "--quiet",
                    "--setopt=reposdir=/nonexistent",
                    "--setopt=plugins=0",
                ])
                .arg(format!(
                    "--setopt=cachedir={}",
                    scratch.path().join("cache").display()
                ))
                .arg(format!(
                    "--installroot={}",
                    scratch.path().join("root").display()
                ))
                .args([
                    "--releasever=9",
                    "--repofrompath",
                    &repository,
                    "--repoid=release",
                ])
                .args(arguments)
                .env("HOME", scratch.path()),
        )
    };
    let listed = dnf(&["repoquery", "--qf", "%{name}-%{version}-%{release}.%{arch}"]);
    assert_eq!(
        listed.trim().lines().collect::<Vec<_>>(),
        [
            "broker-0.3-1.noarch",
            "licensing-2.1-1.noarch",
            "web-site-1.0.0-1.noarch"
        ]
    );
    assert!(dnf(&["repoquery", "--requires", "web-site"]).contains("web-base >= 2.4"));
    let owner = dnf(&[
        "repoquery",
        "--qf",
        "%{name}",
        "--file",
        "/usr/share/licensing/file",
    ]);
    assert_eq!(owner.trim(), "licensing");
    let changes = dnf(&["repoquery", "--changelog", "web-site"]);
    assert!(changes.contains("Newest"), "{changes}");
    // And the packages can be fetched by what the metadata say of them.
    dnf(&[
        "install",
        "--assumeyes",
        "--downloadonly",
        "--nogpgcheck",
        "broker",
    ]);
}

#[test]
fn the_metadata_are_what_createrepo_writes() {
    let project = Project::new(release_key());
    project.build("1.0.0", &project.specs()).expect("build");
    let ours = project.path("dist/1.0.0");
    let theirs = tempfile::tempdir().expect("tempdir");
    success(
        Command::new("cp")
            .arg("-r")
            .arg(ours.join("packages"))
            .arg(theirs.path()),
    );
    for package in std::fs::read_dir(theirs.path().join("packages")).expect("packages") {
        let file = std::fs::File::options()
            .write(true)
            .open(package.expect("entry").path())
            .expect("open");
        let date =
            std::time::UNIX_EPOCH + std::time::Duration::from_secs(u64::from(date().seconds()));
        file.set_modified(date).expect("mtime");
    }
    success(
        Command::new("createrepo_c")
            .args(["--quiet", "--no-database"])
            .arg(theirs.path()),
    );
    for document in ["primary", "filelists", "other"] {
        let plain = |root: &Path| {
            let script = format!("zcat repodata/*-{document}.xml.gz");
            let text = success(Command::new("sh").args(["-c", &script]).current_dir(root));
            // Layout, and what no header of ours holds, are no difference.
            let mut lines: Vec<_> = text
                .replace("  <", "<")
                .replace("\" />", "\"/>")
                .replace("&apos;", "'")
                .replace("<rpm:vendor></rpm:vendor>", "<rpm:vendor/>")
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .map(str::to_owned)
                .collect();
            for line in &mut lines {
                if let Some(archive) = line.find(" archive=") {
                    line.truncate(archive);
                }
            }
            lines
        };
        assert_eq!(plain(&ours), plain(theirs.path()), "{document}");
    }
}
