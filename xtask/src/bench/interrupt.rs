//! Ctrl-C: what runs ends by itself, as it is of our terminal; then the lab is
//! taken down, and we end.

use anyhow::{Context as _, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on these signals do not end this program at once.
pub(super) fn listen() -> Result<()> {
    let stop = STOP.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(stop)).context("listening to signals")?;
    }
    Ok(())
}

/// An error once somebody wants us to end.
pub(super) fn check() -> Result<()> {
    if STOP.get().is_some_and(|stop| stop.load(Ordering::Relaxed)) {
        bail!("interrupted");
    }
    Ok(())
}
