//! Rows with columns of one width.

use crate::terminal::{Styles, Tone};

/// A cell and its meaning; nothing: plain.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    text: String,
    tone: Option<Tone>,
}

/// A plain cell.
pub(super) fn plain(text: impl Into<String>) -> Cell {
    let text = text.into();
    Cell { text, tone: None }
}

/// A cell with a meaning.
pub(super) fn painted(tone: Tone, text: impl Into<String>) -> Cell {
    let text = text.into();
    let tone = Some(tone);
    Cell { text, tone }
}

/// Rows, or lines in between that belong to the row above.
#[derive(Debug, Default)]
pub(super) struct Table {
    lines: Vec<Line>,
}

#[derive(Debug)]
enum Line {
    Row(Vec<Cell>),
    Note(Cell),
}

impl Table {
    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.lines.push(Line::Row(cells));
    }

    /// A line of its own, with its own indentation.
    pub(super) fn note(&mut self, cell: Cell) {
        self.lines.push(Line::Note(cell));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Each line indented by two blanks; columns are two blanks apart.
    pub(super) fn text(&self, styles: Styles) -> String {
        let mut widths: Vec<usize> = Vec::new();
        for line in &self.lines {
            let Line::Row(cells) = line else { continue };
            for (place, cell) in cells.iter().enumerate() {
                let width = cell.text.chars().count();
                match widths.get_mut(place) {
                    Some(known) => *known = (*known).max(width),
                    None => widths.push(width),
                }
            }
        }
        let mut text = String::new();
        for line in &self.lines {
            text.push_str("  ");
            match line {
                Line::Note(cell) => text.push_str(&paint(styles, cell)),
                Line::Row(cells) => {
                    // Nothing comes behind the last cell that says something.
                    let said = cells.iter().rposition(|cell| !cell.text.is_empty());
                    let last = said.unwrap_or(0);
                    for (place, cell) in cells.iter().enumerate().take(last + 1) {
                        text.push_str(&paint(styles, cell));
                        if place < last {
                            let blanks = widths[place] - cell.text.chars().count() + 2;
                            text.push_str(&" ".repeat(blanks));
                        }
                    }
                }
            }
            text.push('\n');
        }
        text
    }
}

fn paint(styles: Styles, cell: &Cell) -> String {
    match cell.tone {
        Some(tone) => styles.paint(tone, &cell.text),
        None => cell.text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_nothing_trails() {
        let mut table = Table::default();
        table.row(vec![plain("a"), painted(Tone::Good, "long"), plain("")]);
        table.note(plain("  between"));
        table.row(vec![plain("bcd"), plain("x"), plain("y")]);
        assert_eq!(
            table.text(Styles::default()),
            "  a    long\n    between\n  bcd  x     y\n"
        );
        let colour = table.text(Styles { colour: true });
        assert!(
            colour.starts_with("  a    \x1b[32mlong\x1b[0m\n"),
            "{colour:?}"
        );
    }
}
