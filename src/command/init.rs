//! `tandem init`: a new project from nothing.

use super::Context;
use crate::failure::{Exit, Problem};
use std::path::Path;

pub(crate) fn run(context: &Context, directory: &Path) -> Result<Exit, Problem> {
    let _ = (context, directory);
    Err(Problem::failed("not yet"))
}
