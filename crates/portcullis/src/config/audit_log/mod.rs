//! The audit log: where it is kept, who signs it, when entries are durable, and what of a request stands in them.

pub(crate) mod checkpoints;
pub(crate) mod delivery;
pub(crate) mod exports;
mod redaction;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_audit_log::checkpoint::Origin;
use portcullis_audit_log::note::KeyName;
use portcullis_contract::document::Span;
use portcullis_gateway::audit_log::{Durability, OnFailure, Recorded, Treatment};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::authorization::{Place, place};
use crate::config::message::{FieldName, Pointer};
use crate::config::problems::Problems;
use crate::config::spanned::{NamedFile, Spanned};
use crate::config::text::{Location, Name, Seconds, Size};
use checkpoints::CheckpointsWritten;
use delivery::AuditLogDelivery;
use exports::ExportWritten;
pub(crate) use redaction::Redaction;
use redaction::{RedactionWritten, TreatmentWritten};

/// How many values of a request are recorded besides.
const FIELDS_MAX: usize = 16;

/// A log of who did what, which nobody can change unseen.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditLogWritten {
    /// The folder of the log, relative to the configuration. `portcullis log init` makes it.
    pub(crate) path: Spanned<Location>,
    /// The name of the log, by which those who verify it know it, as a URL without its scheme: `gate.example.com/audit`. It never changes.
    pub(crate) name: Spanned<String>,
    /// The files of the private keys that sign (Ed25519, PKCS#8 in PEM), relative to the configuration. The first signs every entry,
    /// all of them sign checkpoints: so keys are replaced.
    #[schemars(length(min = 1, max = 4))]
    pub(crate) keys: Vec<Spanned<Location>>,
    /// Which gate this is, where several have logs. Default: portcullis.
    pub(crate) instance: Option<Name>,
    /// When entries are durable, and what happens without them. APIs and operations say otherwise in `policy`.
    #[serde(default)]
    pub(crate) defaults: AuditPolicyWritten,
    /// How long entries wait in memory at most before they are written, where no request waits for them: a crash loses as much.
    /// Default: 0.1.
    pub(crate) commit_seconds: Option<Seconds>,
    /// How often a checkpoint is signed, under which entries can be read and proved. Default: 5.
    pub(crate) checkpoint_seconds: Option<Seconds>,
    /// How much of entries waits in memory while the log cannot be written. Default: 64MiB.
    pub(crate) waiting_bytes_max: Option<Size>,
    /// How many refusals of one kind and one address are logged one by one in a minute, of requests that come no further than to the
    /// limits: floods and garbage. Those beyond are counted. Default: 60.
    #[schemars(range(min = 1, max = 100_000))]
    pub(crate) refusals_per_minute_max: Option<u32>,
    /// How values are written that are about persons, or secret.
    #[serde(default)]
    pub(crate) redaction: RedactionWritten,
    /// Who may look at the log by `portcullis log`. Default: whoever may read its files.
    #[schemars(length(max = 256))]
    pub(crate) readers: Option<Vec<ReaderWritten>>,
    /// How long entries are kept. Default: for ever.
    #[serde(default)]
    pub(crate) retention: RetentionWritten,
    /// Who is sent all entries. Default: nobody.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub(crate) exports: Vec<Spanned<ExportWritten>>,
    /// Who holds its checkpoints. Default: nobody, so that it proves nothing against whoever has its folder and its keys.
    pub(crate) checkpoints: Option<CheckpointsWritten>,
}

/// How the requests of an API or an operation are recorded.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditPolicyWritten {
    /// When an entry is durable. Default: what the level outside says, and async where none does.
    pub(crate) durability: Option<DurabilityWritten>,
    /// What happens to requests whose entries cannot be written. Default: what the level outside says, and refuse where none does.
    pub(crate) on_failure: Option<OnFailureWritten>,
    /// Values of requests that are recorded besides, by the names that they have in entries. Those of the levels add up; one of the
    /// same name replaces that of the outer level. 16 at most. Default: none.
    pub(crate) fields: Option<BTreeMap<String, Spanned<FieldWritten>>>,
}

/// When an entry is durable.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DurabilityWritten {
    /// Before the upstream sees the request.
    BeforeForward,
    /// Before the caller sees the answer.
    BeforeResponse,
    /// Within `commit_seconds` of the end of the answer.
    Async,
}

/// What happens to requests whose entries cannot be written.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnFailureWritten {
    /// They are refused with `audit-log.unavailable`.
    Refuse,
    /// They go on. Entries that find no room in memory are lost, which is counted and told.
    Continue,
}

