//! What happens to a gate while it serves: reloads, a graceful restart, the order to stop.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use portcullis_contract::document::Problem;
use portcullis_gateway::listen::Drained;
use portcullis_gateway::metrics::Reload;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::super::{Failure, Outcome};
use super::origin::{Ready, named};
use super::{Started, failed, tell_served};
use crate::assemble::Reloaded;
use crate::lifecycle::pid_file::PidFile;
use crate::lifecycle::predecessor::Predecessor;
use crate::lifecycle::service_manager::ServiceManager;
use crate::lifecycle::successor::{NotServing, Successor};
use crate::logging;
use crate::refresh::{News, Refresh};

/// A gate, and whoever has a say in it.
pub(super) struct Control {
    orders: Orders,
    gate: Started,
    /// The new process of a restart, until it serves.
    successor: Option<Successor>,
}

/// Those who have a say in a gate from outside, and the runtime that waits for them.
pub(super) struct Orders {
    runtime: Runtime,
    signals: Signals,
    manager: ServiceManager,
}

struct Signals {
    stop: StopSignals,
    reload: Signal,
    restart: Signal,
}

struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

/// What happens next.
enum Event {
    Stop,
    Reload,
    /// A contract may be another one where it comes from.
    News(News),
    Restart,
    /// What became of the new process.
    Succeeded(Result<(), NotServing>),
    Watchdog,
}

impl Orders {
    /// Signals are kept from here on.
    ///
    /// # Errors
    /// The system has no more descriptors.
    pub(super) fn new() -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::unusable(format!("cannot wait for signals: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let (signals, manager) = {
            let _entered = runtime.enter();
            (Signals::new().map_err(failed)?, ServiceManager::new())
        };
        Ok(Self {
            runtime,
            signals,
            manager,
        })
    }
}

impl Control {
    pub(super) fn new(orders: Orders, gate: Started) -> Self {
        Self {
            orders,
            gate,
            successor: None,
        }
    }

    /// Serves until it is told to stop, or until another process serves in its place.
    ///
    /// # Errors
    /// A worker failed.
    pub(super) fn serve(mut self, predecessor: Option<Predecessor>) -> Result<Outcome, Failure> {
        if let Some(Err(error)) = predecessor.map(Predecessor::serving) {
            tracing::warn!(%error, "the process that ran before says no more");
        }
        let pid_file = self.gate.running.configuration().process.pid_file.clone();
        let pid_file = pid_file.and_then(write_pid_file);
        self.orders.manager.ready(&self.status());
        let ended = loop {
            match self.next() {
                Event::Stop => break self.stop(),
                Event::Succeeded(Ok(())) => break self.hand_over(),
                Event::Succeeded(Err(reason)) => self.stay(&reason),
                Event::Reload => self.reload(),
                Event::News(news) => self.hear(news),
                Event::Restart => self.restart(),
                Event::Watchdog if self.gate.running.alive() => self.orders.manager.alive(),
                Event::Watchdog => tracing::error!("a worker has ended: the watchdog is not fed"),
            }
        };
        drop(pid_file);
        ended.map(|()| Outcome::Clean)
    }

    fn next(&mut self) -> Event {
        let Self {
            orders,
            gate,
            successor,
        } = self;
        let Orders {
            runtime,
            signals,
            manager,
        } = orders;
        // What is to be done then is done outside of the runtime: loading may fetch, and that blocks.
        runtime.block_on(async {
            tokio::select! {
                () = signals.stop.recv() => Event::Stop,
                _ = signals.restart.recv() => Event::Restart,
                _ = signals.reload.recv() => Event::Reload,
                () = gate.watched.changed() => Event::Reload,
                news = gate.refresh.news() => Event::News(news),
                outcome = succeeded(successor) => Event::Succeeded(outcome),
                () = manager.watchdog() => Event::Watchdog,
            }
        })
    }

    /// Stops: not ready first, then nothing new, then the end of what is under way.
    fn stop(mut self) -> Result<(), Failure> {
        if let Some(successor) = self.successor.take() {
            successor.end();
        }
        self.orders.manager.stopping("finishing what is under way");
        let delay = self.gate.running.configuration().process.drain_delay;
        if !delay.is_zero() {
            tracing::info!(
                seconds = delay.as_secs_f64(),
                "not ready any more, still accepting connections"
            );
            self.gate.running.leave();
            let again = self.orders.signals.stop.recv();
            // Whoever says it twice does not want to wait.
            let runtime = &self.orders.runtime;
            let _ = runtime.block_on(async { tokio::time::timeout(delay, again).await });
        }
        tracing::info!("stopping: no new connections, requests under way are finished");
        let start = Instant::now();
        let drained = self.gate.running.stop();
        // Writes what was observed last.
        drop(self.gate.recorder);
        tell_end(drained, start, "stopped")
    }

    /// Leaves everything new to the process that was started.
    fn hand_over(mut self) -> Result<(), Failure> {
        if let Some(successor) = self.successor.take() {
            self.orders.manager.handed_over(successor.id());
            successor.alone();
            tracing::info!(
                successor = successor.id(),
                "handed over: requests under way are finished"
            );
        }
        let start = Instant::now();
        let drained = self.gate.running.hand_over();
        drop(self.gate.recorder);
        tell_end(drained, start, "stopped after handing over")
    }

