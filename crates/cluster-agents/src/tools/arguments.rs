//! Arguments as getopt_long(3) reads them: clustered, attached, abbreviated by nobody.

use super::{Said, USAGE};

/// An option: its letter, other letters for the same, its long names, has it a value.
pub(super) struct Known {
    pub(super) letter: char,
    pub(super) aliases: &'static str,
    pub(super) long: &'static [&'static str],
    pub(super) value: bool,
}

/// An option of one letter and one long name.
pub(super) const fn known(
    letter: char,
    aliases: &'static str,
    long: &'static [&'static str],
    value: bool,
) -> Known {
    Known {
        letter,
        aliases,
        long,
        value,
    }
}

/// What was given. What is no option is passed over: some agents have a parameter there
/// that may be empty or not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Given(Vec<(char, Option<String>)>);

impl Given {
    pub(super) fn has(&self, letter: char) -> bool {
        self.0.iter().any(|(found, _)| *found == letter)
    }

    /// The last one counts.
    pub(super) fn value(&self, letter: char) -> Option<String> {
        let found = self.0.iter().rev().find(|(found, _)| *found == letter);
        found.and_then(|(_, value)| value.clone())
    }
}

pub(super) fn parse(arguments: &[String], options: &[Known]) -> Result<Given, Said> {
    let mut given = Vec::new();
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        if word == "--" {
            break;
        }
        if let Some(long) = word.strip_prefix("--") {
            let (name, attached) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            let option = options.iter().find(|it| it.long.contains(&name));
            let option = option.ok_or_else(|| unknown(word))?;
            let value = match (option.value, attached) {
                (true, None) => Some(rest.next().ok_or_else(|| wants(word))?.clone()),
                (_, attached) => attached,
            };
            given.push((option.letter, value));
        } else if let Some(letters) = word.strip_prefix('-').filter(|it| !it.is_empty()) {
            for (index, letter) in letters.char_indices() {
                let option = options
                    .iter()
                    .find(|it| it.letter == letter || it.aliases.contains(letter));
                let option = option.ok_or_else(|| unknown(word))?;
                if !option.value {
                    given.push((option.letter, None));
                    continue;
                }
                let attached = &letters[index + letter.len_utf8()..];
                let value = if attached.is_empty() {
                    rest.next().ok_or_else(|| wants(word))?.clone()
                } else {
                    attached.to_owned()
                };
                given.push((option.letter, Some(value)));
                break;
            }
        }
    }
    Ok(Given(given))
}

fn unknown(word: &str) -> Said {
    Said::error(USAGE, format!("this crm tool of clusterd has no `{word}`"))
}

fn wants(word: &str) -> Said {
    Said::error(USAGE, format!("`{word}` wants a value"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &[Known] = &[
        known('n', "", &["name"], true),
        known('v', "U", &["update"], true),
        known('q', "Q", &["quiet"], false),
        known('1', "", &["one-shot"], false),
    ];

    fn given(words: &[&str]) -> Result<Given, Said> {
        let words: Vec<String> = words.iter().map(|&it| it.to_owned()).collect();
        parse(&words, OPTIONS)
    }

    #[test]
    fn all_ways_of_writing_an_option() {
        for words in [
            &["-n", "x", "-v", "-5", "-q"][..],
            &["-nx", "-U-5", "-Q"],
            &["--name=x", "--update", "-5", "--quiet"],
            &["-qn", "x", "-v", "-5", "15"],
        ] {
            let found = given(words).expect("known");
            assert_eq!(found.value('n').as_deref(), Some("x"), "{words:?}");
            assert_eq!(found.value('v').as_deref(), Some("-5"), "{words:?}");
            assert!(found.has('q') && !found.has('1'));
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert_eq!(given(&["-z"]).expect_err("unknown").code, USAGE);
        assert_eq!(given(&["--nam", "x"]).expect_err("unknown").code, USAGE);
        assert_eq!(given(&["-n"]).expect_err("no value").code, USAGE);
    }
}
