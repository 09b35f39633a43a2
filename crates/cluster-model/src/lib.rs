//! What a cluster is told to run and what it reports: types only, shared by both wings.
