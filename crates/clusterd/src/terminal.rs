//! Standard output and error: results on one, everything else on the other, colour only
//! on terminals.

use crate::failure::Problem;
use std::io::{IsTerminal as _, Write as _};

/// Meanings, not colours: a meaning is also visible without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Wrong.
    Bad,
    /// Worth a look.
    Warn,
    /// Less important than what is around it.
    Quiet,
    /// A heading, or what is asked for.
    Strong,
}

/// How meanings are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Styles {
    /// With colour.
    pub(crate) colour: bool,
}

impl Styles {
    /// For standard output.
    pub(crate) fn of_output() -> Self {
        Self {
            colour: std::io::stdout().is_terminal() && colour_is_welcome(),
        }
    }

    fn of_errors() -> Self {
        Self {
            colour: std::io::stderr().is_terminal() && colour_is_welcome(),
        }
    }

    /// Text with a meaning.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Warn => "33",
            Tone::Quiet => "2",
            Tone::Strong => "1",
        };
        if self.colour && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// <https://no-color.org>: set and not empty means none.
fn colour_is_welcome() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A result. A reader that went away (`| head`) is no reason to fail.
pub(crate) fn result(text: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A result as one JSON document.
pub(crate) fn document<T: serde::Serialize>(what: &T) -> Result<(), Problem> {
    let text = serde_json::to_string_pretty(what)
        .map_err(|error| Problem::failed(format!("writing JSON: {error}")))?;
    result(&format!("{text}\n"));
    Ok(())
}

/// Something about the work.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A way on.
pub(crate) fn hint(text: &str) {
    let word = Styles::of_errors().paint(Tone::Quiet, "hint:");
    say(&format!("{word} {text}"));
}

/// A problem with its ways out.
pub(crate) fn problem(problem: &Problem) {
    let word = Styles::of_errors().paint(Tone::Bad, "error:");
    for line in &problem.lines {
        say(&format!("{word} {line}"));
    }
    for text in &problem.hints {
        hint(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_there_is_painted() {
        let colour = Styles { colour: true };
        assert_eq!(colour.paint(Tone::Good, "up"), "\x1b[32mup\x1b[0m");
        assert_eq!(colour.paint(Tone::Bad, ""), "");
        assert_eq!(Styles::default().paint(Tone::Bad, "down"), "down");
    }
}
