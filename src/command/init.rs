//! `tandem init`: a new project from nothing. It is this repository's
//! `examples/web`, so that what people begin with is what is tested here.

use super::Context;
use crate::failure::{Exit, Problem};
use std::path::Path;

/// A file of the example, and where it goes.
macro_rules! source {
    ($path:literal) => {
        ($path, include_str!(concat!("../../examples/web/", $path)))
    };
}

const FILES: &[(&str, &str)] = &[
    source!("inventories/dev.yaml"),
    source!("profiles/debian12.yaml"),
    source!("profiles/el9.yaml"),
    source!("roles/base.yaml"),
    source!("roles/web.yaml"),
    source!("specs/web-site.yaml"),
    source!("specs/web-site/README"),
    source!("specs/web-site/site/health"),
    source!("specs/web-site/site/index.html"),
    source!("specs/web-site/site/site.css"),
    source!("templates/base/issue"),
    source!("templates/base/journald.conf"),
    source!("templates/web/apache.service.conf"),
    source!("templates/web/environment.html"),
    source!("templates/web/httpd.conf"),
    source!("templates/web/mpm.conf"),
    source!("templates/web/status.conf"),
    (".gitignore", "/dist\n"),
    ("VERSION", "1.0.0\n"),
    ("README.md", README),
];

const README: &str = "\
# A pair of web servers behind one address

| where | what |
|---|---|
| `inventories/dev.yaml` | hosts, networks, clusters: what differs between environments |
| `roles/` | what a node carries, the same in all environments |
| `profiles/` | what operating systems call things |
| `templates/` | configuration files with variables |
| `specs/` | packages to build, each with its payload beside it |

First steps:

    tandem key init                     # keys that sign packages
    tandem secret init -i dev           # your identity, and random secrets for dev
    tandem check                        # everything that is wrong, at once
    tandem build                        # release 1.0.0 (file VERSION) in dist/
    tandem lab up -i dev                # a twin of dev on this machine (as root)
    tandem apply -i dev --lab           # plan, question, change
    tandem status -i dev --lab

Then change something - `worker_processes` in `inventories/dev.yaml` - and apply again.
Without `--lab` the same commands speak to the real hosts of the inventory; `tandem trust -i dev`
shows their keys first.
";

pub(crate) fn run(context: &Context, directory: &Path) -> Result<Exit, Problem> {
    let occupied = std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        return Err(
            Problem::invalid(format!("{} is not empty", directory.display()))
                .hint("name a directory that does not exist yet"),
        );
    }
    for (path, text) in FILES {
        let path = directory.join(path);
        let attempt = || -> std::io::Result<()> {
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(&path, text)
        };
        attempt()
            .map_err(|error| Problem::failed(format!("writing {}: {error}", path.display())))?;
    }
    context.terminal.result(&format!(
        "{}: {} files; README.md there names the next steps\n",
        directory.display(),
        FILES.len()
    ));
    Ok(Exit::Done)
}
