//! Clusters for tests: written shortly, generated, and brought to life.

pub(crate) mod build;
pub(crate) mod generate;
pub(crate) mod world;
