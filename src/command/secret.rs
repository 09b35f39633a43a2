//! `tandem secret`: values that only some may read.

use super::Context;
use crate::arguments::SecretCommand;
use crate::failure::{Exit, Problem};
use crate::workspace::{Workspace, chain};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tandem_model::secrets::{Identities, Recipients, SecretError};
use tandem_model::{Hidden, Inventory, Project, Secrets, Source};

pub(crate) fn run(context: &Context, command: &SecretCommand) -> Result<Exit, Problem> {
    let space = context.workspace()?;
    match command {
        SecretCommand::Init { inventory } => init(context, &space, inventory),
        SecretCommand::Edit { inventory } => {
            let place = Place::new(&space, inventory)?;
            let recipients = place.recipients()?;
            Secrets::edit(&place.file, &place.identities, &recipients, edit_in_editor)
                .map_err(|error| wrong(&error))?;
            Ok(Exit::Done)
        }
        SecretCommand::Rekey { inventory } => {
            let place = Place::new(&space, inventory)?;
            Secrets::rekey(&place.file, &place.identities, &place.recipients()?)
                .map_err(|error| wrong(&error))?;
            context.terminal.say(&format!(
                "{} is encrypted for its recipients",
                place.file.display()
            ));
            Ok(Exit::Done)
        }
        SecretCommand::Rotate { inventory, name } => {
            let place = Place::new(&space, inventory)?;
            let mut secrets =
                Secrets::load(&place.file, &place.identities).map_err(|error| wrong(&error))?;
            let number = secrets.add(name, None).ok_or_else(|| {
                let known: Vec<&str> = secrets.names().collect();
                Problem::invalid(format!("there is no secret `{name}`"))
                    .hint(format!("there are {}", known.join(", ")))
            })?;
            secrets.switch(name, number);
            secrets
                .save(&place.file, &place.recipients()?)
                .map_err(|error| wrong(&error))?;
            context.terminal.say(&format!(
                "{name} has a new value, number {number}; the old one stays until every host has the new one"
            ));
            Ok(Exit::Done)
        }
    }
}

fn wrong(error: &SecretError) -> Problem {
    Problem::invalid(chain(error)).hint(error.hint())
}

/// Where an inventory's secrets are.
struct Place {
    file: PathBuf,
    recipients: PathBuf,
    identities: Identities,
    inventory: Inventory,
}

impl Place {
    fn new(space: &Workspace, name: &str) -> Result<Self, Problem> {
        let project = Project::load(&Source::work_tree(&space.root))?;
        let inventory = project.inventory(name)?;
        let identities = Identities::load(&space.identity()).map_err(|error| wrong(&error))?;
        let recipients = inventory.recipients.clone();
        Ok(Self {
            file: inventory.secrets.clone(),
            recipients,
            identities,
            inventory,
        })
    }

    fn recipients(&self) -> Result<Recipients, Problem> {
        Recipients::load(&self.recipients).map_err(|error| {
            wrong(&error).hint(format!(
                "`tandem secret init -i {}` makes it",
                self.inventory.environment
            ))
        })
    }
}

/// Makes what is missing: the operator's identity, the recipients, the file,
/// and a random value for each secret that the inventory names.
fn init(context: &Context, space: &Workspace, name: &str) -> Result<Exit, Problem> {
    let identity = space.identity();
    if !identity.exists() {
        let made = Identities::generate();
        write_private(&identity, made.to_file().reveal())?;
        context.terminal.say(&format!(
            "made {}: keep a copy of it where you keep keys",
            identity.display()
        ));
    }
    let place = Place::new(space, name)?;
    if !place.recipients.exists() {
        std::fs::write(&place.recipients, place.identities.recipients().to_file()).map_err(
            |error| Problem::failed(format!("writing {}: {error}", place.recipients.display())),
        )?;
        context.terminal.say(&format!(
            "made {}: add your colleagues' keys",
            place.recipients.display()
        ));
    }
    let mut secrets = match Secrets::load(&place.file, &place.identities) {
        Err(SecretError::Missing { .. }) => Secrets::default(),
        other => other.map_err(|error| wrong(&error))?,
    };
    let names: Vec<String> = place
        .inventory
        .secret_uses()
        .into_iter()
        .map(|name| name.value.clone())
        .collect();
    let made = secrets.generate(names.iter().map(String::as_str));
    if made.is_empty() {
        context.terminal.say("every secret is there");
        return Ok(Exit::Done);
    }
    secrets
        .save(&place.file, &place.recipients()?)
        .map_err(|error| wrong(&error))?;
    context
        .terminal
        .say(&format!("made up {}", made.join(", ")));
    Ok(Exit::Done)
}

fn write_private(path: &Path, text: &str) -> Result<(), Problem> {
    let attempt = || -> std::io::Result<()> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?
            .write_all(text.as_bytes())
    };
    attempt().map_err(|error| Problem::failed(format!("writing {}: {error}", path.display())))
}

/// The plain text goes through a file that only the operator can read, in
/// memory where the machine has such a place, and is gone afterwards.
fn edit_in_editor(text: &Hidden) -> Result<Hidden, String> {
    let memory = Path::new("/dev/shm");
    let mut builder = tempfile::Builder::new();
    builder.prefix("tandem-secret-").suffix(".yaml");
    let mut file = if memory.is_dir() {
        builder.tempfile_in(memory)
    } else {
        builder.tempfile()
    }
    .map_err(|error| format!("a place for the editor: {error}"))?;
    file.write_all(text.reveal().as_bytes())
        .map_err(|error| error.to_string())?;
    let editor = std::env::var("VISUAL")
        .or_else(|_| std::env::var("EDITOR"))
        .unwrap_or_else(|_| "vi".to_owned());
    let status = std::process::Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("sh")
        .arg(file.path())
        .status()
        .map_err(|error| format!("starting {editor}: {error}"))?;
    if !status.success() {
        return Err(format!("{editor} ended with {status}"));
    }
    // Editors replace files: read by name, not through the open descriptor.
    std::fs::read_to_string(file.path())
        .map(Hidden::new)
        .map_err(|error| error.to_string())
}
