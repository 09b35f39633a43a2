//! What these commands say: stages as they come, findings, tables.

use std::time::{Duration, Instant};

/// Announces a stage.
pub(crate) fn stage(what: &str) -> Instant {
    eprintln!("\n==> {what}");
    Instant::now()
}

/// Prints findings; true if there is none.
pub(crate) fn findings(found: &[String]) -> bool {
    for finding in found {
        eprintln!("{finding}");
    }
    if found.is_empty() {
        eprintln!("nothing to object to");
    } else {
        eprintln!("{} findings", found.len());
    }
    found.is_empty()
}

/// Seconds with one decimal, milliseconds below one second.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 {
        format!("{} ms", duration.as_millis())
    } else if seconds < 100.0 {
        format!("{seconds:.1} s")
    } else {
        format!(
            "{:.0} min {:02.0} s",
            (seconds / 60.0).floor(),
            seconds % 60.0
        )
    }
}

/// Columns side by side, the last one as long as it likes.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short() {
        assert_eq!(span(Duration::from_millis(312)), "312 ms");
        assert_eq!(span(Duration::from_millis(4_250)), "4.2 s");
        assert_eq!(span(Duration::from_secs(754)), "12 min 34 s");
    }

    #[test]
    fn columns_line_up() {
        let rows =
            [["a", "bbb", "c"], ["aaaa", "b", ""]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), "a     bbb  c\naaaa  b\n");
    }
}
