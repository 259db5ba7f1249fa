//! What a rule is: its identity, how grave and how sure its findings are, what it refers to, and its page of the
//! encyclopedia.

use std::fmt;

use crate::page::Page;

/// How grave what is found is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// A weakness only together with others.
    Low,
    /// A weakness that somebody will use.
    Medium,
    /// A hole.
    High,
    /// An open door.
    Critical,
}

impl Severity {
    /// All, the gravest first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info];

    /// Its word in reports and arguments.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// By its word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.word() == word)
    }

    /// One step less grave.
    #[must_use]
    pub const fn lower(self) -> Self {
        match self {
            Self::Info | Self::Low => Self::Info,
            Self::Medium => Self::Low,
            Self::High => Self::Medium,
            Self::Critical => Self::High,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How sure it is that what is found is a weakness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Names and shapes hint at it; a person has to look.
    Low,
    /// It is so, unless something outside the document makes good for it.
    Medium,
    /// The document says so.
    High,
}

impl Confidence {
    /// Its word in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// When a rule is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    /// Always.
    Default,
    /// Only when everything is asked for: what it finds is a matter of taste, or of something that the document need not say.
    Strict,
}

/// Where others write of the same weakness.
#[derive(Clone, Copy, Debug, Default)]
pub struct References<'r> {
    /// Numbers in the OWASP API Security Top 10 of 2023, 1 to 10.
    pub owasp_2023: &'r [u8],
    /// Numbers in the OWASP API Security Top 10 of 2019, 1 to 10.
    pub owasp_2019: &'r [u8],
    /// Numbers of the Common Weakness Enumeration.
    pub cwe: &'r [u16],
    /// Requirements of the OWASP Application Security Verification Standard, such as `2.2.1`. Version 5.0.0 is meant
    /// everywhere; numbers of 4.0 name other requirements.
    pub asvs: &'r [&'r str],
    /// Security strategies of NIST SP 800-204 of August 2019, such as `MS-SS-1`.
    pub nist: &'r [&'r str],
}

impl References<'_> {
    /// The entries of both OWASP lists, as `API4:2023`, the newer list first.
    pub fn owasp(&self) -> impl Iterator<Item = String> {
        let newer = self.owasp_2023.iter().map(|number| format!("API{number}:2023"));
        newer.chain(self.owasp_2019.iter().map(|number| format!("API{number}:2019")))
    }

    /// The weaknesses, as `CWE-770`.
    pub fn cwe(&self) -> impl Iterator<Item = String> {
        self.cwe.iter().map(|number| format!("CWE-{number}"))
    }
}

/// A rule, as findings and reports know it. What it looks for is the business of who checks.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'r> {
    /// Its name in reports, suppressions and configurations: lower case and hyphens; never given to another rule.
    pub id: &'r str,
    /// What it is about, in one word, such as `authentication`.
    pub category: &'r str,
    /// How grave its findings are at most.
    pub severity: Severity,
    /// How sure they are.
    pub confidence: Confidence,
    /// When it is asked.
    pub profile: Profile,
    /// Where others write of it.
    pub references: References<'r>,
    /// Its page in the encyclopedia: source that begins with a doc comment, or Markdown.
    pub text: &'r str,
}

impl<'r> Rule<'r> {
    /// Its page in the encyclopedia.
    pub fn page(&self) -> Page {
        Page::read(self.text)
    }

    /// What it finds, in a few words: the first line of its page.
    pub fn title(&self) -> &'r str {
        let first = self.text.lines().next().unwrap_or_default();
        first.trim_start_matches("//!").trim_start_matches('#').trim()
    }
}
