//! Every environment of the platform is in order.

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
