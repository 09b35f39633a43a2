//! Unified diffs, as `diff -u` prints them.

use similar::TextDiff;

/// The difference between two texts with three lines of context.
pub fn unified(path: &str, before: Option<&str>, after: Option<&str>) -> String {
    let name = |side: &str, text: Option<&str>| {
        text.map_or_else(|| "/dev/null".to_owned(), |_| format!("{side}{path}"))
    };
    TextDiff::from_lines(before.unwrap_or(""), after.unwrap_or(""))
        .unified_diff()
        .context_radius(3)
        .header(&name("a", before), &name("b", after))
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn a_new_file_comes_from_nothing() {
        let text = unified("/etc/tandem/x", None, Some("one\n"));
        assert_eq!(
            text,
            "--- /dev/null\n+++ b/etc/tandem/x\n@@ -0,0 +1 @@\n+one\n"
        );
    }

    #[test]
    fn equal_texts_have_no_difference() {
        assert_eq!(unified("/x", Some("a\n"), Some("a\n")), "");
    }
}
