//! tandem-host: the static helper that runs on a host.

fn main() {}
