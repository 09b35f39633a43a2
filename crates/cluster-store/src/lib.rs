//! What a node of a cluster keeps on its disk.
