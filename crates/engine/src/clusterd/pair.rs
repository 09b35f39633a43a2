//! What a pair without a witness needs, of either kind.

use crate::Seat;
use tandem_model::Fence;

/// It is no pair.
fn is_none(seat: &Seat<'_>, live_by: &str, say: &mut impl FnMut(String)) {
    let nodes = seat.cluster.nodes.len();
    if nodes != 2 {
        say(format!(
            "cluster {} has {nodes} nodes: only a pair can live by {live_by} alone",
            seat.cluster.name
        ));
    }
}

/// Each node has a device, and nobody else has one.
pub(super) fn fenced(seat: &Seat<'_>, fence: &Fence, say: &mut impl FnMut(String)) {
    is_none(seat, "fencing", say);
    let nodes = &seat.cluster.nodes;
    for node in nodes {
        if !fence.addresses.contains_key(node) {
            say(format!(
                "`engine.fence.addresses` names no device for {node}"
            ));
        }
    }
    for name in fence.addresses.keys().chain(&fence.first) {
        if !nodes.contains(name) {
            say(format!(
                "`engine.fence`: {name} is no node of {}",
                seat.cluster.name
            ));
        }
    }
}

/// There is something to reach, and nothing that both nodes could spoil together.
pub(super) fn by_reach(seat: &Seat<'_>, say: &mut impl FnMut(String)) {
    is_none(seat, "what it reaches", say);
    if seat.resources.ping.is_empty() {
        say(format!(
            "`engine.reach` goes by which addresses of `ping` answer, and cluster {} has none",
            seat.cluster.name
        ));
    }
    for member in seat.resources.members() {
        if member.agent.is_of_shared_data() {
            say(format!(
                "`engine.reach`: {} is on data that both nodes have, and both could write to it at once",
                member.name
            ));
        }
    }
}
