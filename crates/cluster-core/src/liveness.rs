//! Who is heard, on which network, and what was last said.

use crate::action::Note;
use crate::name::{LinkId, NodeId, Session};
use crate::packet::Beat;
use crate::settings::Settings;
use crate::silence::Attention;
use crate::time::Time;
use crate::view::PeerView;
use std::collections::BTreeMap;

/// All peers.
#[derive(Debug)]
pub(crate) struct Peers {
    peers: BTreeMap<NodeId, Peer>,
}

/// A peer as it is heard here.
#[derive(Debug)]
pub(crate) struct Peer {
    links: BTreeMap<LinkId, Link>,
    /// The latest heartbeat of its session.
    pub(crate) beat: Option<Beat>,
    /// When it was last heard on any network.
    heard: Option<Time>,
    /// A heartbeat proves something about now only if it answers a later one of ours.
    proof_after: u64,
    attention: Attention,
}

#[derive(Debug)]
struct Link {
    heard: Option<Time>,
    up: bool,
}

impl Peers {
    pub(crate) fn new(settings: &Settings, now: Time) -> Self {
        let peer = || Peer {
            links: (0..settings.links)
                .map(|link| {
                    let down = Link {
                        heard: None,
                        up: false,
                    };
                    (LinkId(link), down)
                })
                .collect(),
            beat: None,
            heard: None,
            proof_after: 0,
            attention: Attention::new(now),
        };
        Self {
            peers: settings.peers().map(|id| (id, peer())).collect(),
        }
    }

    /// A heartbeat came in. True: it says something newer than all before it.
    pub(crate) fn hear(
        &mut self,
        from: NodeId,
        link: LinkId,
        beat: &Beat,
        now: Time,
        notes: &mut Vec<Note>,
    ) -> bool {
        let Some(peer) = self.peers.get_mut(&from) else {
            return false;
        };
        let newer = match &peer.beat {
            None => true,
            Some(known) if known.session == beat.session => beat.number > known.number,
            // Another start of the daemon: an old one may still be on its way to us.
            // Sessions have no order, but what answers a later heartbeat of ours has.
            Some(known) => match (beat.heard, known.heard) {
                (Some(new), Some(old)) if new.0 == old.0 => new.1 > old.1,
                _ => true,
            },
        };
        if let Some(link_state) = peer.links.get_mut(&link) {
            link_state.heard = Some(now);
            if !link_state.up {
                link_state.up = true;
                notes.push(Note::Link {
                    peer: from,
                    link,
                    up: true,
                });
            }
        }
        // A late copy says nothing about now.
        if newer {
            peer.heard = Some(now);
            peer.beat = Some(beat.clone());
        }
        newer
    }

    /// Notices which networks fell silent.
    pub(crate) fn look(&mut self, settings: &Settings, now: Time, notes: &mut Vec<Note>) {
        for (id, peer) in &mut self.peers {
            for (link, state) in &mut peer.links {
                let silent = state
                    .heard
                    .is_none_or(|heard| now.since(heard) >= settings.deadtime);
                if state.up && silent {
                    state.up = false;
                    notes.push(Note::Link {
                        peer: *id,
                        link: *link,
                        up: false,
                    });
                }
            }
        }
    }

    /// How everybody is heard.
    pub(crate) fn view(&self, settings: &Settings, now: Time) -> BTreeMap<NodeId, PeerView> {
        let ago = |heard: Option<Time>| heard.map(|heard| now.since(heard));
        let view = |(id, peer): (&NodeId, &Peer)| {
            let links = peer.links.iter();
            let seen = PeerView {
                there: self.is_there(*id, settings, now),
                heard: ago(peer.heard),
                links: links
                    .map(|(link, state)| (*link, (state.up, ago(state.heard))))
                    .collect(),
            };
            (*id, seen)
        };
        self.peers.iter().map(view).collect()
    }

    /// Is it heard on any network?
    pub(crate) fn is_there(&self, id: NodeId, settings: &Settings, now: Time) -> bool {
        self.peers
            .get(&id)
            .and_then(|peer| peer.heard)
            .is_some_and(|heard| now.since(heard) < settings.deadtime)
    }

    /// Does it hear us? Its heartbeat answers one of ours that is no older than silence
    /// may be. Who can speak and not hear is no use to anybody.
    pub(crate) fn hears(beat: &Beat, me: Session, number: u64, settings: &Settings) -> bool {
        let silence = settings.deadtime.as_millis() / settings.keepalive.as_millis().max(1);
        let slack = u64::try_from(silence).unwrap_or(u64::MAX).saturating_add(2);
        beat.heard
            .is_some_and(|(session, heard)| session == me && heard.saturating_add(slack) >= number)
    }

    pub(crate) fn attention(&mut self, id: NodeId) -> Option<&mut Attention> {
        self.peers.get_mut(&id).map(|peer| &mut peer.attention)
    }

