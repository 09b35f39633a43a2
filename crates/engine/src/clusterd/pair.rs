//! What a pair without a witness needs, of either kind.

use crate::Seat;
use std::collections::BTreeSet;
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
    let mut named: BTreeSet<&String> = fence.first.iter().collect();
    for level in &fence.levels {
        let agent = &level.agent;
        // Where nothing tells them apart, an agent is told the node's own name as the plug.
        let by_name = level.addresses.is_empty() && level.plugs.is_empty();
        let known =
            |node: &&String| level.addresses.contains_key(*node) || level.plugs.contains_key(*node);
        for node in nodes.iter().filter(|node| !by_name && !known(node)) {
            say(format!(
                "`engine.fence`: {agent} has neither an address nor a plug for {node}"
            ));
        }
        let twice = [
            ("ip", level.addresses.is_empty()),
            ("plug", level.plugs.is_empty()),
        ];
        for (parameter, is_free) in twice {
            if !is_free && level.parameters.contains_key(parameter) {
                say(format!(
                    "`engine.fence`: {agent} has `{parameter}` for all nodes, and for each of them"
                ));
            }
        }
        named.extend(level.addresses.keys().chain(level.plugs.keys()));
    }
    for name in named {
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
