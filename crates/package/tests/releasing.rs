//! Release directories: complete, signed, and refused when they are not what
//! was signed.

mod tools;

use std::process::Command;
use tandem_generation::manifest::Source;
use tandem_package::release::{
    MANIFEST, OpenError, Outcome, Progress, Release, ReleaseError, ReleaseInput, ReleaseProblem,
    SIGNATURE, build_release,
};
use tandem_package::{SignatureProblem, SourceDate};
use tools::project::{Project, tree};
use tools::{date, release_key, success, text};

#[test]
fn a_release_holds_everything_and_opens_again() {
    let project = Project::new(release_key());
    let outcome = project.build("1.1.0", &project.specs()).expect("build");
    assert!(matches!(outcome, Outcome::Built(_)));
    let release = project.open("1.1.0").expect("open");
    let manifest = release.manifest();
    let names: Vec<_> = manifest
        .packages
        .iter()
        .map(|package| package.id.to_string())
        .collect();
    assert_eq!(
        names,
        [
            "broker-0.3-1.noarch",
            "licensing-2.1-1.noarch",
            "web-site-1.0.0-1.noarch"
        ]
    );
    assert_eq!(manifest.packages[2].restarts, ["httpd.service"]);
    assert_eq!(
        release.copied().collect::<Vec<_>>(),
        [
            "profiles/debian12.yaml",
            "roles/nested/base.yaml",
            "roles/web.yaml",
            "templates/httpd/site.conf"
        ]
    );
    assert_eq!(
        release.read("roles/web.yaml").expect("role"),
        b"include: [base]\n"
    );
    assert_eq!(release.helper().expect("helper"), b"helper");
    assert_eq!(release.signer(), project.key.public().fingerprint());
    for package in &manifest.packages {
        let file = release.package_path(package);
        let queried = success(
            Command::new("rpm")
                .args(["-qp", "--nosignature", "--qf"])
                .arg("%{SHA256HEADER}")
                .arg(&file),
        );
        assert_eq!(queried, package.header.as_str());
        assert_eq!(
            release.read_package(package).expect("package").len() as u64,
            package.size
        );
    }
}

#[test]
fn two_projects_of_one_tree_make_one_release() {
    let (a, b) = (Project::new(release_key()), release_key());
    drop(b);
    let other = Project::new(a.key.clone());
    success(
        Command::new("chmod")
            .args(["-R", "go="])
            .arg(other.directory.path()),
    );
    a.build("1.1.0", &a.specs()).expect("build");
    // Another order of the specs, as a directory may list them.
    let specs: Vec<_> = other.specs().into_iter().rev().collect();
    other.build("1.1.0", &specs).expect("build");
    let (a, b) = (tree(&a.path("dist/1.1.0")), tree(&other.path("dist/1.1.0")));
    assert!(a.len() > 12, "{:?}", a.keys());
    assert!(a == b);
}

#[test]
fn building_the_same_again_changes_nothing_and_other_content_is_refused() {
    let project = Project::new(release_key());
    project.build("1.1.0", &project.specs()).expect("build");
    let before = tree(&project.path("dist"));
    let again = project.build("1.1.0", &project.specs()).expect("again");
    assert!(matches!(again, Outcome::AlreadyThere(_)));
    // A later commit that changed nothing of it is no other release.
    let later = SourceDate::new(tools::DATE + 86_400).expect("in range");
    let again = project
        .build_at("abd", later, "1.1.0", &project.specs())
        .expect("again");
    assert!(matches!(again, Outcome::AlreadyThere(_)));
    assert!(before == tree(&project.path("dist")));
    std::fs::write(project.path("roles/web.yaml"), "include: []\n").expect("write");
    let error = project.build("1.1.0", &project.specs()).expect_err("taken");
    let said = error.to_string();
    assert!(
        said.contains("release 1.1.0 is in") && said.contains("roles/web.yaml"),
        "{said}"
    );
    assert!(!said.contains("templates/"), "{said}");
    assert!(before == tree(&project.path("dist")));
    // Nothing is left over beside.
    assert_eq!(
        std::fs::read_dir(project.path("dist"))
            .expect("dist")
            .count(),
        1
    );
}

