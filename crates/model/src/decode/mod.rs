//! Text to typed values. No file is opened here.

pub(crate) mod address;
pub(crate) mod inventory;
pub(crate) mod param;
pub(crate) mod profile;
pub(crate) mod role;
pub(crate) mod role_check;
pub(crate) mod role_parts;
pub(crate) mod role_shape;
pub(crate) mod spec;
