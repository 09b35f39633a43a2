//! The sealed part of a datagram: who says what to whom, and where in the conversation.

/// What stands before the piece of the message, all integers little-endian in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) from: u16,
    pub(crate) to: u16,
    pub(crate) link: u8,
    /// The sender's session.
    pub(crate) session: u64,
    /// Counts all datagrams of the sender's session to this receiver, from 1.
    pub(crate) counter: u64,
    /// The receiver's session, as last heard; 0: none was.
    pub(crate) to_session: u64,
    /// The highest counter heard of that session.
    pub(crate) heard: u64,
    /// Which piece this is.
    pub(crate) index: u16,
    /// Of how many.
    pub(crate) count: u16,
}

impl Envelope {
    /// Its bytes.
    pub(crate) const LENGTH: usize = 2 + 2 + 1 + 4 * 8 + 2 + 2;

    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        to.extend(self.from.to_le_bytes());
        to.extend(self.to.to_le_bytes());
        to.push(self.link);
        for number in [self.session, self.counter, self.to_session, self.heard] {
            to.extend(number.to_le_bytes());
        }
        to.extend(self.index.to_le_bytes());
        to.extend(self.count.to_le_bytes());
    }

    /// Reads it, and what follows; nothing, if it is cut off.
    pub(crate) fn read(text: &[u8]) -> Option<(Self, &[u8])> {
        let mut rest = text;
        let envelope = Self {
            from: u16::from_le_bytes(take(&mut rest)?),
            to: u16::from_le_bytes(take(&mut rest)?),
            link: u8::from_le_bytes(take(&mut rest)?),
            session: u64::from_le_bytes(take(&mut rest)?),
            counter: u64::from_le_bytes(take(&mut rest)?),
            to_session: u64::from_le_bytes(take(&mut rest)?),
            heard: u64::from_le_bytes(take(&mut rest)?),
            index: u16::from_le_bytes(take(&mut rest)?),
            count: u16::from_le_bytes(take(&mut rest)?),
        };
        Some((envelope, rest))
    }

    /// The counter of the first piece of the same message: its number.
    pub(crate) fn message(&self) -> Option<u64> {
        self.counter.checked_sub(u64::from(self.index))
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_read_as_it_was_written() {
        let envelope = Envelope {
            from: 1,
            to: 0x0203,
            link: 4,
            session: 5 << 40,
            counter: 6,
            to_session: 7,
            heard: 8,
            index: 9,
            count: 10,
        };
        let mut text = Vec::new();
        envelope.write(&mut text);
        assert_eq!(text.len(), Envelope::LENGTH);
        assert_eq!(Envelope::read(&text[..text.len() - 1]), None);
        text.push(99);
        assert_eq!(Envelope::read(&text), Some((envelope, &[99][..])));
        assert_eq!(envelope.message(), None);
    }
}
