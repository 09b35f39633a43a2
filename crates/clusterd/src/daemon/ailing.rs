//! What is wrong with resources, in the sentence that an operator reads first.

use super::survival::plain;
use cluster_model::report::{Condition, Instance, Resource};
use cluster_model::state::Observed;

/// The worst of it, as `here` tells it; `all` are primitives. Nothing: none ails.
pub(super) fn ailing(all: &[&Resource], here: &str) -> Option<String> {
    for condition in [Condition::Stuck, Condition::Failed, Condition::Down] {
        let those: Vec<&Resource> = all
            .iter()
            .copied()
            .filter(|one| one.condition == condition)
            .collect();
        let Some(first) = those.first() else {
            continue;
        };
        let names: Vec<_> = those.iter().map(|one| one.name.as_str()).collect();
        let (many, names) = (names.len() > 1, names.join(", "));
        let what = match condition {
            Condition::Stuck => "cannot be stopped",
            Condition::Failed => match (is_mended(&those), many) {
                (true, false) => "failed and is being mended",
                (true, true) => "failed and are being mended",
                (false, _) => "failed",
            },
            _ if many => "should run and do not",
            _ => "should run and does not",
        };
        let why = why(first, here);
        return Some(if why.is_empty() {
            format!("{names} {what}")
        } else if many {
            format!("{names} {what}; {}: {why}", first.name)
        } else {
            format!("{names} {what}: {why}")
        });
    }
    None
}

/// Something is done about it, or about to be.
fn is_mended(those: &[&Resource]) -> bool {
    let mut instances = those.iter().flat_map(|one| one.instances.values());
    instances.any(|one| {
        let failed = matches!(one.observed, Observed::Failed { .. });
        one.pending.is_some() || (failed && one.observed.role() == one.wanted)
    })
}

/// What its agent said, or who knows that; of what merely does not run, the policy's
/// reason.
fn why(resource: &Resource, here: &str) -> String {
    let mut instances = resource.instances.iter();
    let failed = |one: &Instance| {
        matches!(
            one.observed,
            Observed::Failed { .. } | Observed::Blocked { .. } | Observed::StopFailed
        )
    };
    match instances.find(|(_, one)| failed(one)) {
        Some((
            _,
            Instance {
                said: Some(said), ..
            },
        )) => said.clone(),
        Some((node, _)) => {
            let node = node.split(' ').next().unwrap_or(node);
            if node == here {
                // An earlier daemon heard it.
                "`journalctl -u clusterd` has what its agent said".to_owned()
            } else {
                format!("`clusterd status` on {node} says what its agent said")
            }
        }
        None => plain(&resource.why).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::report::ResourceKind;
    use cluster_model::state::Role;

    fn resource(condition: Condition, observed: Observed, said: Option<&str>) -> Resource {
        let instance = Instance {
            observed,
            wanted: Role::Started,
            pending: None,
            failures: 1,
            failed_ms: Some(1),
            said: said.map(str::to_owned),
        };
        Resource {
            name: "httpd".to_owned(),
            kind: ResourceKind::Primitive,
            condition,
            agent: None,
            instances: [("zipi".to_owned(), instance)].into(),
            why: "runs nowhere: zape: it is in standby".to_owned(),
            members: Vec::new(),
        }
    }

    const FAILED: Observed = Observed::Failed {
        role: Role::Started,
    };

    #[test]
    fn what_its_agent_said_counts_more_than_where_it_is_to_run() {
        let here = resource(
            Condition::Failed,
            FAILED,
            Some("monitor of httpd: no answer"),
        );
        assert_eq!(
            ailing(&[&here], "zape").expect("it ails"),
            "httpd failed and is being mended: monitor of httpd: no answer"
        );
        let elsewhere = resource(Condition::Failed, FAILED, None);
        let said = ailing(&[&elsewhere], "zape").expect("it ails");
        assert!(said.ends_with("`clusterd status` on zipi says what its agent said"));
        let forgotten = ailing(&[&elsewhere], "zipi").expect("it ails");
        assert!(forgotten.ends_with("`journalctl -u clusterd` has what its agent said"));
    }

    #[test]
    fn what_nobody_mends_is_not_said_to_be_mended() {
        let mut left = resource(Condition::Failed, FAILED, Some("x"));
        let instance = left.instances.get_mut("zipi").expect("there");
        instance.wanted = Role::Stopped;
        assert_eq!(
            ailing(&[&left], "zape").expect("it ails"),
            "httpd failed: x"
        );
    }

    #[test]
    fn the_worst_is_named_first_and_the_reason_once() {
        let down = resource(Condition::Down, Observed::Stopped, None);
        let good = resource(Condition::Good, Observed::Started, None);
        assert_eq!(ailing(&[&good], "zape"), None);
        assert_eq!(
            ailing(&[&good, &down], "zape").expect("it ails"),
            "httpd should run and does not: zape: it is in standby"
        );
        assert_eq!(
            ailing(&[&down, &down], "zape").expect("it ails"),
            "httpd, httpd should run and do not; httpd: zape: it is in standby"
        );
        let stuck = resource(Condition::Stuck, Observed::StopFailed, Some("D state"));
        let said = ailing(&[&down, &stuck], "zape").expect("it ails");
        assert_eq!(said, "httpd cannot be stopped: D state");
    }
}
