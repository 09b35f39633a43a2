//! What somebody changed by hand is seen, saved and put right.

use crate::contents::{APACHE, HTTPD, INDEX, ISSUE, MPM, Wish, package};
use crate::world::{World, assert_allowed, edited, host, only, verbs};
use tandem_generation::Digest;
use tandem_generation::place::CONFIG_PACKAGE;
use tandem_plan::{FileChange, FileChangeKind, LegPlan};

fn file<'p>(leg: &'p LegPlan, path: &str) -> &'p FileChange {
    let found = leg.files.iter().find(|file| file.path == path);
    found.expect("the file is in the plan")
}

fn installs(leg: &LegPlan) -> Vec<(&str, Option<&str>)> {
    leg.packages
        .iter()
        .map(|package| (package.name.as_str(), package.because.as_deref()))
        .collect()
}

#[test]
fn a_rendered_file_edited_by_hand_is_shown_saved_and_put_right() {
    let mut world = World::pair();
    let fact = edited(MPM, CONFIG_PACKAGE, "processes 4\n", Some("processes 99\n"));
    world.facts("zape").files.push(fact);
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(host(&plan, "zape").drift, [MPM]);
    let leg = only(&plan, "zape");
    assert_eq!(
        installs(leg),
        [(CONFIG_PACKAGE, Some("files edited by hand"))]
    );
    assert_eq!(file(leg, MPM).kind, FileChangeKind::EditedByHand);
    let diff = file(leg, MPM).diff.as_ref().expect("a diff");
    assert!(diff.contains("-processes 99\n+processes 4\n"), "{diff}");
    assert_eq!(verbs(&leg.after), [format!("try-restart {APACHE}")]);
    assert_eq!(plan.unchanged, ["zipi"]);
}

#[test]
fn a_rendered_file_that_somebody_removed_comes_back() {
    let mut world = World::pair();
    let fact = edited(ISSUE, CONFIG_PACKAGE, "Authorised use only.\n", None);
    world.facts("zape").files.push(fact);
    let plan = world.plan();
    let leg = only(&plan, "zape");
    assert_eq!(file(leg, ISSUE).kind, FileChangeKind::RemovedByHand);
    assert_eq!(
        installs(leg),
        [(CONFIG_PACKAGE, Some("files edited by hand"))]
    );
}

#[test]
fn another_mode_is_a_hand_edit_too() {
    let mut world = World::pair();
    let text = "processes 4\n";
    let mut fact = edited(MPM, CONFIG_PACKAGE, text, Some(text));
    fact.mode = Some(0o100_666);
    world.facts("zape").files.push(fact);
    let plan = world.plan();
    let leg = only(&plan, "zape");
    assert_eq!(host(&plan, "zape").drift, [MPM]);
    assert_eq!(
        installs(leg),
        [(CONFIG_PACKAGE, Some("files edited by hand"))]
    );
    assert_eq!(
        file(leg, MPM).diff.as_deref(),
        Some("old mode 0666\nnew mode 0644\n")
    );
}

#[test]
fn another_owner_is_a_hand_edit_too() {
    let mut world = World::pair();
    let text = "processes 4\n";
    let mut fact = edited(MPM, CONFIG_PACKAGE, text, Some(text));
    fact.owner = Some("bob:users".to_owned());
    fact.attributes_differ = true;
    world.facts("zape").files.push(fact);
    let plan = world.plan();
    assert_eq!(host(&plan, "zape").drift, [MPM]);
    assert_eq!(
        file(only(&plan, "zape"), MPM).diff.as_deref(),
        Some("old owner bob:users\nnew owner root:root\n")
    );
}

#[test]
fn a_file_of_a_release_package_edited_by_hand_is_put_right() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.install("web-site", "1.0.0").restarts = vec![APACHE.to_owned()];
    });
    world.settle("web", "zipi");
    let fact = edited(INDEX, "web-site", "hello\n", Some("defaced\n"));
    world.facts("zape").files.push(fact);
    let plan = world.plan();
    assert_allowed(&plan);
    let leg = only(&plan, "zape");
    assert_eq!(installs(leg), [("web-site", Some("files edited by hand"))]);
    assert_eq!(file(leg, INDEX).kind, FileChangeKind::EditedByHand);
    assert_eq!(host(&plan, "zape").drift, [INDEX]);
    // It is installed again, so what runs from it starts again.
    assert_eq!(verbs(&leg.after), [format!("try-restart {APACHE}")]);
}

