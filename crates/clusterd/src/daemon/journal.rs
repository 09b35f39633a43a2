//! What the daemon tells the journal: a sentence for people, and fields to search for
//! (`journalctl CLUSTERD_NODE=zape`). Protocol: "Native Journal Protocol" of systemd.

use std::io::Write as _;
use std::os::unix::net::UnixDatagram;

const SOCKET: &str = "/run/systemd/journal/socket";

/// How urgent it is; numbers of syslog(3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Critical = 2,
    Error = 3,
    Warning = 4,
    Notice = 5,
    Info = 6,
}

/// Where it goes.
#[derive(Debug)]
pub(crate) struct Journal {
    socket: Option<UnixDatagram>,
    cluster: String,
}

impl Journal {
    /// The journal, if there is one; else standard error.
    pub(crate) fn open(cluster: &str) -> Self {
        let socket = UnixDatagram::unbound().and_then(|socket| {
            socket.connect(SOCKET)?;
            // A journal that hangs delays nothing: what does not fit is lost.
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        Self {
            socket: socket.ok(),
            cluster: cluster.to_owned(),
        }
    }

    /// A sentence and its fields, which are upper case.
    pub(crate) fn say(&self, level: Level, sentence: &str, fields: &[(&str, &str)]) {
        let Some(socket) = &self.socket else {
            let _ = writeln!(std::io::stderr(), "clusterd: {sentence}");
            return;
        };
        let number = (level as u8).to_string();
        let mut packet = Vec::new();
        let own = [
            ("MESSAGE", sentence),
            ("PRIORITY", &number),
            ("SYSLOG_IDENTIFIER", "clusterd"),
            ("CLUSTERD_CLUSTER", &self.cluster),
        ];
        for (name, value) in own.iter().chain(fields) {
            field(&mut packet, name, value);
        }
        let _ = socket.send(&packet);
    }
}

/// `NAME=value`, or for values of several lines the name, the length and the value.
fn field(packet: &mut Vec<u8>, name: &str, value: &str) {
    packet.extend(name.as_bytes());
    if value.contains('\n') {
        packet.push(b'\n');
        packet.extend((value.len() as u64).to_le_bytes());
    } else {
        packet.push(b'=');
    }
    packet.extend(value.as_bytes());
    packet.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_several_lines_have_their_length_before_them() {
        let mut packet = Vec::new();
        field(&mut packet, "A", "b");
        field(&mut packet, "C", "d\ne");
        assert_eq!(packet, b"A=b\nC\n\x03\0\0\0\0\0\0\0d\ne\n");
    }
}
