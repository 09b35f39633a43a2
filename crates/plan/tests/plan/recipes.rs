//! Arbitrary worlds, most of them in some trouble.

use crate::contents::{APACHE, AUTHKEYS, HEARTBEAT, HTTPD, MPM, Wish, policy, site};
use crate::world::{World, edited};
use cluster_model::{NodeState, Redundancy};
use jiff::Timestamp;
use proptest::prelude::*;
use tandem_generation::facts::{OpenLeg, UnitFact};
use tandem_generation::place::CONFIG_PACKAGE;
use tandem_generation::{Action, Cause, Digest, Edit, LegState, Lock, UnitRun};
use tandem_plan::desired::Hold;
use tandem_plan::{DesiredLeg, Known};

/// Stands in every secret of these worlds.
pub(crate) const SECRET: &str = "do not show this";

#[derive(Clone, Debug)]
struct HostRecipe {
    /// 0: bare, 1: does not answer, 2: was not asked, else: in a generation.
    state: u8,
    /// What it carries.
    carries: u8,
    /// How its own facts differ from that.
    noise: u16,
    /// 0: no engine runs, 1: redundancy is lost, else: all is well.
    health: u8,
    /// Holds resources.
    holds: bool,
    /// How the others hear it.
    heard: u8,
}

#[derive(Clone, Debug)]
struct ClusterRecipe {
    hosts: Vec<HostRecipe>,
    /// The host of this number holds resources, whoever else does.
    holder: usize,
    /// What all hosts shall carry, leg by leg.
    legs: Vec<u8>,
    /// What the last host shall carry besides.
    extra: u8,
    engine: bool,
    hold: bool,
    rollback: bool,
}

fn host_recipe() -> impl Strategy<Value = HostRecipe> {
    let noise = prop_oneof![
        8 => Just(0),
        2 => (0..12_u16).prop_map(|bit| 1 << bit),
        1 => any::<u16>(),
    ];
    (
        0..12_u8,
        any::<u8>(),
        noise,
        0..10_u8,
        prop::bool::weighted(0.3),
        0..12_u8,
    )
        .prop_map(|(state, carries, noise, health, holds, heard)| HostRecipe {
            state,
            carries,
            noise,
            health,
            holds,
            heard,
        })
}

fn cluster_recipe() -> impl Strategy<Value = ClusterRecipe> {
    (
        prop::collection::vec(host_recipe(), 0..=4),
        0..5_usize,
        prop::collection::vec(any::<u8>(), 0..=3),
        prop_oneof![4 => Just(0), 1 => any::<u8>()],
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.15),
        prop::bool::weighted(0.15),
    )
        .prop_map(
            |(hosts, holder, legs, extra, engine, hold, rollback)| ClusterRecipe {
                hosts,
                holder,
                legs,
                extra,
                engine,
                hold,
                rollback,
            },
        )
}

/// Any world.
pub(crate) fn worlds() -> impl Strategy<Value = World> {
    let options = (any::<u8>(), 0..12_u8, 0..12_u8);
    (prop::collection::vec(cluster_recipe(), 1..=2), options).prop_map(|(clusters, options)| {
        let mut world = World::bare();
        world.desired.clusters.clear();
        world.known.clear();
        world.views.clear();
        for (index, recipe) in clusters.iter().enumerate() {
            build(&mut world, &format!("c{index}"), recipe);
        }
        let (bits, limit, without) = options;
        let said = &mut world.options;
        said.again = bits & 1 != 0;
        said.accept_outage = bits & 2 != 0;
        said.accept_irreversible = bits & 0b1100 != 0;
        if limit == 0 {
            said.limit = Some(["c0h0".to_owned(), "c1h1".to_owned()].into());
        }
        if without < 2 {
            said.without = [format!("c0h{without}")].into();
        }
        world
    })
}

fn build(world: &mut World, name: &str, recipe: &ClusterRecipe) {
    let names: Vec<String> = (0..recipe.hosts.len())
        .map(|index| format!("{name}h{index}"))
        .collect();
    let refs: Vec<&str> = names.iter().map(String::as_str).collect();
    world.add_cluster(name, &refs);
    for (host, recipe) in names.iter().zip(&recipe.hosts) {
        match recipe.state {
            0 => {}
            1 => {
                let why = "no route to host".to_owned();
                world.known.insert(host.clone(), Known::Unreachable(why));
            }
            2 => {
                world.known.remove(host);
            }
            _ => {
                *world.leg(host) = carrying(recipe.carries);
                world.settle_host(name, host, 3);
            }
        }
        if recipe.state != 1 && recipe.state != 2 {
            disturb(world, host, recipe.noise);
        }
    }
    for host in &names {
        let mut legs: Vec<DesiredLeg> = recipe.legs.iter().map(|bits| carrying(*bits)).collect();
        if Some(host) == names.last()
            && let (Some(leg), Some(bits)) = (legs.last_mut(), recipe.legs.last())
        {
            *leg = carrying(bits ^ recipe.extra);
        }
        for leg in &mut legs {
            leg.rollback = recipe.rollback.then(|| "it failed".to_owned());
        }
        world.desired_host(host).legs = legs;
    }
    view(world, name, &names, recipe);
}

