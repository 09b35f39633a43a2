//! Tries the lab by hand: `lab up FILE.json | down NAME | status NAME | exec NAME HOST CMD... | outside NAME
//! [CLIENT|-] CMD... | ssh NAME HOST [CMD...] | shell NAME HOST | fault NAME WORDS... | list | purge`.

use std::error::Error;
use std::io::Write as _;
use std::time::Duration;

use tandem_lab::{FaultAction, Lab, Output, Places, Progress, Topology, Viewpoint};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let places = Places::default();
    let begun = std::time::Instant::now();
    let progress = |p: Progress| eprintln!("{:7.3} {p}", begun.elapsed().as_secs_f64());
    let limit = Duration::from_secs(60);
    match words.as_slice() {
        ["up", file] => {
            let topology: Topology = serde_json::from_slice(&std::fs::read(file)?)?;
            Lab::up(&places, &topology, limit, &progress)?;
        }
        ["down", name] => {
            Lab::down(&places, name, &progress)?;
        }
        ["list"] => println!("{}", Lab::names(&places).join("\n")),
        ["purge"] => tandem_lab::purge(&places)?,
        ["status", name] => {
            println!(
                "{}",
                serde_json::to_string_pretty(&Lab::open(&places, name)?.status()?)?
            );
        }
        ["exec", name, host, command @ ..] => {
            finish(&Lab::open(&places, name)?.exec(host, command, b"", limit)?)?;
        }
        ["outside", name, from, command @ ..] => {
            let from = if *from == "-" {
                Viewpoint::Operator
            } else {
                Viewpoint::Client(from)
            };
            finish(&Lab::open(&places, name)?.exec_outside(from, command, b"", limit)?)?;
        }
        ["ssh", name, host, command @ ..] => {
            let status = Lab::open(&places, name)?
                .ssh(host)?
                .args(command)
                .status()?;
            std::process::exit(status.code().unwrap_or(1));
        }
        ["shell", name, host] => {
            Lab::open(&places, name)?.shell(host)?.status()?;
        }
        ["fault", name, fault @ ..] => {
            Lab::open(&places, name)?.fault(&FaultAction::parse(fault)?, &progress)?;
        }
        _ => return Err("see the first lines of this example".into()),
    }
    eprintln!("{:7.3} done", begun.elapsed().as_secs_f64());
    Ok(())
}

fn finish(output: &Output) -> std::io::Result<()> {
    std::io::stdout().write_all(&output.stdout)?;
    std::io::stderr().write_all(&output.stderr)?;
    if output.success() {
        Ok(())
    } else {
        std::process::exit(output.code)
    }
}
