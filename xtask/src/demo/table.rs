//! The demo's last word: what, how long, and how long the service was away.

use super::answers::Measure;
use crate::report::{span, table};
use std::time::Duration;

/// Rows in the order of events.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Something that the service has nothing to do with.
    pub(crate) fn row(&mut self, what: &str, took: Duration) {
        self.rows
            .push(vec![what.to_owned(), span(took), "-".to_owned()]);
    }

    /// Something that was done while the client kept asking.
    pub(crate) fn measured(&mut self, what: &str, took: Duration, measure: &Measure) {
        let away = if measure.failed == 0 {
            "not at all".to_owned()
        } else if measure.times == 1 {
            span(measure.away)
        } else {
            format!(
                "{} in {} parts, longest {}",
                span(measure.away),
                measure.times,
                span(measure.longest)
            )
        };
        self.rows.push(vec![
            what.to_owned(),
            span(took),
            away,
            format!("{} of {} requests", measure.failed, measure.asked),
        ]);
    }

    /// A check over all of it.
    pub(crate) fn check(&mut self, what: &str, result: String) {
        self.rows.push(vec![
            what.to_owned(),
            "-".to_owned(),
            "-".to_owned(),
            result,
        ]);
    }

    pub(crate) fn text(&self) -> String {
        let heading = ["what", "took", "service away", "failed"].map(str::to_owned);
        let mut rows = vec![heading.to_vec()];
        rows.extend(self.rows.iter().cloned());
        table(&rows)
    }
}
