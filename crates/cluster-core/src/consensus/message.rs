//! Raft's messages and entries as ours and back.

use super::log::{snapshot_from_raft, snapshot_to_raft};
use crate::arbitration::Epoch;
use crate::disk::LogEntry;
use crate::packet::RaftMessage;
use raft::eraftpb;

/// To be sent.
pub(super) fn from_raft(message: &eraftpb::Message, epoch: Epoch) -> RaftMessage {
    RaftMessage {
        epoch,
        kind: message.msg_type as u8,
        to: message.to,
        from: message.from,
        term: message.term,
        log_term: message.log_term,
        index: message.index,
        entries: message.entries.iter().map(entry_from_raft).collect(),
        snapshot: message.snapshot.as_ref().and_then(snapshot_from_raft),
        commit: message.commit,
        commit_term: message.commit_term,
        request_snapshot: message.request_snapshot,
        reject: message.reject,
        reject_hint: message.reject_hint,
        context: message.context.to_vec(),
        priority: message.priority,
    }
}

/// Received; `None`: a kind that this version does not know.
/// `members` are those as of its snapshot.
pub(super) fn to_raft(
    message: RaftMessage,
    members: &eraftpb::ConfState,
) -> Option<eraftpb::Message> {
    let snapshot = message
        .snapshot
        .map(|snapshot| snapshot_to_raft(&snapshot, members));
    Some(eraftpb::Message {
        snapshot: snapshot.into(),
        msg_type: KINDS
            .iter()
            .copied()
            .find(|kind| *kind as u8 == message.kind)?,
        to: message.to,
        from: message.from,
        term: message.term,
        log_term: message.log_term,
        index: message.index,
        entries: message
            .entries
            .into_iter()
            .map(entry_to_raft)
            .collect::<Option<Vec<_>>>()?
            .into(),
        commit: message.commit,
        commit_term: message.commit_term,
        request_snapshot: message.request_snapshot,
        reject: message.reject,
        reject_hint: message.reject_hint,
        context: message.context.into(),
        priority: message.priority,
        ..eraftpb::Message::default()
    })
}

pub(super) fn entry_from_raft(entry: &eraftpb::Entry) -> LogEntry {
    LogEntry {
        index: entry.index,
        term: entry.term,
        kind: entry.entry_type as u8,
        data: entry.data.to_vec(),
    }
}

pub(super) fn entry_to_raft(entry: LogEntry) -> Option<eraftpb::Entry> {
    let entry_type = match entry.kind {
        0 => eraftpb::EntryType::EntryNormal,
        1 => eraftpb::EntryType::EntryConfChange,
        2 => eraftpb::EntryType::EntryConfChangeV2,
        _ => return None,
    };
    Some(eraftpb::Entry {
        entry_type,
        term: entry.term,
        index: entry.index,
        data: entry.data.into(),
        ..eraftpb::Entry::default()
    })
}

/// What may come from another node. Local kinds are not among them, nor proposals,
/// which go to the coordinator in packets of their own.
const KINDS: [eraftpb::MessageType; 10] = [
    eraftpb::MessageType::MsgSnapshot,
    eraftpb::MessageType::MsgAppend,
    eraftpb::MessageType::MsgAppendResponse,
    eraftpb::MessageType::MsgRequestVote,
    eraftpb::MessageType::MsgRequestVoteResponse,
    eraftpb::MessageType::MsgHeartbeat,
    eraftpb::MessageType::MsgHeartbeatResponse,
    eraftpb::MessageType::MsgRequestPreVote,
    eraftpb::MessageType::MsgRequestPreVoteResponse,
    eraftpb::MessageType::MsgTimeoutNow,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_as_it_was_sent() {
        let mut message = eraftpb::Message {
            msg_type: eraftpb::MessageType::MsgAppend,
            to: 2,
            from: 1,
            term: 7,
            log_term: 6,
            index: 40,
            commit: 39,
            reject: true,
            reject_hint: 3,
            ..eraftpb::Message::default()
        };
        message.entries.push(eraftpb::Entry {
            term: 7,
            index: 41,
            data: vec![1, 2, 3].into(),
            ..eraftpb::Entry::default()
        });
        let back = to_raft(
            from_raft(&message, Epoch::default()),
            &eraftpb::ConfState::default(),
        );
        assert_eq!(back, Some(message));
    }

    #[test]
    fn local_messages_and_unknown_kinds_are_not_taken_from_others() {
        let mut message = from_raft(&eraftpb::Message::default(), Epoch::default());
        assert_eq!(message.kind, eraftpb::MessageType::MsgHup as u8);
        let nobody = eraftpb::ConfState::default();
        assert_eq!(to_raft(message.clone(), &nobody), None);
        message.kind = 250;
        assert_eq!(to_raft(message, &nobody), None);
    }
}
