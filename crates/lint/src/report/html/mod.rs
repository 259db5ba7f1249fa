//! A report as one page of HTML: the findings, and the contract beside them.
//!
//! It asks nobody for anything: no script, style, font or image comes from elsewhere, and its policy (CSP Level 3) allows only
//! the style and the script that are written here, by their digests. Without the script everything is there; the script filters.
//! Everything that a contract says is escaped.

mod chart;
mod findings;
mod page;
mod source;

use super::escape::markup;
use super::{Checked, Report, Source, Told};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("filter.js");
/// The digests of the two, as a policy has them; a test computes them.
const STYLE_SHA256: &str = "+EJvB2+clKmg1muwO3XMDEuNGnN1ByVDWrrg4p+ExHk=";
const SCRIPT_SHA256: &str = "iT64EwimTwAcBLeoHbmkLYY4sKWnC3RcfXOEVw1vwPQ=";

/// The report. `source` gives the text of the files beside which findings are shown.
pub fn render(report: &Report<'_>, source: Option<Source<'_>>) -> String {
    let listed = listed(report);
    let files = source::files(report, &listed, source);
    let pages = report.pages();
    let findings = findings::section(&listed, &files, &pages);
    let sources = source::section(&files, &listed);
    let beside = if sources.is_empty() { "" } else { " class=\"beside\"" };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n{}\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#findings\">Go to the findings</a>\n{}<main>\n{}<div{beside}>\n{findings}{sources}</div>\n</main>\n{}\
         <script>{SCRIPT}</script>\n</body>\n</html>\n",
        policy(),
        page::title(report),
        page::header(report),
        page::summary(report, &listed),
        page::footer(report),
    )
}

fn policy() -> String {
    format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{STYLE_SHA256}'; \
         script-src 'sha256-{SCRIPT_SHA256}'; base-uri 'none'; form-action 'none'\">"
    )
}

/// A finding with its number in the page, from 1.
struct Listed<'a, 'r> {
    number: usize,
    document: &'a Checked<'r>,
    told: &'a Told<'r>,
}

fn listed<'a, 'r>(report: &'a Report<'r>) -> Vec<Listed<'a, 'r>> {
    let numbered = (1..).zip(report.findings());
    let listed = numbered.map(|(number, (document, told))| Listed { number, document, told });
    listed.collect()
}

/// Words with the author's in backticks.
fn told(words: &str) -> String {
    super::escape::code_elements(words, markup)
}

/// Paragraphs of Markdown, without code blocks.
fn paragraphs(text: &str) -> String {
    let paragraphs = text
        .split("\n\n")
        .map(str::trim)
        .filter(|paragraph| !paragraph.is_empty());
    let shown = paragraphs.filter(|paragraph| !paragraph.starts_with("```"));
    let one_line = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    shown
        .map(|paragraph| format!("<p>{}</p>", told(&one_line(paragraph))))
        .collect()
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use sha2::Digest;

    use super::*;
    use crate::report::tests;

    fn digest(text: &str) -> String {
        base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(text))
    }

    #[test]
    fn the_policy_allows_what_is_written_here() {
        assert_eq!((STYLE_SHA256, SCRIPT_SHA256), (&*digest(STYLE), &*digest(SCRIPT)));
        assert!(
            !STYLE.contains("</") && !SCRIPT.contains("</"),
            "it would end its element"
        );
    }

    #[test]
    fn a_report() {
        let html = render(&tests::small(), Some(&tests::source));
        insta::assert_snapshot!(html.replace(STYLE, "").replace(SCRIPT, ""));
    }

    #[test]
    fn nothing_is_loaded_and_nothing_is_styled_or_run_in_place() {
        for report in [tests::small(), tests::hostile()] {
            let html = render(&report, Some(&tests::source));
            let body = html.replace(STYLE, "").replace(SCRIPT, "");
            assert_eq!(body.matches("<script").count(), 1, "only its own");
            for bad in [
                "<img",
                "<link",
                "<iframe",
                "<object",
                " style=\"",
                " onload=\"",
                " src=\"",
                "url(",
                "href=\"java",
            ] {
                assert!(!body.contains(bad), "{bad}");
            }
            let links = body
                .split("href=\"")
                .skip(1)
                .map(|link| link.split('"').next().unwrap());
            for link in links {
                let is_known = ["#", "https://owasp.org/", "https://cwe.mitre.org/"]
                    .iter()
                    .any(|start| link.starts_with(start));
                assert!(is_known, "{link}");
            }
        }
    }

    #[test]
    fn every_link_inside_leads_somewhere() {
        for report in [
            tests::rich(),
            tests::small(),
            tests::hostile(),
            tests::with_instances(3000),
        ] {
            let html = render(&report, Some(&tests::source));
            let links = html
                .split("href=\"#")
                .skip(1)
                .map(|link| link.split('"').next().unwrap());
            let ids: Vec<&str> = html
                .split(" id=\"")
                .skip(1)
                .map(|id| id.split('"').next().unwrap())
                .collect();
            let known: std::collections::HashSet<&str> = ids.iter().copied().collect();
            assert_eq!(known.len(), ids.len(), "an id is given twice");
            for link in links {
                assert!(known.contains(link), "#{link}");
            }
        }
    }
}
