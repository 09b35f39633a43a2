//! Desired state and facts to an ordered plan: pure, total, serialisable.
