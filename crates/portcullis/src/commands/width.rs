//! How wide reports are.

use comfy_table::Table;

/// The width of a report in characters, where there is no terminal to fit.
pub(super) const WIDTH: u16 = 100;
/// No report is narrower, whatever a terminal says of itself.
pub(super) const WIDTH_MIN: u16 = 60;
/// No report is wider.
pub(super) const WIDTH_MAX: u16 = 160;

/// The terminal's width in characters, within bounds.
pub(super) fn width() -> u16 {
    let terminal = Table::new().width();
    terminal.map_or(WIDTH, |width| width.clamp(WIDTH_MIN, WIDTH_MAX))
}
