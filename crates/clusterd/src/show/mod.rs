//! Documents as text: pure functions, one file for each kind of document.

pub(crate) mod explain;
pub(crate) mod failcount;
pub(crate) mod nagios;
pub(crate) mod places;
pub(crate) mod simulation;
pub(crate) mod status;
mod table;
mod words;
