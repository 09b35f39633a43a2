//! Packages that come, change, go and return.

use crate::contents::{APACHE, HEARTBEAT, Wish, package};
use crate::world::{World, assert_allowed, host, only, order, verbs};
use tandem_generation::Digest;
use tandem_plan::PackageChange;
use tandem_plan::draft::drafts;

fn change(
    name: &str,
    from: Option<&str>,
    to: Option<&str>,
    because: Option<&str>,
) -> PackageChange {
    PackageChange {
        name: name.to_owned(),
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
        because: because.map(str::to_owned),
    }
}

#[test]
fn an_upgrade_installs_only_what_changes() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.install("web-site", "1.1.0");
    });
    let plan = world.plan();
    assert_allowed(&plan);
    let leg = only(&plan, "zape");
    assert_eq!(
        leg.packages,
        [change("web-site", Some("1.0.0-1"), Some("1.1.0-1"), None)]
    );
    assert_eq!(leg.install, [package("web-site", "1.1.0")]);
    // Nobody needs to restart for new pages.
    assert!(leg.after.is_empty() && leg.disturbs.is_empty());
}

#[test]
fn a_package_restarts_the_units_that_it_names() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.install("web-site", "1.1.0").restarts = vec![APACHE.to_owned()];
    });
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(only(&plan, "zipi").disturbs, [APACHE]);
    assert!(order(&plan).contains(&"move zipi > zape".to_owned()));
}

#[test]
fn another_build_of_the_same_version_is_another_package() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.install("web-site", "1.0.0").header = Digest::of("another build");
    });
    let plan = world.plan();
    let why = Some("same version, other content");
    assert_eq!(
        only(&plan, "zape").packages,
        [change("web-site", Some("1.0.0-1"), Some("1.0.0-1"), why)]
    );
}

#[test]
fn a_package_signed_again_is_the_same_one() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.install("web-site", "1.0.0").file = Digest::of("signed with a new key");
    });
    assert!(world.plan().is_empty());
    // With another change, the content names the file that the host keeps: a
    // repair after a power cut looks for it in the store.
    world.want(|leg| {
        leg.install("extra", "1.0.0");
    });
    let plan = world.plan();
    assert_allowed(&plan);
    let leg = only(&plan, "zape");
    assert_eq!(leg.install, [package("extra", "1.0.0")]);
    assert_eq!(
        leg.content.package("web-site"),
        Some(&package("web-site", "1.0.0"))
    );
}

#[test]
fn a_kept_package_that_left_the_store_comes_again_for_both_ways() {
    let mut world = World::pair();
    let again = Digest::of("signed with a new key");
    world.want(|leg| {
        leg.install("web-site", "1.0.0").file = again.clone();
        leg.install("extra", "1.0.0");
    });
    let lost = package("web-site", "1.0.0").file;
    world.facts("zape").store.retain(|file| *file != lost);
    let plan = world.plan();
    assert_allowed(&plan);
    let draft = &drafts(&plan, host(&plan, "zape"))[0];
    for transaction in [&draft.forward, &draft.undo] {
        let target = transaction.target.as_ref().expect("a target");
        let kept = target.content.package("web-site").expect("it stays");
        assert_eq!(kept.file, again);
    }
}

#[test]
fn what_is_no_longer_wanted_is_erased_by_obsoletes() {
    let mut world = World::pair();
    world.want(|leg| leg.erase("web-site"));
    let plan = world.plan();
    assert_allowed(&plan);
    let leg = only(&plan, "zape");
    assert_eq!(leg.erase, [package("web-site", "1.0.0").id]);
    assert_eq!(
        leg.packages,
        [change("web-site", Some("1.0.0-1"), None, None)]
    );
    let draft = &drafts(&plan, host(&plan, "zape"))[0];
    assert_eq!(draft.forward.obsoletes, [package("web-site", "1.0.0").id]);
    assert!(draft.undo.obsoletes.is_empty());
}

#[test]
fn a_package_that_goes_restarts_what_used_it() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.install("plugin", "1.0.0").restarts = vec![APACHE.to_owned()];
    });
    world.settle("web", "zipi");
    world.want(|leg| leg.erase("plugin"));
    let plan = world.plan();
    assert_eq!(only(&plan, "zipi").disturbs, [APACHE]);
}

#[test]
fn a_package_that_returns_is_installed_and_named_by_no_obsoletes() {
    let mut world = World::pair();
    world.want(|leg| leg.erase("web-site"));
    world.settle("web", "zipi");
    world.want(|leg| {
        leg.install("web-site", "1.0.0");
    });
    let plan = world.plan();
    let draft = &drafts(&plan, host(&plan, "zape"))[0];
    assert!(draft.forward.obsoletes.is_empty());
    assert_eq!(only(&plan, "zape").install, [package("web-site", "1.0.0")]);
    assert_eq!(draft.undo.obsoletes, [package("web-site", "1.0.0").id]);
}

#[test]
fn what_somebody_erased_or_replaced_by_hand_is_put_right() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.install("web-site", "1.0.0").restarts = vec![APACHE.to_owned()];
    });
    world.settle("web", "zipi");
    let facts = world.facts("zape");
    facts.packages.retain(|there| there.id.name != "web-site");
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(
        only(&plan, "zape").packages,
        [change("web-site", None, Some("1.0.0-1"), None)]
    );
    // What reads its files must read the new ones.
    assert_eq!(
        verbs(&only(&plan, "zape").after),
        [format!("try-restart {APACHE}")]
    );
}

#[test]
fn the_generations_own_package_is_never_erased() {
    let mut world = World::pair();
    let own = package("tandem-generation", "1");
    let facts = world.facts("zape");
    facts.packages.push(tandem_generation::InstalledPackage {
        id: own.id,
        header: Some(own.header),
    });
    assert!(world.plan().is_empty());
}

#[test]
fn an_engine_that_must_restart_disturbs_what_it_runs() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.write("/etc/ha.d/ha.cf", "deadtime 2\n").restarts = vec![HEARTBEAT.to_owned()];
    });
    let plan = world.plan();
    assert_allowed(&plan);
    let leg = only(&plan, "zipi");
    assert!(crate::world::restarts_engine(&verbs(&leg.after)));
    assert_eq!(leg.disturbs, [HEARTBEAT]);
}
