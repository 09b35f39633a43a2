//! What was heard that could not be used: named once a minute for each sender, so that
//! a stranger can fill neither the journal nor the memory.

use cluster_core::Time;
use cluster_wire::Refused;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

const KEPT: Duration = Duration::from_secs(60);
const SENDERS_MAX: usize = 32;

/// Who sent what could not be used.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    senders: BTreeMap<IpAddr, Sender>,
}

#[derive(Debug)]
struct Sender {
    what: String,
    packets: u64,
    first: Time,
    last: Time,
}

impl Trouble {
    /// A datagram was refused. Returns a sentence if it is worth one.
    pub(crate) fn note(&mut self, from: IpAddr, why: &Refused, now: Time) -> Option<String> {
        self.forget(now);
        // Late copies are the network's, and were good once.
        if matches!(
            why,
            Refused::Replayed | Refused::OldSession | Refused::Fragment(_)
        ) {
            return None;
        }
        let what = why.to_string();
        if let Some(known) = self.senders.get_mut(&from) {
            known.packets += 1;
            known.last = now;
            if known.what == what {
                return None;
            }
            known.what.clone_from(&what);
        } else if self.senders.len() < SENDERS_MAX {
            let sender = Sender {
                what: what.clone(),
                packets: 1,
                first: now,
                last: now,
            };
            self.senders.insert(from, sender);
        } else {
            return None;
        }
        Some(format!("{from}: {what}"))
    }

    /// What is still going on.
    pub(crate) fn list(&mut self, now: Time) -> Vec<String> {
        self.forget(now);
        let senders = self.senders.iter();
        senders
            .map(|(from, sender)| {
                let seconds = now.since(sender.first).as_secs();
                format!(
                    "{from}: {} ({} packets in {seconds} s)",
                    sender.what, sender.packets
                )
            })
            .collect()
    }

    fn forget(&mut self, now: Time) {
        self.senders
            .retain(|_, sender| now.since(sender.last) < KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_is_named_once_and_forgotten_after_a_minute() {
        let mut trouble = Trouble::default();
        let from = IpAddr::from([10, 0, 0, 9]);
        let now = Time::from_millis(1_000);
        assert!(trouble.note(from, &Refused::NotOurs, now).is_some());
        assert!(trouble.note(from, &Refused::NotOurs, now).is_none());
        let list = trouble.list(now);
        assert!(list[0].contains("2 packets"), "{list:?}");
        assert!(trouble.note(from, &Refused::Replayed, now).is_none());
        assert!(trouble.list(now + KEPT).is_empty());
    }

    #[test]
    fn a_thousand_strangers_fill_nothing() {
        let mut trouble = Trouble::default();
        for last in 0..=255 {
            let from = IpAddr::from([10, 0, 0, last]);
            trouble.note(from, &Refused::NotOurs, Time::from_millis(1));
        }
        assert_eq!(trouble.list(Time::from_millis(1)).len(), SENDERS_MAX);
    }
}
