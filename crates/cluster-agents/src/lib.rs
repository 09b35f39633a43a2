//! Runs resource and fence agents, unchanged.
