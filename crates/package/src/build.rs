//! From a spec to a signed RPM.

use crate::assemble::{BuiltPackage, Entry, EntryKind, Recipe, assemble, dependency};
use crate::date::{DateError, SourceDate, seconds_at};
use crate::payload::collect;
use crate::problem::{Problem, Problems};
use crate::signing_key::{KeyError, SigningKey};
use std::collections::BTreeMap;
use tandem_generation::PackageId;
use tandem_model::spec::Spec;

/// Why a package could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The spec and its payload do not fit together.
    #[error("cannot build {package}: {problems}")]
    Problems {
        /// The package.
        package: String,
        /// All of them.
        problems: Problems,
    },
    /// The date.
    #[error("cannot build {package}: {source}")]
    Date {
        /// The package.
        package: String,
        /// Why not.
        #[source]
        source: DateError,
    },
    /// The `rpm` crate refused.
    #[error("cannot build {package}")]
    Rpm {
        /// The package.
        package: String,
        /// Why not.
        #[source]
        source: Box<rpm::Error>,
    },
    /// It could not be signed.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Builds and signs a package. `fallback` is the date of a spec without a
/// changelog; others bear the date of their newest entry, so that what did not
/// change is the same bytes in the next release.
pub fn build(
    spec: &Spec,
    fallback: SourceDate,
    key: &SigningKey,
) -> Result<BuiltPackage, BuildError> {
    let date = SourceDate::of_changelog(spec).unwrap_or(fallback);
    let recipe = recipe(spec).map_err(|problems| BuildError::Problems {
        package: id(spec).to_string(),
        problems: Problems(problems),
    })?;
    assemble_and_sign(recipe, spec.restarts.clone(), date, key)
}

/// Everything that is wrong with a spec's payload and metadata, without
/// building it: what `tandem check` wants to know.
pub fn check(spec: &Spec) -> Vec<Problem> {
    recipe(spec).err().unwrap_or_default()
}

/// Assembles and signs; shared by all packages of ours.
pub(crate) fn assemble_and_sign(
    recipe: Recipe<'_>,
    restarts: Vec<String>,
    date: SourceDate,
    key: &SigningKey,
) -> Result<BuiltPackage, BuildError> {
    let id = recipe.id.clone();
    let package = assemble_unsigned(recipe, date)?;
    Ok(key.sign_package(package, id, restarts, date)?)
}

/// Assembles; nothing is signed yet.
pub(crate) fn assemble_unsigned(
    recipe: Recipe<'_>,
    date: SourceDate,
) -> Result<rpm::Package, BuildError> {
    let package = recipe.id.to_string();
    let date = match date.refuse_future() {
        Ok(date) => date,
        Err(source) => return Err(BuildError::Date { package, source }),
    };
    assemble(recipe, date).map_err(|source| BuildError::Rpm {
        package,
        source: Box::new(source),
    })
}

/// What the spec's package is called.
pub fn id(spec: &Spec) -> PackageId {
    PackageId {
        name: spec.name.clone(),
        version: spec.version.clone(),
        release: spec.release.clone(),
        arch: spec.arch.clone(),
    }
}

fn recipe(spec: &Spec) -> Result<Recipe<'_>, Vec<Problem>> {
    let mut problems = Vec::new();
    let entries = collect(spec, &mut problems);
    refuse_duplicates(&entries, &mut problems);
    let mut changelog = Vec::new();
    for change in &spec.changelog {
        let Some(noon) = seconds_at(&change.date, 12) else {
            problems.push(Problem::NotADay(change.date.clone()));
            continue;
        };
        let text: Vec<_> = change
            .lines
            .iter()
            .map(|line| format!("- {line}"))
            .collect();
        let name = format!("{} - {}", change.author, change.version);
        changelog.push((noon, name, text.join("\n")));
    }
    // rpm shows entries as they stand and expects the newest first.
    changelog.sort_by_key(|(noon, ..)| std::cmp::Reverse(*noon));
    let mut seen = Vec::new();
    for scriptlet in &spec.scriptlets {
        if seen.contains(&scriptlet.when) {
            problems.push(Problem::ScriptletTwice(scriptlet.when));
        }
        seen.push(scriptlet.when);
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Recipe {
        license: &spec.license,
        group: &spec.group,
        url: spec.url.as_deref(),
        // Whom to ask: the author of the newest change.
        packager: spec.changelog.first().map(|change| change.author.as_str()),
        requires: spec.requires.iter().map(dependency).collect(),
        provides: spec.provides.iter().map(dependency).collect(),
        conflicts: spec.conflicts.iter().map(dependency).collect(),
        obsoletes: spec.obsoletes.iter().map(dependency).collect(),
        scriptlets: spec
            .scriptlets
            .iter()
            .map(|scriptlet| (scriptlet.when, scriptlet.script.as_str()))
            .collect(),
        changelog: changelog
            .into_iter()
            .map(|(noon, name, text)| (name, text, noon))
            .collect(),
        entries,
        ..Recipe::new(id(spec), &spec.summary, &spec.description)
    })
}

fn refuse_duplicates(entries: &[Entry], problems: &mut Vec<Problem>) {
    let mut seen: BTreeMap<&str, &EntryKind> = BTreeMap::new();
    for entry in entries {
        if seen.insert(&entry.path, &entry.kind).is_some() {
            problems.push(Problem::PathTwice(entry.path.clone()));
        }
    }
}
