//! Turns roles and templates into what one host shall be. Pure: the same input
//! gives the same bytes, and everything comes out sorted.

mod output;

pub use output::{HostFiles, RenderedFile};
