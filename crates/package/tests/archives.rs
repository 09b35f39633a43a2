//! Web application archives: the same bytes each time, readable for others, and
//! what is none is refused.

mod tools;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use tandem_model::spec::{Spec, SpecFileKind};
use tandem_package::{build, check};
use tools::{date, release_key, simple};

const PATH: &str = "/srv/shop/webapps/shop.war";

fn application(payload: &Path, kind: SpecFileKind) -> Spec {
    for (name, content) in [
        ("war/index.jsp", "<p>hello</p>\n"),
        ("war/WEB-INF/web.xml", "<web-app/>\n"),
        ("war/WEB-INF/jsp/a.jsp", "a\n"),
    ] {
        let path = payload.join(name);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        std::fs::write(path, content).expect("payload file");
    }
    let mut spec = simple(payload, "shop", "1.2.0", "x");
    PATH.clone_into(&mut spec.files[0].path);
    spec.files[0].kind = kind;
    spec
}

/// The archive out of the built package, by tools that are not ours.
fn archive(spec: &Spec, directory: &Path) -> Vec<u8> {
    let built = build(spec, date(), &release_key()).expect("build");
    let package = directory.join("shop.rpm");
    std::fs::write(&package, &built.bytes).expect("written");
    let script = format!(
        "cd {} && rpm2cpio shop.rpm | cpio --quiet -idm",
        directory.display()
    );
    let status = Command::new("sh").args(["-c", &script]).status();
    assert!(status.expect("sh runs").success(), "rpm2cpio | cpio");
    std::fs::read(directory.join(&PATH[1..])).expect("the archive is in the package")
}

#[test]
fn an_archive_is_the_same_bytes_each_time_and_says_its_version() {
    let payload = tempfile::tempdir().expect("tempdir");
    let spec = application(payload.path(), SpecFileKind::War("war".into()));
    let (one, two) = (tempfile::tempdir(), tempfile::tempdir());
    let (one, two) = (one.expect("tempdir"), two.expect("tempdir"));
    let first = archive(&spec, one.path());
    // Times of the payload are no part of it.
    let _ = application(payload.path(), SpecFileKind::War("war".into()));
    assert_eq!(first, archive(&spec, two.path()));

    let file = one.path().join(&PATH[1..]);
    let unzip = |words: &[&str]| {
        let output = Command::new("unzip").args(words).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "unzip {words:?}: {text}");
        Some(text)
    };
    let file = file.to_str().expect("UTF-8");
    let Some(names) = unzip(&["-Z1", file]) else {
        eprintln!("SKIPPED unzip agrees: no unzip");
        return;
    };
    let _ = unzip(&["-t", file]);
    assert_eq!(
        names.lines().collect::<Vec<_>>(),
        [
            "META-INF/MANIFEST.MF",
            "WEB-INF/jsp/a.jsp",
            "WEB-INF/web.xml",
            "index.jsp"
        ]
    );
    let manifest = unzip(&["-p", file, "META-INF/MANIFEST.MF"]).expect("unzip");
    assert!(
        manifest.contains("Implementation-Version: 1.2.0-1\r\n"),
        "{manifest}"
    );
}

#[test]
fn a_file_that_is_called_an_archive_and_is_none_is_refused() {
    let payload = tempfile::tempdir().expect("tempdir");
    let spec = application(payload.path(), SpecFileKind::File("shop.war".into()));
    let good = tempfile::tempdir().expect("tempdir");
    let made = application(payload.path(), SpecFileKind::War("war".into()));
    let whole = archive(&made, good.path());
    let mut bent = whole.clone();
    // The first byte of the first member's compressed content.
    bent[30 + "META-INF/MANIFEST.MF".len()] ^= 0xff;
    let cases: BTreeMap<&str, (&[u8], bool)> = BTreeMap::from([
        ("whole", (&whole[..], true)),
        ("text", (&b"not a zip file"[..], false)),
        ("empty", (&b""[..], false)),
        ("cut off", (&whole[..whole.len() - 30], false)),
        ("bent", (&bent[..], false)),
    ]);
    for (name, (content, good)) in cases {
        std::fs::write(payload.path().join("shop.war"), content).expect("written");
        let problems = check(&spec);
        assert_eq!(problems.is_empty(), good, "{name}: {problems:?}");
        if let Some(problem) = problems.first() {
            let told = problem.to_string();
            assert!(told.contains("wants a web application archive"), "{told}");
        }
    }
}
