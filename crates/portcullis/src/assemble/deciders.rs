//! Who decides besides roles and policies: those elsewhere, and relations.

use super::StartError;
use crate::config::checked::Configuration;
use crate::contracts::Loaded;
use crate::decision_points::{self, DecisionPoints};
use crate::relations;

/// Who elsewhere is asked.
///
/// # Errors
/// What is configured of them cannot be used.
pub(super) fn asked(
    points: &DecisionPoints,
    apis: &[Loaded],
    configuration: &Configuration,
) -> Result<decision_points::Settled, StartError> {
    let asked = points.settle(apis, &configuration.location);
    asked.map_err(StartError::Unusable)
}

/// What is known of the relations of a configuration, read and followed.
///
/// # Errors
/// Their store cannot be read.
pub(super) fn related(
    keeper: &relations::Keeper,
    configuration: &Configuration,
    apis: &[Loaded],
) -> Result<relations::Pending, StartError> {
    let kept = apis.iter().find_map(|loaded| loaded.granted.as_ref());
    let kept = kept.map(|granted| &granted.kept);
    let settled = keeper.settle(kept, &configuration.location);
    settled.map_err(|problem| StartError::Unusable(vec![*problem]))
}
