//! x
/// x
pub const SOCKET: &str = "CLUSTERD_AGENT_SOCKET";
