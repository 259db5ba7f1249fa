//! `portcullis man`: manual pages.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;

use super::{Cli, EXIT_CODES, Failure, Outcome};

/// The files that the program reads unless it is told others, and what they are.
const FILES: [(&str, &str); 3] = [
    ("portcullis.yaml", "The configuration, in the current directory."),
    (
        "/etc/portcullis/portcullis.yaml",
        "The configuration of the system's service.",
    ),
    (
        "openapi.yaml, openapi.json, *.openapi.yaml",
        "The contract that \"portcullis init\" takes, in the current directory.",
    ),
];

/// The arguments of `man`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The verb whose page is printed, such as `check` or `key issue`; without it, that of the program
    #[arg(value_name = "VERB", conflicts_with = "dir")]
    verb: Vec<String>,
    /// Write the pages of all verbs into this directory, which is made if need be
    #[arg(long, value_name = "DIRECTORY")]
    dir: Option<PathBuf>,
}

/// Prints the page of the program or of a verb, or writes all of them.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    match &arguments.dir {
        Some(directory) => {
            std::fs::create_dir_all(directory)?;
            for command in with_verbs(&program) {
                let page = page(command, &program)?;
                std::fs::write(directory.join(Man::new(command.clone()).get_filename()), page)?;
            }
        }
        None => std::io::stdout().write_all(&page(named(&arguments.verb, &program)?, &program)?)?,
    }
    Ok(Outcome::Clean)
}

/// The command that the words lead to.
///
/// # Errors
/// There is none.
fn named<'c>(words: &[String], program: &'c Command) -> Result<&'c Command, Failure> {
    let below = |command: &'c Command, word: &String| command.find_subcommand(word);
    let found = words.iter().try_fold(program, below);
    found.ok_or_else(|| {
        Failure::unusable(format!(
            "there is no verb `{}`: `portcullis help` tells them",
            words.join(" ")
        ))
    })
}

/// A command and everything below it.
fn with_verbs(command: &Command) -> Vec<&Command> {
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    std::iter::once(command).chain(verbs.flat_map(with_verbs)).collect()
}

/// The page of one command, in the sections of man-pages(7).
fn page(command: &Command, program: &Command) -> std::io::Result<Vec<u8>> {
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let codes = EXIT_CODES.lines().filter_map(|line| line.trim().split_once("  "));
    page.extend(section("EXIT STATUS", codes).into_bytes());
    page.extend(section("FILES", FILES.into_iter()).into_bytes());
    page.extend(see_also(command, program).into_bytes());
    Ok(page)
}

/// A section of terms, each with what it is.
fn section<'t>(title: &str, terms: impl Iterator<Item = (&'t str, &'t str)>) -> String {
    let mut text = format!(".SH \"{title}\"\n");
    for (term, words) in terms {
        // Writing to a string cannot fail.
        let _ = writeln!(text, ".TP\n\\fB{term}\\fR\n{words}");
    }
    text
}

/// The pages of all other commands.
fn see_also(command: &Command, program: &Command) -> String {
    let own = Man::new(command.clone()).get_filename();
    let pages = with_verbs(program)
        .into_iter()
        .map(|other| Man::new(other.clone()).get_filename());
    let others = pages.filter(|page| *page != own);
    let names: Vec<String> = others
        .filter_map(|page| Some(format!("\\fB{}\\fR(1)", page.strip_suffix(".1")?)))
        .collect();
    format!(".SH \"SEE ALSO\"\n{}\n", names.join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_the_sections_that_readers_look_for() {
        let mut program = Cli::command().disable_help_subcommand(true);
        program.build();
        let check = program.find_subcommand("check").unwrap();
        let text = String::from_utf8(page(check, &program).unwrap()).unwrap();
        let sections: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(".SH ")).collect();
        assert_eq!(
            sections,
            [
                "NAME",
                "SYNOPSIS",
                "DESCRIPTION",
                "OPTIONS",
                "\"EXIT STATUS\"",
                "\"FILES\"",
                "\"SEE ALSO\""
            ]
        );
        assert!(
            text.contains(".TP\n\\fB2\\fR\nthe arguments or the files cannot be used\n"),
            "{text}"
        );
        assert!(
            text.contains("\\fBportcullis\\fR(1)") && !text.contains("\\fBportcullis-check\\fR(1)"),
            "{text}"
        );
    }
    #[test]
    fn a_verb_is_found_by_its_words() {
        let mut program = Cli::command().disable_help_subcommand(true);
        program.build();
        let name = |words: &str| {
            let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
            named(&words, &program)
                .ok()
                .map(|command| Man::new(command.clone()).get_filename())
        };
        assert_eq!(name("").as_deref(), Some("portcullis.1"));
        assert_eq!(name("key issue").as_deref(), Some("portcullis-key-issue.1"));
        assert_eq!(name("keys"), None);
        assert_eq!(name("check check"), None);
    }
}
