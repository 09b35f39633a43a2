//! The workspace's own commands: demo, test, docs and checks.

fn main() {}
