//! Results as text and as JSON, from the same values.

pub(crate) mod comparison;
pub(crate) mod history;
pub(crate) mod outcome;
pub(crate) mod plan;
pub(crate) mod status;

use crate::failure::Problem;
use serde::Serialize;

/// One document, with a newline at its end.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<String, Problem> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|error| Problem::failed(format!("writing JSON: {error}")))
}

/// `1 file`, `2 files`.
pub(crate) fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// Columns as wide as their widest cell; the last one is not padded.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width + 2 - cell.chars().count().min(width + 2)));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_line_up_and_lines_have_no_tail() {
        let rows = [
            vec!["host".into(), "generation".into()],
            vec!["zipi1".into(), "3".into()],
        ];
        assert_eq!(table(&rows), "host   generation\nzipi1  3\n");
    }
}
