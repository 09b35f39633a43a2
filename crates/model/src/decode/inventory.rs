//! `inventories/NAME.yaml` as a whole.

use super::cluster::{CLUSTER, addresses_have_interfaces, clusters};
use super::host::{HOST, SSH, hosts};
use super::network::{NETWORK, Owners, networks};
use super::{param, role_check};
use crate::shape::{Object, Shape, optional, required};
use crate::yaml::{Node, parse};
use crate::{Inventory, Mistake, Mistakes, Project, SourceFile};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The whole document.
pub(crate) static INVENTORY: Object = Object {
    help: "An environment: what differs from the others.",
    fields: &[
        required(
            "environment",
            Shape::Name,
            "its name, the same as the file's",
        ),
        required(
            "networks",
            Shape::Map(&Shape::TextOr(&NETWORK)),
            "networks by name",
        ),
        required("ssh", Shape::Object(&SSH), "how hosts are reached"),
        required(
            "hosts",
            Shape::Map(&Shape::Object(&HOST)),
            "machines by name",
        ),
        optional(
            "clusters",
            Shape::Map(&Shape::Object(&CLUSTER)),
            "clusters by name",
        ),
        optional(
            "secrets",
            Shape::Text,
            "the encrypted file with the secrets, relative to this one; ENVIRONMENT.secrets.age unless it says otherwise",
        ),
    ],
};

/// Reads an inventory and resolves every name in it against the project.
/// `directory` is the one that the file really lies in.
pub(crate) fn inventory(
    project: &Project,
    file: &Arc<SourceFile>,
    directory: &Path,
) -> Result<Inventory, Mistakes> {
    let mut mistakes = Mistakes::default();
    let Some(root) = parse(file, &mut mistakes) else {
        return Err(mistakes);
    };
    Shape::Object(&INVENTORY).check(&root, &mut mistakes);

    let stem = file.path.file_stem().unwrap_or_default().to_string_lossy();
    let environment = root.get("environment");
    if let Some((node, name)) = environment.and_then(|node| Some((node, node.text()?)))
        && name != stem
    {
        mistakes.push(
            Mistake::new(&node.at, "the environment is not called like its file")
                .found(format!("`{name}`"))
                .expected(format!("`{stem}`")),
        );
    }

    let networks = networks(&root, &mut mistakes);
    let mut owners = Owners::new(&networks);
    let mut hosts = hosts(&root, project, &networks, &mut owners, &mut mistakes);
    let mut clusters = clusters(&root, project, &hosts, &networks, &mut mistakes);
    param::assign(
        &root,
        project,
        &networks,
        &mut hosts,
        &mut clusters,
        &mut owners,
        &mut mistakes,
    );
    let clusters = param::endpoints(&root, project, clusters, &mut mistakes);
    for cluster in &clusters {
        role_check::against_profiles(project, cluster, &hosts, &mut mistakes);
        addresses_have_interfaces(&root, project, cluster, &hosts, &mut mistakes);
    }

    let secrets = root.get("secrets").and_then(Node::text).map_or_else(
        || PathBuf::from(format!("{stem}.secrets.age")),
        PathBuf::from,
    );
    mistakes.result()?;
    let beside = file.path.parent().unwrap_or(Path::new(""));
    Ok(Inventory {
        recipients: directory.join(format!("{stem}.recipients")),
        environment: stem.into_owned(),
        path: file.path.clone(),
        networks,
        hosts,
        clusters,
        secrets: directory.join(&secrets),
        secrets_shown: beside.join(secrets),
    })
}
