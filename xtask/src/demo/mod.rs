//! `cargo xtask demo`: the whole way of the product on this machine, measured.
//!
//! A copy of the project, a twin of its dev inventory, release 1.0.0, an upgrade
//! in rolling order, power cuts, and back; all the while a client asks for what
//! is served, and the hosts are looked at for a second holder of an address. The
//! platform by default, the small web project with `--quick`.

mod answers;
mod client;
mod holders;
mod platform;
mod poll;
mod project;
mod steps;
mod table;
mod web;

pub(crate) use answers::Page;
pub(crate) use client::Client;
pub(crate) use poll::{PollArguments, now_us, poll};
pub(crate) use project::{copy_tree, enter_bmc_password};

use crate::checkout::Checkout;
use crate::machine::{self, Need};
use crate::report::{span, stage};
use anyhow::{Result, bail};
use clap::Args;
use project::{PLATFORM, Project, WEB};
use std::time::Instant;
use table::Table;

/// What the demo is asked for.
#[derive(Debug, Args)]
pub(crate) struct Wish {
    /// Remove the lab and the copy of the project that a demo left.
    #[arg(long)]
    down: bool,
    /// A web server on one pair instead of the whole platform.
    #[arg(long)]
    quick: bool,
    /// Name of the environment and its lab: another one goes on beside a lab
    /// `dev` that is in use.
    #[arg(long, default_value = "dev")]
    name: String,
}

/// Shows it all; leaves the lab up to look around. True if all went well.
pub(crate) fn run(checkout: &Checkout, wish: &Wish) -> Result<bool> {
    if !machine::is_root()? {
        bail!("the lab makes containers and networks: start the demo as root");
    }
    let begun = Instant::now();
    let mut table = Table::default();

    let building = stage("what is needed, and the program itself");
    machine::equip(Need::Demo)?;
    let tandem = checkout.build_tandem()?;
    let helper = checkout.build_helper()?;
    table.row("build tandem and its helper", building.elapsed());

    let scene = if wish.quick { &WEB } else { &PLATFORM };
    let project = Project::new(checkout, scene, &wish.name, tandem, helper);
    if wish.down {
        project.remove()?;
        return Ok(true);
    }
    let outcome = if wish.quick {
        web::all(&project, &mut table)
    } else {
        platform::all(&project, &mut table)
    };
    println!("\n{}", table.text());
    println!("all of it: {}", span(begun.elapsed()));
    if project.owns_lab()? {
        println!("\n{}", project.how_to_look_around(outcome.is_ok()));
    }
    if let Err(error) = outcome {
        eprintln!("\nerror: {error:#}");
        return Ok(false);
    }
    Ok(true)
}
