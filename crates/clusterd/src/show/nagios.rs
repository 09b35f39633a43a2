//! The cluster as a plugin of Nagios has to tell it ("Monitoring Plugins Development
//! Guidelines": one line, `|`, performance data as `'label'=value;warn;crit;min;max`).

use cluster_model::report::{Condition, Health, MemberStanding, Report, Resource};

/// The line and the exit code: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
pub(crate) fn nagios(report: &Report) -> (String, u8) {
    let (word, code) = match report.verdict.health {
        Health::Healthy => ("OK", 0),
        Health::Degraded => ("WARNING", 1),
        Health::Failed => ("CRITICAL", 2),
        Health::Unknown => ("UNKNOWN", 3),
    };
    let members = report.members.len();
    let there = report.members.values();
    let there = there.filter(|member| member.standing <= MemberStanding::Maintenance);
    let its = &report.arbitration;
    let (running, wanted, failures) = counts(&report.resources);
    let links: Vec<_> = report.members.values().flat_map(|one| &one.links).collect();
    let up = links.iter().filter(|link| link.up).count();
    let data = [
        // A range `N:` alarms below N.
        format!("members={};{members}:;;0;{members}", there.count()),
        format!(
            "voters={};;{}:;0;{}",
            its.voters_heard, its.needed, its.voters
        ),
        format!("resources={running};;{wanted}:;0;"),
        format!("failures={failures};;;0;"),
        format!("links={up};{}:;;0;{}", links.len(), links.len()),
    ];
    let line = format!(
        "CLUSTER {word} - {}: {} | {}",
        clean(&report.cluster),
        clean(&report.verdict.because),
        data.join(" ")
    );
    (line, code)
}

/// Nobody answers.
pub(crate) fn unknown(why: &str) -> (String, u8) {
    (format!("CLUSTER UNKNOWN - {}", clean(why)), 3)
}

/// One line without the sign that begins performance data.
fn clean(text: &str) -> String {
    text.replace(['|', '\n'], " ")
}

/// Resources that run, those that should, and failures on record.
fn counts(resources: &[Resource]) -> (u32, u32, u64) {
    let (mut running, mut wanted, mut failures) = (0, 0, 0);
    for resource in resources {
        if resource.members.is_empty() {
            match resource.condition {
                Condition::Good | Condition::Scarred => {
                    running += 1;
                    wanted += 1;
                }
                Condition::Disabled => {}
                Condition::Changing | Condition::Down | Condition::Failed | Condition::Stuck => {
                    wanted += 1;
                }
            }
            let counts = resource
                .instances
                .values()
                .map(|one| u64::from(one.failures));
            failures += counts.sum::<u64>();
        }
        let (a, b, c) = counts(&resource.members);
        running += a;
        wanted += b;
        failures += c;
    }
    (running, wanted, failures)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn situation(text: &str) -> (String, u8) {
        nagios(&serde_json::from_str(text).expect("a report"))
    }

    #[test]
    fn a_healthy_pair_is_ok_and_has_its_figures() {
        let (line, code) = situation(include_str!("../../tests/situations/healthy-pair.json"));
        assert_eq!(code, 0);
        assert_eq!(
            line,
            "CLUSTER OK - web: all runs that should, and any one member may be lost \
             | members=3;3:;;0;3 voters=3;;2:;0;3 resources=3;;3:;0; failures=0;;;0; links=3;3:;;0;3"
        );
    }

    #[test]
    fn codes_follow_the_verdict() {
        let codes = [
            situation(include_str!("../../tests/situations/node-down.json")).1,
            situation(include_str!("../../tests/situations/failed-resource.json")).1,
            situation(include_str!("../../tests/situations/no-quorum.json")).1,
        ];
        assert_eq!(codes, [1, 2, 3]);
    }

    #[test]
    fn nothing_in_a_sentence_begins_performance_data() {
        let (line, code) = unknown("a | b\nc");
        assert_eq!((line.as_str(), code), ("CLUSTER UNKNOWN - a   b c", 3));
    }
}
