//! Packets between nodes: sealed, numbered, whole.
