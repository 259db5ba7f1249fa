//! What somebody has looked at and accepted: by rule and place, with a reason, until a day.

use crate::finding::{Finding, Instance};
use crate::report::Accepted;

/// One acceptance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The rule.
    pub rule: String,
    /// How the file's location ends; nothing: every file.
    pub file: Option<String>,
    /// The JSON Pointer at or below which it holds; empty: everywhere.
    pub pointer: String,
    /// Why.
    pub reason: String,
    /// The last day on which it holds, as `2026-12-31`; nothing: it does not end.
    pub until: Option<String>,
    /// Where it is written, for messages.
    pub written: String,
}

impl Acceptance {
    /// Whether its last day is past. Days are written so that they sort.
    pub fn is_over(&self, today: &str) -> bool {
        self.until.as_deref().is_some_and(|until| until < today)
    }

    fn covers(&self, rule: &str, instance: &Instance) -> bool {
        let in_file = self.file.as_deref().is_none_or(|file| {
            let rest = instance.place.file.strip_suffix(file);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        });
        let rest = instance.place.pointer.strip_prefix(&*self.pointer);
        self.rule == rule && in_file && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Parts a finding into what is open and what is accepted, each with its own places; `used` is told which of the acceptances
/// covered something. One that is over covers nothing.
pub fn part<'r>(
    finding: Finding<'r>,
    acceptances: &[Acceptance],
    today: &str,
    used: &mut [bool],
) -> Vec<(Finding<'r>, Option<Accepted>)> {
    let mut open = Vec::new();
    let mut accepted: Vec<(usize, Vec<Instance>)> = Vec::new();
    for instance in finding.instances.iter().cloned() {
        let covering = acceptances
            .iter()
            .position(|one| !one.is_over(today) && one.covers(finding.rule.id, &instance));
        match covering {
            None => open.push(instance),
            Some(index) => match accepted.iter_mut().find(|(known, _)| *known == index) {
                Some((_, instances)) => instances.push(instance),
                None => accepted.push((index, vec![instance])),
            },
        }
    }
    let mut parts = Vec::new();
    if !open.is_empty() {
        parts.push((of(&finding, open), None));
    }
    for (index, instances) in accepted {
        if let Some(used) = used.get_mut(index) {
            *used = true;
        }
        let why = acceptances.get(index).map(|acceptance| Accepted {
            reason: acceptance.reason.clone(),
            until: acceptance.until.clone(),
        });
        parts.push((of(&finding, instances), why));
    }
    parts
}

/// The same finding at some of its places, with its share of the points.
fn of<'r>(finding: &Finding<'r>, instances: Vec<Instance>) -> Finding<'r> {
    if instances.len() == finding.instances.len() {
        return finding.clone();
    }
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let first = instances
        .first()
        .map(|instance| instance.message.clone())
        .unwrap_or_default();
    Finding {
        message: match instances.len() {
            1 => first,
            count => format!("{first}, and {} more in {}", count - 1, finding.subject),
        },
        points: finding.points * number(instances.len()) / number(finding.instances.len()),
        instances,
        ..finding.clone()
    }
}
