//! Connections over libssh2.

use crate::attempt::{ATTEMPTS, ATTEMPTS_IN_SILENCE, Failed, attempt, is_passing};
use crate::{Connection, HostKey, KnownHosts, Network, Output, RemoteError, Target, Trust, Way};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Bytes per write: large pieces keep a long line full (measured, see
/// `docs/decisions`).
const PIECE: usize = 1 << 20;
/// Seconds of silence after which the host's kernel is asked whether it lives.
const SILENT_S: u32 = 5;
/// Seconds after which a host whose kernel does not answer is given up.
const DEAD_AFTER_S: u32 = 25;
/// How often a host's sshd is asked whether it lives while the program that we
/// wait for says nothing.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
/// How often a program that takes and says nothing is looked at, in milliseconds.
const LOOK_EVERY_MS: u8 = 200;
/// At most this much of a program's standard output is read.
const MOST_OUTPUT: usize = 256 << 20;
/// The same for its standard error.
const MOST_ERRORS: usize = 1 << 20;

/// How hosts are called.
#[derive(Clone, Debug)]
pub struct Ssh {
    /// From where.
    pub way: Way,
    /// Trusted host keys.
    pub known_hosts: KnownHosts,
    /// Private keys to try, after those of ssh-agent.
    pub identities: Vec<PathBuf>,
    /// How long a connection attempt may take.
    pub connect_timeout: Duration,
    /// How long the host may be silent in the middle of something.
    pub silence_timeout: Duration,
}

impl Ssh {
    fn open(&self, target: &Target) -> Result<(ssh2::Session, TcpStream), Failed> {
        let address = SocketAddr::new(target.address, target.port);
        let unreachable = |why: String, attempts: u32| Failed {
            error: RemoteError::Unreachable {
                host: target.host.clone(),
                address: address.to_string(),
                why,
            },
            attempts,
        };
        let stream = self
            .way
            .dial(address, self.connect_timeout)
            .map_err(|error| {
                let silent = error.kind() == io::ErrorKind::TimedOut;
                let attempts = if silent { ATTEMPTS_IN_SILENCE } else { 1 };
                unreachable(error.to_string(), attempts)
            })?;
        let _ = stream.set_nodelay(true);
        notice_death(&stream)
            .map_err(|errno| unreachable(format!("preparing the connection: {errno}"), 1))?;
        let mut session =
            ssh2::Session::new().map_err(|error| unreachable(error.message().to_owned(), 1))?;
        session.set_timeout(millis(self.connect_timeout));
        let own = stream
            .try_clone()
            .map_err(|error| unreachable(error.to_string(), 1))?;
        session.set_tcp_stream(own);
        let algorithms = self
            .known_hosts
            .algorithms(&target.address.to_string(), target.port)
            .join(",");
        if !algorithms.is_empty() {
            // Fails only for algorithms that libssh2 does not know; then the
            // comparison below has the last word.
            let _ = session.method_pref(ssh2::MethodType::HostKey, &algorithms);
        }
        session.handshake().map_err(|error| {
            let attempts = if is_passing(&error) { ATTEMPTS } else { 1 };
            unreachable(error.message().to_owned(), attempts)
        })?;
        Ok((session, stream))
    }

    fn log_in(&self, session: &ssh2::Session, target: &Target) -> Result<(), Failed> {
        let mut tried = Vec::new();
        // A host that falls silent has not refused anybody.
        let silent = |error: &ssh2::Error| Failed {
            error: RemoteError::Unreachable {
                host: target.host.clone(),
                address: SocketAddr::new(target.address, target.port).to_string(),
                why: format!("it fell silent while logging in: {}", error.message()),
            },
            attempts: ATTEMPTS,
        };
        if std::env::var_os("SSH_AUTH_SOCK").is_some() {
            match session.userauth_agent(&target.user) {
                Ok(()) => return Ok(()),
                Err(error) if is_passing(&error) => return Err(silent(&error)),
                Err(error) => tried.push(format!("ssh-agent: {}", error.message())),
            }
        }
        for identity in self.identities.iter().filter(|identity| identity.exists()) {
            match session.userauth_pubkey_file(&target.user, None, identity, None) {
                Ok(()) => return Ok(()),
                Err(error) if is_passing(&error) => return Err(silent(&error)),
                Err(error) => tried.push(format!("{}: {}", identity.display(), error.message())),
            }
        }
        if tried.is_empty() {
            tried.push("no ssh-agent and no key file".to_owned());
        }
        Err(Failed::for_good(RemoteError::NotLetIn {
            host: target.host.clone(),
            user: target.user.clone(),
            why: tried.join("; "),
        }))
    }

    /// One attempt to be let in by a host that is the one it should be.
    fn enter(&self, target: &Target) -> Result<(ssh2::Session, TcpStream), Failed> {
        let (session, stream) = self.open(target)?;
        self.trust(&session, target).map_err(Failed::for_good)?;
        self.log_in(&session, target)?;
        Ok((session, stream))
    }

    /// Checks that the host shows the key that it is known by.
    fn trust(&self, session: &ssh2::Session, target: &Target) -> Result<(), RemoteError> {
        let key = shown_key(session, target)?;
        match self
            .known_hosts
            .check(&target.address.to_string(), target.port, &key)
        {
            Trust::Trusted => Ok(()),
            Trust::Changed(file) => Err(RemoteError::ChangedHostKey {
                host: target.host.clone(),
                fingerprint: key.fingerprint(),
                file,
            }),
            Trust::Unknown => Err(RemoteError::UnknownHostKey {
                host: target.host.clone(),
                fingerprint: key.fingerprint(),
                file: self.known_hosts.first(),
            }),
        }
    }
}

/// Lets the kernel notice a host that died without a word: while we wait for its
/// answer, only the kernel has something to ask it. A shorter interruption of the
/// network is survived.
fn notice_death(stream: &TcpStream) -> nix::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt};
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    setsockopt(stream, sockopt::TcpKeepIdle, &SILENT_S)?;
    setsockopt(stream, sockopt::TcpKeepInterval, &SILENT_S)?;
    setsockopt(stream, sockopt::TcpKeepCount, &(DEAD_AFTER_S / SILENT_S))?;
    setsockopt(stream, sockopt::TcpUserTimeout, &(DEAD_AFTER_S * 1000))
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

