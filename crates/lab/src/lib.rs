//! A twin of an inventory on this machine, made of containers.
