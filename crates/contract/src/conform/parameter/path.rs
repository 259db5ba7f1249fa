//! Parameters of the path.

use std::ops::ControlFlow;

use super::{Judging, Parameter, Part};
use crate::conform::route::Captures;

/// Judges the captures of a path; `parameters` come with the index of their capture.
pub(crate) fn judge_path(
    parameters: &[(usize, Parameter)],
    path: &str,
    captures: &Captures,
    judging: &mut Judging<'_, '_>,
) -> ControlFlow<()> {
    for (index, parameter) in parameters {
        let range = captures
            .get(*index)
            .and_then(|range| Some(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?));
        let parts = range
            .and_then(|range| path.get(range))
            .map(|value| Part { key: None, value });
        judging.judge(parameter, parts.as_slice())?;
    }
    ControlFlow::Continue(())
}