#[test]
fn a_changed_package_under_its_old_version_is_refused_by_name() {
    let project = Project::new(release_key());
    project.build("1.0.0", &project.specs()).expect("build");
    std::fs::write(project.path("specs/web-site/site/a.html"), "changed\n").expect("write");
    let mut specs = project.specs();
    specs[1].files[0].mode = 0o600;
    let error = project.build("1.1.0", &specs).expect_err("conflicts");
    let said = error.to_string();
    for expected in [
        "web-site-1.0.0-1.noarch is in release 1.0.0 with other /usr/share/web-site/pages/a.html",
        "licensing-2.1-1.noarch is in release 1.0.0 with other /usr/share/licensing/file",
        "raise `version` or `release`",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    assert!(!said.contains("broker"), "{said}");
    assert!(!project.path("dist/1.1.0").exists());
    // With a new version it goes through, and what did not change is carried.
    specs[0].version = "1.0.1".to_owned();
    specs[1].release = "2".to_owned();
    project.build("1.1.0", &specs).expect("build");
    let (old, new) = (
        project.open("1.0.0").expect("open"),
        project.open("1.1.0").expect("open"),
    );
    assert_eq!(
        old.manifest().package("broker"),
        new.manifest().package("broker")
    );
}

#[test]
fn an_unchanged_package_keeps_its_identity_although_it_is_built_otherwise() {
    let project = Project::new(release_key());
    project.build("1.0.0", &project.specs()).expect("build");
    // What another version of tandem might do: here the date of a build whose
    // changelog was not the source of it.
    let mut specs = project.specs();
    for spec in &mut specs {
        spec.changelog.clear();
    }
    project
        .build("1.0.1", &specs)
        .expect_err("no changelog is a change");
    let project = Project::new(release_key());
    project.build("1.0.0", &specs).expect("build");
    let source = Source::default();
    let input = ReleaseInput {
        version: "1.0.1",
        project: project.directory.path(),
        dist: &project.path("dist"),
        specs: &specs,
        source: &source,
        date: SourceDate::new(tools::DATE + 86_400).expect("in range"),
        tandem: "0.1.0",
        helper: b"helper",
        daemon: None,
        key: &project.key,
    };
    let mut carried = Vec::new();
    build_release(&input, &mut |progress| {
        if let Progress::Built {
            package,
            carried_from: Some(from),
        } = progress
        {
            carried.push(format!("{} from {from}", package.id.name));
        }
    })
    .expect("build");
    carried.sort();
    assert_eq!(
        carried,
        [
            "broker from 1.0.0",
            "licensing from 1.0.0",
            "web-site from 1.0.0"
        ]
    );
    let (old, new) = (
        project.open("1.0.0").expect("open"),
        project.open("1.0.1").expect("open"),
    );
    let headers = |release: &Release| -> Vec<_> {
        release
            .manifest()
            .packages
            .iter()
            .map(|package| package.header.clone())
            .collect()
    };
    assert_eq!(headers(&old), headers(&new));
}

#[test]
fn open_names_everything_that_is_wrong() {
    let project = Project::new(release_key());
    project.build("1.0.0", &project.specs()).expect("build");
    let at = |name: &str| project.path("dist/1.0.0").join(name);
    std::fs::write(at("roles/web.yaml"), "include: [evil]\n").expect("write");
    std::fs::remove_file(at("packages/broker-0.3-1.noarch.rpm")).expect("remove");
    let package = at("packages/web-site-1.0.0-1.noarch.rpm");
    let mut bytes = std::fs::read(&package).expect("read");
    bytes.truncate(bytes.len() - 1);
    std::fs::write(&package, bytes).expect("write");
    std::fs::write(at("roles/more.yaml"), "").expect("write");
    let error = project.open("1.0.0").expect_err("tampered");
    let said: Vec<_> = error.problems.0.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 4, "{said:?}");
    for expected in [
        "packages/broker-0.3-1.noarch.rpm is missing",
        "packages/web-site-1.0.0-1.noarch.rpm was changed",
        "roles/web.yaml was changed",
        "roles/more.yaml does not belong to the release",
    ] {
        assert!(
            said.iter().any(|line| line.starts_with(expected)),
            "{said:?}"
        );
    }
}

