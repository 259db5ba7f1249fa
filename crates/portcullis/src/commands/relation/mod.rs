//! `portcullis relation`: who stands in which relation to what. One notation for everything: `object#relation@subject`.

mod ask;
mod change;
mod lines;
mod list;

use std::path::PathBuf;

use clap::{ArgAction, ArgGroup, Args, Subcommand};
use portcullis_decision::relations::{BATCH_MAX, Object, Subject, Tuple};
use portcullis_store::sqlite::SqliteTuples;

use super::{ConfigFile, Failure, Outcome, Shared};
use crate::config::relations::Relations as Configured;
use crate::relations::{Fault, Kept};

/// How many tuples of a file are written together where nothing is said.
const TOGETHER: u16 = 1000;
/// How many tuples, objects or subjects are told where nothing is said.
const TOLD: u32 = 1000;

/// The arguments of `relation`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make an empty store, where there is none
    Init(Init),
    /// Write tuples, all of them or none; those that are there stay as they are
    Write(Write),
    /// Delete tuples, all of them or none, or everything that an object is related to; a gate that serves permits nothing by them a second
    /// later
    Delete(Delete),
    /// List the tuples of an object, or those that the model does not allow
    List(List),
    /// Say whether a relation holds, and end with 1 where it does not
    Check(Asked),
    /// Say by which tuples a relation holds, and end with 1 where it does not
    Explain(Asked),
    /// List the objects of a type to which a subject stands in a relation: what may Jean read
    Objects(Listed),
    /// List the subjects of a type that stand in a relation to an object: who may read this
    Subjects(Listed),
}

#[derive(Debug, Args)]
struct Init {
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(false).args(["tuples", "file"]))]
struct Write {
    /// The tuples, such as `account:1#owner@user:jean`, `account:1#reader@group:board#member` or `account:1#reader@user:*`
    #[arg(value_name = "TUPLE")]
    tuples: Vec<String>,
    #[command(flatten)]
    from: FromFile,
    #[command(flatten)]
    only: Only,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(false).args(["tuples", "file", "object"]))]
struct Delete {
    /// The tuples, such as `account:1#owner@user:jean`; those that the model does not allow (any more) are deleted too
    #[arg(value_name = "TUPLE")]
    tuples: Vec<String>,
    /// Everything that this object is related to, on either side, such as `user:jean`
    #[arg(long, value_name = "OBJECT")]
    object: Option<String>,
    #[command(flatten)]
    from: FromFile,
    #[command(flatten)]
    only: Only,
    #[command(flatten)]
    config: ConfigFile,
}

/// Many tuples.
#[derive(Debug, Args)]
struct FromFile {
    /// A file of tuples, one JSON object a line: `{"object": "account:1", "relation": "owner", "subject": "user:jean"}`, or with `user`
    /// for `subject`; every line is looked at before the first is written
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How many tuples of the file are written together, all of them or none
    #[arg(long, value_name = "TUPLES", default_value_t = TOGETHER, value_parser = clap::value_parser!(u16).range(1..=BATCH_MAX as i64))]
    batch: u16,
}

/// What has to be so, or nothing is done.
#[derive(Debug, Args)]
struct Only {
    /// Only if this tuple is there; may be repeated
    #[arg(long, value_name = "TUPLE", action = ArgAction::Append, conflicts_with = "file")]
    if_present: Vec<String>,
    /// Only if this tuple is not there; may be repeated
    #[arg(long, value_name = "TUPLE", action = ArgAction::Append, conflicts_with = "file")]
    if_absent: Vec<String>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(false).args(["object", "unfit"]))]
struct List {
    /// The object, such as `account:1`
    #[arg(value_name = "OBJECT")]
    object: Option<String>,
    /// The tuples of all objects that the model does not allow
    #[arg(long)]
    unfit: bool,
    /// How many at most; where there are more, that is said, and it ends with 1
    #[arg(long, value_name = "TUPLES", default_value_t = TOLD)]
    limit: u32,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Debug, Args)]
struct Asked {
    /// The relation in question, such as `account:1#reader@user:jean`
    #[arg(value_name = "TUPLE")]
    tuple: String,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Debug, Args)]
struct Listed {
    /// A tuple without the id that is asked for: `account#reader@user:jean` for objects, `account:1#reader@user` for subjects
    #[arg(value_name = "PATTERN")]
    pattern: String,
    /// How many at most; where there may be more, that is said, and it ends with 1
    #[arg(long, value_name = "IDS", default_value_t = TOLD)]
    limit: u32,
    #[command(flatten)]
    config: ConfigFile,
}

/// Runs the verb.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    match &arguments.verb {
        Verb::Init(init) => change::init(init, shared),
        Verb::Write(write) => change::write(write, shared),
        Verb::Delete(delete) => change::delete(delete, shared),
        Verb::List(list) => list::list(list, shared),
        Verb::Check(asked) => ask::check(asked, shared),
        Verb::Explain(asked) => ask::explain(asked, shared),
        Verb::Objects(listed) => ask::objects(listed, shared),
        Verb::Subjects(listed) => ask::subjects(listed, shared),
    }
}

fn configured(config: &ConfigFile) -> Result<Configured, Failure> {
    config.relations()?.ok_or_else(|| {
        Failure::unusable(
            "the configuration does not say where relations are kept: write `relations: {store: relations.db, model: relations.model.yaml}` \
             (docs/authorization.md)",
        )
    })
}

/// The relations of a configuration: their model is read, their store not yet.
fn kept(config: &ConfigFile) -> Result<Kept, Failure> {
    let configured = configured(config)?;
    Kept::read(&configured, &config.config.to_string_lossy()).map_err(Failure::of_problems)
}

fn open(configured: &Configured) -> Result<SqliteTuples, Failure> {
    let opened = SqliteTuples::open(&configured.store.value);
    opened.map_err(|error| failed(configured, &Fault::Store(error)))
}

/// What is wrong with a store, and what to do about it.
fn failed(configured: &Configured, fault: &Fault) -> Failure {
    let (mut message, way_out) = (fault.told(configured), fault.way_out(configured));
    if !way_out.is_empty() {
        message.push_str("; ");
        message.push_str(&way_out);
    }
    Failure::unusable(message)
}

fn tuple(text: &str) -> Result<Tuple, Failure> {
    let read = Tuple::parse(text).map(|tuple| tuple.keep());
    read.map_err(|error| Failure::unusable(format!("`{text}`: {error}")))
}

fn object(text: &str) -> Result<Object, Failure> {
    let read = Object::parse(text).map(|object| object.keep());
    read.map_err(|error| Failure::unusable(format!("`{text}`: {error}")))
}

/// Who asks: a relation holds for one, not for a set.
fn one(tuple: &Tuple) -> Result<Object<&str>, Failure> {
    match tuple.subject() {
        Subject::One(subject) => Ok(subject),
        Subject::Userset(..) | Subject::Everyone(_) => Err(Failure::unusable(format!(
            "`{}` is not one subject: ask for one, such as `user:jean`",
            tuple.subject()
        ))),
    }
}
