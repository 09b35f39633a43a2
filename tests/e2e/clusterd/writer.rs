//! Clients that write into the databases of both nodes all the time, each at the node's
//! own address: also where the virtual address is not, or not any more.
//!
//! Only as much of the protocol of MySQL and MariaDB as that takes: a login without a
//! password, statements, and whether they were acknowledged.

use crate::stage::{HOSTS, Stage};
use std::fs::File;
use std::io::{Error, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two statements, or two attempts to connect.
const EVERY: Duration = Duration::from_millis(20);
/// Longest wait for a connection or an answer.
const LIMIT: Duration = Duration::from_secs(1);

/// A row that a server has said to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Acknowledged {
    /// When the answer was there.
    pub(super) answered: Instant,
    /// When the statement was sent.
    pub(super) sent: Instant,
    /// On which node.
    pub(super) host: &'static str,
}

/// Two clients, until they are stopped.
pub(super) struct Writers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Acknowledged>>>,
}

impl Writers {
    /// One for each node, in the external network.
    pub(super) fn start(stage: &Stage) -> Self {
        let status = stage.lab().status().expect("the lab says how it is");
        let mut clients = status.clients.into_iter();
        let client = clients.find(|client| client.name == "client-ext");
        let netns = client.expect("a client in the external network").netns;
        let stop = Arc::new(AtomicBool::new(false));
        let start = |(host, address): (&'static str, &str)| {
            let stop = Arc::clone(&stop);
            let netns = netns.clone();
            let address: SocketAddr = address.parse().expect("an address");
            std::thread::spawn(move || {
                let namespace = File::open(netns).expect("the client's namespace");
                nix::sched::setns(namespace, nix::sched::CloneFlags::CLONE_NEWNET)
                    .expect("this thread joins the client's network");
                write_until(&stop, host, address)
            })
        };
        let at = ["10.77.4.11:3306", "10.77.4.12:3306"];
        let threads = HOSTS.into_iter().zip(at).map(start).collect();
        Self { stop, threads }
    }

    /// Ends them; what was acknowledged, in the order of the answers.
    pub(super) fn stop(self) -> Vec<Acknowledged> {
        self.stop.store(true, Ordering::SeqCst);
        let of_each = self.threads.into_iter().map(JoinHandle::join);
        let mut all: Vec<_> = of_each
            .flat_map(|its| its.expect("a client does not panic"))
            .collect();
        all.sort();
        all
    }
}

/// Fails the test unless the database moved at most once, and nothing was acknowledged
/// on the node that had it once the other one had taken a statement. Returns the longest
/// time without a row.
#[track_caller]
pub(super) fn one_after_the_other(rows: &[Acknowledged]) -> Duration {
    assert!(rows.len() > 10, "there are rows: {}", rows.len());
    let moves: Vec<_> = rows
        .windows(2)
        .filter(|pair| pair[0].host != pair[1].host)
        .collect();
    assert!(moves.len() <= 1, "it goes to and fro: {moves:?}");
    for pair in moves {
        assert!(
            pair[0].answered < pair[1].sent,
            "{} acknowledges while {} has taken over",
            pair[0].host,
            pair[1].host
        );
    }
    let gaps = rows
        .windows(2)
        .map(|pair| pair[1].answered - pair[0].answered);
    gaps.max().unwrap_or_default()
}

fn write_until(stop: &AtomicBool, host: &'static str, address: SocketAddr) -> Vec<Acknowledged> {
    let mut rows = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        // Whatever went wrong, a new connection is tried: that is what clients do.
        let _ = write_while(stop, host, address, &mut rows);
        std::thread::sleep(EVERY);
    }
    rows
}

fn write_while(
    stop: &AtomicBool,
    host: &'static str,
    address: SocketAddr,
    rows: &mut Vec<Acknowledged>,
) -> std::io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.set_nodelay(true)?;
    log_in(&mut stream)?;
    query(&mut stream, "CREATE DATABASE IF NOT EXISTS written")?;
    let table = "CREATE TABLE IF NOT EXISTS written.rows (n BIGINT AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB";
    query(&mut stream, table)?;
    while !stop.load(Ordering::SeqCst) {
        let sent = Instant::now();
        query(&mut stream, "INSERT INTO written.rows VALUES (NULL)")?;
        let answered = Instant::now();
        rows.push(Acknowledged {
            answered,
            sent,
            host,
        });
        std::thread::sleep(EVERY);
    }
    Ok(())
}

/// The server greets; `HandshakeResponse41` with an empty password answers.
fn log_in(stream: &mut TcpStream) -> std::io::Result<()> {
    let _greeting = packet(stream)?;
    // LONG_PASSWORD, PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH.
    let capabilities: u32 = 0x1 | 0x200 | 0x8000 | 0x8_0000;
    let mut answer = capabilities.to_le_bytes().to_vec();
    answer.extend(0x0100_0000_u32.to_le_bytes());
    answer.push(45); // utf8mb4
    answer.extend([0; 23]);
    answer.extend(b"root\0");
    answer.push(0); // an answer to the challenge of no bytes
    answer.extend(b"mysql_native_password\0");
    send(stream, 1, &answer)?;
    acknowledged(stream)
}

/// `COM_QUERY`.
fn query(stream: &mut TcpStream, statement: &str) -> std::io::Result<()> {
    let mut command = vec![3];
    command.extend(statement.as_bytes());
    send(stream, 0, &command)?;
    acknowledged(stream)
}

fn acknowledged(stream: &mut TcpStream) -> std::io::Result<()> {
    let answer = packet(stream)?;
    if answer.first() == Some(&0) {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    Err(Error::other(text))
}

/// Length, number, content.
fn send(stream: &mut TcpStream, number: u8, content: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(content.len()).map_err(Error::other)?;
    let mut whole = length.to_le_bytes()[..3].to_vec();
    whole.push(number);
    whole.extend(content);
    stream.write_all(&whole)
}

fn packet(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = [0; 4];
    stream.read_exact(&mut head)?;
    let length = u32::from_le_bytes([head[0], head[1], head[2], 0]);
    let mut content = vec![0; usize::try_from(length).map_err(Error::other)?];
    stream.read_exact(&mut content)?;
    Ok(content)
}

fn rows(of: &[(&'static str, u64, u64)]) -> Vec<Acknowledged> {
    let begin = Instant::now();
    let row = |(host, sent, answered): (&'static str, u64, u64)| Acknowledged {
        answered: begin + Duration::from_millis(answered),
        sent: begin + Duration::from_millis(sent),
        host,
    };
    let mut rows: Vec<_> = (0..10).map(|n| row(("zipi", n, n + 1))).collect();
    rows.extend(of.iter().copied().map(row));
    rows.sort();
    rows
}

#[test]
fn a_database_may_move() {
    let moved = rows(&[("zape", 500, 501), ("zape", 502, 503)]);
    assert_eq!(one_after_the_other(&moved), Duration::from_millis(491));
}

#[test]
#[should_panic(expected = "to and fro")]
fn a_row_on_the_old_node_after_the_move_is_found() {
    one_after_the_other(&rows(&[("zape", 500, 501), ("zipi", 502, 503)]));
}

#[test]
#[should_panic(expected = "has taken over")]
fn a_row_on_both_nodes_at_once_is_found() {
    one_after_the_other(&rows(&[("zipi", 500, 520), ("zape", 510, 530)]));
}
