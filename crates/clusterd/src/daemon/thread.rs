//! The daemon's threads: few, and each with a small stack.

use std::io::Result;
use std::thread::Builder;

/// Bytes. mlockall(2) with `MCL_FUTURE` fills a stack as soon as it is there: eight threads
/// with the two megabytes that are usual would take more memory than all else together.
pub(crate) const STACK: usize = 512 * 1024;

/// Begins a thread that nobody waits for.
///
/// # Errors
/// The kernel gives no thread, pthread_create(3).
pub(crate) fn begin(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    Builder::new()
        .name(name.to_owned())
        .stack_size(STACK)
        .spawn(work)
        .map(drop)
}
