//! `specs/NAME.yaml`.

use crate::shape::{Object, Shape, mode, optional, required};
use crate::spec::{
    Change, Comparison, Dependency, Scriptlet, ScriptletTime, Spec, SpecFile, SpecFileKind,
};
use crate::yaml::{Kind, Node, parse};
use crate::{Mistake, Mistakes, SourceFile};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// The whole document.
pub(crate) static SPEC: Object = Object {
    help: "A package to build; its payload is in the directory of the same name.",
    fields: &[
        required("summary", Shape::Text, "one line"),
        required("version", Shape::Text, "rpm version"),
        optional("release", Shape::Text, "rpm release, 1"),
        required("license", Shape::Text, "SPDX expression"),
        required("description", Shape::Text, "paragraphs"),
        required("group", Shape::Text, "rpm group, `Applications/Internet`"),
        optional("url", Shape::Text, "home page"),
        optional(
            "arch",
            Shape::Word(&["noarch", "x86_64", "aarch64"]),
            "architecture, noarch",
        ),
        optional("requires", DEPENDENCIES, "what it needs, `httpd >= 2.4`"),
        optional("provides", DEPENDENCIES, "what it offers beyond its name"),
        optional("conflicts", DEPENDENCIES, "what it cannot live with"),
        optional("obsoletes", DEPENDENCIES, "what it replaces"),
        required(
            "files",
            Shape::List(&Shape::Object(&FILE)),
            "what it contains",
        ),
        optional(
            "scriptlets",
            Shape::Object(&SCRIPTLETS),
            "few: what is verified afterwards counts",
        ),
        required(
            "changelog",
            Shape::List(&Shape::Object(&CHANGE)),
            "newest first",
        ),
        optional(
            "restarts",
            Shape::OneOrMore(&Shape::Name),
            "units to restart when it changes, by the profiles' names",
        ),
    ],
};

const DEPENDENCIES: Shape = Shape::List(&Shape::Text);

static FILE: Object = Object {
    help: "An entry: exactly one of `file`, `tree`, `war`, `directory`, `doc`, `license`, `symlink`.",
    fields: &[
        required("path", Shape::Path, "where on the host"),
        optional("file", Shape::Text, "a file of the payload"),
        optional(
            "tree",
            Shape::Text,
            "every file below a directory of the payload",
        ),
        optional(
            "war",
            Shape::Text,
            "a web application archive of a directory of the payload",
        ),
        optional("directory", Shape::Boolean, "an empty directory"),
        optional("doc", Shape::Text, "documentation, a file of the payload"),
        optional(
            "license",
            Shape::Text,
            "a licence text, a file of the payload",
        ),
        optional("symlink", Shape::Text, "a symbolic link to this"),
        optional("mode", Shape::Mode, "0644; 0755 for a directory"),
        optional("owner", Shape::Name, "root"),
        optional("group", Shape::Name, "root"),
    ],
};

static SCRIPTLETS: Object = Object {
    help: "Run by /bin/sh; names as in rpm.",
    fields: &[
        optional("pre", Shape::Text, "before it is installed"),
        optional("post", Shape::Text, "after it was installed"),
        optional("preun", Shape::Text, "before it is removed"),
        optional("postun", Shape::Text, "after it was removed"),
        optional("pretrans", Shape::Text, "before the transaction"),
        optional("posttrans", Shape::Text, "after the transaction"),
    ],
};

static CHANGE: Object = Object {
    help: "An entry of the change log.",
    fields: &[
        required("date", Shape::Text, "YYYY-MM-DD"),
        required("author", Shape::Text, "Name <mail>"),
        required("version", Shape::Text, "version-release"),
        required("lines", Shape::List(&Shape::Text), "what changed"),
    ],
};

