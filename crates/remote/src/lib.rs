//! SSH to the hosts: one trait, ssh2 behind it.
