//! Bad input: each mistake is named with its place and a way out, exit code 3,
//! before any host is spoken to.

use crate::operator::{Operator, Ran};
use crate::stage::Project;
use std::fs;

/// `tandem check` of the project, which must find something.
#[track_caller]
fn refused(operator: &Operator) -> Ran {
    let ran = operator
        .tandem(&["check", "-i", &operator.environment])
        .exits(3);
    assert_eq!(ran.stdout, "", "nothing on standard output: {ran}");
    ran
}

/// A project whose inventory says something else in one place, and what
/// `tandem check` says about it. `at` is the text at which the finger points.
#[track_caller]
fn spoiled(name: &str, from: &str, to: &str, at: &str) -> Ran {
    let project = Project::new(name);
    project.edit_inventory(from, to);
    let place = place(&project, &project.inventory(), at);
    refused(&project).says(&place)
}

/// `file:line:column` of a text in a file; `^` in it marks the column.
#[track_caller]
fn place(operator: &Operator, path: &str, at: &str) -> String {
    let text = fs::read_to_string(operator.file(path)).expect("the file can be read");
    let (before, after) = at.split_once('^').unwrap_or(("", at));
    let whole = format!("{before}{after}");
    for (index, line) in text.lines().enumerate() {
        if let Some(byte) = line.find(&whole) {
            let column = line[..byte + before.len()].chars().count() + 1;
            return format!("{path}:{}:{column}", index + 1);
        }
    }
    panic!("`{whole}` is not in {path}:\n{text}");
}

#[test]
fn the_project_is_good_before_it_is_spoiled() {
    let project = Project::new("good");
    let _ = project
        .tandem(&["check", "-i", &project.environment])
        .exits(0)
        .says("good (2 hosts");
}

#[test]
fn broken_yaml() {
    let ran = spoiled(
        "yaml",
        "nodes: [zipi, zape]\n",
        "nodes: [zipi, zape\n",
        "engine^:",
    );
    let _ = ran.says("this is not YAML");
}

#[test]
fn an_unknown_key() {
    let ran = spoiled("key", "    links: [", "    linsk: [", "linsk");
    let _ = ran
        .says("unknown key")
        .says("clusters.web.linsk")
        .says("did you mean `links`?");
}

#[test]
fn a_wrong_type() {
    let ran = spoiled(
        "type",
        "worker_processes: 1",
        "worker_processes: many",
        "many",
    );
    let _ = ran
        .says("clusters.web.set.worker_processes")
        .says("found `many`")
        .says("expected");
}

#[test]
fn an_unknown_host_in_a_cluster() {
    let ran = spoiled("host", "nodes: [zipi, zape]", "nodes: [zipi, zapr]", "zapr");
    let _ = ran
        .says("clusters.web.nodes[1]")
        .says("there is no such host")
        .says("did you mean `zape`?");
}

#[test]
fn an_address_outside_its_network() {
    let ran = spoiled("outside", "eth2: om/12", "eth2: 10.99.2.12", "10.99.2.12");
    let _ = ran
        .says("hosts.zape.nics.eth2")
        .says("the address is in none of the networks");
}

#[test]
fn two_hosts_with_one_address() {
    let ran = spoiled(
        "twice",
        "eth2: om/12",
        "eth2: om/11",
        "eth2: ^om/11, eth4: ext/12",
    );
    let _ = ran.says("hosts.zape.nics.eth2").says("10.77.2.11 is taken");
}

#[test]
fn a_virtual_address_that_is_somebodys_own() {
    let ran = spoiled("vip", "vip: ext/50", "vip: ext/12", "vip: ^ext/12");
    let _ = ran.says("clusters.web.set.vip").says("10.77.4.12 is taken");
}

#[test]
fn an_engine_that_cannot_express_the_role() {
    let ran = spoiled(
        "engine",
        "without: [monitor]",
        "without: []",
        "kind: heartbeat",
    );
    let _ = ran.says("monitor").says("without");
}

#[test]
fn a_variable_that_no_one_defines() {
    let project = Project::new("variable");
    let template = "templates/web/httpd.conf";
    project.edit(
        template,
        "params.keepalive_timeout",
        "params.keepalive_timeuot",
    );
    let place = place(&project, template, "keepalive_timeuot");
    let _ = refused(&project)
        .says(&place)
        .says("`params.keepalive_timeuot` is not defined")
        .says("did you mean `keepalive_timeout`?");
}

