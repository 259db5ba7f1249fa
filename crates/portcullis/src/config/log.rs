//! What is logged, and how, as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

/// What is logged.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// How a line is written. Default: json, or text on a terminal.
    pub(crate) format: Option<LogFormat>,
    /// Which requests get a line. Default: refused.
    pub(crate) requests: Option<LogRequests>,
}

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Which requests get a line in the log.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogRequests {
    /// Those that a control refused or would have refused.
    Refused,
    /// Every one.
    All,
    /// None; start, reload and trouble are logged all the same.
    None,
}
