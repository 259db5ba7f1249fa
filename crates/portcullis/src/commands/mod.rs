//! The verbs of the command line, one file each.

mod audit;
mod check;
mod completions;
mod config;
mod configuration;
mod coverage;
mod credentials;
pub(crate) mod date;
#[cfg(feature = "demo")]
mod demo;
mod explain;
mod health;
mod init;
mod inspect;
mod key;
mod log;
mod man;
mod observe_report;
mod outcome;
mod policy;
mod relation;
mod serve;
mod token;
mod try_request;
mod user;
mod width;

use clap::{ColorChoice, Parser, Subcommand};

pub(crate) use configuration::{ConfigFile, Overlaid};
pub(crate) use outcome::{Failure, Outcome};

/// Secures an API from its contract: lets through only what the contract allows, in both directions.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    shared: Shared,
}

/// What every verb understands.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Shared {
    /// Report as one JSON object on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colours; `auto` honours NO_COLOR
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  it worked, and nothing was found
  1  something was found: errors in a check, refusals in a trial, attacks that passed, a gate that is not ready
  2  the arguments or the files cannot be used
  3  an address cannot be bound, or a server cannot be reached";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Stand in front of APIs and let through what their contracts allow
    Serve(serve::Arguments),
    /// Draft a first configuration from a contract, or from a running service that publishes one
    Init(init::Arguments),
    /// Ask a running gate whether it is ready
    Health(health::Arguments),
    /// Judge contracts before they ship: a score, and every weakness on its line
    Audit(audit::Arguments),
    /// Check a configuration and its contracts, and report every problem
    Check(check::Arguments),
    /// Explain the rules of the audit: what each means, why it matters, and how to mend what it finds
    Explain(explain::Arguments),
    /// Show, for each operation and media type, what is checked and what is not, and why
    Coverage(coverage::Arguments),
    /// Judge saved requests offline, without sending them
    Try(try_request::Arguments),
    /// Turn what observe mode saw into would-be refusals and the contract lines that would permit them
    ObserveReport(observe_report::Arguments),
    /// Issue, list, rotate and revoke API keys
    Key(key::Arguments),
    /// Look at access tokens; issue, list and revoke opaque ones
    Token(token::Arguments),
    /// Make users who log in with a password
    User(user::Arguments),
    /// Test, explain and look through the policies of an API, and make recorded decisions again
    Policy(policy::Arguments),
    /// Write, delete, list and ask who stands in which relation to what
    Relation(relation::Arguments),
    /// Make an audit log; query, show, prove, verify, export and erase what is in it
    Log(log::Arguments),
    /// Look at the configuration's own definition
    Config(config::Arguments),
    /// Start an example API with the gate in front of it, and show what to try
    #[cfg(feature = "demo")]
    Demo(demo::Arguments),
    /// Print completions for a shell
    Completions(completions::Arguments),
    /// Print the manual page of the program or of a verb, or write all of them
    Man(man::Arguments),
}

/// Runs the verb that the arguments name.
pub(crate) fn run() -> Outcome {
    let Cli { verb, shared } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&init::hinted(error)),
    };
    choice(shared.color).write_global();
    let json = shared.json;
    let done = match verb {
        Verb::Serve(arguments) => serve::run(&arguments, &shared),
        Verb::Health(arguments) => health::run(&arguments, &shared),
        Verb::Init(arguments) => init::run(&arguments, &shared),
        Verb::Audit(arguments) => audit::run(&arguments, &shared),
        Verb::Check(arguments) => check::run(&arguments, &shared),
        Verb::Explain(arguments) => explain::run(&arguments, &shared),
        Verb::Coverage(arguments) => coverage::run(&arguments, &shared),
        Verb::Try(arguments) => try_request::run(&arguments, &shared),
        Verb::ObserveReport(arguments) => observe_report::run(&arguments, &shared),
        Verb::Key(arguments) => key::run(&arguments, &shared),
        Verb::Token(arguments) => token::run(&arguments, &shared),
        Verb::User(arguments) => user::run(&arguments, &shared),
        Verb::Policy(arguments) => policy::run(&arguments, &shared),
        Verb::Relation(arguments) => relation::run(&arguments, &shared),
        Verb::Log(arguments) => log::run(&arguments, &shared),
        Verb::Config(arguments) => config::run(&arguments),
        #[cfg(feature = "demo")]
        Verb::Demo(arguments) => demo::run(&arguments, &shared),
        Verb::Completions(arguments) => completions::run(&arguments),
        Verb::Man(arguments) => man::run(&arguments),
    };
    done.unwrap_or_else(|failure| failure.tell(json))
}

/// Says what is wrong with the arguments, or what was asked for: help, or the version.
fn misused(error: &clap::Error) -> Outcome {
    // Where standard error is closed, the exit code says it.
    let _told = error.print();
    if !error.use_stderr() {
        return Outcome::Clean;
    }
    // Not parsed, because it could not be; a value that looks like it is as good as a wish for JSON.
    if std::env::args_os().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        Failure::unusable(message).report();
    }
    Outcome::Unusable
}

