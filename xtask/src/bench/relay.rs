//! Hosts that are far away: a relay that keeps each byte for half a round trip,
//! in both directions. Kernels without netem have nothing of their own for it.

use crate::process;
use anyhow::{Context as _, Result};
use clap::Args;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// Where it listens, inside the lab's network.
pub(super) const ADDRESS: &str = "127.0.0.1";
/// The first host's port; the others follow.
const FIRST_PORT: u16 = 20_001;
/// Bytes on their way in pieces of this size.
const PIECE: usize = 64 << 10;
/// So many pieces may be on their way in each direction of a connection.
const PIECES: usize = 1024;

/// The port of a host by its number.
pub(super) fn port(number: usize) -> u16 {
    FIRST_PORT + u16::try_from(number).unwrap_or(u16::MAX - FIRST_PORT)
}

/// `xtask relay`, running in the lab's network; it ends with this value.
#[derive(Debug)]
pub(super) struct Relay(Child);

impl Relay {
    pub(super) fn start<'a>(
        netns: &Path,
        round_trip_ms: u64,
        hosts: impl Iterator<Item = &'a str>,
    ) -> Result<Self> {
        let own = std::env::current_exe().context("finding this program")?;
        let mut child = process::command("nsenter")
            .arg(format!("--net={}", netns.display()))
            .arg("--")
            .arg(own)
            .args(["relay", "--round-trip-ms", &round_trip_ms.to_string()])
            .args(hosts)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the relay")?;
        let pipe = child.stdout.take().context("the relay's pipe")?;
        let relay = Self(child);
        let mut line = String::new();
        BufReader::new(pipe).read_line(&mut line)?;
        anyhow::ensure!(line == "listening\n", "the relay did not start");
        Ok(relay)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the relay is started with.
#[derive(Debug, Args)]
pub(crate) struct RelayArguments {
    #[arg(long)]
    round_trip_ms: u64,
    /// Addresses of the hosts; the first is behind the first port.
    hosts: Vec<String>,
}

/// Relays until it is killed.
pub(crate) fn relay(arguments: &RelayArguments) -> Result<()> {
    let one_way = Duration::from_micros(arguments.round_trip_ms * 500);
    let mut threads = Vec::new();
    for (number, host) in arguments.hosts.iter().enumerate() {
        let listener = TcpListener::bind((ADDRESS, port(number)))
            .with_context(|| format!("listening for {host}"))?;
        let host = host.clone();
        threads.push(std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let host = host.clone();
                std::thread::spawn(move || {
                    // Whoever called sees a broken connection as a broken connection.
                    let _ = connection(stream, &host, one_way);
                });
            }
        }));
    }
    println!("listening");
    std::io::stdout().flush()?;
    for thread in threads {
        let _ = thread.join();
    }
    Ok(())
}

fn connection(near: TcpStream, host: &str, one_way: Duration) -> std::io::Result<()> {
    near.set_nodelay(true)?;
    // The caller was answered at once. Over a real line its handshake takes a
    // round trip, and half of one more passes until the host may speak.
    std::thread::sleep(one_way * 3);
    let far = TcpStream::connect((host, 22))?;
    far.set_nodelay(true)?;
    let (near_too, far_too) = (near.try_clone()?, far.try_clone()?);
    let there = std::thread::spawn(move || carry(near_too, far_too, one_way));
    carry(far, near, one_way);
    let _ = there.join();
    Ok(())
}

/// Carries bytes one way until there are no more.
fn carry(mut from: TcpStream, to: TcpStream, one_way: Duration) {
    let (send, receive) = sync_channel::<(Instant, Vec<u8>)>(PIECES);
    let deliver = std::thread::spawn(move || deliver(&receive, to));
    let mut piece = vec![0; PIECE];
    while let Ok(length) = from.read(&mut piece) {
        let due = Instant::now() + one_way;
        if length == 0 || send.send((due, piece[..length].to_vec())).is_err() {
            break;
        }
    }
    drop(send);
    let _ = deliver.join();
}

fn deliver(receive: &Receiver<(Instant, Vec<u8>)>, mut to: TcpStream) {
    for (due, bytes) in receive {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_late_and_whole() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let far = TcpStream::connect(address).expect("a connection");
        let (near, _) = listener.accept().expect("its other end");
        let sink = TcpListener::bind("127.0.0.1:0").expect("a port");
        let out = TcpStream::connect(sink.local_addr().expect("its address")).expect("out");
        let (mut end, _) = sink.accept().expect("the end");
        let begun = Instant::now();
        let carried = std::thread::spawn(move || carry(near, out, Duration::from_millis(30)));
        let mut far_end = far;
        far_end.write_all(b"twenty files").expect("sent");
        drop(far_end);
        let mut text = String::new();
        end.read_to_string(&mut text).expect("received");
        assert!(begun.elapsed() >= Duration::from_millis(30));
        assert_eq!(text, "twenty files");
        carried.join().expect("ends by itself");
    }
}
