//! The cluster daemon and its commands.

fn main() {}
