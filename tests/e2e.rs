//! The whole product, driven as an operator drives it: the `tandem` command
//! against the twin of an inventory. One file per subject.

#[path = "e2e/operator.rs"]
#[allow(dead_code, reason = "each subject uses its own part")]
mod operator;
#[path = "e2e/service.rs"]
#[allow(dead_code, reason = "each subject uses its own part")]
mod service;
#[path = "e2e/stage.rs"]
#[allow(dead_code, reason = "each subject uses its own part")]
mod stage;
#[path = "e2e/tree.rs"]
#[allow(dead_code, reason = "each subject uses its own part")]
mod tree;

#[path = "e2e/path.rs"]
mod path;
#[path = "e2e/input.rs"]
mod input;
