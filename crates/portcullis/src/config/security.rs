//! What verifies the security schemes of a contract, as it is written and settled.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::issuer::Issuer;
use super::nearest::nearest;
use super::problems::Problems;
use super::spanned::Spanned;
use super::text::Name;

/// What verifies a security scheme of the contract: name `issuers`, or say that nobody does.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SchemeWritten {
    /// The issuers whose access tokens are accepted, by the names of `issuers`.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) issuers: Option<Vec<Spanned<Name>>>,
    /// Lets `Authorization` go on to the upstream. Default: it ends at the gate, which verified it.
    #[serde(default)]
    pub(crate) forward: bool,
    /// Lets everybody in, whatever they present, which goes on to the upstream: the upstream has to verify it.
    #[serde(default)]
    pub(crate) dangerous_unverified: bool,
}

/// What verifies the schemes of one API, by the names of its contract.
pub(crate) type Schemes = BTreeMap<String, Spanned<Scheme>>;

/// What verifies a scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// The gate: access tokens of these issuers.
    Issuers {
        /// Their names.
        names: Vec<String>,
        /// Whether `Authorization` goes on.
        forward: bool,
    },
    /// The upstream, or nobody.
    Unverified,
}

/// Settles what is written; `issuers` are those that there are.
pub(super) fn lower(
    written: BTreeMap<String, Spanned<SchemeWritten>>,
    issuers: &[Issuer],
    problems: &mut Problems<'_>,
) -> Schemes {
    let settle = |(name, Spanned { value, span }): (String, Spanned<SchemeWritten>)| {
        let scheme = match (value.issuers, value.dangerous_unverified) {
            (Some(names), false) => {
                names.iter().for_each(|name| check(name, issuers, problems));
                Scheme::Issuers {
                    names: names.into_iter().map(|name| name.value.0).collect(),
                    forward: value.forward,
                }
            }
            (None, true) => Scheme::Unverified,
            _ => {
                let message = format!("`{name}` needs either `issuers` or `dangerous_unverified`");
                problems.error(
                    span,
                    message,
                    "name whose tokens are accepted, such as `{issuers: [main]}`",
                );
                Scheme::Unverified
            }
        };
        (name, Spanned { value: scheme, span })
    };
    written.into_iter().map(settle).collect()
}

fn check(name: &Spanned<Name>, issuers: &[Issuer], problems: &mut Problems<'_>) {
    let known: Vec<&str> = issuers.iter().map(|issuer| &*issuer.name).collect();
    if known.contains(&name.value.0.as_str()) {
        return;
    }
    let help = match nearest(&name.value.0, &known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "describe it below `issuers`".to_owned(),
    };
    problems.error(name.span, format!("no issuer is called `{}`", name.value.0), help);
}