    /// Starts the program again, beside this process.
    fn restart(&mut self) {
        if let Some(successor) = &self.successor {
            tracing::warn!(successor = successor.id(), "a restart is under way already");
            return;
        }
        let Started {
            program,
            running,
            sandboxed,
            ..
        } = &self.gate;
        let time_max = running.configuration().process.restart_time_max;
        match program.start_again(running.listening(), *sandboxed, time_max, &self.orders.runtime) {
            Ok(successor) => {
                let sockets = running.listening().count();
                tracing::info!(
                    successor = successor.id(),
                    sockets,
                    "restarting: the new process is started"
                );
                self.successor = Some(successor);
            }
            Err(error) => self.stay(&error.to_string().into()),
        }
    }

    /// Ends a restart that came to nothing.
    fn stay(&mut self, why: &NotServing) {
        if let Some(successor) = self.successor.take() {
            successor.end();
        }
        let NotServing {
            reason,
            problems,
            left_out,
        } = why;
        problems.iter().for_each(logging::problem);
        let left_out = (*left_out > 0).then_some(left_out);
        tracing::error!(reason, left_out, "not restarted, this process goes on");
    }

    /// What comes from elsewhere is loaded anew where it changed; what cannot be reached leaves everything as it was.
    fn hear(&mut self, news: News) {
        match news {
            News::Changed { api } => {
                tracing::info!(api, "the contract has changed where it comes from");
                self.reload();
            }
            News::Unreachable { api, reason, again } => {
                if !again {
                    tracing::error!(
                        api,
                        "the contract cannot be refreshed, what was in force stays: {reason}"
                    );
                }
                self.gate.running.count(Reload::Refused);
            }
            News::Reachable { api } => tracing::info!(api, "the contract can be refreshed again"),
        }
    }

    /// Puts what the files say now in force, or keeps what is.
    fn reload(&mut self) {
        self.orders.manager.reloading();
        let gate = &mut self.gate;
        // Once what is wrong with one of them is mended, it is looked at again.
        let read = gate.origin.read(gate.sandboxed);
        let read = read.inspect(|read| gate.watched.watch(named(&read.configuration).collect()));
        let reloaded = read.and_then(|read| gate.origin.load(read)).and_then(|ready| {
            let Ready {
                configuration,
                apis,
                warnings,
            } = ready;
            gate.watched.watch(gate.origin.files(&configuration, &apis));
            let refresh = Refresh::of(&apis);
            let reloaded = gate.running.reload(configuration, apis).map_err(failed)?;
            gate.refresh = refresh;
            Ok((reloaded, warnings))
        });
        // Told before it is counted: whoever sees the counter finds the reason in the log.
        let outcome = match reloaded {
            Ok((reloaded, warnings)) => {
                self.tell_reloaded(&reloaded, &warnings);
                Reload::Applied
            }
            Err(failure) => {
                tell_refused(&failure);
                Reload::Refused
            }
        };
        self.gate.running.count(outcome);
        self.orders.manager.ready(&self.status());
    }

    fn tell_reloaded(&self, reloaded: &Reloaded, warnings: &[Problem]) {
        warnings.iter().for_each(logging::problem);
        for setting in &reloaded.restart_needed {
            tracing::warn!(
                setting = setting.as_str(),
                "changed, but only a restart puts it in force"
            );
        }
        tracing::info!("reloaded");
        self.gate.running.routes().apis().iter().for_each(tell_served);
    }

    fn status(&self) -> String {
        let running = &self.gate.running;
        let addresses: Vec<_> = running.addresses().iter().map(ToString::to_string).collect();
        format!(
            "serving {} APIs on {}",
            running.routes().apis().len(),
            addresses.join(", ")
        )
    }
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            stop: StopSignals {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            },
            reload: signal(SignalKind::hangup())?,
            restart: signal(SignalKind::user_defined2())?,
        })
    }
}

impl StopSignals {
    async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What became of the new process; for ever where there is none.
async fn succeeded(successor: &mut Option<Successor>) -> Result<(), NotServing> {
    match successor {
        Some(successor) => successor.serving().await,
        None => std::future::pending().await,
    }
}

fn write_pid_file(path: PathBuf) -> Option<PidFile> {
    let shown = path.display().to_string();
    PidFile::write(path)
        .inspect_err(|error| tracing::error!(%error, file = shown, "the process id cannot be written"))
        .ok()
}

fn tell_end(drained: std::io::Result<Drained>, start: Instant, message: &str) -> Result<(), Failure> {
    let Drained {
        connections_open,
        connections_cut,
    } = drained.map_err(|error| Failure::unusable(format!("a worker failed: {error}")))?;
    let seconds = rounded(start.elapsed());
    let connections_finished = connections_open.saturating_sub(connections_cut);
    tracing::info!(connections_finished, connections_cut, seconds, "{message}");
    Ok(())
}

/// In milliseconds, for people.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

fn tell_refused(failure: &Failure) {
    failure.problems().iter().for_each(logging::problem);
    tracing::error!("not reloaded, what was in force stays: {failure}");
}
