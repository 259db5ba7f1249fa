//! Writes the report in the form that was asked for.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::Path;

use portcullis_lint::report::{Report, html, json, junit, markdown, sarif, terminal};

use super::{Arguments, Failure, Format, Shared};
use crate::files;

/// Writes the report to standard output, or to the file that was asked for.
///
/// # Errors
/// It cannot be written.
pub(super) fn report(report: &Report<'_>, arguments: &Arguments, shared: &Shared) -> Result<(), Failure> {
    let read = |location: &str| {
        let text = files::local(Path::new(location)).ok()?;
        String::from_utf8(text).ok()
    };
    let format = if shared.json { Format::Json } else { arguments.format };
    let text = match format {
        Format::Terminal => {
            let shows_lines = !arguments.brief && arguments.output.is_none() && std::io::stdout().is_terminal();
            terminal::render(report, shows_lines.then_some(&read), arguments.brief)
        }
        Format::Json => format!("{:#}\n", json::render(report)),
        Format::Sarif => format!("{:#}\n", sarif::render(report)),
        Format::Junit => junit::render(report),
        Format::Markdown => markdown::render(report),
        Format::Html => html::render(report, Some(&read)),
    };
    let arithmetic = if arguments.explain_score {
        terminal::explain_score(report)
    } else {
        String::new()
    };
    match &arguments.output {
        Some(path) => {
            let text = if format == Format::Terminal {
                anstream::adapter::strip_str(&text).to_string()
            } else {
                text
            };
            fs::write(path, text)
                .map_err(|error| Failure::unreachable(format!("cannot write `{}`: {error}", path.display())))?;
            // Whoever runs this sees how it went, wherever the report goes.
            anstream::stderr().write_all(arithmetic.as_bytes())?;
        }
        None => {
            let mut out = anstream::stdout();
            out.write_all(text.as_bytes())?;
            // A report for programs stays one.
            if format == Format::Terminal {
                out.write_all(arithmetic.as_bytes())?;
            } else {
                anstream::stderr().write_all(arithmetic.as_bytes())?;
            }
        }
    }
    Ok(())
}