fn view(world: &mut World, name: &str, names: &[String], recipe: &ClusterRecipe) {
    let cluster = world
        .desired
        .clusters
        .last_mut()
        .expect("it was just added");
    if !recipe.engine {
        cluster.switchover.clear();
        world.views.remove(name);
        return;
    }
    if recipe.hold {
        cluster.hold = Some(Hold {
            because: "they cannot hear each other".to_owned(),
            units: vec![HEARTBEAT.to_owned()],
        });
    }
    let view = world.views.get_mut(name).expect("it was just added");
    for (index, (host, mine)) in names.iter().zip(&recipe.hosts).enumerate() {
        if mine.state == 1 || mine.state == 2 {
            view.remove(host);
            continue;
        }
        let status = view.get_mut(host).expect("a node");
        status.redundancy = match mine.health {
            0 => Redundancy::NoCluster,
            1 => Redundancy::Lost {
                because: "a disk is failing".to_owned(),
            },
            _ => Redundancy::Real,
        };
        status.in_transition = mine.heard == 11;
        if mine.holds || index == recipe.holder {
            status.held_here = vec!["vip".to_owned()];
        }
        for (peer, theirs) in names.iter().zip(&recipe.hosts) {
            let state = match theirs.heard {
                0 => NodeState::Offline,
                1 => NodeState::Standby,
                2 => NodeState::Unknown,
                _ => NodeState::Online,
            };
            status.nodes.insert(peer.clone(), state);
        }
    }
}

/// The site, changed in up to eight ways.
fn carrying(bits: u8) -> DesiredLeg {
    let mut leg = site();
    let keys = format!("{SECRET} {}", bits & 1);
    leg.write(AUTHKEYS, &keys);
    if bits & 2 != 0 {
        leg.write(MPM, "processes 8\n");
    }
    if bits & 4 != 0 {
        leg.write(HTTPD, "KeepAliveTimeout 7\n").mode = 0o640;
        leg.pack();
    }
    match bits & 0b1_1000 {
        0b0_1000 => leg.erase("web-site"),
        0b1_0000 => leg.install("web-site", "1.1.0").restarts = vec![APACHE.to_owned()],
        0b1_1000 => leg.install("web-site", "1.0.0").file = Digest::of("signed again"),
        _ => {}
    }
    if bits & 32 != 0 {
        leg.content.units.retain(|unit| unit.unit != APACHE);
        let snmpd = policy("snmpd.service", Some(true), UnitRun::Started);
        leg.content.units.push(snmpd);
    }
    if bits & 64 != 0 {
        leg.content.edits.push(Edit {
            path: "/etc/login.defs".to_owned(),
            separator: "=".to_owned(),
            set: [("UMASK".to_owned(), "027".to_owned())].into(),
        });
        leg.initialisers.push(Action::Initialise {
            name: "database".to_owned(),
            probe: crate::world::command("probe"),
            act: crate::world::command("act"),
            verify: crate::world::command("verify"),
        });
    }
    if bits & 128 != 0 {
        leg.write("/etc/ha.d/ha.cf", "deadtime 2\n").restarts = vec![HEARTBEAT.to_owned()];
    }
    leg
}

/// What people and accidents do to a host.
fn disturb(world: &mut World, host: &str, noise: u16) {
    let run = || "20261120T104950Z-bob-0001".parse().expect("a run");
    let facts = world.facts(host);
    let mut on = (0..12).map(|bit| noise & (1 << bit) != 0);
    let mut next = || on.next().unwrap_or_default();
    if next() {
        let fact = edited(MPM, CONFIG_PACKAGE, "processes 4\n", Some("by hand\n"));
        facts.files.push(fact);
    }
    if next() {
        facts.files.push(edited(HTTPD, CONFIG_PACKAGE, "x", None));
    }
    if next() {
        facts.packages.pop();
    }
    if next() {
        facts.store.clear();
    }
    if next() {
        facts.lock = Some(Lock {
            owner: "bob@desk".to_owned(),
            run: run(),
            plan: Digest::of("plan"),
            since: Timestamp::UNIX_EPOCH,
        });
    }
    if next() {
        facts.open.push(OpenLeg {
            run: run(),
            leg: 1,
            state: LegState::Staged,
            operator: "bob@desk".to_owned(),
            because: None,
        });
    }
    if next() {
        facts.next_number = if noise & 1 == 0 { u64::MAX - 1 } else { 0 };
    }
    if next() {
        facts.units.clear();
    }
    if next() {
        facts.units.push(UnitFact {
            unit: "snmpd.service".to_owned(),
            enabled: "enabled".to_owned(),
            active: "active".to_owned(),
        });
    }
    if next() {
        facts.files.push(edited("/etc/login.defs", "", "x", None));
    }
    if next()
        && let Some(now) = &mut facts.generation
    {
        now.cause = Cause::RolledBack {
            of: 2,
            content: carrying(0).content.identity(),
            because: "it failed".to_owned(),
        };
    }
    if next() {
        facts.space[0].free_bytes = 0;
    }
}
