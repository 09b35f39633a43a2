//! Keys and signatures, held against the real rpmkeys.

mod tools;

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use tandem_package::{
    KeyAlgorithm, KeyError, KeyRole, OpenPackage, PublicKey, PublicKeyError, SignatureProblem,
    SigningKey, SourceDate, build, verify_detached,
};
use tools::{Rpm, date, key, release_key, simple, success, text};

fn built(key: &SigningKey) -> tandem_package::BuiltPackage {
    let payload = tempfile::tempdir().expect("tempdir");
    build(
        &simple(payload.path(), "thing", "1.0", "one\n"),
        date(),
        key,
    )
    .expect("build")
}

#[test]
fn a_private_keyring_takes_what_its_key_signed_and_nothing_else() {
    let ours = release_key();
    let other = key(&KeyRole::environment("dev").expect("a name"));
    let rpm = Rpm::new();
    rpm.import(ours.public());

    let good = rpm.write(&built(&ours));
    let output = rpm.verify(&good);
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}");
    let id = ours.public().key_id()[8..].to_lowercase();
    assert!(said.contains(&format!("key ID {id}: OK")), "{said}");

    let by_other = rpm.write(&built(&other));
    let output = rpm.verify(&by_other);
    assert!(!output.status.success());
    assert!(text(&output.stdout).contains("NOKEY"));

    let mut tampered = built(&ours);
    let last = tampered.bytes.len() - 20;
    tampered.bytes[last] ^= 1;
    assert!(OpenPackage::from_bytes("tampered", &tampered.bytes).is_err());
    assert!(!rpm.verify(&rpm.write(&tampered)).status.success());

    // One byte of the header: the description's.
    let mut tampered = built(&ours);
    let at = find(&tampered.bytes, b"Pages, styles");
    tampered.bytes[at] = b'p';
    assert!(OpenPackage::from_bytes("tampered", &tampered.bytes).is_err());
    assert!(!rpm.verify(&rpm.write(&tampered)).status.success());

    let unsigned = rpm.write(&built(&ours));
    success(Command::new("rpmsign").arg("--delsign").arg(&unsigned));
    assert!(!rpm.verify(&unsigned).status.success());
}

fn find(haystack: &[u8], needle: &[u8]) -> usize {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
        .expect("the text is in the header")
}

#[test]
fn a_signature_is_never_older_than_its_key_and_always_the_same() {
    let now = jiff::Timestamp::now();
    let key = SigningKey::generate_at(&KeyRole::Release, KeyAlgorithm::Ed25519, now).expect("key");
    let first = built(&key);
    assert_eq!(first, built(&key));
    let rpm = Rpm::new();
    rpm.import(key.public());
    let file = rpm.write(&first);
    assert!(rpm.verify(&file).status.success());
    let header = OpenPackage::open(&file).expect("open").package.header;
    // The identity is free of the signature.
    assert_eq!(header, built(&release_key()).package.header);
    assert_ne!(first.package.file, built(&release_key()).package.file);
    let detached = |date| key.sign_detached("it", b"it", date).expect("sign");
    assert_eq!(detached(date()), detached(date()));
    let later = SourceDate::new(now.as_second() + 5).expect("in range");
    assert_ne!(detached(date()), detached(later));
}

#[test]
fn rsa_keys_work_too() {
    let key = SigningKey::generate(&KeyRole::Release, KeyAlgorithm::Rsa4096).expect("key");
    let rpm = Rpm::new();
    rpm.import(key.public());
    let file = rpm.write(&built(&key));
    assert!(rpm.verify(&file).status.success());
    assert_eq!(built(&key), built(&key));
}

#[test]
fn private_keys_are_private_and_never_overwritten() {
    let directory = tempfile::tempdir().expect("tempdir");
    let role = KeyRole::environment("demo").expect("a name");
    let path = role.private_path(&directory.path().join("config/tandem"));
    assert!(matches!(SigningKey::load(&path), Err(KeyError::Missing(_))));
    let key = key(&role);
    key.save(&path).expect("save");
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path)
            .expect("metadata")
            .permissions()
            .mode()
            & 0o7777
    };
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().expect("parent")), 0o700);
    assert!(matches!(key.save(&path), Err(KeyError::Exists(_))));
    let loaded = SigningKey::load(&path).expect("load");
    assert_eq!(built(&loaded), built(&key));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("chmod");
    let error = SigningKey::load(&path).expect_err("exposed").to_string();
    assert!(
        error.contains("mode 0640") && error.contains("chmod 0600"),
        "{error}"
    );

    let public = role.public_path(directory.path());
    assert!(matches!(
        PublicKey::load(&public),
        Err(PublicKeyError::Missing(_))
    ));
    key.public().save(&public).expect("save");
    key.public().save(&public).expect("the same key again");
    assert_eq!(&PublicKey::load(&public).expect("load"), key.public());
    let error = release_key().public().save(&public).expect_err("another");
    assert!(matches!(error, PublicKeyError::OtherKey { .. }));
}

#[test]
fn detached_signatures_say_what_is_wrong() {
    let ours = release_key();
    let other = release_key();
    let trusted = [ours.public().clone()];
    let signature = ours.sign_detached("it", b"content", date()).expect("sign");
    let verify = |bytes: &[u8], signature: Option<&str>| {
        verify_detached("it", bytes, signature.map(str::as_bytes), &trusted)
            .map(|key| key.fingerprint().to_owned())
    };
    assert_eq!(
        verify(b"content", Some(&signature)).as_deref(),
        Ok(ours.public().fingerprint())
    );
    assert!(matches!(
        verify(b"content", None),
        Err(SignatureProblem::Unsigned { .. })
    ));
    assert!(matches!(
        verify(b"other content", Some(&signature)),
        Err(SignatureProblem::Tampered { .. })
    ));
    assert!(matches!(
        verify(b"content", Some("garbage")),
        Err(SignatureProblem::Unreadable { .. })
    ));
    let foreign = other.sign_detached("it", b"content", date()).expect("sign");
    match verify(b"content", Some(&foreign)) {
        Err(SignatureProblem::OtherKey { signer, .. }) => {
            assert_eq!(signer, other.public().fingerprint());
        }
        otherwise => panic!("{otherwise:?}"),
    }
}

#[test]
fn gpg_agrees_where_it_is_installed() {
    if Command::new("gpg").arg("--version").output().is_err() {
        eprintln!("skipped: no gpg on this machine");
        return;
    }
    let directory = tempfile::tempdir().expect("tempdir");
    let path = |name: &str| directory.path().join(name);
    let key = release_key();
    std::fs::write(path("key.asc"), key.public().armoured()).expect("write");
    std::fs::write(path("it"), b"content").expect("write");
    let signature = key.sign_detached("it", b"content", date()).expect("sign");
    std::fs::write(path("it.asc"), signature).expect("write");
    let gpg = || {
        let mut gpg = Command::new("gpg");
        gpg.arg("--homedir").arg(directory.path()).arg("--batch");
        gpg
    };
    success(gpg().arg("--import").arg(path("key.asc")));
    success(gpg().arg("--verify").arg(path("it.asc")).arg(path("it")));
}
