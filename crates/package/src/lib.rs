//! Specs to RPMs; release manifest, signing, repository metadata.
