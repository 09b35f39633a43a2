//! What the sources may say: who prints, who touches the world, how files begin
//! and how long they get.

/// Longer files have more than one subject.
const LONGEST: usize = 600;

/// Libraries that decide only: no clock, no disk, no network, no processes.
const PURE: &[&str] = &["crates/plan/src/", "crates/cluster-core/src/"];

/// Words that touch the world.
const WORLDLY: &[&str] = &[
    "std::net",
    "std::process",
    "std::fs",
    "std::env",
    "std::thread",
    "std::os",
    "SystemTime",
    "Instant",
    "::now()",
];

/// Macros that print.
const PRINTING: &[&str] = &["println!", "eprintln!", "print!", "eprint!", "dbg!"];

/// Who may print. The helper's program says its last words on standard error:
/// that is its protocol with the operator's side, which shows them.
const MAY_PRINT: &[&str] = &[
    "src/",
    "xtask/",
    "crates/host/src/main.rs",
    "crates/clusterd/src/terminal.rs",
    "fuzz/",
];

/// The one file with `unsafe` in it.
const MAY_BE_UNSAFE: &str = "crates/cluster-watchdog/src/kernel.rs";

/// A source file of the repository.
#[derive(Debug)]
pub(crate) struct Source {
    path: String,
    text: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: String) -> Self {
        Self {
            path: path.to_owned(),
            text,
        }
    }

    fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.contains("/tests/")
    }

    fn is_example(&self) -> bool {
        self.path.contains("/examples/")
    }

    /// Lines of code with their numbers: without comments, texts, and the unit
    /// tests that end a file.
    fn code(&self) -> Vec<(usize, String)> {
        let mut lines = Vec::new();
        for (at, line) in self.text.lines().enumerate() {
            if line.trim() == "#[cfg(test)]" && !self.is_test() {
                break;
            }
            lines.push((at + 1, bare(line)));
        }
        lines
    }

    fn lines_with<'a>(&self, words: &'a [&'a str]) -> Vec<(usize, &'a str)> {
        self.code()
            .iter()
            .filter_map(|(number, line)| {
                let word = words.iter().find(|word| contains_word(line, word))?;
                Some((*number, *word))
            })
            .collect()
    }
}

/// Every breach, with file and line.
pub(crate) fn check(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let path = &source.path;
        if !source.text.starts_with("//!") {
            found.push(format!(
                "{path}:1: begins without saying what it is for (`//!`)"
            ));
        }
        let lines = source.text.lines().count();
        if lines > LONGEST && !source.is_test() {
            found.push(format!(
                "{path}: {lines} lines; past {LONGEST} a file has more than one subject"
            ));
        }
        for (number, _) in source.lines_with(&["unsafe"]) {
            // What only the kernel can do; each block there has its proof.
            if path == MAY_BE_UNSAFE {
                break;
            }
            found.push(format!("{path}:{number}: `unsafe` is forbidden"));
        }
        if PURE.iter().any(|pure| path.starts_with(pure)) {
            for (number, word) in source.lines_with(WORLDLY) {
                found.push(format!(
                    "{path}:{number}: `{word}` in a crate that only decides"
                ));
            }
        }
        let may_print = source.is_test()
            || source.is_example()
            || MAY_PRINT.iter().any(|printer| path.starts_with(printer));
        if !may_print {
            for (number, word) in source.lines_with(PRINTING) {
                found.push(format!(
                    "{path}:{number}: `{word}`: only the command prints"
                ));
            }
        }
    }
    found
}

/// A line without its comment and without the insides of its texts.
fn bare(line: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if inside => {
                characters.next();
            }
            '\'' if !inside && characters.peek() == Some(&'"') => {
                // The character '"', not the beginning of a text.
                characters.next();
            }
            '"' => inside = !inside,
            '/' if !inside && characters.peek() == Some(&'/') => break,
            _ if inside => {}
            _ => out.push(character),
        }
    }
    out
}

/// Whether a word is there on its own: `print!` is not in `eprint!`.
fn contains_word(line: &str, word: &str) -> bool {
    let part = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let starts = !word.starts_with(part) || !before.is_some_and(part);
        let ends = !word.ends_with(part) || !after.is_some_and(part);
        starts && ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        check(&[Source::new(path, format!("//! A file.\n{text}"))])
    }

    #[test]
    fn a_library_that_prints_is_found() {
        let found = found("crates/deploy/src/run.rs", "fn f() { eprintln!(\"x\") }\n");
        assert_eq!(
            found,
            ["crates/deploy/src/run.rs:2: `eprintln!`: only the command prints"]
        );
    }

    #[test]
    fn the_command_and_tests_may_print() {
        let line = "fn f() { println!(\"x\") }\n";
        assert!(found("src/terminal.rs", line).is_empty());
        assert!(found("crates/lab/tests/faults.rs", line).is_empty());
        let unit = format!("fn g() {{}}\n#[cfg(test)]\nmod tests {{ {line} }}\n");
        assert!(found("crates/lab/src/lab.rs", &unit).is_empty());
    }

    #[test]
    fn a_clock_in_the_planner_is_found() {
        for line in [
            "let t = Timestamp::now();",
            "use std::time::Instant;",
            "use std::fs;",
            "std::process::exit(1);",
        ] {
            assert_eq!(found("crates/plan/src/plan.rs", line).len(), 1, "{line}");
            assert!(found("crates/deploy/src/run.rs", line).is_empty(), "{line}");
        }
        assert!(found("crates/plan/src/plan.rs", "enum Kind { Instantaneous }").is_empty());
    }

    #[test]
    fn what_is_unsafe_is_found_and_what_is_only_called_so_is_not() {
        assert_eq!(found("src/a.rs", "unsafe { go() }\n").len(), 1);
        assert!(
            found(
                "src/a.rs",
                "// unsafe\nlet a = \"unsafe\"; let unsafe_code = 1;\n"
            )
            .is_empty()
        );
    }

    #[test]
    fn a_file_without_a_purpose_and_one_with_too_many_are_found() {
        let silent = Source::new("src/a.rs", "fn f() {}\n".to_owned());
        assert_eq!(check(&[silent]).len(), 1);
        let long = "fn f() {}\n".repeat(LONGEST);
        assert_eq!(found("src/a.rs", &long).len(), 1);
        assert!(found("crates/a/tests/a.rs", &long).is_empty());
    }

    #[test]
    fn texts_and_comments_are_no_code() {
        assert_eq!(bare("a \"b // \\\" c\" d // e"), "a  d ");
        assert_eq!(
            bare("if c == '\"' { unsafe_code }"),
            "if c == ' { unsafe_code }"
        );
    }
}
