//! Members and the networks to them.

use super::super::table::{Cell, Table, painted, plain};
use super::super::words;
use crate::age;
use crate::terminal::Tone;
use cluster_model::report::{Link, Member, MemberStanding, Report};

pub(super) fn members(report: &Report) -> Table {
    let mut table = Table::default();
    // Nodes before witnesses.
    let mut all: Vec<_> = report.members.iter().collect();
    all.sort_by_key(|(_, member)| member.witness);
    for (name, member) in all {
        let standing = words::standing(member.standing);
        table.row(vec![
            plain(name),
            painted(tone(member.standing), standing),
            plain(notes(report, name, member)),
            links(member),
        ]);
    }
    table
}

fn tone(standing: MemberStanding) -> Tone {
    match standing {
        MemberStanding::Online => Tone::Good,
        MemberStanding::Standby | MemberStanding::Maintenance | MemberStanding::Joining => {
            Tone::Warn
        }
        MemberStanding::Condemned | MemberStanding::Unclean | MemberStanding::Offline => Tone::Bad,
    }
}

fn notes(report: &Report, name: &str, member: &Member) -> String {
    let mut notes = Vec::new();
    if member.witness {
        notes.push("witness".to_owned());
    }
    if report.arbitration.coordinator.as_deref() == Some(name) {
        notes.push("coordinates".to_owned());
    }
    let standing = match member.standing {
        MemberStanding::Online | MemberStanding::Standby | MemberStanding::Maintenance => None,
        MemberStanding::Joining => Some("not admitted yet"),
        MemberStanding::Condemned => Some("is to reset itself: it holds what it cannot stop"),
        MemberStanding::Unclean => Some("not known yet to have stopped what it ran"),
        MemberStanding::Offline if member.witness => None,
        MemberStanding::Offline => Some("runs nothing"),
    };
    notes.extend(standing.map(str::to_owned));
    if name != report.asked {
        notes.push(match member.heard_ms {
            Some(ms) if ms >= 1_000 => format!("last heard {}", age::ago(ms)),
            Some(ms) => format!("heard {}", age::ago(ms)),
            None => "never heard".to_owned(),
        });
    }
    notes.join(", ")
}

/// Networks to it; those that are down with the address that is not heard, and since when.
fn links(member: &Member) -> Cell {
    if member.links.is_empty() {
        return plain("");
    }
    let words: Vec<_> = member.links.iter().map(link).collect();
    let tone = if member.links.iter().all(|link| link.up) {
        Tone::Quiet
    } else {
        Tone::Warn
    };
    painted(tone, words.join(", "))
}

fn link(link: &Link) -> String {
    let (name, address) = (&link.name, &link.address);
    match (link.up, link.heard_ms) {
        (true, _) => format!("{name} up"),
        (false, Some(ms)) => format!("{name} down for {} ({address})", age::whole(ms)),
        (false, None) => format!("{name} never heard ({address})"),
    }
}
