//! How wide reports are.

use comfy_table::Table;

/// The width of a report in characters, where there is no terminal to fit.
pub(super) const WIDTH: u16 = 100;
/// No report is narrower, whatever a terminal says of itself.
pub(super) const WIDTH_MIN: u16 = 60;
/// No report is wider.
pub(super) const WIDTH_MAX: u16 = 160;

/// What `COLUMNS` says, or the terminal, in characters and within bounds.
pub(super) fn width() -> u16 {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    within_bounds(said.or_else(|| Table::new().width()))
}

fn within_bounds(width: Option<u16>) -> u16 {
    width.map_or(WIDTH, |width| width.clamp(WIDTH_MIN, WIDTH_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_terminal_is_believed_to_be_narrower_or_wider_than_any_is() {
        for (said, expected) in [(None, 100), (Some(0), 60), (Some(80), 80), (Some(u16::MAX), 160)] {
            assert_eq!(within_bounds(said), expected, "{said:?}");
        }
    }
}
