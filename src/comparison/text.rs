//! The answer in one line.

use super::{Difference, FileDifference, FileKind, Subject};
use tandem_model::Inventory;

/// "demo and prod: same release content; 3 parameters and 2 timings differ".
pub(super) fn verdict(
    left: &Inventory,
    right: &Inventory,
    differences: &[Difference],
    files: &[FileDifference],
) -> String {
    let counted = |wanted: fn(Subject) -> bool| -> Vec<String> {
        Subject::ALL
            .into_iter()
            .filter(|subject| wanted(*subject))
            .filter_map(|subject| {
                let count = differences
                    .iter()
                    .filter(|difference| difference.subject == subject)
                    .count();
                (count > 0).then(|| number(count, subject.words()))
            })
            .collect()
    };
    let content = counted(Subject::is_release_content);
    let others = counted(|subject| !subject.is_release_content());
    let mut parts = vec![if content.is_empty() {
        "same release content".to_owned()
    } else {
        format!("other release content ({})", and(&content))
    }];
    parts.push(match others.as_slice() {
        [] if content.is_empty() => "nothing differs".to_owned(),
        [] => "nothing else differs".to_owned(),
        [one] if one.starts_with("1 ") => format!("{one} differs"),
        _ => format!("{} differ", and(&others)),
    });
    let shapes = files
        .iter()
        .filter(|file| file.kind != FileKind::Values)
        .count();
    if shapes > 0 {
        let words = ("file differs", "files differ");
        parts.push(format!("{} in more than values", number(shapes, words)));
    }
    format!(
        "{} and {}: {}",
        left.environment,
        right.environment,
        parts.join("; ")
    )
}

/// `1 network`, `4 networks`.
pub(crate) fn number(count: usize, (one, many): (&str, &str)) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn and(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
