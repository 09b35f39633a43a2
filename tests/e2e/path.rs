//! The way of a platform: from bare hosts to a service, up, and back.

use crate::service::{Guard, Poller};
use crate::stage::{HOSTS, Stage};

#[test]
fn bare_hosts_become_a_service_and_a_second_apply_has_nothing_to_do() {
    let Some(stage) = Stage::new("bare") else {
        return;
    };
    stage.build("1.0.0");
    let _ = stage.plan().exits(2).says("bare -> generation 1");
    let _ = stage.apply().exits(0).says("accepted");
    assert!(stage.get("/health").contains("ok"));
    assert!(
        stage
            .get("/environment.html")
            .contains("tandem in development")
    );
    stage.assert_calm();
    for host in HOSTS {
        assert_eq!(stage.generation(host), Some(1));
        let _ = stage.tree(host);
    }
    let guard = Guard::start(&stage);
    let poller = Poller::start(&stage);
    let _ = stage.plan().exits(0).says("no change");
    let _ = stage.apply().exits(0).says("no change");
    let seen = poller.stop();
    assert!(seen.failures.is_empty() && seen.good > 10, "{seen}");
    guard.never_two();
}
