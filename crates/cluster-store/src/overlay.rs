//! A file that can be written without being changed: what is written stays in memory.

use redb::StorageBackend;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

const BLOCK: u64 = 4096;
const BLOCK_BYTES: usize = 4096;

type Block = Box<[u8; BLOCK_BYTES]>;

/// A file as it is, and what was written over it.
#[derive(Debug)]
pub(crate) struct Overlay {
    file: File,
    above: Mutex<Above>,
}

#[derive(Debug)]
struct Above {
    length: u64,
    /// What of the file is still there below: it only gets shorter.
    below: u64,
    blocks: BTreeMap<u64, Block>,
}

impl Overlay {
    pub(crate) fn new(file: File, length: u64) -> Self {
        let above = Mutex::new(Above {
            length,
            below: length,
            blocks: BTreeMap::new(),
        });
        Self { file, above }
    }

    fn above(&self) -> MutexGuard<'_, Above> {
        self.above.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block as it would be read.
    fn block(&self, above: &Above, number: u64) -> io::Result<Block> {
        if let Some(block) = above.blocks.get(&number) {
            return Ok(block.clone());
        }
        let mut block = Box::new([0; BLOCK_BYTES]);
        let begin = number * BLOCK;
        let there = above.below.saturating_sub(begin).min(BLOCK);
        let there = usize::try_from(there).unwrap_or_default();
        self.file.read_exact_at(&mut block[..there], begin)?;
        Ok(block)
    }
}

/// The parts of a range, block by block: its number, where the part begins in the block,
/// and where in the range.
fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done >= length {
            return None;
        }
        let at = offset + done as u64;
        // Less than a block.
        let within = usize::try_from(at % BLOCK).unwrap_or_default();
        let part = done..length.min(done + BLOCK_BYTES - within);
        done = part.end;
        Some((at / BLOCK, within, part))
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.above().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let above = self.above();
        let end = offset.checked_add(out.len() as u64);
        if end.is_none_or(|end| end > above.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (number, within, part) in parts(offset, out.len()) {
            let block = self.block(&above, number)?;
            out[part.clone()].copy_from_slice(&block[within..within + part.len()]);
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut above = self.above();
        if length < above.length {
            // What is cut off and comes back is zero.
            let last = length / BLOCK;
            if !length.is_multiple_of(BLOCK) {
                let mut block = self.block(&above, last)?;
                let within = usize::try_from(length % BLOCK).unwrap_or_default();
                block[within..].fill(0);
                above.blocks.insert(last, block);
            }
            above.blocks.retain(|number, _| number * BLOCK < length);
            above.below = above.below.min(length);
        }
        above.length = length;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut above = self.above();
        let end = offset.checked_add(data.len() as u64);
        let end = end.ok_or(io::ErrorKind::FileTooLarge)?;
        for (number, within, part) in parts(offset, data.len()) {
            let mut block = self.block(&above, number)?;
            block[within..within + part.len()].copy_from_slice(&data[part]);
            above.blocks.insert(number, block);
        }
        above.length = above.length.max(end);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    proptest! {
        #[test]
        fn it_behaves_as_a_file_and_changes_none(
            steps in prop::collection::vec((0..3_u8, 0..20_000_u64, 1..9000_usize), 1..20),
        ) {
            let before = vec![7; 10_000];
            let mut file = tempfile::tempfile().expect("a file");
            file.write_all(&before).expect("space");
            let overlay = Overlay::new(file.try_clone().expect("a descriptor"), 10_000);
            let mut model = before.clone();
            for (step, offset, length) in steps {
                let from = usize::try_from(offset).expect("short");
                match step {
                    0 => {
                        overlay.set_len(offset).expect("memory");
                        model.resize(from, 0);
                    }
                    1 => {
                        overlay.write(offset, &vec![9; length]).expect("memory");
                        model.resize(model.len().max(from + length), 0);
                        model[from..from + length].fill(9);
                    }
                    _ => {
                        let mut out = vec![1; length];
                        let read = overlay.read(offset, &mut out).is_ok();
                        prop_assert_eq!(read, from + length <= model.len());
                        if read {
                            prop_assert_eq!(&out, &model[from..from + length]);
                        }
                    }
                }
                prop_assert_eq!(overlay.len().expect("known"), model.len() as u64);
            }
            let mut after = vec![0; 10_000];
            file.read_exact_at(&mut after, 0).expect("as long as before");
            prop_assert_eq!(after, before);
        }
    }
}
