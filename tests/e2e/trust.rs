//! Releases that are not what their key signed: refused before any host is
//! spoken to.

use crate::operator::Ran;
use crate::stage::Project;
use std::fs;
use std::path::{Path, PathBuf};

/// A project with release 1.0.0.
fn released(name: &str) -> Project {
    let project = Project::new(name);
    project.build("1.0.0");
    project
}

fn plan(project: &Project) -> Ran {
    project.tandem(&["plan", "-i", &project.environment])
}

/// Exit code 3, and the file that is wrong.
#[track_caller]
fn refused(project: &Project, file: &str) -> Ran {
    plan(project).exits(3).says(file)
}

fn release(project: &Project, path: &str) -> PathBuf {
    project.file("dist/1.0.0").join(path)
}

/// Turns one bit over in the middle of a file.
fn tamper(path: &Path) {
    let mut bytes = fs::read(path).expect("the file can be read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).expect("the file can be written");
}

#[test]
fn a_package_that_was_tampered_with() {
    let project = released("tampered");
    let package = "packages/web-site-1.0.0-1.noarch.rpm";
    tamper(&release(&project, package));
    let _ = refused(&project, package);
}

#[test]
fn a_template_that_was_tampered_with() {
    let project = released("template");
    let template = "templates/web/httpd.conf";
    tamper(&release(&project, template));
    let _ = refused(&project, template);
}

#[test]
fn a_helper_that_was_tampered_with() {
    let project = released("helper");
    let helper = format!("helper/{}/tandem-host", std::env::consts::ARCH);
    tamper(&release(&project, &helper));
    let _ = refused(&project, &helper);
}

#[test]
fn a_manifest_that_says_something_else_than_was_signed() {
    let project = released("manifest");
    let path = release(&project, "manifest.json");
    let text = fs::read_to_string(&path).expect("the manifest");
    assert!(text.contains("\"1.0.0\""), "{text}");
    fs::write(&path, text.replacen("\"1.0.0\"", "\"1.0.1\"", 1)).expect("it is written");
    let _ = refused(&project, "manifest.json").says("was changed after it was signed");
}

#[test]
fn a_release_without_a_signature() {
    let project = released("unsigned");
    fs::remove_file(release(&project, "manifest.json.asc")).expect("the signature goes");
    let _ = refused(&project, "manifest.json is not signed");
}

#[test]
fn a_release_that_somebody_else_signed() {
    let project = Project::new("ours");
    let theirs = released("theirs");
    fs::create_dir_all(project.file("dist")).expect("a place for releases");
    crate::operator::copy(theirs.file("dist/1.0.0"), &project.file("dist/1.0.0"));
    let _ = refused(&project, "manifest.json").says("key");
    // What they signed is no reason to trust what they send along.
    let _ = project.tandem(&["key", "list"]).exits(0);
}

#[test]
fn a_package_that_somebody_else_signed_among_ours() {
    let project = released("mixed");
    let theirs = released("other");
    let package = "packages/web-site-1.0.0-1.noarch.rpm";
    fs::copy(release(&theirs, package), release(&project, package)).expect("it is copied");
    let _ = refused(&project, package);
}

#[test]
fn a_project_without_its_keys_says_how_to_get_them() {
    let project = released("keyless");
    fs::remove_dir_all(project.home.join("keys")).expect("the keys go");
    let ran = plan(&project);
    assert_ne!(ran.code, 0, "{ran}");
    let _ = ran.says("key").says("hint:");
}
