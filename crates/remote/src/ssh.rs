//! Connections over libssh2.

use crate::{Connection, HostKey, KnownHosts, Network, Output, RemoteError, Target, Trust, Way};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

/// Bytes per write: large pieces keep a long line full (measured, see
/// `docs/decisions`).
const PIECE: usize = 1 << 20;
/// Seconds of silence after which the host's kernel is asked whether it lives.
const SILENT_S: u32 = 5;
/// Seconds after which a host whose kernel does not answer is given up.
const DEAD_AFTER_S: u32 = 25;
/// At most this much of a program's standard output is read.
const MOST_OUTPUT: u64 = 256 << 20;

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
    fn open(&self, target: &Target) -> Result<ssh2::Session, RemoteError> {
        let address = SocketAddr::new(target.address, target.port);
        let unreachable = |why: String| RemoteError::Unreachable {
            host: target.host.clone(),
            address: address.to_string(),
            why,
        };
        let stream = self
            .way
            .dial(address, self.connect_timeout)
            .map_err(|error| unreachable(error.to_string()))?;
        let _ = stream.set_nodelay(true);
        notice_death(&stream)
            .map_err(|errno| unreachable(format!("preparing the connection: {errno}")))?;
        let mut session =
            ssh2::Session::new().map_err(|error| unreachable(error.message().to_owned()))?;
        session.set_timeout(millis(self.connect_timeout));
        session.set_tcp_stream(stream);
        let algorithms = self
            .known_hosts
            .algorithms(&target.address.to_string(), target.port)
            .join(",");
        if !algorithms.is_empty() {
            // Fails only for algorithms that libssh2 does not know; then the
            // comparison below has the last word.
            let _ = session.method_pref(ssh2::MethodType::HostKey, &algorithms);
        }
        session
            .handshake()
            .map_err(|error| unreachable(error.message().to_owned()))?;
        Ok(session)
    }

    fn log_in(&self, session: &ssh2::Session, target: &Target) -> Result<(), RemoteError> {
        let mut tried = Vec::new();
        if std::env::var_os("SSH_AUTH_SOCK").is_some() {
            match session.userauth_agent(&target.user) {
                Ok(()) => return Ok(()),
                Err(error) => tried.push(format!("ssh-agent: {}", error.message())),
            }
        }
        for identity in self.identities.iter().filter(|identity| identity.exists()) {
            match session.userauth_pubkey_file(&target.user, None, identity, None) {
                Ok(()) => return Ok(()),
                Err(error) => tried.push(format!("{}: {}", identity.display(), error.message())),
            }
        }
        if tried.is_empty() {
            tried.push("no ssh-agent and no key file".to_owned());
        }
        Err(RemoteError::NotLetIn {
            host: target.host.clone(),
            user: target.user.clone(),
            why: tried.join("; "),
        })
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

fn host_key(session: &ssh2::Session) -> Option<HostKey> {
    let (blob, _) = session.host_key()?;
    let hash = session.host_key_hash(ssh2::HashType::Sha256)?;
    Some(HostKey::new(blob, hash))
}

/// The key that a host shows, without trusting or using it.
///
/// # Errors
/// The host does not answer.
pub fn scan(ssh: &Ssh, target: &Target) -> Result<HostKey, RemoteError> {
    let session = ssh.open(target)?;
    host_key(&session).ok_or_else(|| RemoteError::Unreachable {
        host: target.host.clone(),
        address: target.address.to_string(),
        why: "it shows no host key".to_owned(),
    })
}

impl Network for Ssh {
    fn connect(&self, target: &Target) -> Result<Box<dyn Connection>, RemoteError> {
        let session = self.open(target)?;
        let key = host_key(&session).ok_or_else(|| RemoteError::Unreachable {
            host: target.host.clone(),
            address: target.address.to_string(),
            why: "it shows no host key".to_owned(),
        })?;
        match self
            .known_hosts
            .check(&target.address.to_string(), target.port, &key)
        {
            Trust::Trusted => {}
            Trust::Changed(file) => {
                return Err(RemoteError::ChangedHostKey {
                    host: target.host.clone(),
                    fingerprint: key.fingerprint(),
                    file,
                });
            }
            Trust::Unknown => {
                return Err(RemoteError::UnknownHostKey {
                    host: target.host.clone(),
                    fingerprint: key.fingerprint(),
                    file: self.known_hosts.first(),
                });
            }
        }
        self.log_in(&session, target)?;
        session.set_timeout(millis(self.silence_timeout));
        Ok(Box::new(SshConnection {
            session,
            target: target.clone(),
        }))
    }
}

struct SshConnection {
    session: ssh2::Session,
    target: Target,
}

impl SshConnection {
    fn lost(&self, during: &str, why: &dyn std::fmt::Display) -> RemoteError {
        RemoteError::Lost {
            host: self.target.host.clone(),
            during: during.to_owned(),
            why: why.to_string(),
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
            if channel.write_all(&piece[..length]).is_err() {
                break; // the program ended early; its words tell why
            }
            total += length as u64;
            sent(total);
        }
        let _ = channel.send_eof();
        let mut stdout = Vec::new();
        Read::by_ref(&mut channel)
            .take(MOST_OUTPUT)
            .read_to_end(&mut stdout)
            .map_err(|error| self.lost("reading the answer", &error))?;
        let mut stderr = Vec::new();
        channel
            .stderr()
            .take(1 << 20)
            .read_to_end(&mut stderr)
            .map_err(|error| self.lost("reading the answer", &error))?;
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