#[test]
fn a_secret_that_cannot_be_decrypted() {
    let project = Project::new("secret");
    let stranger = Project::new("stranger");
    let file = format!("{}.secrets.age", project.environment);
    fs::copy(
        stranger.home.join("identity.txt"),
        project.home.join("identity.txt"),
    )
    .expect("the identity is copied");
    let _ = refused(&project)
        .says(&file)
        .says("cannot decrypt")
        .says("rekey");
    // Nor does it go on with an empty value where a secret is missing.
    fs::remove_file(project.home.join("identity.txt")).expect("the identity is removed");
    let _ = refused(&project).says("no identity").says("hint:");
}

#[test]
fn a_secret_that_is_not_there() {
    let ran = spoiled(
        "missing",
        "status_token: status_token",
        "status_token: status_tokn",
        "status_tokn",
    );
    let _ = ran
        .says("clusters.web.set.status_token")
        .says("did you mean `status_token`?");
}

#[test]
fn every_mistake_is_named_at_once() {
    let project = Project::new("all");
    project.edit_inventory("nodes: [zipi, zape]", "nodes: [zipi, zapr]");
    project.edit_inventory("eth4: ext/11", "eth4: ext/11, eth5: exd/1");
    project.edit_inventory("worker_processes: 1", "worker_processes: 1000");
    let _ = refused(&project)
        .says("did you mean `zape`?")
        .says("did you mean `ext`?")
        .says("found `1000`");
    let ran = project
        .tandem(&["check", "-i", &project.environment, "--json"])
        .exits(3);
    let found = ran.json()["mistakes"].as_array().map(Vec::len);
    assert_eq!(found, Some(3), "{ran}");
}

#[test]
fn a_release_that_lacks_a_package() {
    let project = Project::new("lacks");
    let spec = fs::read_to_string(project.file("specs/web-site.yaml")).expect("the spec");
    fs::remove_file(project.file("specs/web-site.yaml")).expect("the spec is removed");
    // Found at the source already, where there are specs to look at.
    project.write(
        "specs/other.yaml",
        &spec.replace("/usr/share/web-site", "/usr/share/other"),
    );
    fs::rename(project.file("specs/web-site"), project.file("specs/other"))
        .expect("the payload is renamed");
    let roles = place(&project, "roles/web.yaml", "web-site");
    let _ = refused(&project).says(&roles).says("web-site");

    // A release that lacks it although the role named nothing when it was built.
    project.edit(
        "roles/web.yaml",
        "packages: [web-site]",
        "packages: [other]",
    );
    project.build("1.0.0");
    fs::remove_dir_all(project.file("dist/1.0.0/packages")).expect("packages are removed");
    let _ = project
        .tandem(&["plan", "-i", &project.environment, "--release", "1.0.0"])
        .exits(3)
        .says("other-1.0.0-1.noarch.rpm");
}

#[test]
fn a_param_that_was_not_built_yet() {
    let project = Project::new("unbuilt");
    project.build("1.0.0");
    project.edit(
        "roles/web.yaml",
        "  status_token:\n",
        "  colour:\n    type: text\n    default: blue\n    help: of the page\n  status_token:\n",
    );
    let plan = |words: &[&str]| {
        let all = [&["plan", "-i", &project.environment], words].concat();
        project.tandem(&all)
    };
    project.edit_inventory("worker_processes: 1", "colour: green");
    let _ = plan(&["--release", "1.0.0"])
        .exits(3)
        .says("has no param")
        .says("roles/web.yaml differs from release 1.0.0")
        .says("tandem build");
}

#[test]
fn a_mistyped_inventory_is_said_before_anything_is_built() {
    let project = Project::new("mistyped");
    let mistyped = format!("{}x", project.environment);
    let _ = project
        .tandem(&["plan", "-i", &mistyped])
        .exits(3)
        .says("there is no such inventory")
        .says(&format!("did you mean `{}`?", project.environment))
        .does_not_say("no release");
}

#[test]
fn a_release_that_does_not_exist() {
    let project = Project::new("nothere");
    let _ = project
        .tandem(&["plan", "-i", &project.environment])
        .exits(3)
        .says("`tandem build --release 1.0.0` makes one");
    project.build("1.0.0");
    let _ = project
        .tandem(&["plan", "-i", &project.environment, "--release", "2.0.0"])
        .exits(3)
        .says("there is no release 2.0.0")
        .says("there are 1.0.0");
}

#[test]
fn wrong_usage_is_not_taken_for_wrong_input() {
    let project = Project::new("usage");
    let _ = project.tandem(&["aply"]).exits(64).says("apply");
    let _ = project
        .tandem(&["plan", "-i", "nowhere"])
        .exits(3)
        .says("expected `e2e-usage`");
}
