//! What was found before: an earlier report, so that only what is new has to be looked at.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::finding::Finding;
use crate::report::Standing;

/// The findings of an earlier report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    findings: HashMap<String, Known>,
}

/// One finding of an earlier report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    /// What it said at each place that was listed.
    messages: HashSet<String>,
    /// At how many places it showed.
    total: u64,
}

impl Baseline {
    /// Reads a report in JSON, as the audit writes it.
    ///
    /// # Errors
    /// It is not such a report; in words.
    pub fn read(report: &Value) -> Result<Self, String> {
        let Some(findings) = report.get("findings").and_then(Value::as_array) else {
            return Err("it is no report of an audit in JSON: it has no `findings`".to_owned());
        };
        let mut baseline = Self::default();
        for finding in findings {
            let Some(fingerprint) = finding.get("fingerprint").and_then(Value::as_str) else {
                return Err("it is no report of an audit in JSON: a finding has no `fingerprint`".to_owned());
            };
            let instances = finding.get("instances").and_then(Value::as_array);
            let messages = instances
                .into_iter()
                .flatten()
                .filter_map(|one| one.get("message")?.as_str());
            let known = baseline.findings.entry(fingerprint.to_owned()).or_default();
            known.messages.extend(messages.map(str::to_owned));
            known.total += finding.get("instances_total").and_then(Value::as_u64).unwrap_or(1);
        }
        Ok(baseline)
    }

    /// How a finding stands to what was found before.
    pub fn standing(&self, finding: &Finding<'_>) -> Standing {
        let Some(known) = self.findings.get(&finding.fingerprint()) else {
            return Standing::New;
        };
        let listed = u64::try_from(known.messages.len()).unwrap_or(u64::MAX);
        let total = u64::try_from(finding.instances.len()).unwrap_or(u64::MAX);
        let is_new = |message: &String| listed >= known.total && !known.messages.contains(message);
        let grown = total > known.total || finding.instances.iter().any(|instance| is_new(&instance.message));
        if grown { Standing::Grown } else { Standing::Known }
    }
}
