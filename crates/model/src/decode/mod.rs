//! Text to typed values. No file is opened here.

pub(crate) mod address;
mod cluster;
mod engine;
mod host;
pub(crate) mod inventory;
mod network;
pub(crate) mod param;
pub(crate) mod profile;
pub(crate) mod role;
pub(crate) mod role_check;
mod role_param;
pub(crate) mod role_parts;
pub(crate) mod role_shape;
pub(crate) mod spec;
