//! A small project on disk, for tests that spoil it.

#![allow(dead_code, reason = "each test file uses a part of this")]

use std::path::Path;
use tandem_model::{Inventory, Mistakes, Project, Source};
use tempfile::TempDir;

pub(crate) const INVENTORY: &str = "\
environment: dev
networks:
  om: {range: 10.77.2.0/24, gateway: 10.77.2.1}
  ext: 10.77.4.0/24
ssh: {network: om}
hosts:
  zipi: {profile: debian12, nics: {eth2: om/11, eth4: ext/11}, set: {server_id: 1}}
  zape: {profile: debian12, nics: {eth2: om/12, eth4: ext/12}, set: {server_id: 2}}
  solo: {profile: debian12, nics: {eth2: om/13}}
clusters:
  backend:
    role: backend
    nodes: [zipi, zape]
    engine: {kind: heartbeat, key: cluster_key}
    links: [om]
    set: {writer: ext/50, storage: local}
  frontend:
    role: frontend
    nodes: [solo]
    set: {db: backend.writer}
";

pub(crate) const BACKEND: &str = "\
summary: A backend
params:
  writer: address
  server_id: {type: integer, min: 1, max: 9, scope: host, unique: true}
  port: {type: port, default: 3306}
  storage: {one_of: [drbd, local]}
  fast: {type: boolean, default: false}
base: [apache]
units:
  apache: {run: cluster}
files:
  - {path: /etc/a.conf, template: a.conf, restarts: apache, validator: syntax, when: storage == local}
validators:
  syntax: {program: apache, arguments: [-t]}
resources:
  - group: db
    of:
      - {address: writer}
      - {unit: apache, monitor: 10s}
health:
  up: {unit: apache, on: holder}
endpoints:
  writer: {address: writer, port: port}
";

pub(crate) const FRONTEND: &str = "\
summary: A frontend
params:
  db: endpoint
  token: {type: text, default: none}
";

pub(crate) const PROFILE: &str = "\
summary: Debian
units: {apache: apache2.service}
programs: {apache: /usr/sbin/apache2}
packages: {apache: httpd}
";

pub(crate) const SPEC: &str = "\
summary: A package
version: 1.10
license: MIT
group: Applications/Internet
description: Something.
requires: [httpd >= 2.4]
files:
  - {path: /opt/x, file: x}
changelog:
  - {date: 2026-11-20, author: A <a@b.c>, version: 1.10-1, lines: [First]}
";

/// The small project with some files replaced.
pub(crate) struct Small {
    directory: TempDir,
}

impl Small {
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let small = Self {
            directory: tempfile::tempdir().expect("a directory"),
        };
        for (path, text) in [
            ("inventories/dev.yaml", INVENTORY),
            ("roles/backend.yaml", BACKEND),
            ("roles/frontend.yaml", FRONTEND),
            ("profiles/debian12.yaml", PROFILE),
            ("templates/a.conf", "a\n"),
            ("specs/x.yaml", SPEC),
            ("specs/x/x", "x\n"),
        ]
        .iter()
        .chain(files)
        {
            small.write(path, text);
        }
        small
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().expect("not the root")).expect("created");
        std::fs::write(path, text).expect("written");
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn project(&self) -> Result<Project, Mistakes> {
        Project::load(&Source::work_tree(self.root()))
    }

    pub(crate) fn inventory(&self) -> Result<Inventory, Mistakes> {
        self.project()?.inventory("dev")
    }
}

/// `line path: message [expected] suggestion`, one per mistake.
pub(crate) fn told(mistakes: &Mistakes) -> Vec<String> {
    mistakes
        .iter()
        .map(|one| {
            let suggestion = one.suggestion.as_deref().unwrap_or("-");
            format!(
                "{} {}: {} / {suggestion}",
                one.at.line, one.at.path, one.message
            )
        })
        .collect()
}
