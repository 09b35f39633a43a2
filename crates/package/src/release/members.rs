//! Building the packages of a release, as many at a time as there are
//! processors.

use super::build::{Progress, ReleaseError, ReleaseInput};
use super::earlier::{Conflicts, Earlier, EarlierError, Fate, fate};
use crate::assemble::BuiltPackage;
use crate::build::{BuildError, build, id};
use crate::date::SourceDate;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use tandem_model::spec::Spec;

/// What the threads tell.
enum Report {
    Started(usize),
    Done(usize, Box<Result<Fate, MemberError>>),
}

enum MemberError {
    Build(BuildError),
    Earlier(EarlierError),
}

/// The packages, sorted by name. All mistakes of all of them are told.
pub(super) fn build_members(
    input: &ReleaseInput<'_>,
    earlier: &[Earlier],
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<BuiltPackage>, ReleaseError> {
    let mut specs: Vec<_> = input.specs.iter().collect();
    specs.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = specs.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(ReleaseError::Twice(id(pair[1])));
    }
    let fates = build_all(input, &specs, earlier, progress);
    let mut packages = Vec::new();
    let mut mistakes = Vec::new();
    let mut conflicts = Vec::new();
    for fate in fates {
        match fate {
            Ok(Fate::New(package) | Fate::Carried(package, _)) => packages.push(package),
            Ok(Fate::Taken(conflict)) => conflicts.push(conflict),
            Err(MemberError::Build(error)) => mistakes.push(error),
            Err(MemberError::Earlier(error)) => return Err(error.into()),
        }
    }
    if !mistakes.is_empty() {
        return Err(ReleaseError::Packages(mistakes));
    }
    if !conflicts.is_empty() {
        return Err(ReleaseError::Conflicts(Conflicts(conflicts)));
    }
    Ok(packages)
}

fn build_all(
    input: &ReleaseInput<'_>,
    specs: &[&Spec],
    earlier: &[Earlier],
    progress: &mut dyn FnMut(Progress<'_>),
) -> Vec<Result<Fate, MemberError>> {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicUsize::new(0);
    let (sender, reports) = mpsc::channel();
    let mut fates: Vec<Option<_>> = specs.iter().map(|_| None).collect();
    std::thread::scope(|scope| {
        for _ in 0..processors.min(specs.len()) {
            let sender = sender.clone();
            let next = &next;
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(spec) = specs.get(index) else {
                        return;
                    };
                    // Nobody listens any more only when the release is given up.
                    let _ = sender.send(Report::Started(index));
                    let fate = Box::new(member(input, spec, earlier));
                    let _ = sender.send(Report::Done(index, fate));
                }
            });
        }
        drop(sender);
        for report in reports {
            match report {
                Report::Started(index) => progress(Progress::Building {
                    package: &id(specs[index]),
                    number: index + 1,
                    of: specs.len(),
                }),
                Report::Done(index, fate) => {
                    tell(&fate, progress);
                    fates[index] = Some(*fate);
                }
            }
        }
    });
    fates.into_iter().flatten().collect()
}

fn member(input: &ReleaseInput<'_>, spec: &Spec, earlier: &[Earlier]) -> Result<Fate, MemberError> {
    let built = build(spec, input.date, input.key).map_err(MemberError::Build)?;
    let date = SourceDate::of_changelog(spec).unwrap_or(input.date);
    fate(built, earlier, date, input.key).map_err(MemberError::Earlier)
}

fn tell(fate: &Result<Fate, MemberError>, progress: &mut dyn FnMut(Progress<'_>)) {
    let (package, carried_from) = match fate {
        Ok(Fate::New(built)) => (&built.package, None),
        Ok(Fate::Carried(built, release)) => (&built.package, Some(release.as_str())),
        _ => return,
    };
    progress(Progress::Built {
        package,
        carried_from,
    });
}
