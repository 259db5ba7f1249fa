//! `portcullis demo`: the whole gate in front of an example API, on this machine, with nothing left behind.

mod attacks;
mod bindings;
mod certificates;
mod client;
mod credentials;
mod forgeries;
mod keys;
mod log;
mod misuse;
mod ordinary;
mod page;
mod people;
mod policies;
mod possession;
mod stage;
mod table;
mod tampering;
mod trespasses;
mod trial;
mod verdict;

use std::io::Write;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, Outcome, Shared};
use stage::Guarded;

/// The arguments of `demo`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Fire hostile requests at the API directly and through the gate, and compare
    #[arg(long)]
    pub(super) attacks: bool,
    /// Print the policies that say what callers may do, and end
    #[arg(long, conflicts_with_all = ["attacks", "seconds"])]
    pub(super) policies: bool,
    /// End after this many seconds, rather than with Ctrl-C
    #[arg(long, value_name = "N", conflicts_with = "attacks", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(super) seconds: Option<u32>,
}

/// Runs the demo until it is stopped, or the attacks once.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    if arguments.policies {
        print_policies(shared)
    } else if arguments.attacks {
        attack(shared)
    } else {
        show(arguments, shared)
    }
}

fn print_policies(shared: &Shared) -> Result<Outcome, Failure> {
    let text = match shared.json {
        true => format!("{:#}\n", policies::json()),
        false => natter::POLICIES.to_owned(),
    };
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(Outcome::Clean)
}

fn attack(shared: &Shared) -> Result<Outcome, Failure> {
    let results = attacks::fire()?;
    let text = if shared.json {
        format!("{:#}\n", table::json(&results))
    } else {
        table::text(&results)
    };
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(if results.are_good() {
        Outcome::Clean
    } else {
        Outcome::Found
    })
}

fn show(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    let stage = Guarded::start()?;
    let ordinary = ordinary::send(&stage);
    let text = if shared.json {
        format!("{:#}\n", page::json(&stage, &ordinary))
    } else {
        page::text(&stage, &ordinary, arguments.seconds)
    };
    let mut out = anstream::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    until_stopped(arguments.seconds)?;
    drop(stage);
    Ok(if ordinary.failed.is_empty() {
        Outcome::Clean
    } else {
        Outcome::Found
    })
}

/// Waits for SIGINT or SIGTERM, or for so many seconds.
fn until_stopped(seconds: Option<u32>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(signals)?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(signals)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(signals)?;
        let over = async {
            match seconds {
                Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds.into())).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = over => {}
        }
        Ok(())
    })
}

fn signals(error: std::io::Error) -> Failure {
    Failure::unusable(format!("cannot wait for signals: {error}"))
}
