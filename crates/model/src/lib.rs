//! Inventory, roles, profiles and specs: typed, parsed once, validated with positions.

pub mod spec;
