//! `clusterd check`: a file, or the cluster as a plugin of Nagios has to tell it
//! ("Monitoring Plugins Development Guidelines": 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN).

use crate::api::client::Client;
use crate::configuration::{ClusterFile, members_of};
use anyhow::Result;
use cluster_model::report::{Health, MemberStanding, Report};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn check(client: &Client, file: Option<&Path>) -> Result<ExitCode> {
    match file {
        Some(file) => {
            let file = ClusterFile::read(file)?;
            let resources: usize = file
                .resources
                .iter()
                .map(|item| members_of(item).count())
                .sum();
            println!(
                "{}: {} nodes, {} witnesses, {resources} resources: right",
                file.cluster,
                file.nodes.len(),
                file.witnesses.len()
            );
            Ok(ExitCode::SUCCESS)
        }
        None => Ok(nagios(&client.get::<Report>("/v1/status"))),
    }
}

fn nagios(report: &Result<Report>) -> ExitCode {
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            println!("CLUSTER UNKNOWN - {error:#}");
            return ExitCode::from(3);
        }
    };
    let (word, code) = match report.verdict.health {
        Health::Healthy => ("OK", 0),
        Health::Degraded => ("WARNING", 1),
        Health::Failed => ("CRITICAL", 2),
        Health::Unknown => ("UNKNOWN", 3),
    };
    let there = report
        .members
        .values()
        .filter(|member| member.standing <= MemberStanding::Maintenance);
    println!(
        "CLUSTER {word} - {} | members={};;;0;{} voters={};;{}:;0;{}",
        report.verdict.because,
        there.count(),
        report.members.len(),
        report.arbitration.voters_heard,
        report.arbitration.needed,
        report.arbitration.voters,
    );
    ExitCode::from(code)
}
