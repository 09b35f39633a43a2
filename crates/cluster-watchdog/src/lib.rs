//! Watchdogs, and what else needs the kernel directly.
