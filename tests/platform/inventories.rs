//! Every environment of the platform is in order, and so are its packages.

use crate::operator;
use crate::stage::Project;

#[test]
fn dev_demo_and_prod_are_free_of_mistakes() {
    let source = operator::repository();
    let project = Project::of(source, "check", |operator| {
        for name in ["demo", "prod"] {
            let path = format!("inventories/{name}.yaml");
            std::fs::copy(source.join(&path), operator.file(&path)).expect("copied");
        }
    });
    for name in ["demo", "prod"] {
        let _ = project.tandem(&["secret", "init", "-i", name]).exits(0);
    }
    let _ = project.tandem(&["check"]).exits(0);
}

#[test]
fn the_nine_packages_are_the_same_bytes_each_time_and_rpmlint_finds_no_error() {
    let source = operator::repository();
    let project = Project::of(source, "nine", |_| ());
    project.build("1.0.0");
    let packages = |release: &str| -> Vec<(String, Vec<u8>)> {
        let directory = project.file(&format!("dist/{release}/packages"));
        let mut found: Vec<(String, Vec<u8>)> = std::fs::read_dir(directory)
            .expect("a release has packages")
            .map(|entry| entry.expect("an entry").path())
            .map(|path| {
                let name = path
                    .file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned();
                (name, std::fs::read(path).expect("a package"))
            })
            .collect();
        found.sort();
        found
    };
    let first = packages("1.0.0");
    assert_eq!(first.len(), 9);
    std::fs::remove_dir_all(project.file("dist")).expect("removed");
    project.build("1.0.0");
    assert!(first == packages("1.0.0"), "two builds differ");

    let mut rpmlint = std::process::Command::new("rpmlint");
    rpmlint
        .arg("--config")
        .arg(source.join("crates/package/tests/rpmlint.toml"));
    for (name, _) in &first {
        rpmlint.arg(project.file(&format!("dist/1.0.0/packages/{name}")));
    }
    let Ok(output) = rpmlint.output() else {
        eprintln!("SKIPPED rpmlint of the nine packages: rpmlint is not installed");
        return;
    };
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(report.contains(" 0 errors"), "{report}");
}
