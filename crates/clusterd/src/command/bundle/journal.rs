//! The last lines of the daemon in the journal, bounded in number, size and time.

use serde_json::{Map, Value};
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// More than this is not kept.
const BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Longer than this nobody waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longer values are cut.
const VALUE_MAX: usize = 4_096;

/// Fields that say something (systemd.journal-fields(7)), besides our own `CLUSTERD_*`.
const FIELDS: [&str; 5] = [
    "__REALTIME_TIMESTAMP",
    "MESSAGE",
    "PRIORITY",
    "_PID",
    "_SYSTEMD_UNIT",
];

/// So many lines of all units called `clusterd*`, oldest first.
pub(super) fn last(lines: u32) -> Result<Vec<Value>, String> {
    if lines == 0 {
        return Ok(Vec::new());
    }
    let lines = lines.to_string();
    let mut command = Command::new("journalctl");
    command.args(["-u", "clusterd*", "-o", "json", "-n", &lines, "--no-pager"]);
    let text = output(&mut command, PATIENCE)?;
    Ok(parse(&text))
}

/// What a program says, if it comes to its end in time.
fn output(command: &mut Command, patience: Duration) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| format!("{name}: {error}");
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
    let Some(stdout) = child.stdout.take() else {
        return Err(format!("{name}: says nothing"));
    };
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.take(BYTES_MAX).read_to_end(&mut bytes);
        read.map(|_| bytes)
    });
    let end = Instant::now() + patience;
    while !reader.is_finished() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    let in_time = reader.is_finished();
    // What was read is enough; a program that is done does not mind.
    let _ = child.kill();
    let _ = child.wait();
    if !in_time {
        return Err(format!("{name}: no end within {} s", patience.as_secs()));
    }
    match reader.join() {
        Ok(Ok(bytes)) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Ok(Err(error)) => Err(failed(error)),
        Err(_) => Err(format!("{name}: reading its output failed")),
    }
}

/// One object a line; lines that are none are left out.
fn parse(text: &str) -> Vec<Value> {
    let lines = text.lines();
    let objects = lines.filter_map(|line| serde_json::from_str::<Map<String, Value>>(line).ok());
    objects.map(kept).map(Value::Object).collect()
}

fn kept(line: Map<String, Value>) -> Map<String, Value> {
    let wanted = line
        .into_iter()
        .filter(|(name, _)| FIELDS.contains(&name.as_str()) || name.starts_with("CLUSTERD_"));
    wanted
        .map(|(name, value)| {
            let value = match value {
                Value::String(text) => Value::String(cut(text)),
                // journalctl writes what is no text as a list of bytes, or several values
                // as a list.
                other => other,
            };
            (name, value)
        })
        .collect()
}

fn cut(mut text: String) -> String {
    if text.len() > VALUE_MAX {
        let mut end = VALUE_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fields_that_say_something_are_kept() {
        let long = "é".repeat(VALUE_MAX);
        let text = format!(
            "{{\"MESSAGE\":\"{long}\",\"_CMDLINE\":\"x\",\"CLUSTERD_RESOURCE\":\"vip\"}}\nnot JSON\n"
        );
        let lines = parse(&text);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["CLUSTERD_RESOURCE"], "vip");
        assert!(lines[0].get("_CMDLINE").is_none());
        let message = lines[0]["MESSAGE"].as_str().expect("text");
        assert!(message.len() <= VALUE_MAX + 3 && message.ends_with('…'));
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let begun = Instant::now();
        let mut command = Command::new("sleep");
        command.arg("60");
        let error = output(&mut command, Duration::from_millis(100)).expect_err("it hangs");
        assert!(error.contains("no end"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn what_a_program_says_is_read() {
        let mut command = Command::new("echo");
        command.arg("hello");
        assert_eq!(output(&mut command, PATIENCE).as_deref(), Ok("hello\n"));
        let missing = output(&mut Command::new("/nonexistent/journalctl"), PATIENCE);
        assert!(missing.is_err());
    }
}
