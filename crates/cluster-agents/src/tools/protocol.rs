//! What tools say to the daemon: one line of JSON each way, over a Unix socket.

use serde::{Deserialize, Serialize};

/// Longest line, in bytes, in either direction.
pub const LINE_MAX: usize = 4 << 20;

/// A request, and who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The resource's instance whose agent asks, `OCF_RESOURCE_INSTANCE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// What is asked.
    #[serde(flatten)]
    pub request: Request,
}

/// How long an attribute lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lifetime {
    /// Until the node's next boot.
    Reboot,
    /// For ever.
    Forever,
}

/// What a tool wants. A node that is not named is the one that the tool runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// Sets an attribute of a node, or without a value removes it. Answer: done.
    SetAttribute {
        /// Whose.
        node: Option<String>,
        /// Its name.
        name: String,
        /// `None`: away with it.
        value: Option<String>,
        /// How long it lives.
        lifetime: Lifetime,
        /// Never written to disk (`attrd_updater -p`).
        #[serde(default)]
        private: bool,
    },
    /// Answer: a value.
    GetAttribute {
        /// Whose.
        node: Option<String>,
        /// Its name.
        name: String,
        /// Which one; `None`: either.
        lifetime: Option<Lifetime>,
    },
    /// Sets or removes a property of the whole cluster that agents keep for
    /// themselves, such as where replication stood. Answer: done.
    SetProperty {
        /// Properties are in sets (`crm_attribute -s`).
        set: Option<String>,
        /// Its name.
        name: String,
        /// `None`: away with it.
        value: Option<String>,
    },
    /// Answer: a value.
    GetProperty {
        /// Its set.
        set: Option<String>,
        /// Its name.
        name: String,
    },
    /// How much a resource wants to be promoted on a node: a number, `INFINITY`,
    /// `-INFINITY`, or `None` for not at all. Answer: done.
    SetPromotionScore {
        /// Whose.
        resource: String,
        /// Where.
        node: Option<String>,
        /// The score, in Pacemaker's words.
        value: Option<String>,
        /// How long it lives.
        lifetime: Lifetime,
    },
    /// Answer: a value.
    GetPromotionScore {
        /// Whose.
        resource: String,
        /// Where.
        node: Option<String>,
    },
    /// Answer: nodes.
    ListNodes,
    /// May this part of the cluster act? Answer: quorum.
    Quorum,
    /// Answer: a value, this node's name in the cluster.
    LocalNode,
    /// Keeps a resource away from a node until an operator says otherwise
    /// (`crm_resource -B`). Answer: done.
    Ban {
        /// Which.
        resource: String,
        /// From where.
        node: Option<String>,
    },
    /// Answer: names of nodes.
    Locate {
        /// Which resource.
        resource: String,
    },
    /// A parameter of a resource, or an option of the cluster's for it. Answer: a value.
    Parameter {
        /// Whose.
        resource: String,
        /// Which.
        name: String,
        /// Not a parameter of the agent, but an option of the cluster's for it.
        meta: bool,
    },
    /// Answer: status.
    Status,
}

/// What the daemon says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// Done, and committed where that is promised.
    Done,
    /// A value, if there is one.
    Value {
        /// The value.
        value: Option<String>,
    },
    /// Nodes of the cluster, in its order.
    Nodes {
        /// All of them.
        nodes: Vec<Node>,
    },
    /// Names of nodes.
    Names {
        /// The names.
        names: Vec<String>,
    },
    /// Whether this part of the cluster may act.
    Quorum {
        /// It may.
        quorate: bool,
    },
    /// What runs where.
    Status {
        /// Nodes of the cluster.
        nodes: Vec<Node>,
        /// Instances of resources.
        resources: Vec<Resource>,
    },
    /// No, and why.
    Refused {
        /// For people.
        why: String,
    },
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its number, from 1.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// It takes part.
    pub online: bool,
    /// It is to run nothing.
    pub standby: bool,
    /// It is lost, and nobody knows what it runs.
    pub unclean: bool,
}

/// An instance of a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Its name, without the instance's number.
    pub name: String,
    /// `ocf:heartbeat:galera`.
    pub agent: String,
    /// It runs.
    pub active: bool,
    /// It is promoted.
    pub promoted: bool,
    /// Its last operation failed.
    pub failed: bool,
    /// The cluster looks after it.
    pub managed: bool,
    /// Where it is.
    pub node: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_one_flat_line() {
        let call = Call {
            instance: Some("db:0".to_owned()),
            request: Request::GetAttribute {
                node: None,
                name: "x".to_owned(),
                lifetime: Some(Lifetime::Reboot),
            },
        };
        let line = serde_json::to_string(&call).expect("JSON");
        assert_eq!(
            line,
            r#"{"instance":"db:0","request":"get-attribute","node":null,"name":"x","lifetime":"reboot"}"#
        );
        assert_eq!(serde_json::from_str::<Call>(&line).expect("JSON"), call);
        let short = r#"{"request":"quorum"}"#;
        let found: Call = serde_json::from_str(short).expect("JSON");
        assert_eq!(found.request, Request::Quorum);
    }
}
