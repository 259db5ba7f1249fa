//! What is asked of proofs of possession (DPoP), as it is written and settled.

use portcullis_gateway::dpop::Terms;
use portcullis_identity::dpop::Window;
use schemars::JsonSchema;
use serde::Deserialize;

/// What is asked of proofs of possession (DPoP, RFC 9449), which come with access tokens that are bound to a key.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DpopWritten {
    /// How long ago a proof may have been made (`iat`). Default: 60.
    #[schemars(range(min = 1, max = 300))]
    pub(crate) age_seconds_max: Option<u64>,
    /// How far in the future a proof may have been made, for callers whose clocks are ahead. Default: 5.
    #[schemars(range(min = 0, max = 60))]
    pub(crate) ahead_seconds_max: Option<u64>,
    /// Whether every proof needs a nonce of this process, which callers get with the first refusal: a proof that was made beforehand, or
    /// that another process saw, is then good for nothing. Default: false.
    pub(crate) nonce_required: Option<bool>,
}

impl DpopWritten {
    pub(super) fn lower(&self) -> Terms {
        let default = Terms::default();
        Terms {
            window: Window {
                age_seconds_max: self.age_seconds_max.unwrap_or(default.window.age_seconds_max),
                ahead_seconds_max: self.ahead_seconds_max.unwrap_or(default.window.ahead_seconds_max),
            },
            nonce_required: self.nonce_required.unwrap_or(default.nonce_required),
        }
    }
}
