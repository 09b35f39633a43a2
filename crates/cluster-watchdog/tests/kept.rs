//! Descriptors of the service manager, in a process that gets some.

use cluster_watchdog::kept_descriptors;
use std::fs::File;
use std::io::Read;
use std::process::Command;

#[test]
fn descriptors_that_were_passed_are_taken_once_by_name() {
    if std::env::var_os("LISTEN_FDS").is_some() {
        return in_the_child();
    }
    let me = std::env::current_exe().expect("a test");
    let script = "exec 3</proc/self/comm 4</dev/null; \
        LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=watchdog:other exec \"$0\" --exact --nocapture \"$1\"";
    let status = Command::new("sh")
        .args(["-c", script])
        .arg(me)
        .arg("descriptors_that_were_passed_are_taken_once_by_name")
        .status()
        .expect("a shell");
    assert!(status.success(), "see above");
}

fn in_the_child() {
    let kept = kept_descriptors();
    let names: Vec<&str> = kept.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["watchdog", "other"]);
    let mut text = String::new();
    let (_, first) = kept.into_iter().next().expect("one");
    File::from(first)
        .read_to_string(&mut text)
        .expect("readable");
    assert!(text.starts_with("sh") || text.contains("kept"), "{text}");
    assert!(kept_descriptors().is_empty(), "a second time");
}