/// A value that is recorded: the one place where it stands, and how it is written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldWritten {
    /// A path parameter.
    pub(crate) path: Option<Name>,
    /// A query parameter.
    pub(crate) query: Option<Name>,
    /// A header field.
    pub(crate) header: Option<FieldName>,
    /// A value of a JSON body or of a form, by a JSON pointer such as `/currency`; with `*` for every item of an array.
    pub(crate) body: Option<Pointer>,
    /// How it is written.
    #[serde(rename = "as")]
    pub(crate) treatment: TreatmentWritten,
}

/// Somebody who may look at the log.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReaderWritten {
    /// The user of the system.
    pub(crate) user: String,
    /// What they may do.
    #[schemars(length(min = 1))]
    pub(crate) may: Vec<RightWritten>,
}

/// What a reader of the log may do.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RightWritten {
    /// Query, show, prove and verify.
    Read,
    /// Export.
    Export,
    /// Erase what can be erased.
    Erase,
}

/// How long entries are kept.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionWritten {
    /// Entries are removed that are older than so many days; their hashes stay, so what is left is proved as before. Default: none is.
    #[schemars(range(min = 1, max = 36_500))]
    pub(crate) days: Option<u32>,
    /// The oldest entries are removed when all of them together have more octets than this. Default: none is.
    pub(crate) bytes_max: Option<Size>,
    /// Entries are compressed that are older than so many days. Default: none is.
    #[schemars(range(min = 0, max = 36_500))]
    pub(crate) compress_after_days: Option<u32>,
}

/// A log of who did what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuditLog {
    /// The folder.
    pub(crate) path: PathBuf,
    /// Its name.
    pub(crate) name: Origin,
    /// The private keys that sign.
    pub(crate) keys: Vec<NamedFile>,
    /// Which gate this is.
    pub(crate) instance: String,
    /// Where nobody says otherwise.
    pub(crate) defaults: AuditPolicy,
    /// How long entries wait in memory.
    pub(crate) commit_time: Duration,
    /// How often a checkpoint is signed.
    pub(crate) checkpoint_time: Duration,
    /// How much of entries waits in memory.
    pub(crate) waiting_bytes_max: usize,
    /// How many early refusals are logged one by one.
    pub(crate) refusals_per_minute_max: u32,
    /// How values are written.
    pub(crate) redaction: Redaction,
    /// Who may look at it; none: whoever can.
    pub(crate) readers: Option<Vec<Reader>>,
    /// How long entries are kept.
    pub(crate) retention: Retention,
    /// Where it goes.
    pub(crate) delivery: AuditLogDelivery,
}

/// How requests are recorded; what is `None` is said elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AuditPolicy {
    /// When an entry is durable.
    pub(crate) durability: Option<Durability>,
    /// What happens without it.
    pub(crate) on_failure: Option<OnFailure>,
    /// Values that are recorded besides, in the order of their names.
    pub(crate) fields: Vec<Field>,
}

/// A value that is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// What it is called.
    pub(crate) name: Spanned<String>,
    /// Where it stands.
    pub(crate) place: Place,
    /// How it is written.
    pub(crate) treatment: Treatment,
}

/// Somebody who may look at the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reader {
    /// The user of the system.
    pub(crate) user: String,
    /// What they may do.
    pub(crate) may: BTreeSet<RightWritten>,
}

/// How long entries are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Retention {
    /// For how long.
    pub(crate) age_max: Option<Duration>,
    /// How many octets of them.
    pub(crate) bytes_max: Option<u64>,
    /// After which time they are compressed.
    pub(crate) compress_after: Option<Duration>,
}

impl AuditLog {
    /// None where something is wrong, which is reported.
    pub(super) fn lower(raw: AuditLogWritten, directory: &Path, problems: &mut Problems<'_>) -> Option<Self> {
        raw.defaults.check(problems);
        let is_name = KeyName::new(&raw.name.value).is_ok();
        let name = Origin::new(&raw.name.value).filter(|_| is_name);
        if name.is_none() {
            let help =
                "write a URL without its scheme, such as `gate.example.com/audit`; spaces and `+` cannot stand in it";
            problems.error(raw.name.span, "this cannot be the name of a log", help);
        }
        let redaction = Redaction::lower(&raw.redaction, directory, raw.path.span, problems);
        let path = directory.join(&raw.path.value.0);
        let delivery = AuditLogDelivery::lower(raw.exports, raw.checkpoints, &path, directory, problems);
        Some(Self {
            path,
            name: name?,
            keys: raw.keys.into_iter().map(|key| key.file(directory)).collect(),
            instance: raw.instance.map_or_else(|| "portcullis".to_owned(), |name| name.0),
            defaults: raw.defaults.settle(),
            commit_time: raw.commit_seconds.map_or(Duration::from_millis(100), Duration::from),
            checkpoint_time: raw.checkpoint_seconds.map_or(Duration::from_secs(5), Duration::from),
            waiting_bytes_max: raw
                .waiting_bytes_max
                .map_or(64 << 20, |size| usize::try_from(size.0).unwrap_or(usize::MAX)),
            refusals_per_minute_max: raw.refusals_per_minute_max.unwrap_or(60),
            redaction,
            readers: raw
                .readers
                .map(|readers| readers.into_iter().map(Reader::lower).collect()),
            retention: Retention::lower(&raw.retention),
            delivery,
        })
    }

