//! Secrets on disk: who can read them, what happens when somebody cannot, and
//! that nothing of them shows.

mod small;

use small::{INVENTORY, Small};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tandem_model::{Hidden, Identities, Recipients, Secret, SecretError, Secrets};
use tempfile::TempDir;

struct Desk {
    _directory: TempDir,
    path: PathBuf,
    identities: Identities,
}

/// An operator with an identity and a file of secrets.
fn desk() -> Desk {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("dev.secrets.age");
    let identities = Identities::generate();
    let mut secrets = Secrets::default();
    secrets.set("key", Secret::new(Hidden::new("tiger")));
    secrets
        .save(&path, &identities.recipients())
        .expect("encrypted");
    Desk {
        _directory: directory,
        path,
        identities,
    }
}

#[test]
fn what_is_encrypted_is_decrypted_and_the_file_shows_nothing() {
    let desk = desk();
    let text = std::fs::read_to_string(&desk.path).expect("text");
    assert!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"));
    assert!(!text.contains("tiger"));
    let secrets = Secrets::load(&desk.path, &desk.identities).expect("decrypted");
    assert_eq!(secrets.get("key").expect("there").value().reveal(), "tiger");
    assert_eq!(secrets.names().collect::<Vec<_>>(), ["key", "salt"]);
    assert!(!format!("{secrets:?}").contains("tiger"));
}

#[test]
fn the_salt_is_made_once_and_kept() {
    let desk = desk();
    let load = || Secrets::load(&desk.path, &desk.identities).expect("decrypted");
    let before = load().get("salt").expect("made").value().clone();
    let recipients = desk.identities.recipients();
    let after = Secrets::edit(&desk.path, &desk.identities, &recipients, |_| {
        Ok(Hidden::new("key: lion\n"))
    })
    .expect("edited");
    assert_eq!(after.get("salt").expect("kept").value(), &before);
    assert_eq!(load().get("key").expect("there").value().reveal(), "lion");
}

#[test]
fn an_edit_that_is_given_up_or_makes_no_sense_changes_nothing() {
    let desk = desk();
    let recipients = desk.identities.recipients();
    let before = std::fs::read(&desk.path).expect("read");
    for outcome in [
        Err("the editor failed".to_owned()),
        Ok(Hidden::new("key: [tiger")),
    ] {
        let error = Secrets::edit(&desk.path, &desk.identities, &recipients, |_| {
            outcome.clone()
        })
        .expect_err("no secrets");
        assert!(!format!("{error:?} {error} {}", error.hint()).contains("tiger"));
    }
    assert_eq!(std::fs::read(&desk.path).expect("read"), before);
}

#[test]
fn each_failure_has_a_way_out() {
    let desk = desk();
    let none = Identities::load(&desk.path.with_file_name("no-identity")).expect("none is fine");
    let error = Secrets::load(&desk.path, &none).expect_err("no identity");
    assert!(matches!(error, SecretError::NoIdentity { .. }), "{error}");
    assert!(error.hint().contains("age-keygen -o"), "{}", error.hint());

    let error = Secrets::load(&desk.path, &Identities::generate()).expect_err("another's");
    assert!(
        matches!(error, SecretError::WrongIdentity { .. }),
        "{error}"
    );
    assert!(
        error.hint().contains("tandem secret rekey -i dev"),
        "{}",
        error.hint()
    );

    let text = std::fs::read_to_string(&desk.path).expect("text");
    std::fs::write(&desk.path, &text[..text.len() / 2]).expect("cut");
    let error = Secrets::load(&desk.path, &desk.identities).expect_err("damaged");
    assert!(matches!(error, SecretError::Corrupt { .. }), "{error}");

    std::fs::remove_file(&desk.path).expect("removed");
    let error = Secrets::load(&desk.path, &desk.identities).expect_err("gone");
    assert!(matches!(error, SecretError::Missing { .. }), "{error}");
    assert!(
        error.hint().contains("tandem secret init -i dev"),
        "{}",
        error.hint()
    );
}

#[test]
fn rekeying_lets_a_colleague_in_and_somebody_else_out() {
    let desk = desk();
    let colleague = Identities::generate();
    Secrets::rekey(&desk.path, &desk.identities, &colleague.recipients()).expect("rekeyed");
    assert!(Secrets::load(&desk.path, &colleague).is_ok());
    assert!(Secrets::load(&desk.path, &desk.identities).is_err());
}

#[test]
fn identity_and_recipient_files_are_those_of_age() {
    let desk = desk();
    let identity = desk.path.with_file_name("identity");
    let recipients = desk.path.with_file_name("dev.recipients");
    std::fs::write(&identity, desk.identities.to_file().reveal()).expect("written");
    let mode = |mode| {
        std::fs::set_permissions(&identity, std::fs::Permissions::from_mode(mode)).expect("set");
    };
    mode(0o640);
    let error = Identities::load(&identity).expect_err("others can read it");
    assert!(error.to_string().contains("(mode 0640)"), "{error}");
    assert!(error.hint().contains("chmod 0600"), "{}", error.hint());
    mode(0o600);
    std::fs::write(&recipients, desk.identities.recipients().to_file()).expect("written");
    let identities = Identities::load(&identity).expect("read");
    assert!(Secrets::load(&desk.path, &identities).is_ok());
    assert!(Recipients::load(&recipients).is_ok());

    std::fs::write(&recipients, "# nobody\n").expect("written");
    assert!(matches!(
        Recipients::load(&recipients),
        Err(SecretError::NoRecipients { .. })
    ));
    std::fs::write(&recipients, "age1nonsense\n").expect("written");
    assert!(matches!(
        Recipients::load(&recipients),
        Err(SecretError::BadKey { line: 1, .. })
    ));
}

#[test]
fn a_secret_that_the_inventory_names_and_nobody_wrote_is_a_mistake() {
    let small = Small::with(&[("inventories/dev.yaml", INVENTORY)]);
    let inventory = small.inventory().expect("in order");
    assert!(inventory.secrets.ends_with("inventories/dev.secrets.age"));
    let mut secrets = Secrets::default();
    secrets.generate(["cluster_kye"]);
    let mistakes = inventory.check_secrets(&secrets).expect_err("misspelt");
    let mistake = mistakes.iter().next().expect("one");
    assert_eq!(mistake.at.path, "clusters.backend.engine.key");
    assert_eq!(
        mistake.suggestion.as_deref(),
        Some("did you mean `cluster_kye`?")
    );
    secrets.generate(
        inventory
            .secret_uses()
            .into_iter()
            .map(|name| name.as_str()),
    );
    assert!(inventory.check_secrets(&secrets).is_ok());
}
