//! Status as `crm_mon` prints it, as far as agents read it.

use super::protocol::{Node, Resource};
use std::fmt::Write as _;

/// As `crm_mon --output-as=xml`. Agents look for attributes in this very order, each
/// element on a line of its own: `pgsql`, `redis` and `galera` with `grep`, `galera`
/// and `rabbitmq-cluster` with `xmllint`.
pub(super) fn xml(nodes: &[Node], resources: &[Resource]) -> String {
    let mut text = String::from("<pacemaker-result api-version=\"2.25\" request=\"crm_mon\">\n");
    let mut say = |line: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = text.write_fmt(line);
        text.push('\n');
    };
    say(format_args!("  <nodes>"));
    for node in nodes {
        say(format_args!(
            "    <node name=\"{}\" id=\"{}\" online=\"{}\" standby=\"{}\" \
             standby_onfail=\"false\" maintenance=\"false\" pending=\"false\" \
             unclean=\"{}\" shutdown=\"false\" expected_up=\"true\" is_dc=\"false\" \
             type=\"member\"/>",
            escape(&node.name),
            node.id,
            node.online,
            node.standby,
            node.unclean,
        ));
    }
    say(format_args!("  </nodes>\n  <resources>"));
    for resource in resources {
        say(format_args!(
            "    <resource id=\"{}\" resource_agent=\"{}\" role=\"{}\" active=\"{}\" \
             orphaned=\"false\" blocked=\"false\" managed=\"{}\" failed=\"{}\" \
             failure_ignored=\"false\" nodes_running_on=\"{}\">",
            escape(&resource.name),
            escape(&resource.agent),
            role(resource),
            resource.active,
            resource.managed,
            resource.failed,
            u8::from(resource.active),
        ));
        if let Some(node) = &resource.node {
            let name = escape(node);
            say(format_args!(
                "      <node name=\"{name}\" cached=\"true\"/>"
            ));
        }
        say(format_args!("    </resource>"));
    }
    say(format_args!(
        "  </resources>\n  <status code=\"0\" message=\"OK\"/>\n</pacemaker-result>"
    ));
    text
}

/// For people.
pub(super) fn text(nodes: &[Node], resources: &[Resource]) -> String {
    let mut text = String::from("Node List:\n");
    for node in nodes {
        let state = match node {
            Node { unclean: true, .. } => "UNCLEAN",
            Node { online: false, .. } => "OFFLINE",
            Node { standby: true, .. } => "standby",
            _ => "online",
        };
        let _ = writeln!(text, "  * Node {}: {state}", node.name);
    }
    text.push_str("\nResources:\n");
    for resource in resources {
        let _ = writeln!(
            text,
            "  * {}\t({}):\t {} {}",
            resource.name,
            resource.agent,
            role(resource),
            resource.node.as_deref().unwrap_or_default()
        );
    }
    text
}

fn role(resource: &Resource) -> &'static str {
    match (resource.active, resource.promoted) {
        (false, _) => "Stopped",
        (true, true) => "Promoted",
        (true, false) => "Started",
    }
}

fn escape(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> (Vec<Node>, Vec<Resource>) {
        let node = |id: u32, name: &str, online| Node {
            id,
            name: name.to_owned(),
            online,
            ..Node::default()
        };
        let resource = Resource {
            name: "db".to_owned(),
            agent: "ocf:heartbeat:galera".to_owned(),
            active: true,
            promoted: true,
            managed: true,
            node: Some("zipi".to_owned()),
            ..Resource::default()
        };
        (
            vec![node(1, "zipi", true), node(2, "za\"pe", false)],
            vec![resource],
        )
    }

    /// The very patterns of the agents, by the very program that they use.
    fn grep(pattern: &str, text: &str) -> bool {
        use std::io::Write as _;
        let mut child = std::process::Command::new("grep")
            .args(["-q", "-i", "-E", pattern])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .expect("grep");
        let mut stdin = child.stdin.take().expect("piped");
        let _ = stdin.write_all(text.as_bytes());
        drop(stdin);
        child.wait().expect("grep").success()
    }

    #[test]
    fn agents_find_what_they_look_for() {
        let (nodes, resources) = status();
        let text = xml(&nodes, &resources);
        let promoted = "resource.*id=\"db\".* role=\"(Promoted|Master)\".* active=\"true\".* orphaned=\"false\".* failed=\"false\"";
        assert!(grep(promoted, &text), "{text}");
        let pgsql = "<resource id=\"db\" .* role=\"(Promoted|Master)\"";
        assert!(grep(pgsql, &text), "{text}");
        assert!(grep("<node name=\"zipi\" .* online=\"true\"", &text));
        assert!(!grep("<node name=\"za.*pe\" .* online=\"true\"", &text));
        assert!(text.contains("za&quot;pe"));
    }
}
