//! `tandem diff-env`.

use super::Context;
use crate::comparison::{Side, compare};
use crate::environment::Environment;
use crate::failure::{Exit, Problem};
use crate::show;

/// What is to be told.
pub(crate) struct Wish {
    pub(crate) left: String,
    pub(crate) right: String,
    pub(crate) diff: bool,
    pub(crate) json: bool,
    pub(crate) detailed_exitcode: bool,
}

pub(crate) fn run(context: &Context, wish: &Wish) -> Result<Exit, Problem> {
    let space = context.workspace()?;
    let left = Environment::without_secrets(&space, &wish.left);
    let right = Environment::without_secrets(&space, &wish.right);
    let (left, right) = both(left, right)?;
    let (one, other) = both(Side::new(&left), Side::new(&right))?;
    let comparison = compare(&one, &other, wish.diff);
    let text = if wish.json {
        show::json(&comparison)?
    } else {
        show::comparison::text(&comparison, context.terminal)
    };
    context.terminal.result(&text);
    Ok(if wish.detailed_exitcode && !comparison.same {
        Exit::Changes
    } else {
        Exit::Done
    })
}

/// Both, or the mistakes of both at once.
fn both<T>(left: Result<T, Problem>, right: Result<T, Problem>) -> Result<(T, T), Problem> {
    match (left, right) {
        (Ok(left), Ok(right)) => Ok((left, right)),
        (Err(problem), Ok(_)) | (Ok(_), Err(problem)) => Err(problem),
        (Err(mut first), Err(second)) => {
            match (&mut first.mistakes, second.mistakes) {
                (Some(mistakes), Some(more)) => mistakes.extend(more),
                (none, more) => *none = none.take().or(more),
            }
            first.lines.extend(second.lines);
            first.hints.extend(second.hints);
            Err(first)
        }
    }
}
