//! TCP connections, from this machine's network or from a namespace's.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

/// The network from which hosts are called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// This machine's.
    #[default]
    Direct,
    /// A network namespace's (a file such as `/run/netns/tandem-dev`): how the
    /// lab's hosts are reached, whose addresses exist only there.
    Namespace(PathBuf),
}

impl Way {
    /// Opens a connection.
    pub(crate) fn dial(&self, address: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        match self {
            Self::Direct => TcpStream::connect_timeout(&address, timeout),
            Self::Namespace(path) => {
                // A socket belongs to the namespace in which it was made, and a
                // thread can change its own without touching the others.
                let path = path.clone();
                std::thread::spawn(move || {
                    let namespace = std::fs::File::open(&path)?;
                    nix::sched::setns(namespace, nix::sched::CloneFlags::CLONE_NEWNET)?;
                    TcpStream::connect_timeout(&address, timeout)
                })
                .join()
                .map_err(|_| io::Error::other("the dialling thread died"))?
            }
        }
    }
}
