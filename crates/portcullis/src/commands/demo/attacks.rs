//! `demo --attacks`: every exploit, fired at a Natter directly and at another one behind the gate.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use natter::{Exploit, Level};

use super::Failure;
use super::bindings;
use super::client::{self, Request};
use super::forgeries;
use super::misuse;
use super::ordinary::{self, Ordinary};
use super::people::{Issuer, everybody};
use super::stage::{Guarded, Over, Services};
use super::tampering::{self, Tampering};
use super::trespasses;
use super::verdict::{Seen, Verdict};

/// One exploit, and what became of it on both sides.
#[derive(Debug)]
pub(super) struct Attack {
    pub(super) exploit: Exploit,
    pub(super) directly: Seen,
    pub(super) through: Seen,
    pub(super) verdict: Verdict,
}

/// An exploit, and how it gets to the gate; Natter itself speaks no TLS.
pub(super) type Shot = (Exploit, Over);

/// What became of all.
#[derive(Debug)]
pub(super) struct Results {
    pub(super) attacks: Vec<Attack>,
    /// The ordinary traffic that went through the same gate before.
    pub(super) ordinary: Ordinary,
    /// What was done to the audit log afterwards.
    pub(super) tampering: Tampering,
    /// How long firing took.
    pub(super) time: Duration,
}

/// How many attacks ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// All of them.
    pub(super) attacks: usize,
    /// Those that the gate has to stop.
    pub(super) the_gates: usize,
    /// Of these, those that work without the gate.
    pub(super) worked_directly: usize,
    /// Of these, those that the gate stopped as it is meant to.
    pub(super) stopped: usize,
    /// Of the gate's, those on what belongs to somebody else.
    pub(super) objects: usize,
    /// Of the gate's, those on operations that are for others.
    pub(super) functions: usize,
    /// Of the gate's, those on what is in something that one may read or change.
    pub(super) properties: usize,
    /// Those that nothing at the gate can stop.
    pub(super) not_the_gates: usize,
}

impl Results {
    /// Counts the verdicts.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for attack in &self.attacks {
            let verdict = attack.verdict;
            counts.attacks += 1;
            counts.the_gates += usize::from(verdict.is_the_gates());
            counts.worked_directly += usize::from(verdict.is_the_gates() && verdict != Verdict::ProvesNothing);
            counts.stopped += usize::from(verdict.is_stopped());
            let level = attack.exploit.level().filter(|_| verdict.is_the_gates());
            counts.objects += usize::from(level == Some(Level::Object));
            counts.functions += usize::from(level == Some(Level::Function));
            counts.properties += usize::from(level == Some(Level::Property));
            counts.not_the_gates += usize::from(verdict == Verdict::NotTheGates);
        }
        counts
    }

    /// Whether every attack that is the gate's works without it and is stopped by it, and no ordinary request was.
    pub(super) fn are_good(&self) -> bool {
        let counts = self.counts();
        let stopped = counts.the_gates > 0 && counts.stopped == counts.the_gates;
        stopped && self.ordinary.failed.is_empty() && self.tampering.is_good()
    }
}

/// Fires everything at two fresh Natters, one of them behind a gate with every default.
///
/// # Errors
/// One of them does not start.
pub(super) fn fire() -> Result<Results, Failure> {
    let (bare, mut guarded) = (Services::start()?, Guarded::start()?);
    let begin = Instant::now();
    // First, while the limit of guesses at passwords is untouched: the attacks come from the same address.
    let ordinary = ordinary::send(&guarded);
    // What somebody else would have kept by now.
    let older = guarded.folder.path().join("older");
    tampering::keep_older(&guarded.folder.log(), &older)?;
    // The same exploits, but each Natter's own address where they lead inside.
    let outside = exploits(bare.natter, &guarded)?;
    let inside = exploits(guarded.services.natter, &guarded)?;
    let progress = progress(outside.len());
    let fire = |((exploit, _), (own, over)): (Shot, Shot)| {
        progress.set_message(exploit.weakness);
        let directly = Seen::of(
            &exploit,
            fire_one(&exploit, |request| client::send(bare.natter, request)),
        );
        let through = Seen::of(&own, fire_one(&own, |request| guarded.send(&over, request)));
        progress.inc(1);
        Attack {
            verdict: Verdict::of(&exploit, &directly, &through),
            exploit,
            directly,
            through,
        }
    };
    let attacks = outside.into_iter().zip(inside).map(fire).collect();
    progress.finish_and_clear();
    guarded.stop();
    let tampering = tampering::tamper(&tampering::Original {
        folder: &guarded.folder.log(),
        beside: guarded.folder.path(),
        older: &older,
        keys: &guarded.log_keys,
    })?;
    Ok(Results {
        attacks,
        ordinary,
        tampering,
        time: begin.elapsed(),
    })
}

/// Natter's own exploits, sent by users whose tokens are good, so that no token is what stops them; and those of the credentials.
fn exploits(natter: SocketAddr, stage: &Guarded) -> Result<Vec<Shot>, Failure> {
    let cannot = |error: &dyn std::fmt::Display| Failure::unreachable(format!("cannot start the attacks: {error}"));
    let issuer = &stage.issuer;
    let own = natter::exploits(natter).into_iter();
    let own = own.map(|exploit| with_token(exploit, issuer));
    let mut exploits: Vec<Exploit> = own.collect::<Result<_, _>>().map_err(|error| cannot(&error))?;
    exploits.extend(forgeries::exploits(issuer).map_err(|error| cannot(&error))?);
    exploits.extend(misuse::exploits(&stage.credentials).map_err(|error| cannot(&error))?);
    let mut shots: Vec<Shot> = exploits.into_iter().map(|exploit| (exploit, Over::Tcp)).collect();
    shots.extend(bindings::shots(stage).map_err(|error| cannot(&error))?);
    shots.extend(trespasses::shots(stage).map_err(|error| cannot(&error))?);
    Ok(shots)
}

/// An exploit with the access token of whoever fires it.
fn with_token(exploit: Exploit, issuer: &Issuer) -> Result<Exploit, String> {
    let person = everybody().find(|person| person.name == exploit.by);
    let person = person.ok_or_else(|| format!("nobody is called `{}`", exploit.by))?;
    let token = issuer.token(person).map_err(|error| error.to_string())?;
    Ok(exploit.header("authorization", format!("Bearer {token}")))
}

/// Sends an exploit as often as it wants; the last answer counts.
fn fire_one(
    exploit: &Exploit,
    send: impl Fn(&Request<'_>) -> Result<client::Answer, client::Error>,
) -> Result<client::Answer, client::Error> {
    let request = Request {
        method: exploit.method,
        target: &exploit.target,
        headers: &exploit.headers,
        body: &exploit.body,
    };
    for _ in 1..exploit.times {
        send(&request)?;
    }
    send(&request)
}

/// On standard error, and only on a terminal.
fn progress(length: usize) -> ProgressBar {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    // The template is right: a wrong one would leave the plain bar.
    match ProgressStyle::with_template("  {bar:40} {pos:>2}/{len} {msg}") {
        Ok(style) => bar.with_style(style.progress_chars("━╸─")),
        Err(_) => bar,
    }
}