/// Reads a spec. `payload` is the directory of its files, `contents` what
/// lies in it: paths of files and, ending in `/`, of directories.
pub(crate) fn spec(
    name: &str,
    file: &Arc<SourceFile>,
    payload: PathBuf,
    contents: &BTreeSet<String>,
    mistakes: &mut Mistakes,
) -> Option<Spec> {
    let root = parse(file, mistakes)?;
    Shape::Object(&SPEC).check(&root, mistakes);
    let text = |key: &str| root.get(key).and_then(Node::text).map(str::to_owned);
    for key in ["version", "release"] {
        if let Some((node, value)) = root.get(key).and_then(|node| Some((node, node.text()?)))
            && !is_version(value)
        {
            mistakes.push(
                Mistake::new(&node.at, format!("rpm does not take this {key}"))
                    .found(node.described())
                    .expected("letters, digits, `.`, `_`, `+`, `~`, `^`"),
            );
        }
    }
    let items = |key: &str| root.get(key).map_or(&[][..], Node::items);
    let mut dependencies = |key: &str| -> Vec<Dependency> {
        items(key)
            .iter()
            .filter_map(|node| dependency(node, mistakes))
            .collect()
    };
    let (requires, provides) = (dependencies("requires"), dependencies("provides"));
    let (conflicts, obsoletes) = (dependencies("conflicts"), dependencies("obsoletes"));
    let mut paths = BTreeSet::new();
    let mut files = Vec::new();
    for node in items("files") {
        if let Some(entry) = entry(node, contents, mistakes) {
            if !paths.insert(entry.path.clone()) {
                mistakes.push(
                    Mistake::new(&node.at, "a second entry for this path").found(&entry.path),
                );
            }
            files.push(entry);
        }
    }
    let scriptlets = root.get("scriptlets").map_or(&[][..], Node::entries);
    let spec = Spec {
        name: name.to_owned(),
        version: text("version").unwrap_or_default(),
        release: text("release").unwrap_or_else(|| "1".to_owned()),
        summary: text("summary").unwrap_or_default(),
        description: text("description").unwrap_or_default(),
        license: text("license").unwrap_or_default(),
        group: text("group").unwrap_or_default(),
        url: text("url"),
        arch: text("arch").unwrap_or_else(|| "noarch".to_owned()),
        requires,
        provides,
        conflicts,
        obsoletes,
        files,
        scriptlets: scriptlets
            .iter()
            .filter_map(|(when, script)| {
                Some(Scriptlet {
                    when: scriptlet_time(when)?,
                    script: script.text()?.to_owned(),
                })
            })
            .collect(),
        changelog: items("changelog")
            .iter()
            .filter_map(|node| change(node, mistakes))
            .collect(),
        restarts: match root.get("restarts") {
            Some(Node {
                kind: Kind::List(items),
                ..
            }) => items
                .iter()
                .filter_map(|item| item.text().map(str::to_owned))
                .collect(),
            Some(node) => node.text().map(str::to_owned).into_iter().collect(),
            None => Vec::new(),
        },
        payload,
    };
    newest_change_is_this_version(&root, &spec, mistakes);
    Some(spec)
}

/// A change log that ends before the version it comes with tells nothing.
fn newest_change_is_this_version(root: &Node, spec: &Spec, mistakes: &mut Mistakes) {
    let wanted = format!("{}-{}", spec.version, spec.release);
    let newest = root
        .get("changelog")
        .and_then(|list| list.items().first())
        .and_then(|entry| entry.get("version"));
    if let Some((node, version)) = newest.and_then(|node| Some((node, node.text()?)))
        && version != wanted
    {
        mistakes.push(
            Mistake::new(&node.at, "the change log does not speak of this version")
                .found(node.described())
                .expected(format!("`{wanted}` first")),
        );
    }
}

fn scriptlet_time(word: &str) -> Option<ScriptletTime> {
    Some(match word {
        "pre" => ScriptletTime::Pre,
        "post" => ScriptletTime::Post,
        "preun" => ScriptletTime::Preun,
        "postun" => ScriptletTime::Postun,
        "pretrans" => ScriptletTime::Pretrans,
        "posttrans" => ScriptletTime::Posttrans,
        _ => return None,
    })
}

