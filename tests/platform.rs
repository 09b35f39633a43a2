//! The platform of the thesis (`roles/`, `inventories/`), driven as an operator
//! drives it against twins of its inventories. One file per subject.

#[path = "e2e/operator.rs"]
#[allow(dead_code, reason = "each subject uses its own part")]
mod operator;
#[path = "platform/premises.rs"]
#[allow(dead_code, reason = "each subject uses its own part")]
mod premises;
#[path = "e2e/service.rs"]
#[allow(dead_code, reason = "each subject uses its own part")]
mod service;
#[path = "e2e/stage.rs"]
#[allow(dead_code, reason = "each subject uses its own part")]
mod stage;
#[path = "e2e/tree.rs"]
#[allow(dead_code, reason = "each subject uses its own part")]
mod tree;

#[path = "platform/backend.rs"]
mod backend;
#[path = "platform/base.rs"]
mod base;
#[path = "platform/drills.rs"]
mod drills;
#[path = "platform/frontend.rs"]
mod frontend;
#[path = "platform/guide.rs"]
mod guide;
#[path = "platform/inventories.rs"]
mod inventories;
#[path = "platform/own_role.rs"]
mod own_role;
#[path = "platform/twins.rs"]
mod twins;
#[path = "platform/whole.rs"]
mod whole;
