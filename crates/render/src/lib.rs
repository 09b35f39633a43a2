//! Turns templates into the files of one host.
