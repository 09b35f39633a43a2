//! How commands fail: one place that turns every kind of error into words, a way out,
//! and an exit code that scripts depend on.

use crate::api::client::{Client, Unanswered};
use crate::configuration::Unusable;
use crate::simulation::Impossible;
use cluster_model::report::{Report, Resource};

/// Exit codes (`clusterd --help` lists them).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Not done.
    Failed = 1,
    /// `status`: not healthy; `simulate`: something that ran would run no more.
    Unhealthy = 2,
    /// The input is wrong.
    Invalid = 3,
    /// The command line is wrong.
    Usage = 64,
}

/// A command that did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) exit: Exit,
    /// What was attempted and why it failed.
    pub(crate) lines: Vec<String>,
    /// Ways out.
    pub(crate) hints: Vec<String>,
}

impl Problem {
    fn new(exit: Exit, line: impl Into<String>) -> Self {
        Self {
            exit,
            lines: vec![line.into()],
            hints: Vec::new(),
        }
    }

    /// It was tried and did not work.
    pub(crate) fn failed(line: impl Into<String>) -> Self {
        Self::new(Exit::Failed, line)
    }

    /// The input is wrong.
    pub(crate) fn invalid(line: impl Into<String>) -> Self {
        Self::new(Exit::Invalid, line)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What was meant by a name that the daemon does not know, as far as the daemon's
    /// report tells.
    pub(crate) fn with_names_of(mut self, client: &Client) -> Self {
        let text = self.lines.first().map_or("", String::as_str);
        let unknown = text
            .strip_prefix("there is no node ")
            .map(|name| (name.to_owned(), true))
            .or_else(|| {
                let name = text.strip_prefix("there is no resource ");
                name.map(|name| (name.to_owned(), false))
            });
        let Some((name, node)) = unknown else {
            return self;
        };
        let Ok(report) = client.get::<Report>("/v1/status") else {
            return self;
        };
        let known = if node {
            let members = report.members.iter();
            let nodes = members.filter(|(_, member)| !member.witness);
            nodes.map(|(name, _)| name.clone()).collect()
        } else {
            names(&report.resources)
        };
        self.exit = Exit::Invalid;
        if !known.is_empty() {
            self.hints.push(meant(&name, &known));
        }
        self
    }
}

/// The most alike name, or all of them.
pub(crate) fn meant(name: &str, known: &[String]) -> String {
    let near = known.iter().min_by_key(|known| distance(name, known));
    match near {
        Some(near) if distance(name, near) <= 1 + name.len() / 4 => {
            format!("was `{near}` meant?")
        }
        _ => format!("there is {}", known.join(", ")),
    }
}

/// How many letters have to be put in, taken out or replaced (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = corner + usize::from(a != *b);
            corner = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(corner + 1);
        }
    }
    row[right.len()]
}

fn names(resources: &[Resource]) -> Vec<String> {
    let mut all = Vec::new();
    for resource in resources {
        all.push(resource.name.clone());
        all.extend(names(&resource.members));
    }
    all
}

impl From<Unanswered> for Problem {
    fn from(error: Unanswered) -> Self {
        let text = error.to_string();
        match error {
            Unanswered::NotRunning { .. } => Self::failed(text)
                .hint("`systemctl start clusterd` begins it; `journalctl -u clusterd` says why it ended"),
            Unanswered::Forbidden { .. } => Self::failed(text)
                .hint("root may ask for everything; who may read the status is in the group of status.sock"),
            Unanswered::Foreign(_) => Self::failed(text)
                .hint("the daemon is of another version; `clusterd renew` replaces it, resources are not touched"),
            Unanswered::Refused(_) | Unanswered::NotNow(_) => Self::failed(text),
            Unanswered::Broken(_) | Unanswered::Ended => {
                Self::failed(text).hint("`journalctl -u clusterd` says more")
            }
        }
    }
}

impl From<Unusable> for Problem {
    fn from(error: Unusable) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<Impossible> for Problem {
    fn from(error: Impossible) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<Unusable>() {
            Ok(unusable) => unusable.into(),
            Err(error) => Self::failed(format!("{error:#}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_alike_name_is_offered() {
        let known = ["zipi", "zape"].map(str::to_owned);
        assert_eq!(meant("zippi", &known), "was `zipi` meant?");
        assert_eq!(meant("database", &known), "there is zipi, zape");
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