    pub(crate) fn attention_to(&self, id: NodeId) -> Option<&Attention> {
        self.peers.get(&id).map(|peer| &peer.attention)
    }

    /// The latest heartbeat.
    pub(crate) fn beat(&self, id: NodeId) -> Option<&Beat> {
        self.peers.get(&id)?.beat.as_ref()
    }

    /// What to tell this peer that we heard of it.
    pub(crate) fn last_heard(&self, id: NodeId) -> Option<(Session, u64)> {
        let beat = self.beat(id)?;
        Some((beat.session, beat.number))
    }

    /// The latest heartbeat, if it was sent after our heartbeat that was current when
    /// the cluster last decided about this peer.
    pub(crate) fn proof(&self, id: NodeId, me: Session) -> Option<&Beat> {
        let peer = self.peers.get(&id)?;
        peer.beat.as_ref().filter(|beat| {
            beat.heard
                .is_some_and(|(session, number)| session == me && number > peer.proof_after)
        })
    }

    /// The cluster decided about this peer when our heartbeat `number` was the latest:
    /// what it said before proves nothing any more.
    pub(crate) fn decided(&mut self, id: NodeId, number: u64) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.proof_after = number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::BootId;
    use crate::settings::tests::three_voters;

    const ME: Session = Session(1);
    const PEER: NodeId = NodeId(2);

    fn beat(session: u64, number: u64, heard: Option<(Session, u64)>) -> Beat {
        Beat {
            boot: BootId(1),
            session: Session(session),
            number,
            epoch: crate::arbitration::Epoch::default(),
            applied: 0,
            heard,
            incarnation: None,
            lease: None,
            leased: false,
            ready: true,
            agreed: BTreeMap::new(),
            memory: crate::packet::Memory::Whole,
            begun: None,
        }
    }

    #[test]
    fn a_link_is_noticed_when_it_falls_silent_and_the_peer_only_with_the_last_one() {
        let settings = three_voters(NodeId(1));
        let mut peers = Peers::new(&settings, Time::default());
        let mut notes = Vec::new();
        let now = Time::from_millis(10);
        peers.hear(PEER, LinkId(0), &beat(7, 1, None), now, &mut notes);
        peers.hear(PEER, LinkId(1), &beat(7, 1, None), now, &mut notes);
        assert_eq!(notes.len(), 2);
        let later = now + settings.deadtime;
        peers.hear(PEER, LinkId(1), &beat(7, 2, None), later, &mut notes);
        notes.clear();
        peers.look(&settings, later, &mut notes);
        let down = Note::Link {
            peer: PEER,
            link: LinkId(0),
            up: false,
        };
        assert_eq!(notes, [down]);
        assert!(peers.is_there(PEER, &settings, later));
        assert!(!peers.is_there(PEER, &settings, later + settings.deadtime));
        assert!(!peers.is_there(NodeId(3), &settings, now), "never heard");
    }

    #[test]
    fn what_was_said_before_a_decision_proves_nothing_after_it() {
        let settings = three_voters(NodeId(1));
        let mut peers = Peers::new(&settings, Time::default());
        let now = Time::from_millis(10);
        let hear = |peers: &mut Peers, number, heard| {
            peers.hear(
                PEER,
                LinkId(0),
                &beat(7, number, heard),
                now,
                &mut Vec::new(),
            )
        };
        hear(&mut peers, 1, None);
        assert!(peers.proof(PEER, ME).is_none(), "it answers nothing");
        hear(&mut peers, 2, Some((Session(9), 50)));
        assert!(
            peers.proof(PEER, ME).is_none(),
            "it answers another session"
        );
        hear(&mut peers, 3, Some((ME, 4)));
        assert!(peers.proof(PEER, ME).is_some());
        peers.decided(PEER, 5);
        assert!(peers.proof(PEER, ME).is_none());
        hear(&mut peers, 4, Some((ME, 5)));
        assert!(peers.proof(PEER, ME).is_none());
        hear(&mut peers, 5, Some((ME, 6)));
        assert!(peers.proof(PEER, ME).is_some());
    }

    #[test]
    fn an_older_heartbeat_does_not_replace_a_newer_one() {
        let settings = three_voters(NodeId(1));
        let mut peers = Peers::new(&settings, Time::default());
        let now = Time::from_millis(10);
        let mut notes = Vec::new();
        assert!(peers.hear(PEER, LinkId(0), &beat(7, 5, Some((ME, 9))), now, &mut notes));
        assert!(!peers.hear(PEER, LinkId(1), &beat(7, 5, Some((ME, 9))), now, &mut notes));
        assert!(!peers.hear(
            PEER,
            LinkId(1),
            &beat(6, 99, Some((ME, 3))),
            now,
            &mut notes
        ));
        assert!(peers.hear(
            PEER,
            LinkId(1),
            &beat(8, 1, Some((ME, 12))),
            now,
            &mut notes
        ));
        assert_eq!(peers.last_heard(PEER), Some((Session(8), 1)));
    }
}
