//! The cluster engines behind one trait: check, render, observe, hold, switchover.
