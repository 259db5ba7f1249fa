//! `portcullis log index`: makes the index that is missing, or all of it anew.

use std::io::Write as _;

use indicatif::{ProgressBar, ProgressDrawTarget};
use portcullis_store::audit_log::{index_missing, index_rebuild};
use serde_json::json;

use super::super::{Failure, Outcome, Shared};
use super::Index;
use super::reading::{self, Asked};
use crate::config::audit_log::RightWritten as Right;

/// Makes an index.
pub(super) fn index(index: &Index, shared: &Shared) -> Result<Outcome, Failure> {
    let place = index.of.place(Right::Read)?;
    let asked = Asked::new("index");
    reading::read(
        &place,
        &if index.rebuild {
            asked.with("--rebuild", Some(""))
        } else {
            asked
        },
    )?;
    let made = match index.rebuild {
        true => {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let made = index_rebuild(&place.folder, &place.known, &mut |indexed| {
                bar.set_length(indexed.built + indexed.missing);
                bar.set_position(indexed.built);
            });
            bar.finish_and_clear();
            made
        }
        false => index_missing(&place.folder, &place.known, u64::MAX),
    };
    let made = made.map_err(|error| Failure::unusable(format!("the index cannot be made: {error}")))?;
    let mut out = anstream::stdout();
    if shared.json {
        writeln!(out, "{}", json!({ "segments": made.built }))?;
    } else {
        writeln!(out, "{} segments of 65,536 entries were indexed", made.built)?;
    }
    Ok(Outcome::Clean)
}
