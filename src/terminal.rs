//! Standard output and error: colour only on terminals, questions only there.

use crate::arguments::Colour;
use crate::failure::{Exit, Problem};
use std::io::{BufRead, IsTerminal, Write};

/// How to print.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// Colour on standard output.
    pub(crate) colour: bool,
    /// Colour on standard error.
    pub(crate) colour_errors: bool,
    /// More words on standard error.
    pub(crate) verbose: bool,
}

/// Meanings, not colours: a meaning is also visible without colour.
#[derive(Clone, Copy)]
pub(crate) enum Tone {
    Good,
    Bad,
    Warn,
    Quiet,
    Strong,
    Plain,
}

impl Terminal {
    pub(crate) fn new(choice: Colour, verbose: bool) -> Self {
        let wanted = |terminal: bool| match choice {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        };
        Self {
            colour: wanted(std::io::stdout().is_terminal()),
            colour_errors: wanted(std::io::stderr().is_terminal()),
            verbose,
        }
    }

    /// Paints for standard output.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        paint(self.colour, tone, text)
    }

    /// Paints for standard error.
    pub(crate) fn paint_error(self, tone: Tone, text: &str) -> String {
        paint(self.colour_errors, tone, text)
    }

    /// A result, on standard output.
    #[expect(clippy::unused_self, reason = "printing belongs to the terminal")]
    pub(crate) fn result(self, text: &str) {
        // A reader that went away (`| head`) is no reason to fail.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }

    /// Something about the work, on standard error.
    #[expect(clippy::unused_self, reason = "printing belongs to the terminal")]
    pub(crate) fn say(self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// The same, where more words are wanted.
    pub(crate) fn detail(self, text: &str) {
        if self.verbose {
            self.say(&self.paint_error(Tone::Quiet, text));
        }
    }

    /// A problem with its ways out.
    pub(crate) fn problem(self, problem: &Problem) {
        if let Some(mistakes) = &problem.mistakes {
            self.say(mistakes.report(self.colour_errors, 100).trim_end());
        }
        for line in &problem.lines {
            self.say(&format!("{} {line}", self.paint_error(Tone::Bad, "error:")));
        }
        for hint in &problem.hints {
            self.say(&format!(
                "{} {hint}",
                self.paint_error(Tone::Quiet, "hint:")
            ));
        }
    }

    #[expect(clippy::unused_self, reason = "asking belongs to the terminal")]
    /// Asks before something is changed. Without a terminal nobody can answer,
    /// so that `--yes` is wanted.
    pub(crate) fn consent(self, yes: bool, question: &str) -> Result<(), Problem> {
        if yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            return Err(Problem::new(Exit::Usage, "nobody is here to ask")
                .hint("--yes says that it is meant"));
        }
        eprint!("{question} [y/N] ");
        let mut answer = String::new();
        let _ = std::io::stdin().lock().read_line(&mut answer);
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            Ok(())
        } else {
            Err(Problem::failed("nothing was changed"))
        }
    }
}

fn paint(colour: bool, tone: Tone, text: &str) -> String {
    let code = match tone {
        Tone::Good => "32",
        Tone::Bad => "31",
        Tone::Warn => "33",
        Tone::Quiet => "2",
        Tone::Strong => "1",
        Tone::Plain => "",
    };
    if colour && !code.is_empty() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}