fn choice(color: ColorChoice) -> anstream::ColorChoice {
    match color {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn check(arguments: &str, accepted: bool) {
        let parsed = Cli::try_parse_from(["portcullis"].into_iter().chain(arguments.split_whitespace()));
        assert_eq!(parsed.is_ok(), accepted, "{arguments}: {parsed:?}");
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn arguments() {
        check("serve", true);
        check("serve -c gate.yaml", true);
        check(
            "serve --contract api.yaml --upstream http://127.0.0.1:9000 --listen 127.0.0.1:8080",
            true,
        );
        check("serve --contract api.yaml --upstream http://127.0.0.1:9000", true);
        check("serve --contract api.yaml", false);
        check("serve --listen 127.0.0.1:8080", false);
        check(
            "serve -c gate.yaml --contract api.yaml --upstream http://127.0.0.1:9000",
            false,
        );
        check(
            "serve --contract api.yaml --upstream http://127.0.0.1:9000 --overlay a.yaml --overlay b.yaml",
            true,
        );
        check("serve -c gate.yaml --overlay a.yaml", false);
        check("check -c gate.yaml --overlay a.yaml --overlay b.yaml", true);
        check("coverage --overlay a.yaml", true);
        check("try --overlay a.yaml a.http", true);
        check("check -c gate.yaml --json --color never", true);
        check("check --color sometimes", false);
        check("try -c gate.yaml", false);
        check("try -c gate.yaml a.http b.har", true);
        check("init", true);
        check(
            "init openapi.yaml --upstream http://127.0.0.1:9000 --listen 127.0.0.1:8080",
            true,
        );
        check("init --from http://127.0.0.1:9000 --observe --force", true);
        check("init openapi.yaml --observe=everything --stdout", true);
        check("init --observe=requests", false);
        check("init openapi.yaml --from http://127.0.0.1:9000", false);
        check("init --listen 8080", false);
        check("user", false);
        check("user hash", true);
        check("user hash alice --json", true);
        check("user hash alice secret", false);
        check("config", false);
        check("config schema", true);
        check("completions bash", true);
        check("completions", false);
        check("man --dir out", true);
        check("man key issue", true);
        check("man key --dir out", false);
        check("key issue --owner alice --scope a --scope b --lifetime 7d", true);
        check("key issue", false);
        check("key issue --owner alice --lifetime 7d --dangerous-no-expiry", false);
        check("key revoke", false);
        check("key revoke 00000000000", true);
        check("key revoke --owner service:billing", true);
        check("key revoke --owner alice --all", false);
        check("key rotate 00000000000 --overlap 0s", true);
        check("token revoke --all --json", true);
        check("token inspect", false);
        check("token inspect - --operation deleteThing --introspect", true);
        check("health --admin 127.0.0.1:9901", true);
        check("health --admin localhost", false);
        check("demo --attacks --json", true);
        check("", false);
    }

    #[test]
    fn arguments_of_audit() {
        check("audit", false);
        check(
            "audit a.yaml b --format sarif -o out.sarif --min-score 80 --fail-on medium --fail-on object-open",
            true,
        );
        check("audit a.yaml --min-score 101", false);
        check("audit a.yaml --new-only", false);
        check("audit a.yaml --new-only --baseline before.json --json", true);
        check("explain", true);
        check("explain object-open --json", true);
    }

    #[test]
    fn arguments_of_relation() {
        check("relation init", true);
        check("relation write", false);
        check(
            "relation write account:1#owner@user:jean --if-absent account:1#owner@user:eve",
            true,
        );
        check("relation write account:1#owner@user:jean --file a.jsonl", false);
        check("relation write --file a.jsonl --batch 500", true);
        check("relation write --file a.jsonl --batch 10001", false);
        check(
            "relation write --file a.jsonl --if-absent account:1#owner@user:eve",
            false,
        );
        check("relation delete", false);
        check("relation delete --object user:jean", true);
        check("relation list", false);
        check("relation list --unfit", true);
        check("relation list account:1 --limit 5 --json", true);
        check("relation check account:1#reader@user:jean", true);
        check("relation objects account#reader@user:jean", true);
    }

    #[test]
    fn arguments_of_log() {
        check("log init", true);
        check("log query --principal alice --since 2h --limit 5 --json", true);
        check("log query --log l --key x", false);
        check("log query --log l --config c", false);
        check("log query --unrecorded", false);
        check("log query --since yesterday", false);
        check("log query --event request", true);
        check("log query --event other", false);
        check("log show 17 --prove --held a --held b", true);
        check("log show 17 --held a", false);
        check("log show", false);
        check("log prove 17 -o p", true);
        check("log prove --from 5", true);
        check("log prove --from 5 17", false);
        check("log prove --check p", true);
        check("log prove", false);
        check("log verify --held a --held b --log l --keys k", true);
        check("log export --format ocsf --from 5", true);
        check("log export --from 5 --since 2h", false);
        check("log erase --principal alice --reason x", true);
        check("log erase --principal alice", false);
        check("log erase --reason x", false);
        check("log index --rebuild", true);
        check("log tail -n 5 --follow", true);
    }

    #[test]
    fn a_value_of_observe_that_stands_alone_is_explained() {
        let told = |arguments: &str| {
            let parsed = Cli::try_parse_from(["portcullis"].into_iter().chain(arguments.split_whitespace()));
            init::hinted(parsed.unwrap_err()).to_string()
        };
        let hinted = told("init openapi.yaml --observe everything");
        assert!(
            hinted.contains("write `--observe=everything`, with an equals sign"),
            "{hinted}"
        );
        assert!(!told("init openapi.yaml --observe elsewhere").contains("equals sign"));
    }

    #[test]
    fn the_exit_codes_are_documented() {
        let help = Cli::command().render_long_help().to_string();
        for code in ["0  it worked", "1  something", "2  the arguments", "3  an address"] {
            assert!(help.contains(code), "{code}");
        }
    }
}
