//! Labs of the platform: all four hosts, or one of its pairs alone.

use crate::operator::{self, Operator};
use crate::stage::Stage;

/// The inventory of dev with some of its clusters, and the hosts that are left.
fn keep(operator: &Operator, clusters: &[&str]) {
    let path = operator.file(&operator.inventory());
    let text = std::fs::read_to_string(&path).expect("the inventory can be read");
    let mut inventory: serde_json::Value =
        serde_saphyr::from_str(&text).expect("the inventory is YAML");
    let all = inventory["clusters"].as_object_mut().expect("clusters");
    all.retain(|name, _| clusters.contains(&name.as_str()));
    let nodes: Vec<String> = all
        .values()
        .flat_map(|cluster| cluster["nodes"].as_array().expect("nodes"))
        .map(|node| node.as_str().expect("a name").to_owned())
        .collect();
    let hosts = inventory["hosts"].as_object_mut().expect("hosts");
    hosts.retain(|name, _| nodes.contains(name));
    let text = serde_saphyr::to_string(&inventory).expect("YAML again");
    std::fs::write(path, text).expect("the inventory can be written");
}

/// A bare lab `e2e-NAME` with these clusters of the platform; `change` edits the
/// project before keys and secrets are made.
pub(crate) fn of(name: &str, clusters: &[&str], change: impl FnOnce(&Operator)) -> Option<Stage> {
    Stage::of(operator::repository(), name, &[], |operator| {
        keep(operator, clusters);
        change(operator);
    })
}
