//! The template engine, strict: what does not exist is a mistake with its
//! place in the template.

use crate::context::Names;
use crate::scan;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tandem_model::{Mistake, Mistakes, Position, Project, SourceFile, Spanned};
use tera::{Context, ErrorKind, Tera};

/// All templates of a project, compiled.
pub(crate) struct Templates {
    tera: Tera,
    sources: BTreeMap<String, Arc<SourceFile>>,
}

impl Templates {
    /// Compiles; mistakes of all templates at once.
    pub(crate) fn compile(project: &Project) -> Result<Self, Mistakes> {
        let mut sources = project.templates.clone();
        let mut mistakes = Mistakes::default();
        loop {
            let mut tera = Tera::new();
            tera.register_filter("password_hash", crate::password::password_hash);
            let texts: Vec<(&str, &str)> = sources
                .iter()
                .map(|(name, file)| (name.as_str(), file.text.as_str()))
                .collect();
            let Err(error) = tera.add_raw_templates(texts) else {
                mistakes.result()?;
                return Ok(Self { tera, sources });
            };
            // The rest may have mistakes of its own: leave this one out and
            // try again.
            let name = match error.kind() {
                ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
                    report.filename().to_owned()
                }
                ErrorKind::CircularInclude { tpl, .. } | ErrorKind::CircularExtend { tpl, .. } => {
                    tpl.clone()
                }
                ErrorKind::MissingParent { current, .. } => current.clone(),
                _ => String::new(),
            };
            let file = sources
                .remove(&name)
                .or_else(|| sources.pop_first().map(|(_, file)| file));
            let Some(file) = file else {
                return Err(mistakes);
            };
            mistakes.push(mistake(&error, &file, &Json::Null));
        }
    }

    /// Renders a template with these names.
    pub(crate) fn render(
        &self,
        name: &str,
        names: &Names,
        secret: bool,
        mistakes: &mut Mistakes,
    ) -> Option<String> {
        let file = self.sources.get(name)?;
        let visible = if secret { &names.secret } else { &names.open };
        let before = mistakes.len();
        let mut seen = BTreeSet::new();
        let mut waiting = vec![file];
        while let Some(file) = waiting.pop() {
            for one in scan::undefined(&file.text, visible) {
                let at = position(file, one.offset, one.segment.len());
                mistakes.push(undefined(&at, &one, names));
            }
            let included = scan::includes(&file.text);
            waiting.extend(
                included
                    .into_iter()
                    .filter(|name| seen.insert(name.clone()))
                    .filter_map(|name| self.sources.get(&name)),
            );
        }
        if mistakes.len() > before {
            return None;
        }
        let context = Context::from_serialize(visible).ok()?;
        match self.tera.render(name, &context) {
            Ok(text) => Some(text),
            Err(error) => {
                let file = self.place_of(&error).unwrap_or(file);
                mistakes.push(mistake(&error, file, visible));
                None
            }
        }
    }

    /// An included template may be the one that is wrong.
    fn place_of(&self, error: &tera::Error) -> Option<&Arc<SourceFile>> {
        match error.kind() {
            ErrorKind::RenderingError(report) => self.sources.get(report.filename()),
            _ => None,
        }
    }
}

/// Renders a text that stands in a role: a path, an argument, a URL. Secrets
/// are out of its reach.
pub(crate) fn inline(
    text: &Spanned<String>,
    names: &Names,
    mistakes: &mut Mistakes,
) -> Option<String> {
    if !text.contains("{{") && !text.contains("{%") {
        return Some(text.value.clone());
    }
    let wrong = scan::undefined(text, &names.open);
    for one in &wrong {
        mistakes.push(undefined(&text.at, one, names));
    }
    if !wrong.is_empty() {
        return None;
    }
    let context = Context::from_serialize(&names.open).ok()?;
    match Tera::one_off(text, &context, false) {
        Ok(text) => Some(text),
        Err(error) => {
            let report = message(&error);
            mistakes.push(explained(&text.at, &report, &names.open).found(format!("`{text}`")));
            None
        }
    }
}

fn undefined(at: &Position, one: &scan::Undefined, names: &Names) -> Mistake {
    let full = format!("{}.{}", one.parent, one.segment);
    if one.parent == "params" && names.hidden.contains(&one.segment) {
        return Mistake::new(at, format!("`{full}` is a secret"))
            .found("a use where everybody can read it")
            .expected("a file that the role declares `secret: true`");
    }
    Mistake::new(at, format!("`{full}` is not defined"))
        .found(format!("`{}`", one.segment))
        .among(&one.segment, one.known.iter().map(String::as_str))
}

fn message(error: &tera::Error) -> String {
    match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
            report.message().to_owned()
        }
        _ => error.to_string(),
    }
}

fn mistake(error: &tera::Error, file: &Arc<SourceFile>, visible: &Json) -> Mistake {
    let at = match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
            let span = report.span();
            let line_start: usize = file
                .text
                .split_inclusive('\n')
                .take(span.start_line.saturating_sub(1))
                .map(str::len)
                .sum();
            let offset = file.text[line_start..]
                .char_indices()
                .nth(span.start_col)
                .map_or(file.text.len(), |(offset, _)| line_start + offset);
            let length = if span.end_line == span.start_line {
                span.end_col.saturating_sub(span.start_col)
            } else {
                0
            };
            position(file, offset, length)
        }
        _ => Position::start_of(file),
    };
    explained(&at, &message(error), visible)
}

/// The engine lists everything that it knows; the nearest name says more.
fn explained(at: &Position, report: &str, visible: &Json) -> Mistake {
    let unknown = report
        .strip_prefix("Variable `")
        .and_then(|rest| rest.split_once('`'))
        .filter(|(_, rest)| rest.starts_with(" is not defined"));
    let Some((name, _)) = unknown else {
        let short = report.split(" Available ").next().unwrap_or(report);
        return Mistake::new(at, short.trim_end_matches('.'));
    };
    let known = visible
        .as_object()
        .into_iter()
        .flat_map(|object| object.keys().map(String::as_str));
    Mistake::new(at, format!("`{name}` is not defined"))
        .found(format!("`{name}`"))
        .among(name, known)
}

fn position(file: &Arc<SourceFile>, offset: usize, length: usize) -> Position {
    let before = &file.text[..offset.min(file.text.len())];
    let line_start = before.rfind('\n').map_or(0, |found| found + 1);
    Position {
        file: Arc::clone(file),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        offset,
        length,
        path: String::new(),
    }
}