fn shown_key(session: &ssh2::Session, target: &Target) -> Result<HostKey, RemoteError> {
    let blob = session.host_key().map(|(blob, _)| blob);
    let hash = session.host_key_hash(ssh2::HashType::Sha256);
    match (blob, hash) {
        (Some(blob), Some(hash)) => Ok(HostKey::new(blob, hash)),
        _ => Err(RemoteError::Unreachable {
            host: target.host.clone(),
            address: target.address.to_string(),
            why: "it shows no host key".to_owned(),
        }),
    }
}

/// The key that a host shows, without trusting or using it.
///
/// # Errors
/// The host does not answer.
pub fn scan(ssh: &Ssh, target: &Target) -> Result<HostKey, RemoteError> {
    let (session, _stream) = attempt(|| ssh.open(target))?;
    shown_key(&session, target)
}

impl Network for Ssh {
    fn connect(&self, target: &Target) -> Result<Box<dyn Connection>, RemoteError> {
        let (session, stream) = attempt(|| self.enter(target))?;
        session.set_timeout(millis(self.silence_timeout));
        Ok(Box::new(SshConnection {
            session,
            stream,
            target: target.clone(),
            silence: self.silence_timeout,
        }))
    }
}

struct SshConnection {
    session: ssh2::Session,
    /// The session's own.
    stream: TcpStream,
    target: Target,
    /// How long nothing may be heard of the host.
    silence: Duration,
}

impl SshConnection {
    /// Gives the program its input and takes what it says, until it ends; it
    /// may end before it took everything.
    ///
    /// libssh2 is never left to wait by itself: it would wait for a window that
    /// a program which ended never opens again, and takes a program for dead that
    /// says nothing from one sign of life of its host to the next.
    fn converse(
        &self,
        channel: &mut ssh2::Channel,
        input: &mut dyn Read,
        sent: &mut dyn FnMut(u64),
    ) -> Result<Said, RemoteError> {
        self.session.set_blocking(false);
        let said = self.listen(channel, input, sent);
        self.session.set_blocking(true);
        said
    }

