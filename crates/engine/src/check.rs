//! What a cluster asks and its engine cannot do.

use crate::{Problem, Seat, engine};

/// Everything that this engine cannot express for this seat and that the
/// inventory does not do without.
pub fn check(seat: &Seat<'_>) -> Vec<Problem> {
    let engine = engine(seat.choice.kind);
    let mut problems: Vec<Problem> = seat
        .resources
        .features()
        .into_iter()
        .filter(|feature| {
            !engine.features().contains(feature) && !seat.choice.without.contains(feature)
        })
        .map(|feature| {
            Problem(format!(
                "engine {} cannot express `{word}` that role {} asks for: {}; \
                 `engine.without: [{word}]` accepts the loss",
                engine.name(),
                seat.cluster.role,
                feature.loss(),
                word = feature.word(),
            ))
        })
        .collect();
    problems.extend(engine.problems(seat));
    problems
}
