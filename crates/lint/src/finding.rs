//! What a rule found, where, and how often: one finding for one cause, with every place that the cause shows at inside it.

use crate::rule::{Confidence, Rule, Severity};

/// A place in one of the files that were checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file's location as it was asked for.
    pub file: String,
    /// The line, from 1; 0 where the whole file is meant.
    pub line: u32,
    /// The column in characters, from 1; 0 where the whole file is meant.
    pub column: u32,
    /// The same as a JSON Pointer (RFC 6901) from the root of the file.
    pub pointer: String,
}

/// Which way what was found travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// In requests (and perhaps in answers too).
    Request,
    /// In answers only.
    Response,
    /// Nowhere: nothing uses it.
    Unused,
    /// It is about the document or an operation as such.
    None,
}

impl Direction {
    /// Its word in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
            Self::Unused => "unused",
            Self::None => "none",
        }
    }
}

/// One place that a cause shows at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Where.
    pub place: Place,
    /// What is there: lower case, no full stop, the author's words in backticks.
    pub message: String,
}

/// What a rule found: one cause.
#[derive(Clone, Debug)]
pub struct Finding<'r> {
    /// The rule.
    pub rule: &'r Rule<'r>,
    /// How grave it is here: the rule's severity, or less.
    pub severity: Severity,
    /// How sure it is here.
    pub confidence: Confidence,
    /// What is wrong: lower case, no full stop, the author's words in backticks.
    pub message: String,
    /// What it is about, such as "schema `Pet`" or "`GET /pets`"; with the rule it names the finding for good.
    pub subject: String,
    /// Which way it travels.
    pub direction: Direction,
    /// How many operations it touches.
    pub operations: u32,
    /// Where the cause shows, in the order of the files; at least one, and the first is the place of the finding.
    pub instances: Vec<Instance>,
    /// The points that it takes from the score.
    pub points: f64,
    /// The index of the score's area that it takes them from; nothing where it takes none.
    pub area: Option<usize>,
}

impl Finding<'_> {
    /// Where it is: the place of its first instance.
    pub fn place(&self) -> Option<&Place> {
        self.instances.first().map(|instance| &instance.place)
    }

    /// What names it from one run to the next, whatever moves in the files: a digest of the rule, the file and the
    /// subject, as 16 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let file = self.place().map(|place| place.file.as_str()).unwrap_or_default();
        let name = file.rsplit('/').next().unwrap_or_default();
        // FNV-1a (64 bits): nothing here is a secret, and a report of an older version must give the same.
        let mut digest = 0xcbf2_9ce4_8422_2325_u64;
        for part in [self.rule.id, name, &self.subject] {
            for byte in part.bytes().chain([0xff]) {
                digest = (digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
        format!("{digest:016x}")
    }
}
