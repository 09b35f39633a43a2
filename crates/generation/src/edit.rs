//! Edit steps: single settings inside a file that somebody else owns and that
//! has no drop-in directory (`/etc/login.defs`). The same pure function makes
//! the plan's diff on the operator's side and the change on the host.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Settings to hold in a foreign file of `KEY value` or `KEY=value` lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The file; it must exist.
    pub path: String,
    /// What stands between key and value: `" "`, `"\t"`, `"="`.
    pub separator: String,
    /// Key to value. A commented-out key is left alone; the setting is put
    /// after it.
    pub set: BTreeMap<String, String>,
}

impl Edit {
    /// The text with every setting in place. The first live line of a key is
    /// changed, further ones are removed (the last would win in most readers),
    /// a key that is missing is added at the end.
    pub fn apply(&self, text: &str) -> String {
        let mut seen: BTreeMap<&str, bool> = BTreeMap::new();
        let mut out = String::with_capacity(text.len() + 64);
        for line in text.split_inclusive('\n') {
            let Some((key, value)) = self.setting(line) else {
                out.push_str(line);
                continue;
            };
            if seen.insert(key, true).is_none() {
                out.push_str(key);
                out.push_str(&self.separator);
                out.push_str(value);
                out.push('\n');
            }
        }
        for (key, value) in &self.set {
            if !seen.contains_key(key.as_str()) {
                if !out.is_empty() && !out.ends_with('\n') {
                    out.push('\n');
                }
                out.push_str(key);
                out.push_str(&self.separator);
                out.push_str(value);
                out.push('\n');
            }
        }
        out
    }

    /// True when applying would change nothing that counts.
    pub fn holds_in(&self, text: &str) -> bool {
        self.apply(text) == text
    }

    /// The key of ours that this line sets, if it does.
    pub fn key_in(&self, line: &str) -> Option<&str> {
        self.setting(line).map(|(key, _)| key)
    }

    /// The wanted setting, if this line sets one of our keys.
    fn setting(&self, line: &str) -> Option<(&str, &str)> {
        let body = line.trim();
        if body.starts_with('#') {
            return None;
        }
        let mark = self.separator.trim();
        let key = if mark.is_empty() {
            body.split(char::is_whitespace).next()?
        } else {
            body.split_once(mark)?.0.trim()
        };
        let (key, wanted) = self.set.get_key_value(key)?;
        Some((key, wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::Edit;

    fn login_defs() -> Edit {
        Edit {
            path: "/etc/login.defs".into(),
            separator: "\t".into(),
            set: [("PASS_MAX_DAYS".to_owned(), "90".to_owned())].into(),
        }
    }

    #[test]
    fn a_live_line_is_changed_and_a_comment_is_not() {
        let before = "# PASS_MAX_DAYS 5\nPASS_MAX_DAYS\t99999\nUMASK 022\n";
        assert_eq!(
            login_defs().apply(before),
            "# PASS_MAX_DAYS 5\nPASS_MAX_DAYS\t90\nUMASK 022\n"
        );
    }

    #[test]
    fn a_missing_key_is_added_and_a_second_one_removed() {
        assert_eq!(
            login_defs().apply("UMASK 022"),
            "UMASK 022\nPASS_MAX_DAYS\t90\n"
        );
        assert_eq!(
            login_defs().apply("PASS_MAX_DAYS 1\nPASS_MAX_DAYS 2\n"),
            "PASS_MAX_DAYS\t90\n"
        );
    }

    #[test]
    fn applying_twice_changes_nothing_more() {
        let once = login_defs().apply("PASS_MAX_DAYS   7\n");
        assert!(login_defs().holds_in(&once));
    }
}
