//! Scopes that a new credential has and no operation asks for: most often one is mistyped, and its owner is the first to notice.

use std::collections::BTreeSet;

use portcullis_identity::credentials::{Kind, Record};

use super::super::ConfigFile;
use crate::config::nearest::nearest;
use crate::config::security::Verifier;
use crate::contracts::{self, Loaded};

/// Says on standard error which scopes no operation asks such a credential for. Nothing else is held against the contracts: a
/// credential can be issued whatever is wrong in them, and that nothing could be said is said as well.
pub(super) fn warn(config: &ConfigFile, record: &Record) {
    if record.scopes.iter().next().is_none() {
        return;
    }
    let Some(apis) = contracts(config) else {
        anstream::eprintln!(
            "its scopes were not held against the contracts, which have errors: `portcullis check` tells them"
        );
        return;
    };
    let asked: BTreeSet<&str> = apis.iter().flat_map(|api| asked(api, record.kind)).collect();
    let known: Vec<&str> = asked.iter().copied().collect();
    for scope in record.scopes.iter().filter(|scope| !asked.contains(scope)) {
        let meant = nearest(scope, &known).map(|meant| format!(": did you mean `{meant}`?"));
        let what = match record.kind {
            Kind::ApiKey => "API key",
            Kind::Token => "opaque token",
        };
        anstream::eprintln!(
            "no operation asks for the scope `{scope}` of an {what}{}",
            meant.unwrap_or_default()
        );
    }
}

fn contracts(config: &ConfigFile) -> Option<Vec<Loaded>> {
    let (configuration, _) = config.read().ok()?.usable().ok()?;
    contracts::load_all(&configuration, &config.config.to_string_lossy()).ok()
}

/// The scopes that operations ask a credential of this kind for.
fn asked(api: &Loaded, kind: Kind) -> impl Iterator<Item = &str> {
    let ways = api.contract.operations.iter().flat_map(|operation| &operation.security);
    let needs = ways.flatten().flatten();
    let taking = needs.filter(move |asked| match api.api.verifier(&api.contract, asked) {
        Some(Verifier::ApiKeys { .. }) => kind == Kind::ApiKey,
        Some(Verifier::Tokens { own, .. }) => *own && kind == Kind::Token,
        _ => false,
    });
    taking.flat_map(|asked| asked.scopes.iter().map(|scope| &**scope))
}