#[test]
fn a_manifest_is_believed_only_with_its_signature() {
    let project = Project::new(release_key());
    project.build("1.0.0", &project.specs()).expect("build");
    let at = |name: &str| project.path("dist/1.0.0").join(name);
    let only = |error: OpenError| {
        assert_eq!(error.problems.0.len(), 1, "{error}");
        error.problems.0.into_iter().next().expect("one")
    };
    let manifest = std::fs::read(at(MANIFEST)).expect("read");
    let signature = std::fs::read(at(SIGNATURE)).expect("read");

    let forged = text(&manifest).replace("\"abc\"", "\"abd\"");
    std::fs::write(at(MANIFEST), forged).expect("write");
    let problem = only(project.open("1.0.0").expect_err("tampered"));
    assert!(matches!(
        problem,
        ReleaseProblem::Signature(SignatureProblem::Tampered { .. })
    ));
    std::fs::write(at(MANIFEST), &manifest).expect("write");

    std::fs::remove_file(at(SIGNATURE)).expect("remove");
    let problem = only(project.open("1.0.0").expect_err("unsigned"));
    assert!(matches!(
        problem,
        ReleaseProblem::Signature(SignatureProblem::Unsigned { .. })
    ));

    let other = release_key()
        .sign_detached(MANIFEST, &manifest, date())
        .expect("sign");
    std::fs::write(at(SIGNATURE), other).expect("write");
    let problem = only(project.open("1.0.0").expect_err("other key"));
    assert!(matches!(
        problem,
        ReleaseProblem::Signature(SignatureProblem::OtherKey { .. })
    ));
    std::fs::write(at(SIGNATURE), signature).expect("write");
    project.open("1.0.0").expect("as it was");

    // A forged manifest leads to no file outside.
    let forged = text(&manifest).replace("\"roles/web.yaml\"", "\"/proc/self/environ\"");
    std::fs::write(at(MANIFEST), forged).expect("write");
    let said = project.open("1.0.0").expect_err("forged").to_string();
    assert!(said.contains("/proc/self/environ is missing"), "{said}");

    let newer = text(&manifest).replacen("\"format\": 1", "\"format\": 2", 1);
    std::fs::write(at(MANIFEST), newer).expect("write");
    let error = project.open("1.0.0").expect_err("newer").to_string();
    assert!(error.contains("format 2"), "{error}");
    let problem = only(project.open("9.9.9").expect_err("nothing there"));
    assert!(matches!(problem, ReleaseProblem::NoRelease));
}

#[test]
fn mistakes_of_all_packages_are_told_at_once_and_leave_nothing_behind() {
    let project = Project::new(release_key());
    let mut specs = project.specs();
    std::fs::remove_file(project.path("specs/broker/file")).expect("remove");
    std::fs::remove_file(project.path("specs/web-site/README")).expect("remove");
    let said = project
        .build("1.0.0", &specs)
        .expect_err("mistakes")
        .to_string();
    assert!(said.contains("broker") && said.contains("README"), "{said}");
    assert!(!project.path("dist").exists());
    specs[2].name = "licensing".to_owned();
    assert!(matches!(
        project.build("1.0.0", &specs),
        Err(ReleaseError::Twice(_))
    ));
    assert!(matches!(
        project.build("../x", &specs),
        Err(ReleaseError::Version(_))
    ));
}
