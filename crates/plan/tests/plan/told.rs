//! Rendered files: what is shown of them where the host told and where nobody
//! asked.

use crate::contents::{HTTPD, ISSUE, MPM, Wish};
use crate::world::{World, edited, only};
use tandem_generation::place::CONFIG_PACKAGE;
use tandem_plan::{FileChange, FileChangeKind, Plan};

fn files(plan: &Plan) -> &[FileChange] {
    &only(plan, "zape").files
}

#[test]
fn a_changed_file_is_shown_against_what_the_host_told() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.write(HTTPD, "KeepAliveTimeout 7\n");
    });
    let text = "KeepAliveTimeout 5\n";
    let fact = edited(HTTPD, CONFIG_PACKAGE, text, Some(text));
    world.facts("zape").files.push(fact);
    let plan = world.plan();
    assert_eq!(
        files(&plan),
        [FileChange {
            path: HTTPD.to_owned(),
            kind: FileChangeKind::Changed,
            diff: Some(format!(
                "--- a{HTTPD}\n+++ b{HTTPD}\n@@ -1 +1 @@\n-KeepAliveTimeout 5\n+KeepAliveTimeout 7\n"
            )),
            secret: false,
        }]
    );
    assert!(plan.hosts["zape"].drift.is_empty());
}

#[test]
fn a_new_mode_alone_is_shown_though_the_host_sees_no_difference() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.write(ISSUE, "Authorised use only.\n").mode = 0o640;
        leg.pack();
    });
    let plan = world.plan();
    assert_eq!(
        files(&plan),
        [FileChange {
            path: ISSUE.to_owned(),
            kind: FileChangeKind::Changed,
            diff: Some("old mode 0644\nnew mode 0640\n".to_owned()),
            secret: false,
        }]
    );
    assert!(plan.hosts["zape"].drift.is_empty());
}

#[test]
fn a_new_group_alone_is_shown_and_restarts_who_reads_it() {
    let mut world = World::pair();
    world.want(|leg| {
        "www-data".clone_into(&mut leg.write(MPM, "processes 4\n").group);
        leg.pack();
    });
    let plan = world.plan();
    assert_eq!(
        files(&plan)[0].diff.as_deref(),
        Some("old owner root:root\nnew owner root:www-data\n")
    );
    assert_eq!(only(&plan, "zape").after.len(), 2);
}

#[test]
fn files_of_which_nobody_asked_are_compared_with_the_generation() {
    // A rollback does not ask for the files of the generation it goes to.
    let mut world = World::pair();
    world.want(|leg| {
        leg.write(HTTPD, "KeepAliveTimeout 7\n");
        leg.write("/etc/tandem/web/new.conf", "new\n");
        leg.remove(ISSUE);
        leg.texts.clear();
    });
    let plan = world.plan();
    let kinds: Vec<_> = files(&plan)
        .iter()
        .map(|file| (file.path.as_str(), file.kind, file.diff.is_none()))
        .collect();
    assert_eq!(
        kinds,
        [
            (ISSUE, FileChangeKind::Removed, true),
            (HTTPD, FileChangeKind::Changed, true),
            ("/etc/tandem/web/new.conf", FileChangeKind::Added, true),
        ]
    );
}

#[test]
fn a_new_file_is_shown_whole() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.write("/etc/tandem/web/new.conf", "new\n");
    });
    let plan = world.plan();
    let diff = files(&plan)[0].diff.as_deref();
    assert!(diff.is_some_and(|diff| diff.ends_with("+new\n")));
}
