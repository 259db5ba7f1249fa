//! `portcullis log`: the audit log as people use it. Who looks at it leaves an entry in it.

mod erase;
mod export;
mod index;
mod init;
mod meaning;
mod place;
mod prove;
mod query;
mod reading;
mod show;
mod tail;
mod tell;
mod verify;
mod when;

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::{ConfigFile, Failure, Outcome, Shared};
use place::Of;
use when::Moment;

/// How many entries are told where nothing is said.
const TOLD: usize = 100;
/// How long an id is.
const ID_CHARACTERS: usize = 26;
/// How many entries `tail` begins with where nothing is said.
const LAST: usize = 10;

/// The arguments of `log`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make an empty log and the keys that it lacks, and print the public key to keep elsewhere; nothing that is there is changed
    Init(Init),
    /// Find entries by time, principal, operation, outcome or id: the newest that fit, the oldest of them first
    Query(Query),
    /// Show the last entries, and with `--follow` those that come; requests that have not ended are not among them
    Tail(Tail),
    /// Show one entry, why it came out so, and with `--prove` that it is in the log
    Show(Show),
    /// Write a proof that an entry is in the log, or that the log goes on from an earlier size; or check a proof offline
    Prove(Prove),
    /// Verify the whole log, best against checkpoints that were kept elsewhere, and end with 1 where it is not intact
    Verify(Verify),
    /// Write entries out, once
    Export(Export),
    /// Delete values that can be erased; proofs stay as they are
    Erase(Erase),
    /// Make the index that is missing
    Index(Index),
}

#[derive(Debug, Args)]
struct Init {
    #[command(flatten)]
    config: ConfigFile,
}

/// What entries have to have.
#[derive(Debug, Args)]
struct Wanted {
    /// From this moment on: `2026-07-01T12:00:00Z`, or `15m`, `2h`, `7d` ago
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Before this moment
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// Of this principal
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// Of this operation, alone or as `api/operation`
    #[arg(long, value_name = "OPERATION")]
    operation: Option<String>,
    /// Of this API
    #[arg(long, value_name = "API")]
    api: Option<String>,
    /// `allowed`, `denied`, `failed`, `abandoned`, the code of a refusal, or a status
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,
    /// Of the request with this id
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// `request`, `opened`, `abandoned`, `refusals`, `administration` or `lost`
    #[arg(long, value_name = "EVENT", value_parser = query::event)]
    event: Option<portcullis_audit_log::entry::Event>,
}

#[derive(Debug, Args)]
struct Query {
    #[command(flatten)]
    wanted: Wanted,
    /// How many at most: the newest, or with `--after` the next; where there are more, that is said
    #[arg(long, value_name = "ENTRIES", default_value_t = TOLD)]
    limit: usize,
    /// Only entries behind the one with this index
    #[arg(long, value_name = "INDEX")]
    after: Option<u64>,
    /// Whole events of OCSF, one a line
    #[arg(long)]
    ocsf: bool,
    #[command(flatten)]
    of: Of,
}

#[derive(Debug, Args)]
struct Tail {
    /// How many
    #[arg(short = 'n', long = "lines", value_name = "ENTRIES", default_value_t = LAST)]
    lines: usize,
    /// Goes on with those that come, until it is interrupted
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    of: Of,
}

#[derive(Debug, Args)]
struct Show {
    /// The id of a request, as its refusal names it, or the index of an entry: `17` or `#17`
    #[arg(value_name = "ID|INDEX")]
    entry: Which,
    /// Proves that the entry is in the log, and prints the proof
    #[arg(long)]
    prove: bool,
    /// A checkpoint that was kept elsewhere, to prove the entry and the log against; may be repeated
    #[arg(long, value_name = "FILE", requires = "prove")]
    held: Vec<PathBuf>,
    #[command(flatten)]
    of: Of,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(false).args(["entry", "from", "check"]))]
