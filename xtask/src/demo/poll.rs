//! The client: asks for the site at a steady pace, whether or not it answers.

use super::answers::{Answer, Page};
use anyhow::Result;
use clap::Args;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime};

/// Requests that may be under way at once: more than time out at any pace
/// that makes sense.
const AT_ONCE: usize = 64;
/// Longest answer that is read.
const LONGEST: usize = 64 * 1024;

/// How to ask.
#[derive(Clone, Debug, Args)]
pub(crate) struct PollArguments {
    /// Address and port of the site.
    address: SocketAddr,
    /// What is asked for.
    #[arg(long, default_value = "/")]
    path: String,
    /// Milliseconds from one request to the next.
    #[arg(long, default_value_t = 20)]
    every_ms: u64,
    /// Milliseconds after which a request has failed.
    #[arg(long, default_value_t = 300)]
    timeout_ms: u64,
}

/// Asks until nobody reads what it writes.
pub(crate) fn poll(arguments: &PollArguments) -> Result<()> {
    let (send, receive) = mpsc::channel::<Answer>();
    let arguments = arguments.clone();
    std::thread::spawn(move || keep_asking(&arguments, &send));
    let mut out = std::io::stdout().lock();
    for answer in receive {
        writeln!(out, "{}", answer.to_line())?;
        out.flush()?;
    }
    Ok(())
}

/// A request is begun every `every_ms`, also while earlier ones wait: the end
/// of an outage is seen within that time, not within that of a timeout.
fn keep_asking(arguments: &PollArguments, send: &mpsc::Sender<Answer>) {
    let under_way = Arc::new(AtomicUsize::new(0));
    let pace = Duration::from_millis(arguments.every_ms.max(1));
    let timeout = Duration::from_millis(arguments.timeout_ms.max(1));
    let (address, path) = (arguments.address, Arc::<str>::from(arguments.path.as_str()));
    let mut next = Instant::now();
    loop {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        // Held up for long, it does not make up for what it missed.
        next = (next + pace).max(Instant::now());
        if under_way.load(Ordering::Relaxed) >= AT_ONCE {
            continue;
        }
        under_way.fetch_add(1, Ordering::Relaxed);
        let (send, under_way) = (send.clone(), Arc::clone(&under_way));
        let path = Arc::clone(&path);
        std::thread::spawn(move || {
            let begun_us = now_us();
            let outcome = ask(address, &path, timeout);
            let answer = Answer {
                begun_us,
                ended_us: now_us(),
                outcome,
            };
            under_way.fetch_sub(1, Ordering::Relaxed);
            // Nobody listens any more: the process is about to end.
            let _ = send.send(answer);
        });
    }
}

/// Microseconds since 1970.
pub(crate) fn now_us() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(0))
}

/// One request on a connection of its own.
fn ask(address: SocketAddr, path: &str, timeout: Duration) -> Result<Page, String> {
    let deadline = Instant::now() + timeout;
    let left = || {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err("timed out".to_owned())
        } else {
            Ok(left)
        }
    };
    let mut stream =
        TcpStream::connect_timeout(&address, timeout).map_err(|error| named(&error))?;
    stream
        .write_all(
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        )
        .map_err(|error| named(&error))?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        stream
            .set_read_timeout(Some(left()?))
            .map_err(|error| named(&error))?;
        let count = stream.read(&mut piece).map_err(|error| named(&error))?;
        answer.extend_from_slice(&piece[..count]);
        if count == 0 || answer.len() > LONGEST {
            return page(&String::from_utf8_lossy(&answer));
        }
    }
}

fn named(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => "timed out".to_owned(),
        _ => error.to_string(),
    }
}

/// A good answer has status 200 and is a whole page that says its version, or an
/// application's `ok NAME VERSION`.
fn page(answer: &str) -> Result<Page, String> {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return Err("an answer that ends in the middle".to_owned());
    };
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(status.to_owned());
    }
    let node = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("x-node"))
        .map(|(_, value)| value.trim().to_owned());
    if let ["ok", _, version] = body.split_whitespace().collect::<Vec<_>>()[..] {
        return Ok(Page {
            node: node.unwrap_or_else(|| "-".to_owned()),
            version: version.to_owned(),
        });
    }
    let node = node.ok_or("an answer without X-Node")?;
    if !body.trim_end().ends_with("</html>") {
        return Err("an answer that ends in the middle".to_owned());
    }
    let version = body
        .split_once("Version ")
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .ok_or("a page without its version")?
        .to_owned();
    Ok(Page { node, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_page_says_who_and_what() {
        let answer = "HTTP/1.1 200 OK\r\nX-Node: zipi\r\n\r\n<p>Version 1.0.0 of\n</html>\n";
        let page = page(answer).expect("a good page");
        assert_eq!(
            (page.node.as_str(), page.version.as_str()),
            ("zipi", "1.0.0")
        );
    }

    #[test]
    fn an_application_says_its_version() {
        let page = page("HTTP/1.1 200 \r\nA: b\r\n\r\nok gatekeeper 1.0.0\n").expect("good");
        assert_eq!((page.node.as_str(), page.version.as_str()), ("-", "1.0.0"));
    }

    #[test]
    fn anything_less_is_a_failure() {
        for answer in [
            "",
            "HTTP/1.1 500 Internal Server Error\r\nX-Node: zipi\r\n\r\nVersion 1 </html>",
            "HTTP/1.1 200 OK\r\nX-Node: zipi\r\n\r\n<p>Version 1.0.0 of",
            "HTTP/1.1 200 OK\r\n\r\nVersion 1 </html>",
            "HTTP/1.1 200 OK\r\nX-Node: zipi\r\n\r\nIt works!</html>",
        ] {
            assert!(page(answer).is_err(), "{answer}");
        }
    }

    #[test]
    fn nobody_there_is_a_failure_in_time() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let begun = Instant::now();
        // Takes the connection and says nothing.
        assert_eq!(
            ask(address, "/", Duration::from_millis(50)),
            Err("timed out".to_owned())
        );
        assert!(begun.elapsed() < Duration::from_secs(2));
        drop(listener);
        assert!(ask(address, "/", Duration::from_millis(50)).is_err());
    }
}
