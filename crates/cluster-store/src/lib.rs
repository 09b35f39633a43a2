//! What a node of a cluster keeps on its disk: [`cluster_core::Disk`] in one file.
//!
//! A voter's word is only worth something if it is still there after a crash, all of it.
//! So [`Store::write`] returns once everything is on the disk, and [`open`] checks every
//! byte that it relies on before anything is changed: a file that is not whole is refused
//! by name and left as it is. It is never mended by leaving out the last write, and never
//! replaced by an empty one.
//!
//! One bit in a file of redb is not protected by a checksum in a way that tells damage
//! from a crash: which of two commits counts, in a file that was not closed. If it is
//! turned over, the last write may seem never to have been done.

mod check;
mod disk;
mod found;
mod overlay;
mod problem;
mod store;

pub use found::{Origin, open};
pub use problem::Problem;
pub use store::{Identity, Store};
