//! `profiles/NAME.yaml`.

use crate::shape::{Object, Shape, optional, required};
use crate::yaml::{Kind, Node, parse};
use crate::{Mistake, Mistakes, Position, Profile, SourceFile};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The whole document.
pub(crate) static PROFILE: Object = Object {
    help: "An operating system's own words for what roles leave open.",
    fields: &[
        required("summary", Shape::Text, "what it is, one line"),
        optional("paths", Shape::Map(&Shape::Path), "files and directories"),
        optional(
            "units",
            Shape::Map(&Shape::Text),
            "systemd units, with suffix",
        ),
        optional("programs", Shape::Map(&Shape::Path), "programs"),
        optional("users", Shape::Map(&Shape::Name), "accounts"),
        optional("groups", Shape::Map(&Shape::Name), "groups"),
        optional(
            "packages",
            Shape::Map(&Shape::OneOrMore(&Shape::Text)),
            "distribution packages as the host's rpm database names them",
        ),
        optional(
            "vagrant_box",
            Shape::Text,
            "the box that Vagrant makes such a host from",
        ),
    ],
};

const UNIT_SUFFIXES: &[&str] = &[
    ".service", ".socket", ".timer", ".target", ".mount", ".path",
];

/// Reads a profile.
pub(crate) fn profile(
    name: &str,
    file: &Arc<SourceFile>,
    mistakes: &mut Mistakes,
) -> Option<Profile> {
    let root = parse(file, mistakes)?;
    Shape::Object(&PROFILE).check(&root, mistakes);
    for (_, node) in root.get("units").map_or(&[][..], Node::entries) {
        if let Some(unit) = node.text()
            && !UNIT_SUFFIXES.iter().any(|suffix| unit.ends_with(suffix))
        {
            mistakes.push(
                Mistake::new(&node.at, "a unit's name has a suffix")
                    .found(node.described())
                    .suggest(format!("did you mean `{unit}.service`?")),
            );
        }
    }
    let packages = root.get("packages").map_or(&[][..], Node::entries);
    Some(Profile {
        name: name.to_owned(),
        summary: root
            .get("summary")
            .and_then(Node::text)
            .unwrap_or_default()
            .to_owned(),
        paths: texts(&root, "paths"),
        units: texts(&root, "units"),
        programs: texts(&root, "programs"),
        users: texts(&root, "users"),
        groups: texts(&root, "groups"),
        packages: packages
            .iter()
            .map(|(name, node)| (name.value.clone(), one_or_more(node)))
            .collect(),
        vagrant_box: root
            .get("vagrant_box")
            .and_then(Node::text)
            .map(str::to_owned),
        at: Position::start_of(file),
    })
}

fn texts(root: &Node, key: &str) -> BTreeMap<String, String> {
    let entries = root.get(key).map_or(&[][..], Node::entries);
    entries
        .iter()
        .filter_map(|(name, node)| Some((name.value.clone(), node.text()?.to_owned())))
        .collect()
}

fn one_or_more(node: &Node) -> Vec<String> {
    match &node.kind {
        Kind::List(items) => items
            .iter()
            .filter_map(|item| item.text().map(str::to_owned))
            .collect(),
        _ => node.text().map(str::to_owned).into_iter().collect(),
    }
}
