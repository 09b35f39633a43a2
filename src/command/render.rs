//! `tandem render`.

use super::Context;
use crate::environment::Environment;
use crate::failure::{Exit, Problem};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

pub(crate) fn run(
    context: &Context,
    inventory: &str,
    host: Option<&str>,
    output: &Path,
    with_secrets: bool,
) -> Result<Exit, Problem> {
    let space = context.workspace()?;
    let environment = Environment::of_work_tree(&space, inventory)?;
    let known = &environment.inventory.hosts;
    if let Some(host) = host
        && !known.contains_key(host)
    {
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        return Err(Problem::invalid(format!("there is no host `{host}`"))
            .hint(format!("there are {}", names.join(", "))));
    }
    let mut left_out = 0;
    for files in environment.render_all()? {
        if host.is_some_and(|host| host != files.host) {
            continue;
        }
        let part = environment.engine_part(&files)?;
        for file in files.files.iter().chain(&part.files) {
            if file.owned.secret && !with_secrets {
                left_out += 1;
                continue;
            }
            let path = output
                .join(&files.host)
                .join(file.owned.path.trim_start_matches('/'));
            write(&path, &file.content, file.owned.secret, file.owned.mode)?;
        }
    }
    if left_out > 0 {
        context.terminal.say(&format!(
            "{left_out} files with secrets were left out; --with-secrets writes them"
        ));
    }
    context.terminal.result(&format!("{}\n", output.display()));
    Ok(Exit::Done)
}

fn write(path: &Path, content: &[u8], secret: bool, mode: u32) -> Result<(), Problem> {
    let attempt = || -> std::io::Result<()> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let mode = if secret { 0o600 } else { mode };
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(path)?;
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        file.write_all(content)
    };
    attempt().map_err(|error| Problem::failed(format!("writing {}: {error}", path.display())))
}
