//! `roles/NAME.yaml`: reading one file, and merging what it includes.

use super::role_check;
use super::role_parts::Parts;
use super::role_shape::ROLE;
use crate::shape::Shape;
use crate::yaml::{Node, parse};
use crate::{Mistake, Mistakes, Position, Role, SourceFile, Spanned};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A role as its own file has it, includes not merged in yet.
struct Single {
    role: Role,
    include: Vec<Spanned<String>>,
}

/// Reads all roles. Each comes out with everything that it includes.
pub(crate) fn roles(
    files: &[(String, Arc<SourceFile>)],
    templates: &BTreeMap<String, Arc<SourceFile>>,
    packages: Option<&BTreeMap<String, crate::spec::Spec>>,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, Role> {
    let mut singles = BTreeMap::new();
    for (name, file) in files {
        if let Some(single) = single(name, file, mistakes) {
            singles.insert(name.clone(), single);
        }
    }
    let names: Vec<&String> = files.iter().map(|(name, _)| name).collect();
    let mut roles = BTreeMap::new();
    for name in singles.keys() {
        let mut merged = None;
        let mut way = Vec::new();
        merge(name, &singles, &names, &mut way, &mut merged, mistakes);
        if let Some(mut role) = merged {
            role.name.clone_from(name);
            if let Some(own) = singles.get(name) {
                role.summary.clone_from(&own.role.summary);
            }
            role_check::alone(&role, templates, packages, mistakes);
            roles.insert(name.clone(), role);
        }
    }
    roles
}

fn single(name: &str, file: &Arc<SourceFile>, mistakes: &mut Mistakes) -> Option<Single> {
    let root = parse(file, mistakes)?;
    Shape::Object(&ROLE).check(&root, mistakes);
    let mut parts = Parts { mistakes };
    let role = Role {
        name: name.to_owned(),
        summary: root
            .get("summary")
            .and_then(Node::text)
            .unwrap_or_default()
            .to_owned(),
        parts: vec![name.to_owned()],
        params: parts.each(&root, "params", Parts::param),
        base: root.get("base").map_or(Vec::new(), Node::spanned_items),
        packages: root.get("packages").map_or(Vec::new(), Node::spanned_items),
        files: parts.listed(&root, "files", Parts::file),
        edits: parts.listed(&root, "edits", Parts::edit),
        units: parts.units(&root),
        validators: parts.each(&root, "validators", Parts::validator),
        resources: parts.listed(&root, "resources", Parts::resource),
        health: parts.named(&root, "health", Parts::health),
        redundancy: parts.named(&root, "redundancy", Parts::redundancy),
        endpoints: parts.each(&root, "endpoints", Parts::endpoint),
        initialisers: parts.named(&root, "initialisers", Parts::initialiser),
    };
    Some(Single {
        role,
        include: root.get("include").map_or(Vec::new(), Node::spanned_items),
    })
}

/// Included roles first, each once.
fn merge(
    name: &str,
    singles: &BTreeMap<String, Single>,
    names: &[&String],
    way: &mut Vec<String>,
    merged: &mut Option<Role>,
    mistakes: &mut Mistakes,
) {
    let Some(single) = singles.get(name) else {
        return;
    };
    way.push(name.to_owned());
    for include in &single.include {
        if way.contains(&include.value) {
            mistakes.push(
                Mistake::new(&include.at, "roles include each other")
                    .found(format!("{} -> {include}", way.join(" -> ")))
                    .expected("no circle"),
            );
        } else if names.iter().any(|known| **known == include.value) {
            merge(include, singles, names, way, merged, mistakes);
        } else {
            mistakes.push(
                Mistake::new(&include.at, "there is no such role")
                    .found(format!("`{include}`"))
                    .among(include, names.iter().map(|known| known.as_str())),
            );
        }
    }
    way.pop();
    match merged {
        None => *merged = Some(single.role.clone()),
        Some(all) if all.parts.iter().any(|part| part == name) => {}
        Some(all) => join(all, &single.role, mistakes),
    }
}

/// Adds a role's own part. What two parts both define is a mistake: which one
/// counts would depend on their order.
fn join(all: &mut Role, own: &Role, mistakes: &mut Mistakes) {
    let twice = |what: &str, name: &str, at: &Position, earlier: &Position| {
        Mistake::new(
            at,
            format!("{what} `{name}` is defined in an included role already"),
        )
        .found(format!("the other one is at {earlier}"))
        .suggest("remove one of them, or give it another name")
    };
    for (name, param) in &own.params {
        if let Some(other) = all.params.insert(name.clone(), param.clone()) {
            mistakes.push(twice("param", name, &param.at, &other.at));
        }
    }
    for unit in &own.units {
        if let Some(other) = all.units.iter().find(|other| other.unit == unit.unit) {
            mistakes.push(twice("unit", &unit.unit, &unit.unit.at, &other.unit.at));
        }
    }
    all.units.extend(own.units.iter().cloned());
    for health in &own.health {
        if let Some(other) = all.health.iter().find(|other| other.name == health.name) {
            mistakes.push(twice(
                "health check",
                &health.name,
                &health.name.at,
                &other.name.at,
            ));
        }
        all.health.push(health.clone());
    }
    for one in &own.redundancy {
        if let Some(other) = all.redundancy.iter().find(|other| other.name == one.name) {
            mistakes.push(twice(
                "redundancy check",
                &one.name,
                &one.name.at,
                &other.name.at,
            ));
        }
        all.redundancy.push(one.clone());
    }
    for one in &own.initialisers {
        if let Some(other) = all.initialisers.iter().find(|other| other.name == one.name) {
            mistakes.push(twice(
                "initialiser",
                &one.name,
                &one.name.at,
                &other.name.at,
            ));
        }
        all.initialisers.push(one.clone());
    }
    for (name, validator) in &own.validators {
        if let Some(other) = all.validators.insert(name.clone(), validator.clone()) {
            let at = &validator.call.program.at;
            mistakes.push(twice("validator", name, at, &other.call.program.at));
        }
    }
    for (name, endpoint) in &own.endpoints {
        if let Some(other) = all.endpoints.insert(name.clone(), endpoint.clone()) {
            mistakes.push(twice(
                "endpoint",
                name,
                &endpoint.address.at,
                &other.address.at,
            ));
        }
    }
    for (mine, theirs) in [
        (&own.base, &mut all.base),
        (&own.packages, &mut all.packages),
    ] {
        for one in mine {
            if !theirs.contains(one) {
                theirs.push(one.clone());
            }
        }
    }
    all.files.extend(own.files.iter().cloned());
    all.edits.extend(own.edits.iter().cloned());
    all.resources.extend(own.resources.iter().cloned());
    all.parts.extend(own.parts.iter().cloned());
}
