//! The last of what an agent says, whatever it says.

use std::collections::VecDeque;

/// `OCF_EXIT_REASON_PREFIX`, as the agents' shell library has it by default.
pub(crate) const REASON_PREFIX: &str = "ocf-exit-reason:";

/// Longest reason that is kept, in bytes.
const REASON_MAX: usize = 1024;

/// Takes any amount of output and keeps a bounded part: its end, and the last reason.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    kept: VecDeque<u8>,
    max: usize,
    cut: bool,
    line: Vec<u8>,
    reason: Option<String>,
}

impl Tail {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            kept: VecDeque::with_capacity(max),
            max,
            cut: false,
            line: Vec::new(),
            reason: None,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.scan(bytes);
        let last = &bytes[bytes.len().saturating_sub(self.max)..];
        let over = (self.kept.len() + last.len()).saturating_sub(self.max);
        self.kept.drain(..over);
        self.kept.extend(last);
        self.cut |= over > 0 || last.len() < bytes.len();
    }

    /// Reasons are looked for in all of it, also in what is not kept.
    fn scan(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let room = REASON_MAX.saturating_sub(self.line.len());
            self.line.extend(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        if let Some(reason) = line.strip_prefix(REASON_PREFIX) {
            self.reason = Some(last(reason.trim(), REASON_MAX));
        }
        self.line.clear();
    }

    /// What was kept, and the last reason.
    pub(crate) fn finish(mut self) -> (String, Option<String>) {
        self.end_line();
        let bytes: Vec<u8> = self.kept.into();
        // What was cut may begin within a character.
        let from = if self.cut {
            bytes
                .iter()
                .take(4)
                .take_while(|&&byte| byte & 0xc0 == 0x80)
                .count()
        } else {
            0
        };
        let text = String::from_utf8_lossy(&bytes[from..]).into_owned();
        (text, self.reason)
    }
}

/// The last `max` bytes of a text, with a mark where something is missing; and without
/// what a terminal would obey.
pub(crate) fn last(text: &str, max: usize) -> String {
    let mut from = text.len().saturating_sub(max);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let mark = if from > 0 { "... " } else { "" };
    let letters = text[from..].chars();
    let letters = letters.map(|letter| if letter.is_control() { ' ' } else { letter });
    mark.chars().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_kept() {
        let mut tail = Tail::new(4);
        tail.push(b"ab");
        tail.push(b"cdefgh");
        tail.push(b"i");
        assert_eq!(tail.finish().0, "fghi");
    }

    #[test]
    fn a_reason_is_kept_whatever_follows() {
        let mut tail = Tail::new(8);
        tail.push(b"x\nocf-exit-re");
        tail.push(b"ason:no such device\n");
        tail.push(&[b'y'; 100]);
        let (text, reason) = tail.finish();
        assert_eq!(text, "yyyyyyyy");
        assert_eq!(reason.as_deref(), Some("no such device"));
    }

    #[test]
    fn a_line_without_end_eats_no_memory() {
        let mut tail = Tail::new(8);
        for _ in 0..1000 {
            tail.push(&[b'z'; 4096]);
        }
        assert!(tail.line.len() <= REASON_MAX);
        assert_eq!(tail.finish().0.len(), 8);
    }

    #[test]
    fn a_character_is_not_cut_in_two() {
        let mut tail = Tail::new(3);
        tail.push("aää".as_bytes());
        assert_eq!(tail.finish().0, "ä");
    }

    #[test]
    fn a_terminal_obeys_nothing_of_it() {
        let mut tail = Tail::new(100);
        tail.push(b"ocf-exit-reason:a\x1b[2Jb\tc\r\n");
        assert_eq!(tail.finish().1.as_deref(), Some("a [2Jb c"));
        assert_eq!(last("abcd\u{e4}f", 3), "... \u{e4}f");
        assert_eq!(last("abcd\u{e4}f", 2), "... f");
    }
}
