//! `tandem key`: who signs, and whom hosts believe.

use super::Context;
use crate::arguments::KeyCommand;
use crate::failure::{Exit, Problem};
use crate::show;
use crate::workspace::{Workspace, chain};
use std::path::Path;
use tandem_package::{KeyAlgorithm, KeyRole, SigningKey};

pub(crate) fn run(context: &Context, command: &KeyCommand) -> Result<Exit, Problem> {
    let space = context.workspace()?;
    let roles = roles(&space)?;
    match command {
        KeyCommand::Init => {
            for role in &roles {
                context.terminal.say(&init(&space, role)?);
            }
        }
        KeyCommand::List => {
            let rows: Vec<Vec<String>> = roles
                .iter()
                .map(|role| {
                    let shown = match space.public_key(role) {
                        Ok(key) => key.fingerprint().to_owned(),
                        Err(_) => "missing".to_owned(),
                    };
                    let private = if role.private_path(&space.keys()).exists() {
                        "private key is here"
                    } else {
                        "private key is elsewhere"
                    };
                    vec![role.name().to_owned(), shown, private.to_owned()]
                })
                .collect();
            context.terminal.result(&show::table(&rows));
        }
    }
    Ok(Exit::Done)
}

/// The release's key and one for each inventory.
fn roles(space: &Workspace) -> Result<Vec<KeyRole>, Problem> {
    let mut roles = vec![KeyRole::Release];
    for name in names(&space.root.join("inventories")) {
        roles.push(
            KeyRole::environment(&name).map_err(|error| Problem::invalid(error.to_string()))?,
        );
    }
    Ok(roles)
}

/// Names of the inventories: their files need not be valid to have keys.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            entry
                .file_name()
                .to_str()?
                .strip_suffix(".yaml")
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    names
}

fn init(space: &Workspace, role: &KeyRole) -> Result<String, Problem> {
    let (private, public) = (
        role.private_path(&space.keys()),
        role.public_path(&space.root),
    );
    let failed = |error: &dyn std::error::Error| Problem::failed(chain(error));
    match (private.exists(), public.exists()) {
        (true, true) => Ok(format!("{}: there already", role.name())),
        (false, true) => Err(Problem::failed(format!(
            "{} is in the project, and its private key is not in {}",
            public.display(),
            space.keys().display()
        ))
        .hint("get it from whoever has it; a new one would be refused by every host")),
        (true, false) => {
            let key = SigningKey::load(&private).map_err(|error| failed(&error))?;
            key.public().save(&public).map_err(|error| failed(&error))?;
            Ok(format!(
                "{}: public key written to {}",
                role.name(),
                public.display()
            ))
        }
        (false, false) => {
            let key = SigningKey::generate(role, KeyAlgorithm::Ed25519)
                .map_err(|error| failed(&error))?;
            key.save(&private).map_err(|error| failed(&error))?;
            key.public().save(&public).map_err(|error| failed(&error))?;
            Ok(format!(
                "{}: made {}",
                role.name(),
                key.public().fingerprint()
            ))
        }
    }
}