fn is_version(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "._+~^".contains(letter))
}

fn dependency(node: &Node, mistakes: &mut Mistakes) -> Option<Dependency> {
    let words: Vec<&str> = node.text()?.split_whitespace().collect();
    let parsed = match words.as_slice() {
        [name] => Some(Dependency {
            name: (*name).to_owned(),
            version: None,
        }),
        [name, operator, version] => comparison(operator).map(|operator| Dependency {
            name: (*name).to_owned(),
            version: Some((operator, (*version).to_owned())),
        }),
        _ => None,
    };
    if parsed.is_none() {
        mistakes.push(
            Mistake::new(&node.at, "this is no dependency")
                .found(node.described())
                .expected("`name`, or `name >= version` with one of <, <=, =, >=, >"),
        );
    }
    parsed
}

fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        "=" => Comparison::Equal,
        ">=" => Comparison::GreaterOrEqual,
        ">" => Comparison::Greater,
        _ => return None,
    })
}

fn entry(node: &Node, contents: &BTreeSet<String>, mistakes: &mut Mistakes) -> Option<SpecFile> {
    let kinds = [
        "file",
        "tree",
        "war",
        "directory",
        "doc",
        "license",
        "symlink",
    ];
    let given: Vec<(&str, &Node)> = kinds
        .iter()
        .filter_map(|key| Some((*key, node.get(key)?)))
        .collect();
    let [(key, what)] = given.as_slice() else {
        mistakes.push(Mistake::new(&node.at, "what is put there?").expected(
            "exactly one of `file`, `tree`, `war`, `directory`, `doc`, `license`, `symlink`",
        ));
        return None;
    };
    let text = what.text()?;
    let wanted = match *key {
        "file" | "doc" | "license" => Some(text.to_owned()),
        "tree" | "war" => Some(format!("{}/", text.trim_end_matches('/'))),
        _ => None,
    };
    if let Some(wanted) = wanted
        && !contents.contains(&wanted)
    {
        mistakes.push(
            Mistake::new(&what.at, "the payload does not have it")
                .found(what.described())
                .among(&wanted, contents.iter().map(String::as_str)),
        );
    }
    let source = PathBuf::from(text);
    let kind = match *key {
        "file" => SpecFileKind::File(source),
        "tree" => SpecFileKind::Tree(source),
        "war" => SpecFileKind::War(source),
        "doc" => SpecFileKind::Doc(source),
        "license" => SpecFileKind::License(source),
        "symlink" => SpecFileKind::Symlink(text.to_owned()),
        _ if text == "true" => SpecFileKind::Directory,
        _ => {
            mistakes.push(Mistake::new(&what.at, "not a directory, so what?").expected("`true`"));
            return None;
        }
    };
    let own = |key: &str| node.get(key).and_then(Node::text);
    let usual = if kind == SpecFileKind::Directory {
        0o755
    } else {
        0o644
    };
    Some(SpecFile {
        path: node.get("path")?.text()?.to_owned(),
        mode: own("mode").and_then(mode).unwrap_or(usual),
        owner: own("owner").unwrap_or("root").to_owned(),
        group: own("group").unwrap_or("root").to_owned(),
        kind,
    })
}

fn change(node: &Node, mistakes: &mut Mistakes) -> Option<Change> {
    let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
    let date = text("date")?;
    let is_date = date.len() == 10
        && date.char_indices().all(|(index, letter)| match index {
            4 | 7 => letter == '-',
            _ => letter.is_ascii_digit(),
        });
    if !is_date && let Some(at) = node.get("date") {
        mistakes.push(
            Mistake::new(&at.at, "this is no date")
                .found(at.described())
                .expected("YYYY-MM-DD"),
        );
    }
    let lines = node.get("lines").map_or(&[][..], Node::items);
    Some(Change {
        date,
        author: text("author")?,
        version: text("version")?,
        lines: lines
            .iter()
            .filter_map(|line| line.text().map(str::to_owned))
            .collect(),
    })
}
