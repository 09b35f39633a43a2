//! The project's own roles, profiles, specs and inventories are in order.

use std::path::Path;
use tandem_model::{Project, Source, Value};

fn repository() -> Project {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/web");
    Project::load(&Source::work_tree(&root))
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.report(false, 100)))
}

#[test]
fn all_environments_are_free_of_mistakes() {
    let project = repository();
    assert_eq!(project.inventories(), ["demo", "dev", "prod"]);
    for name in project.inventories() {
        let inventory = project
            .inventory(&name)
            .unwrap_or_else(|mistakes| panic!("{}", mistakes.report(false, 100)));
        assert_eq!(inventory.environment, name);
        assert_eq!(inventory.clusters.len(), 1);
    }
}

#[test]
fn environments_differ_in_addresses_and_gateways_and_share_roles() {
    let project = repository();
    let vip = |name: &str| {
        let inventory = project.inventory(name).expect("free of mistakes");
        match inventory.clusters[0].values["vip"].clone() {
            Value::Address(vip) => vip.address.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let vips = [vip("dev"), vip("demo"), vip("prod")];
    assert_eq!(vips, ["10.77.4.50", "198.51.100.50", "203.0.113.80"]);
}
