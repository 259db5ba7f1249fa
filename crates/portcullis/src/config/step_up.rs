//! Step-up authentication of an operation: as it is written, and settled.

use portcullis_identity::step_up::StepUp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::problems::Problems;
use super::spanned::Spanned;

/// What an access token has to say of how its subject proved itself (RFC 9470). Without either member, nothing, which takes back
/// what an outer level asks for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepUpWritten {
    /// The authentication context classes of which the token's `acr` has to be one, the preferred one first. Default: any.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub(crate) acr: Vec<Spanned<String>>,
    /// How long ago the subject may have proved itself (`auth_time`), in seconds. Default: however long.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub(crate) max_age_seconds: Option<u64>,
}

impl StepUpWritten {
    /// Reports classes that no challenge can name.
    pub(super) fn check(&self, problems: &mut Problems<'_>) {
        let is_named = |class: &str| !class.is_empty() && class.bytes().all(|byte| byte.is_ascii_graphic());
        for class in self.acr.iter().filter(|class| !is_named(&class.value)) {
            let message = format!("`{}` is no class: it is empty, or has spaces", class.value);
            problems.error(class.span, message, "write such as `urn:example:gold`");
        }
    }

    /// None where nothing is asked for.
    pub(super) fn settle(&self) -> Option<StepUp> {
        let asks = !self.acr.is_empty() || self.max_age_seconds.is_some();
        asks.then(|| StepUp {
            acr: self.acr.iter().map(|class| class.value.as_str().into()).collect(),
            max_age_seconds: self.max_age_seconds,
        })
    }
}
