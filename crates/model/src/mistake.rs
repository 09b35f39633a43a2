//! What is wrong with the operator's source: every mistake with its place,
//! what was found, what was expected and, where one is near, what was meant.

use crate::Position;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use std::fmt;
use std::fmt::Write;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where.
    pub at: Position,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// What was found there, as it was written.
    pub found: Option<String>,
    /// What belongs there.
    pub expected: Option<String>,
    /// The way out: `did you mean `zape`?`
    pub suggestion: Option<String>,
}

impl Mistake {
    /// A mistake at a place.
    pub fn new(at: &Position, message: impl Into<String>) -> Self {
        Self {
            at: at.clone(),
            message: message.into(),
            found: None,
            expected: None,
            suggestion: None,
        }
    }

    /// With what was found.
    #[must_use]
    pub fn found(mut self, found: impl fmt::Display) -> Self {
        self.found = Some(found.to_string());
        self
    }

    /// With what belongs there.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// With the way out.
    #[must_use]
    pub fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// With the nearest of the names that would have been right, or all of
    /// them where none is near.
    #[must_use]
    pub fn among<'a>(mut self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        if let Some(near) = nearest(wrong, &known) {
            self.suggestion = Some(format!("did you mean `{near}`?"));
        }
        if self.expected.is_none() {
            self.expected = Some(match known.as_slice() {
                [] => "nothing: there are none".to_owned(),
                [only] => format!("`{only}`"),
                many => format!("one of {}", quoted(many)),
            });
        }
        self
    }
}

/// Names in back quotes, sorted, at most twelve of them.
fn quoted(names: &[&str]) -> String {
    let mut sorted: Vec<&str> = names.to_vec();
    sorted.sort_unstable();
    let shown: Vec<String> = sorted
        .iter()
        .take(12)
        .map(|name| format!("`{name}`"))
        .collect();
    let more = sorted.len().saturating_sub(12);
    if more == 0 {
        shown.join(", ")
    } else {
        format!("{} and {more} more", shown.join(", "))
    }
}

/// The name that was probably meant: at most a third of its letters differ
/// (a swapped pair counts once), or one begins with the other.
pub fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|name| (distance(wrong, name), *name))
        .filter(|(away, name)| {
            let longer = wrong.chars().count().max(name.chars().count());
            (*away < longer && *away * 3 <= longer.max(3))
                || (wrong.len() >= 3 && (name.starts_with(wrong) || wrong.starts_with(name)))
        })
        .min()
        .map(|(_, name)| name)
}

/// Edit distance with adjacent swaps (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().take(64).collect();
    let right: Vec<char> = right.chars().take(64).collect();
    let mut rows = vec![vec![0_usize; right.len() + 1]; left.len() + 1];
    for (index, row) in rows.iter_mut().enumerate() {
        row[0] = index;
    }
    for (index, cell) in rows[0].iter_mut().enumerate() {
        *cell = index;
    }
    for i in 1..=left.len() {
        for j in 1..=right.len() {
            let change = usize::from(left[i - 1] != right[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(rows[i][j - 1] + 1)
                .min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[left.len()][right.len()]
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

impl Diagnostic for Mistake {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let mut lines = Vec::new();
        if !self.at.path.is_empty() {
            lines.push(format!("at {}", self.at.path));
        }
        if let Some(found) = &self.found {
            lines.push(format!("found {found}"));
        }
        if let Some(expected) = &self.expected {
            lines.push(format!("expected {expected}"));
        }
        if let Some(suggestion) = &self.suggestion {
            lines.push(suggestion.clone());
        }
        if lines.is_empty() {
            None
        } else {
            Some(Box::new(lines.join("\n")))
        }
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let length = self.at.file.text.len();
        let offset = self.at.offset.min(length);
        let span = (offset, self.at.length.min(length - offset));
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(
            None, span,
        ))))
    }
}

impl SourceCode for Mistake {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let contents = self.at.file.text.read_span(span, before, after)?;
        Ok(Box::new(miette::MietteSpanContents::new_named(
            self.at.file.path.display().to_string(),
            contents.data(),
            *contents.span(),
            contents.line(),
            contents.column(),
            contents.line_count(),
        )))
    }
}

impl Serialize for Mistake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Mistake", 8)?;
        out.serialize_field("file", &self.at.file.path.display().to_string())?;
        out.serialize_field("line", &self.at.line)?;
        out.serialize_field("column", &self.at.column)?;
        out.serialize_field("path", &self.at.path)?;
        out.serialize_field("message", &self.message)?;
        out.serialize_field("found", &self.found)?;
        out.serialize_field("expected", &self.expected)?;
        out.serialize_field("suggestion", &self.suggestion)?;
        out.end()
    }
}

/// All mistakes that were found, in the order of files and lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// Notes one more.
    pub fn push(&mut self, mistake: Mistake) {
        if !self.0.contains(&mistake) {
            self.0.push(mistake);
        }
    }

    /// Takes in all of another collection.
    pub fn extend(&mut self, others: Mistakes) {
        for mistake in others.0 {
            self.push(mistake);
        }
    }

    /// Is everything right?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }

    /// `Ok` when there are none, else all of them, sorted.
    pub fn result(mut self) -> Result<(), Self> {
        self.sort();
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    fn sort(&mut self) {
        self.0.sort_by(|left, right| {
            (&left.at.file.path, left.at.offset).cmp(&(&right.at.file.path, right.at.offset))
        });
    }

    /// For people: each mistake with its lines of source. `width` in columns.
    pub fn report(&self, colour: bool, width: usize) -> String {
        let theme = if colour {
            GraphicalTheme::unicode()
        } else {
            GraphicalTheme::unicode_nocolor()
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(width)
            .with_links(false)
            .with_context_lines(1);
        let mut out = String::new();
        for (index, mistake) in self.0.iter().enumerate() {
            if index > 0 {
                out.push('\n');
            }
            if handler.render_report(&mut out, mistake).is_err() {
                // Positions come from the same text, so this is unreachable in
                // practice; the mistake itself must not be lost even so.
                let _ = writeln!(out, "{}: {}", mistake.at, mistake.message);
            }
        }
        out
    }
}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{}: {}", mistake.at, mistake.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_name_is_the_one_that_was_meant() {
        assert_eq!(nearest("zapr", &["zipi", "zape"]), Some("zape"));
        assert_eq!(nearest("hsots", &["hosts", "networks"]), Some("hosts"));
        assert_eq!(nearest("deb", &["debian12", "el9"]), Some("debian12"));
        assert_eq!(nearest("gateway", &["zipi", "zape"]), None);
    }
}