    fn listen(
        &self,
        channel: &mut ssh2::Channel,
        input: &mut dyn Read,
        sent: &mut dyn FnMut(u64),
    ) -> Result<Said, RemoteError> {
        let mut said = Said::default();
        let mut patience = Patience::new();
        let mut piece = vec![0; PIECE];
        let mut total = 0;
        loop {
            let length = input.read(&mut piece).map_err(|error| RemoteError::Local {
                what: format!("reading what goes to {}", self.target.host),
                why: error.to_string(),
            })?;
            if length == 0 {
                break;
            }
            let mut rest = &piece[..length];
            while !rest.is_empty() {
                match channel.write(rest) {
                    Ok(written) => rest = &rest[written..],
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        if self.is_over(channel, &mut said)? {
                            return Ok(said);
                        }
                        self.wait(&mut patience)?;
                    }
                    // A program that ended takes nothing any more.
                    Err(_) if self.is_over(channel, &mut said)? => return Ok(said),
                    Err(error) => return Err(self.lost("sending", &error)),
                }
            }
            total += length as u64;
            sent(total);
        }
        let mut ended = false;
        loop {
            if !ended {
                match channel.send_eof().map_err(io::Error::from) {
                    Ok(()) => ended = true,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) if self.is_over(channel, &mut said)? => return Ok(said),
                    Err(error) => return Err(self.lost("sending", &error)),
                }
            }
            if self.is_over(channel, &mut said)? {
                return Ok(said);
            }
            self.wait(&mut patience)?;
        }
    }

    /// Takes what the program said so far; true if that was all.
    fn is_over(&self, channel: &mut ssh2::Channel, said: &mut Said) -> Result<bool, RemoteError> {
        said.take(channel)
            .map_err(|error| self.lost("reading the answer", &error))
    }

    /// Waits until the connection can be read or written again, as libssh2
    /// wants it, but not for long.
    fn wait(&self, patience: &mut Patience) -> Result<(), RemoteError> {
        let events = match self.session.block_directions() {
            ssh2::BlockDirections::Outbound => PollFlags::POLLOUT,
            ssh2::BlockDirections::Both => PollFlags::POLLIN | PollFlags::POLLOUT,
            ssh2::BlockDirections::Inbound | ssh2::BlockDirections::None => PollFlags::POLLIN,
        };
        let mut connection = [PollFd::new(self.stream.as_fd(), events)];
        let ready = match poll(&mut connection, PollTimeout::from(LOOK_EVERY_MS)) {
            Ok(ready) => ready > 0,
            Err(nix::errno::Errno::EINTR) => false,
            Err(errno) => return Err(self.lost("waiting", &errno)),
        };
        if ready {
            patience.heard = Instant::now();
        } else if patience.heard.elapsed() >= self.silence {
            let why = format!("nothing was heard for {} s", self.silence.as_secs());
            return Err(self.lost("waiting", &why));
        } else if patience.asked.elapsed() >= SIGN_OF_LIFE && !events.contains(PollFlags::POLLOUT) {
            patience.asked = Instant::now();
            self.ask_for_sign_of_life()
                .map_err(|error| self.lost("waiting", &error))?;
        }
        Ok(())
    }

    /// libssh2 sends one only where an interval is set, and where one is set it
    /// sends them also while it waits by itself, and gives up between two.
    fn ask_for_sign_of_life(&self) -> io::Result<()> {
        self.session.set_keepalive(true, 2);
        let asked = self.session.keepalive_send().map_err(io::Error::from);
        self.session.set_keepalive(false, 0);
        match asked {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }

    /// The connection is of no use any more. A packet that went out by half
    /// makes libssh2 try to send the next one for ever: whatever it still does
    /// before it is gone shall fail at once.
    fn lost(&self, during: &str, why: &dyn std::fmt::Display) -> RemoteError {
        self.session.set_timeout(1);
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        RemoteError::Lost {
            host: self.target.host.clone(),
            during: during.to_owned(),
            why: why.to_string(),
        }
    }
}

/// When a host was last heard, and last asked for a sign of life.
struct Patience {
    heard: Instant,
    asked: Instant,
}

impl Patience {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            heard: now,
            asked: now,
        }
    }
}

/// What a program said so far.
#[derive(Default)]
struct Said {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Said {
    /// Takes what is there; true if nothing follows. Only once everything is
    /// read does libssh2 know.
    fn take(&mut self, channel: &mut ssh2::Channel) -> io::Result<bool> {
        read_all(channel, &mut self.stdout, MOST_OUTPUT)?;
        read_all(&mut channel.stderr(), &mut self.stderr, MOST_ERRORS)?;
        Ok(channel.eof())
    }
}

/// Reads what is there, without waiting; keeps at most so many bytes.
fn read_all(from: &mut impl Read, to: &mut Vec<u8>, most: usize) -> io::Result<()> {
    let mut piece = [0; 16 << 10];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => {
                let room = most.saturating_sub(to.len());
                to.extend_from_slice(&piece[..length.min(room)]);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// A word for the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

impl Connection for SshConnection {
    fn exec(
        &mut self,
        command: &str,
        input: &mut dyn Read,
        sent: &mut dyn FnMut(u64),
    ) -> Result<Output, RemoteError> {
        let sudo = self.target.user != "root";
        let line = if sudo {
            format!("sudo -n -- sh -c {}", quoted(command))
        } else {
            command.to_owned()
        };
        let mut channel = self
            .session
            .channel_session()
            .map_err(|error| self.lost("opening a channel", &error.message()))?;
        channel
            .exec(&line)
            .map_err(|error| self.lost("starting a command", &error.message()))?;
        let Said { stdout, stderr } = self.converse(&mut channel, input, sent)?;
        channel
            .wait_close()
            .map_err(|error| self.lost("waiting for the end of a command", &error.message()))?;
        let exit = channel
            .exit_status()
            .map_err(|error| self.lost("waiting for the end of a command", &error.message()))?;
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        if sudo && exit != 0 && stdout.is_empty() && stderr.starts_with("sudo:") {
            return Err(RemoteError::NoSudo {
                host: self.target.host.clone(),
                user: self.target.user.clone(),
                why: stderr.trim().to_owned(),
            });
        }
        Ok(Output {
            exit,
            stdout,
            stderr,
        })
    }
}
