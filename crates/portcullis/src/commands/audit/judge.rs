//! Loads each contract and asks the rules about it.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use portcullis_contract::document::{self, Document, Node, Problem};
use portcullis_contract::rules::survey::Survey;
use portcullis_contract::rules::{ContractRule, SECURITY_AREAS, accepted, audit};
use portcullis_lint::acceptance::{Acceptance, part};
use portcullis_lint::baseline::Baseline;
use portcullis_lint::finding::{Finding, Place};
use portcullis_lint::report::{Accepted, Checked, Fault, Outcome, Told};
use portcullis_lint::rule::Profile;

use super::suppressions::Suppressions;
use crate::config::api::References;
use crate::files::Files;

/// What every contract is judged by.
#[derive(Clone, Copy)]
pub(super) struct Judging<'r> {
    pub(super) rules: &'r [ContractRule],
    pub(super) profile: Profile,
    pub(super) suppressions: &'r Suppressions,
    pub(super) baseline: Option<&'r Baseline>,
}

impl<'r> Judging<'r> {
    /// Judges all, several at a time, in the order given; and tells which files were read.
    pub(super) fn all(self, paths: &[PathBuf]) -> (Vec<Checked<'r>>, Vec<PathBuf>) {
        let progress = progress(paths.len());
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(paths.len()));
        let threads = thread::available_parallelism().map_or(1, usize::from).min(paths.len());
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some((index, path)) = take(&next, paths) {
                        let (checked, files) = self.one(path);
                        progress.inc(1);
                        if let Ok(mut done) = done.lock() {
                            done.push((index, checked, files));
                        }
                    }
                });
            }
        });
        progress.finish_and_clear();
        let mut done = done.into_inner().unwrap_or_default();
        done.sort_by_key(|(index, ..)| *index);
        let mut files = Vec::new();
        let checked = done.into_iter().map(|(_, checked, read)| {
            files.extend(read);
            checked
        });
        (checked.collect(), files)
    }

    fn one(self, path: &Path) -> (Checked<'r>, Vec<PathBuf>) {
        let location = path.to_string_lossy().into_owned();
        match load(path, &location) {
            Ok(document) => {
                let files = document.locations().map(PathBuf::from).collect();
                (self.judge(location, &document), files)
            }
            Err(problems) => {
                // Those with problems are what somebody will mend.
                let files = problems.iter().map(|problem| PathBuf::from(&problem.location));
                let files = files.chain([path.to_owned()]).collect();
                (invalid(location, &problems), files)
            }
        }
    }

    fn judge(self, location: String, document: &Document) -> Checked<'r> {
        let (own, problems) = accepted(document);
        if !problems.is_empty() {
            return invalid(location, &problems);
        }
        let survey = Survey::of(document);
        if survey.operations.is_empty() && survey.callbacks.is_empty() {
            let problem = document.problem(
                document.root().node.span,
                "it has no operations, so there is nothing to judge",
            );
            return invalid(location, &[problem]);
        }
        let audited = audit(&survey, self.rules, self.profile);
        let mut findings = Vec::with_capacity(audited.findings.len());
        for finding in audited.findings {
            let standing = self.baseline.map(|baseline| baseline.standing(&finding));
            for (finding, accepted) in self.part(finding, &own) {
                findings.push(Told {
                    finding,
                    standing,
                    accepted,
                });
            }
        }
        Checked {
            title: title(document),
            location,
            outcome: Outcome::Judged {
                score: audited.score,
                security_areas: SECURITY_AREAS,
                operations: audited.operations,
                findings,
            },
        }
    }

    /// Parts a finding by what the contract itself accepts, and then by the file of suppressions.
    fn part(self, finding: Finding<'r>, own: &[Acceptance]) -> Vec<(Finding<'r>, Option<Accepted>)> {
        let mut parts = Vec::new();
        let today = self.suppressions.today();
        for (finding, accepted) in part(finding, own, today, &mut vec![false; own.len()]) {
            match accepted {
                Some(_) => parts.push((finding, accepted)),
                None => parts.extend(self.suppressions.part(finding)),
            }
        }
        parts
    }
}

fn take<'p>(next: &AtomicUsize, paths: &'p [PathBuf]) -> Option<(usize, &'p PathBuf)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, paths.get(index)?))
}

fn load(path: &Path, location: &str) -> Result<Document, Vec<Problem>> {
    let mut files = Files::of(path, &References::default()).map_err(|error| {
        vec![Problem::error(
            location,
            document::Span::default(),
            format!("cannot be read: {error}"),
        )]
    })?;
    document::load(location, &mut files)
}

fn invalid<'r>(location: String, problems: &[Problem]) -> Checked<'r> {
    let fault = |problem: &Problem| Fault {
        place: Place {
            file: problem.location.clone(),
            line: problem.span.line,
            column: problem.span.column,
            pointer: String::new(),
        },
        message: problem.message.clone(),
        help: problem.help.clone(),
    };
    Checked {
        location,
        title: String::new(),
        outcome: Outcome::Invalid(problems.iter().map(fault).collect()),
    }
}

fn title(document: &Document) -> String {
    let info = document.root().node.get("info");
    let text = |name: &str| {
        info.and_then(|info| info.get(name))
            .and_then(Node::as_str)
            .unwrap_or_default()
    };
    format!("{} {}", text("title"), text("version")).trim().to_owned()
}

/// Shown where there are several contracts and somebody looks.
fn progress(contracts: usize) -> ProgressBar {
    if contracts < 2 || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let total = u64::try_from(contracts).unwrap_or(u64::MAX);
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{pos}/{len} contracts {wide_bar} {eta}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
