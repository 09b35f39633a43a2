//! Members that come and go.

use crate::stage::{Stage, VIP};
use std::time::Duration;

#[test]
fn a_host_that_left_the_inventory_is_orphaned_until_it_is_retired() {
    let spare = "  zopo: {profile: debian12, nics: {eth1: hb/13, eth2: om/13, eth4: ext/13}}\n";
    let zape = "  zape: {profile: debian12, nics: {eth1: hb/12, eth2: om/12, eth4: ext/12}}\n";
    let Some(stage) = Stage::with("retire", &[], |operator| {
        operator.edit_inventory(zape, &format!("{zape}{spare}"));
    }) else {
        return;
    };
    let bare = stage.tree("zape");
    stage.build("1.0.0");
    let _ = stage.apply().exits(0);
    assert_eq!(stage.generation("zopo"), None, "a spare carries nothing");

    // Nobody forgets a host by deleting a line.
    stage.edit_inventory(zape, "");
    stage.edit_inventory("nodes: [zipi, zape]", "nodes: [zipi, zopo]");
    let before = stage.tree("zipi");
    let _ = stage
        .apply()
        .exits(1)
        .says("zape was a member and is no longer in the inventory")
        .says("tandem retire zape");
    assert_eq!(stage.tree("zipi"), before);

    let _ = stage
        .at(&["retire", "zape", "--yes"])
        .exits(3)
        .says("--address");
    let _ = stage
        .at(&["retire", "zape", "--yes", "--address", "10.77.2.12"])
        .exits(0)
        .says("zape: carries nothing of ours any more")
        .says("zipi: no longer expects zape");
    assert!(stage.packages("zape").is_empty());
    crate::tree::assert_same(&bare, &stage.tree("zape"), "zape is as it came");
    assert!(
        stage.eventually(Duration::from_secs(30), |stage| {
            stage.holders_of_vip() == ["zipi"]
        }),
        "zipi serves alone: {:?}",
        stage.holders_of_vip()
    );

    // Neither of the two would hear the other while only one knows of it.
    let _ = stage
        .apply()
        .exits(1)
        .says("the members change from zape,zipi to zipi,zopo")
        .says("--accept-outage");
    let _ = stage.at(&["apply", "--yes", "--accept-outage"]).exits(0);
    let holds = |host| stage.has_vip(host);
    assert_eq!(
        [holds("zipi"), holds("zape"), holds("zopo")]
            .into_iter()
            .filter(|holds| *holds)
            .count(),
        1,
        "one host has {VIP}"
    );
    assert!(!stage.has_vip("zape"));
    assert!(stage.generation("zopo").is_some());
    stage.assert_site("/health", "ok");
    let _ = stage.plan().exits(0).says("no change");
    let _ = stage.at(&["status"]).exits(0).says("good");
}