    /// A log in a folder of its own, with its key beside it, and all defaults.
    #[cfg(feature = "demo")]
    pub(crate) fn in_folder(folder: &Path, name: Origin) -> Self {
        let file = |name: &str| NamedFile {
            value: folder.join(name),
            span: Span::default(),
        };
        Self {
            path: folder.join("log"),
            name,
            keys: vec![file("key.pem")],
            instance: "demo".to_owned(),
            defaults: AuditPolicy::default(),
            commit_time: Duration::from_millis(20),
            checkpoint_time: Duration::from_millis(200),
            waiting_bytes_max: 64 << 20,
            refusals_per_minute_max: 60,
            redaction: Redaction {
                principals: Treatment::Clear,
                addresses: Treatment::Clear,
                personal: Treatment::Hashed,
                found: Treatment::Hashed,
                decisions: Recorded::Rules,
                user_agents: false,
                hash_key: Some(file("hash.key")),
                auditor_key: None,
            },
            readers: None,
            retention: Retention::default(),
            delivery: AuditLogDelivery::default(),
        }
    }

    /// Everything that is read when the gate starts.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let of_redaction = [&self.redaction.hash_key, &self.redaction.auditor_key];
        let named = self.keys.iter().chain(of_redaction.into_iter().flatten());
        named.map(|file| file.value.as_path()).chain(self.delivery.files())
    }
}

impl AuditPolicyWritten {
    /// Reports fields without a place, or with two, or too many.
    pub(super) fn check(&self, problems: &mut Problems<'_>) {
        let fields = self.fields.iter().flatten();
        for (number, (name, written)) in fields.enumerate() {
            if number == FIELDS_MAX {
                let message = format!("more than {FIELDS_MAX} values are recorded");
                problems.error(written.span, message, "record those that are looked for");
            }
            if written.value.place().is_none() {
                let message = format!("the value `{name}` stands in one place");
                let help = "write one of `path`, `query`, `header` and `body`";
                problems.error(written.span, message, help);
            }
        }
    }

    pub(super) fn settle(&self) -> AuditPolicy {
        let field = |(name, written): (&String, &Spanned<FieldWritten>)| {
            Some(Field {
                name: Spanned {
                    value: name.clone(),
                    span: written.span,
                },
                place: written.value.place()?,
                treatment: written.value.treatment.settle(),
            })
        };
        AuditPolicy {
            durability: self.durability.map(|written| match written {
                DurabilityWritten::BeforeForward => Durability::BeforeForward,
                DurabilityWritten::BeforeResponse => Durability::BeforeResponse,
                DurabilityWritten::Async => Durability::Async,
            }),
            on_failure: self.on_failure.map(|written| match written {
                OnFailureWritten::Refuse => OnFailure::Refuse,
                OnFailureWritten::Continue => OnFailure::Continue,
            }),
            fields: self.fields.iter().flatten().filter_map(field).collect(),
        }
    }
}

impl AuditPolicy {
    /// What this says, and where it says nothing what the outer level does.
    #[must_use]
    pub(crate) fn within(mut self, outer: &Self) -> Self {
        let is_new = |field: &&Field| self.fields.iter().all(|own| own.name.value != field.name.value);
        let added: Vec<Field> = outer.fields.iter().filter(is_new).cloned().collect();
        self.fields.extend(added);
        Self {
            durability: self.durability.or(outer.durability),
            on_failure: self.on_failure.or(outer.on_failure),
            fields: self.fields,
        }
    }
}

impl FieldWritten {
    fn place(&self) -> Option<Place> {
        place(
            self.path.as_ref(),
            self.query.as_ref(),
            self.header.as_ref(),
            self.body.as_ref(),
        )
    }
}

impl Reader {
    fn lower(raw: ReaderWritten) -> Self {
        Self {
            user: raw.user,
            may: raw.may.into_iter().collect(),
        }
    }
}

impl Retention {
    fn lower(raw: &RetentionWritten) -> Self {
        let days = |days: u32| Duration::from_secs(u64::from(days) * 86_400);
        Self {
            age_max: raw.days.map(days),
            bytes_max: raw.bytes_max.map(|size| size.0),
            compress_after: raw.compress_after_days.map(days),
        }
    }
}
