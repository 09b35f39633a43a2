//! Executes plans over connections; makes no choices of its own.
