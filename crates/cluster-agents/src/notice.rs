//! What the machine tells by itself of what agents started: that it ended. Whoever listens
//! need not wait for the next monitor to ask the agent.
//!
//! Only ends are told, and only those that somebody may want to know: a unit that is
//! `inactive` or `failed`, the scope of a resource in which nothing runs any more, and an
//! address that was removed. What was told while nobody was connected is lost; monitors find
//! it.

use crate::bus::{UNIT, next, properties_changed};
use crate::netlink;
use crate::runner::Runner;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;
use zbus::zvariant::OwnedValue;
use zbus::{Connection, Message, MessageStream};

const UNITS: &str = "/org/freedesktop/systemd1/unit";

/// Signals that nobody has looked at yet.
const SIGNALS_MAX: usize = 1024;

/// Between two tries to listen.
const AGAIN: Duration = Duration::from_secs(5);

/// What ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// A unit, by the name that systemd has for it.
    Unit(String),
    /// All that a good start of this resource left running.
    Resource(String),
    /// This address was removed from an interface.
    Address(IpAddr),
}

/// Tells each address that is removed, for as long as `tell` wants. Blocks.
///
/// # Errors
/// The kernel does not tell: rtnetlink(7).
pub fn removed_addresses(mut tell: impl FnMut(Noticed) -> bool) -> std::io::Result<()> {
    netlink::removals(|address| tell(Noticed::Address(address)))
}

impl Runner {
    /// Tells, for as long as it is polled.
    pub async fn notice(&self, mut tell: impl FnMut(Noticed)) {
        loop {
            // Without a bus nothing is told, and monitors look as ever.
            if let Ok(connection) = self.connection().await
                && let Ok(mut signals) = listen(&connection).await
            {
                while let Some(Ok(message)) = next(&mut signals).await {
                    let noticed = ended(&message).and_then(|unit| self.whose(unit));
                    if let Some(noticed) = noticed {
                        tell(noticed);
                    }
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

async fn listen(connection: &Connection) -> zbus::Result<MessageStream> {
    let rule = properties_changed()?
        .path_namespace(UNITS)?
        .arg(0, UNIT)?
        .build();
    MessageStream::for_match_rule(rule, connection, Some(SIGNALS_MAX)).await
}

/// The unit that ended, if that is what it says.
fn ended(message: &Message) -> Option<String> {
    let body = message.body();
    let (_, changed, _): (String, HashMap<String, OwnedValue>, Vec<String>) =
        body.deserialize().ok()?;
    let state = <&str>::try_from(changed.get("ActiveState")?).ok()?;
    if !matches!(state, "inactive" | "failed") {
        return None;
    }
    unit_of(message.header().path()?.as_str())
}

/// Paths of units have `_` and two digits for whatever a path cannot carry: sd_bus_path_encode(3).
fn unit_of(path: &str) -> Option<String> {
    let mut rest = path.strip_prefix(UNITS)?.strip_prefix('/')?;
    let mut name = Vec::new();
    while let Some((before, after)) = rest.split_once('_') {
        name.extend_from_slice(before.as_bytes());
        let digits = after.get(..2)?;
        name.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after.get(2..)?;
    }
    name.extend_from_slice(rest.as_bytes());
    String::from_utf8(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_which_unit_it_is() {
        let of = |end: &str| unit_of(&format!("{UNITS}/{end}"));
        assert_eq!(of("apache2_2eservice").as_deref(), Some("apache2.service"));
        assert_eq!(
            of("clusterd_2d1f_2d7_2dstart_2ddb_2escope").as_deref(),
            Some("clusterd-1f-7-start-db.scope")
        );
        assert_eq!(of("_39p_2emount").as_deref(), Some("9p.mount"));
        for wrong in ["a_", "a_2", "a_zz", "a_2\u{e9}"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert_eq!(unit_of("/elsewhere"), None);
    }

    #[test]
    fn only_ends_are_told() {
        let signal = |state: &str| {
            let changed: HashMap<&str, zbus::zvariant::Value<'_>> = HashMap::from([
                ("ActiveState", state.into()),
                ("SubState", "whatever".into()),
            ]);
            Message::signal(
                format!("{UNITS}/apache2_2eservice"),
                "org.freedesktop.DBus.Properties",
                "PropertiesChanged",
            )
            .expect("a signal")
            .build(&(UNIT, changed, Vec::<&str>::new()))
            .expect("a message")
        };
        for state in ["inactive", "failed"] {
            assert_eq!(ended(&signal(state)).as_deref(), Some("apache2.service"));
        }
        for state in ["active", "activating", "deactivating", "reloading"] {
            assert_eq!(ended(&signal(state)), None);
        }
    }
}