struct Prove {
    /// The id of a request or the index of an entry, to be proved to be in the log
    #[arg(value_name = "ID|INDEX")]
    entry: Option<Which>,
    /// Proves that the log goes on from when it had as many entries
    #[arg(long, value_name = "SIZE")]
    from: Option<u64>,
    /// Checks a proof that was written so, with `--key` and without a log
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// The file to write; default: standard output
    #[arg(short, long, value_name = "FILE", conflicts_with = "check")]
    output: Option<PathBuf>,
    #[command(flatten)]
    of: Of,
}

#[derive(Debug, Args)]
struct Verify {
    /// A checkpoint that was kept elsewhere; may be repeated
    #[arg(long, value_name = "FILE")]
    held: Vec<PathBuf>,
    #[command(flatten)]
    of: Of,
}

#[derive(Debug, Args)]
struct Export {
    /// In which form
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// From the entry with this index on
    #[arg(long, value_name = "INDEX", conflicts_with = "since")]
    from: Option<u64>,
    /// From the first entry on that is of this moment or later
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// The file to write; default: standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    of: Of,
}

/// How entries are written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object a line: the index and the entry
    Jsonl,
    /// One whole event of OCSF a line
    Ocsf,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(false).args(["principal", "commitment", "id"]))]
struct Erase {
    /// Everything that can be erased of entries of this principal, and every value that is its name
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// The value behind a commitment, as an entry has it
    #[arg(long, value_name = "COMMITMENT")]
    commitment: Option<String>,
    /// Everything that can be erased of the request with this id
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Why: it stands in the log for good, so name nobody
    #[arg(long, value_name = "TEXT", required = true)]
    reason: String,
    #[command(flatten)]
    of: Of,
}

#[derive(Debug, Args)]
struct Index {
    /// Makes all of it anew
    #[arg(long)]
    rebuild: bool,
    #[command(flatten)]
    of: Of,
}

/// Which entry.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Which {
    /// That with an index.
    Index(u64),
    /// Those of a request.
    Id(String),
}

impl std::str::FromStr for Which {
    type Err = &'static str;

    /// An id has 26 characters, so what is a number of fewer is an index: a shell takes what begins with `#` for a comment.
    fn from_str(text: &str) -> Result<Self, &'static str> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        let is_index = digits.bytes().all(|octet| octet.is_ascii_digit()) && text.len() < ID_CHARACTERS;
        match digits.parse() {
            Ok(index) if is_index => Ok(Self::Index(index)),
            _ if digits.is_empty() || text.starts_with('#') => {
                Err("write the id of a request, or the index of an entry")
            }
            _ => Ok(Self::Id(text.to_owned())),
        }
    }
}

impl std::fmt::Display for Which {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Index(index) => write!(f, "#{index}"),
            Self::Id(id) => f.write_str(id),
        }
    }
}

/// Runs the verb.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    match &arguments.verb {
        Verb::Init(init) => init::init(init, shared),
        Verb::Query(query) => query::query(query, shared),
        Verb::Tail(tail) => tail::tail(tail, shared),
        Verb::Show(show) => show::show(show, shared),
        Verb::Prove(prove) => prove::prove(prove, shared),
        Verb::Verify(verify) => verify::verify(verify, shared),
        Verb::Export(export) => export::export(export, shared),
        Verb::Erase(erase) => erase::erase(erase, shared),
        Verb::Index(index) => index::index(index, shared),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_named_by_its_id_or_its_index() {
        let check = |text: &str, expected: Option<Which>| assert_eq!(text.parse().ok(), expected, "{text}");
        check("17", Some(Which::Index(17)));
        check("#17", Some(Which::Index(17)));
        check(
            "01JZ0000000000000000000000",
            Some(Which::Id("01JZ0000000000000000000000".into())),
        );
        let id = "00000000000000000000000001";
        check(id, Some(Which::Id(id.into())));
        check("#", None);
        check("", None);
        check("#x", None);
    }
}
