//! What was heard that could not be used: named once a minute for each sender, so that
//! a stranger can fill neither the journal nor the memory.

use cluster_core::Time;
use cluster_wire::Refused;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

const KEPT: Duration = Duration::from_secs(60);
const SENDERS_MAX: usize = 32;

/// Copies and latecomers of one sender within a minute that are no matter: the network
/// makes them, and a daemon that begins anew leaves some behind.
const LATE_MAX: u32 = 100;

/// What a good seal was about cannot be understood.
const NOT_UNDERSTOOD: &str =
    "it is sealed well and cannot be understood; bring both nodes to the same release";

/// Who sent what could not be used.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    senders: BTreeMap<IpAddr, Sender>,
    late: BTreeMap<IpAddr, Late>,
}

/// Copies and latecomers since a moment.
#[derive(Debug)]
struct Late {
    since: Time,
    packets: u32,
}

#[derive(Debug)]
struct Sender {
    what: String,
    packets: u64,
    first: Time,
    last: Time,
    /// When somebody was told of it.
    told: Time,
}

impl Trouble {
    /// A datagram was refused. Returns a sentence if it is worth one.
    pub(crate) fn note(&mut self, from: IpAddr, why: &Refused, now: Time) -> Option<String> {
        self.forget(now);
        let late = matches!(why, Refused::Replayed | Refused::OldSession);
        if late && !self.goes_on(from, now) {
            return None;
        }
        self.say(from, &why.to_string(), now)
    }

    /// A packet of a member is none that this release knows.
    pub(crate) fn not_understood(&mut self, from: IpAddr, now: Time) -> Option<String> {
        self.forget(now);
        self.say(from, NOT_UNDERSTOOD, now)
    }

    /// More came too late than the network explains.
    fn goes_on(&mut self, from: IpAddr, now: Time) -> bool {
        if !self.late.contains_key(&from) && self.late.len() >= SENDERS_MAX {
            return false;
        }
        let begun = Late {
            since: now,
            packets: 0,
        };
        let late = self.late.entry(from).or_insert(begun);
        late.packets += 1;
        late.packets > LATE_MAX
    }

    fn say(&mut self, from: IpAddr, what: &str, now: Time) -> Option<String> {
        if let Some(known) = self.senders.get_mut(&from) {
            known.packets += 1;
            known.last = now;
            if known.what == what {
                return None;
            }
            what.clone_into(&mut known.what);
            // Whoever sends now this and now that is told of no more often.
            if now.since(known.told) < KEPT {
                return None;
            }
            known.told = now;
        } else if self.senders.len() < SENDERS_MAX {
            let sender = Sender {
                what: what.to_owned(),
                packets: 1,
                first: now,
                last: now,
                told: now,
            };
            self.senders.insert(from, sender);
        } else {
            return None;
        }
        Some(format!("{from}: {what}"))
    }

    /// What is still going on; `name` says who has an address.
    pub(crate) fn list(
        &mut self,
        now: Time,
        name: impl Fn(IpAddr) -> Option<String>,
    ) -> Vec<String> {
        self.forget(now);
        let senders = self.senders.iter();
        senders
            .map(|(from, sender)| {
                let seconds = now.since(sender.first).as_secs();
                let who = match name(*from) {
                    Some(name) => format!("{name} ({from})"),
                    None => format!("{from}, which is no member"),
                };
                format!(
                    "{who}: {} ({} packets in {seconds} s)",
                    sender.what, sender.packets
                )
            })
            .collect()
    }

    fn forget(&mut self, now: Time) {
        self.senders
            .retain(|_, sender| now.since(sender.last) < KEPT);
        self.late.retain(|_, late| now.since(late.since) < KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nobody(_: IpAddr) -> Option<String> {
        None
    }

    #[test]
    fn a_stranger_is_named_once_and_forgotten_after_a_minute() {
        let mut trouble = Trouble::default();
        let from = IpAddr::from([10, 0, 0, 9]);
        let now = Time::from_millis(1_000);
        assert!(trouble.note(from, &Refused::NotOurs, now).is_some());
        assert!(trouble.note(from, &Refused::NotOurs, now).is_none());
        let list = trouble.list(now, nobody);
        assert!(list[0].contains("2 packets"), "{list:?}");
        assert!(list[0].starts_with("10.0.0.9, which is no member: "));
        let list = trouble.list(now, |_| Some("zape".to_owned()));
        assert!(list[0].starts_with("zape (10.0.0.9): it is not a packet"));
        // Now this and now that is told of once, and listed as it was last.
        assert!(trouble.note(from, &Refused::Forged, now).is_none());
        assert!(trouble.list(now, nobody)[0].contains("seal"));
        assert!(trouble.note(from, &Refused::Replayed, now).is_none());
        assert!(trouble.list(now + KEPT, nobody).is_empty());
    }

    #[test]
    fn a_few_copies_are_the_networks_and_many_are_somebodys() {
        let mut trouble = Trouble::default();
        let from = IpAddr::from([10, 0, 0, 9]);
        let at = |ms: u64| Time::from_millis(1_000 + ms);
        // One each second is not much, however long.
        for second in 0..1_000 {
            let said = trouble.note(from, &Refused::Replayed, at(second * 1_000));
            assert_eq!(said, None);
        }
        let later = at(2_000_000);
        let said: Vec<_> = (0..=LATE_MAX)
            .filter_map(|_| trouble.note(from, &Refused::OldSession, later))
            .collect();
        assert_eq!(said.len(), 1, "{said:?}");
        let list = trouble.list(later, nobody);
        assert!(list[0].contains("two machines have the number of the same node"));
        assert!(trouble.list(later + KEPT, nobody).is_empty());
    }

    #[test]
    fn a_member_that_speaks_otherwise_is_named() {
        let mut trouble = Trouble::default();
        let from = IpAddr::from([10, 0, 0, 2]);
        let now = Time::from_millis(1);
        assert!(trouble.not_understood(from, now).is_some());
        let fault = Refused::Fragment(cluster_wire::FragmentFault::Short);
        trouble.note(from, &fault, now);
        assert!(trouble.list(now, nobody)[0].contains("too short"));
    }

    #[test]
    fn whatever_is_refused_gets_into_the_status_with_what_to_do() {
        let all = [
            Refused::NotOurs,
            Refused::OtherVersion { theirs: 9 },
            Refused::OtherCluster { name: "x".into() },
            Refused::UnknownKey { number: 4 },
            Refused::Forged,
            Refused::NotForMe,
            Refused::UnknownPeer(7),
            Refused::Replayed,
            Refused::OldSession,
            Refused::Fragment(cluster_wire::FragmentFault::Contradiction),
        ];
        for refused in all {
            let mut trouble = Trouble::default();
            let now = Time::from_millis(1);
            for _ in 0..=LATE_MAX {
                trouble.note(IpAddr::from([10, 0, 0, 2]), &refused, now);
            }
            let list = trouble.list(now, |_| Some("zape".to_owned()));
            assert!(list[0].starts_with("zape (10.0.0.2): it"), "{list:?}");
            assert!(list[0].contains(';'), "{list:?}");
        }
    }

    #[test]
    fn a_thousand_strangers_fill_nothing() {
        let mut trouble = Trouble::default();
        for last in 0..=255 {
            let from = IpAddr::from([10, 0, 0, last]);
            trouble.note(from, &Refused::NotOurs, Time::from_millis(1));
        }
        assert_eq!(
            trouble.list(Time::from_millis(1), nobody).len(),
            SENDERS_MAX
        );
    }
}
