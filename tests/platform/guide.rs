//! A guide of docs/guides, taken at its word: files are written as they are
//! shown, commands are run as they are shown, and say what is shown.

use crate::operator::Operator;

/// What a reader does, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// "`path`:" above a block: the file.
    Write { path: String, text: String },
    /// "Under `units:` in `path`:" above a block: lines that go there.
    Insert {
        path: String,
        under: String,
        text: String,
    },
    /// A block `sh` without such a line above it, and the block `text` below it.
    Run {
        commands: Vec<String>,
        output: Option<String>,
    },
}

/// Reads the steps of a guide.
pub(crate) fn steps(guide: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut above = "";
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            if !line.trim().is_empty() {
                above = line;
            }
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let text: String = block.iter().flat_map(|line| [*line, "\n"]).collect();
        let quoted: Vec<&str> = above.split('`').skip(1).step_by(2).collect();
        let is_title = above.ends_with("`:");
        match (language, quoted.as_slice()) {
            (_, [path]) if is_title && above.starts_with('`') => steps.push(Step::Write {
                path: (*path).to_owned(),
                text,
            }),
            (_, [under, path]) if is_title && above.starts_with("Under `") => {
                steps.push(Step::Insert {
                    path: (*path).to_owned(),
                    under: (*under).to_owned(),
                    text,
                });
            }
            ("sh", _) => steps.push(Step::Run {
                commands: block.into_iter().map(str::to_owned).collect(),
                output: None,
            }),
            ("text", _) => match steps.last_mut() {
                Some(Step::Run { output, .. }) if output.is_none() => *output = Some(text),
                _ => panic!("no command has this output:\n{text}"),
            },
            _ => panic!("what is to be done with this block of {language}?\n{text}"),
        }
        // A title stands for one block.
        above = "";
    }
    steps
}

/// Does what a step says, in the operator's project.
#[track_caller]
pub(crate) fn follow(operator: &Operator, step: &Step) {
    match step {
        Step::Write { path, text } => {
            assert!(!operator.file(path).exists(), "{path} is there already");
            operator.write(path, text);
        }
        Step::Insert { path, under, text } => {
            operator.edit(path, &format!("\n{under}\n"), &format!("\n{under}\n{text}"));
        }
        Step::Run { commands, output } => {
            let mut said = String::new();
            for command in commands {
                let ran = operator.shell(command).exits(0);
                said.push_str(&ran.stdout);
            }
            if let Some(output) = output {
                let shown = said.replace(&operator.project.display().to_string(), "/root/platform");
                assert!(
                    is_shown(&shown, output),
                    "{commands:#?} said\n{said}\nand the guide shows\n{output}"
                );
            }
        }
    }
}

/// Is this the output that a guide shows? `...` stands for any lines; times,
/// counts of packages and files, and digests are others each time.
fn is_shown(said: &str, shown: &str) -> bool {
    let said: Vec<String> = said.lines().map(lasting).collect();
    let shown: Vec<String> = shown.lines().map(lasting).collect();
    matches(&said, &shown)
}

fn matches(said: &[String], shown: &[String]) -> bool {
    match shown.split_first() {
        None => said.is_empty(),
        Some((first, rest)) if first == "..." => {
            (0..=said.len()).any(|skipped| matches(&said[skipped..], rest))
        }
        Some((first, rest)) => said
            .split_first()
            .is_some_and(|(line, others)| line == first && matches(others, rest)),
    }
}

/// A line with `#` in place of what is another each time.
fn lasting(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let is_digest = |part: &str| {
        part.len() >= 12
            && part
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
            && part.bytes().any(|byte| byte.is_ascii_digit())
    };
    let kept: Vec<String> = words
        .iter()
        .enumerate()
        .map(|(index, word)| {
            let number = word.trim_start_matches('(');
            let unit = words
                .get(index + 1)
                .map(|next| next.trim_end_matches([')', ',', ';']));
            let counts = matches!(unit, Some("ms" | "s" | "packages" | "files"));
            if counts
                && number
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || byte == b'.')
            {
                return word.replace(number, "#");
            }
            let parts: Vec<&str> = word
                .split('-')
                .map(|part| if is_digest(part) { "#" } else { part })
                .collect();
            parts.join("-")
        })
        .collect();
    kept.join(" ")
}

#[test]
fn a_guide_is_read_as_a_reader_reads_it() {
    let guide = "\
# Title\n\nText with `code`.\n\n`a/b.yaml`:\n\n```yaml\nx: 1\n\ny: 2\n```\n
Under `units:` in `p.yaml`:\n\n```yaml\n  z: 3\n```\n\n```sh\none\ntwo\n```\n\n```text\nthree\n```\n";
    let text = |text: &str| text.to_owned();
    assert_eq!(
        steps(guide),
        [
            Step::Write {
                path: text("a/b.yaml"),
                text: text("x: 1\n\ny: 2\n")
            },
            Step::Insert {
                path: text("p.yaml"),
                under: text("units:"),
                text: text("  z: 3\n")
            },
            Step::Run {
                commands: vec![text("one"), text("two")],
                output: Some(text("three\n"))
            },
        ]
    );
}

#[test]
fn output_is_compared_but_for_what_never_lasts() {
    assert!(is_shown("a\nb\nc\n", "a\n...\nc\n"));
    assert!(is_shown("a\n", "...\na\n...\n"));
    assert!(!is_shown("a\nb\n", "a\n"));
    assert!(!is_shown("a\n", "...\nb\n"));
    assert!(is_shown("verified (12 ms)", "verified (1939 ms)"));
    assert!(is_shown(
        "dev: good (7 hosts, 3 files)",
        "dev: good (7 hosts, 41 files)"
    ));
    assert!(!is_shown(
        "dev: good (7 hosts, 3 files)",
        "dev: good (6 hosts, 3 files)"
    ));
    assert!(!is_shown("kept for 7 days", "kept for 14 days"));
    assert!(is_shown("1.1.0-ce40172f32cbd", "1.1.0-cbc1fe87c0f52"));
    assert!(!is_shown("1.1.0-ce40172f32cbd", "1.2.0-ce40172f32cbd"));
}