#[test]
fn another_mode_of_a_release_packages_file_is_seen() {
    let mut world = World::pair();
    let mut fact = edited(INDEX, "web-site", "hello\n", Some("hello\n"));
    fact.mode = Some(0o600);
    world.facts("zape").files.push(fact);
    let plan = world.plan();
    assert_eq!(
        installs(only(&plan, "zape")),
        [("web-site", Some("files edited by hand"))]
    );
}

#[test]
fn a_hand_edit_on_the_node_that_serves_moves_the_service_first() {
    let mut world = World::pair();
    let fact = edited(MPM, CONFIG_PACKAGE, "processes 4\n", Some("processes 99\n"));
    world.facts("zipi").files.push(fact);
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(
        crate::world::order(&plan),
        [
            "check zape zipi",
            "move zipi > zape",
            "check zape zipi",
            "activate zipi",
            "confirm zipi",
            "check zape zipi",
        ]
    );
}

#[test]
fn the_undo_does_not_bring_hand_edits_back() {
    let mut world = World::pair();
    let fact = edited(MPM, CONFIG_PACKAGE, "processes 4\n", Some("processes 99\n"));
    world.facts("zape").files.push(fact);
    let plan = world.plan();
    assert!(only(&plan, "zape").undo_after.is_empty());
}

#[test]
fn an_edited_file_that_goes_is_saved_before() {
    let mut world = World::pair();
    world.want(|leg| leg.remove(MPM));
    let fact = edited(MPM, CONFIG_PACKAGE, "processes 4\n", Some("processes 99\n"));
    world.facts("zape").files.push(fact);
    let plan = world.plan();
    assert_eq!(host(&plan, "zape").drift, [MPM]);
    assert_eq!(file(only(&plan, "zape"), MPM).kind, FileChangeKind::Removed);
}

#[test]
fn an_edit_in_a_package_that_goes_does_not_keep_it() {
    let mut world = World::pair();
    world.want(|leg| leg.erase("web-site"));
    let fact = edited(INDEX, "web-site", "hello\n", Some("defaced\n"));
    world.facts("zape").files.push(fact);
    let plan = world.plan();
    let leg = only(&plan, "zape");
    assert!(leg.install.is_empty());
    assert_eq!(leg.erase, [package("web-site", "1.0.0").id]);
    assert_eq!(host(&plan, "zape").drift, [INDEX]);
}

#[test]
fn a_foreign_file_in_the_way_of_a_new_one_is_shown() {
    let mut world = World::bare();
    let mut fact = edited(HTTPD, "", "", Some("Listen 8080\n"));
    fact.owned = None;
    fact.package = None;
    world.facts("zape").files.push(fact);
    let plan = world.plan();
    let change = file(only(&plan, "zape"), HTTPD);
    assert_eq!(change.kind, FileChangeKind::Changed);
    assert!(
        change
            .diff
            .as_ref()
            .is_some_and(|diff| diff.contains("-Listen 8080"))
    );
    assert!(host(&plan, "zape").drift.is_empty());
}

#[test]
fn a_secret_is_never_in_a_diff() {
    let mut world = World::pair();
    let path = crate::contents::AUTHKEYS;
    world.want(|leg| {
        leg.write(path, "auth 2\n2 sha1 second\n");
        leg.texts
            .insert(path.to_owned(), "must not be shown".to_owned());
    });
    let mut fact = edited(
        path,
        CONFIG_PACKAGE,
        "auth 1\n1 sha1 first\n",
        Some("auth 7\n"),
    );
    fact.mode = Some(0o644);
    world.facts("zape").files.push(fact);
    let plan = world.plan();
    let text = serde_json::to_string(&plan).expect("plans can be written");
    assert!(!text.contains("must not be shown") && !text.contains("auth 7"));
    assert!(file(only(&plan, "zape"), path).secret);
    assert_eq!(
        only(&plan, "zape")
            .content
            .file(path)
            .map(|file| &file.digest),
        Some(&Digest::of("auth 2\n2 sha1 second\n"))
    );
}
