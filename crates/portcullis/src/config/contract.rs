//! Where a contract comes from: a file, a folder of them, a URL, or a file of a Git repository.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_contract::document::Span;
use reqwest::Url;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StringDeserializer};
use serde::de::{Deserializer, IntoDeserializer, MapAccess, Visitor};

use super::problems::Problems;
use super::spanned::Spanned;
use super::text::{Location, Seconds, is_plain};

/// A contract that is not one file: name one of `directory`, `url` and `git`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contract {
    /// A folder: every contract in it is an API of its own, named by its file; the other settings hold for each.
    pub(crate) directory: Option<Spanned<Location>>,
    /// A URL of http or https, fetched when the gate starts and reloads.
    pub(crate) url: Option<Spanned<String>>,
    /// The SHA-256 digest of what the URL answers, in 64 hexadecimal digits.
    pub(crate) sha256: Option<Spanned<String>>,
    /// Takes what the URL answers without a digest: who controls it controls what the gate lets through.
    #[serde(default)]
    pub(crate) dangerous_unpinned: bool,
    /// Allows a URL whose host has an address that is not public.
    #[serde(default)]
    pub(crate) dangerous_private_address: bool,
    /// A Git repository on this machine, relative to the configuration.
    pub(crate) git: Option<Spanned<Location>>,
    /// The branch, tag or commit of the Git repository.
    #[serde(rename = "ref")]
    pub(crate) reference: Option<Spanned<String>>,
    /// The contract's path in the Git repository.
    pub(crate) file: Option<Spanned<Location>>,
    /// How often a branch, or a URL without a digest, is looked at anew. Default: only when the gate reloads.
    pub(crate) refresh_seconds: Option<Spanned<Seconds>>,
}

/// A contract as it is written: the path of a file, or an object.
#[derive(Clone, Debug)]
pub(crate) enum ContractWritten {
    File(Location),
    Elsewhere(Box<Contract>),
}

/// Where a contract comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// One file.
    File(PathBuf),
    /// Every contract in a folder, each an API of its own.
    Directory(PathBuf),
    /// A URL.
    Remote(Remote),
    /// A file in a Git repository.
    Git(Repository),
    /// The gate's own: that of a decision point.
    Own,
}

/// What the gate's own contract is called.
pub(crate) const OWN: &str = "authzen.openapi.yaml";

/// A contract at a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remote {
    pub(crate) url: Url,
    /// What it answers has this digest: SHA-256 in lower-case hexadecimal digits.
    pub(crate) sha256: Option<String>,
    /// Whether its host may have an address that is not public.
    pub(crate) private_address: bool,
    /// How often it is looked at anew.
    pub(crate) refresh: Option<Duration>,
}

/// A contract in a Git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repository {
    /// The repository or its working tree.
    pub(crate) path: PathBuf,
    /// A branch, a tag or a commit.
    pub(crate) reference: String,
    /// The contract's path in it, with slashes.
    pub(crate) file: String,
    /// How often the reference is looked at anew.
    pub(crate) refresh: Option<Duration>,
}

impl Source {
    /// Settles where a contract comes from; none where that cannot be told, which is reported.
    pub(super) fn lower(
        written: Spanned<ContractWritten>,
        directory: &Path,
        problems: &mut Problems<'_>,
    ) -> Option<Self> {
        let Spanned { value, span } = written;
        let raw = match value {
            ContractWritten::File(file) => return Some(Self::File(directory.join(file.0))),
            ContractWritten::Elsewhere(raw) => *raw,
        };
        misplaced(&raw, span, problems);
        match (&raw.directory, &raw.url, &raw.git) {
            (Some(folder), None, None) => Some(Self::Directory(directory.join(&folder.value.0))),
            (None, Some(url), None) => remote(&raw, url, span, problems),
            (None, None, Some(path)) => repository(&raw, directory.join(&path.value.0), span, problems).map(Self::Git),
            _ => {
                let message = "the contract needs one of `directory`, `url` and `git`";
                problems.error(
                    span,
                    message,
                    "name one, or write the path of a file in place of the object",
                );
                None
            }
        }
    }

    /// What an API is called that has no name: the file's name up to its first dot.
    pub(crate) fn stem(&self) -> String {
        let name = match self {
            Self::File(path) | Self::Directory(path) => path.file_name().unwrap_or_default().to_string_lossy(),
            Self::Remote(Remote { url, .. }) => Cow::Borrowed(last(url.path())),
            Self::Git(Repository { file, .. }) => Cow::Borrowed(last(file)),
            Self::Own => Cow::Borrowed(OWN),
        };
        let stem = name.split('.').find(|part| !part.is_empty());
        stem.unwrap_or("api").to_owned()
    }

    /// How often it is looked at anew, if at all.
    pub(crate) fn refresh(&self) -> Option<Duration> {
        match self {
            Self::File(_) | Self::Directory(_) | Self::Own => None,
            Self::Remote(Remote { refresh, .. }) | Self::Git(Repository { refresh, .. }) => *refresh,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::Directory(path) => path.display().fmt(f),
            Self::Remote(Remote { url, .. }) => url.fmt(f),
            Self::Git(Repository {
                path, reference, file, ..
            }) => write!(f, "{}@{reference}:{file}", path.display()),
            Self::Own => f.write_str(OWN),
        }
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Reports settings that belong to another kind of source.
fn misplaced(raw: &Contract, span: Span, problems: &mut Problems<'_>) {
    let (url, git) = (raw.url.is_some(), raw.git.is_some());
    let settings = [
        ("sha256", raw.sha256.is_some(), url, "url"),
        ("dangerous_unpinned", raw.dangerous_unpinned, url, "url"),
        ("dangerous_private_address", raw.dangerous_private_address, url, "url"),
        ("ref", raw.reference.is_some(), git, "git"),
        ("file", raw.file.is_some(), git, "git"),
        (
            "refresh_seconds",
            raw.refresh_seconds.is_some(),
            url || git,
            "url` or `git",
        ),
    ];
    for (name, _, _, owner) in settings.into_iter().filter(|(_, said, fits, _)| *said && !fits) {
        let message = format!("`{name}` belongs to a contract with `{owner}`");
        problems.error(span, message, "take it out");
    }
}

fn remote(raw: &Contract, url: &Spanned<String>, span: Span, problems: &mut Problems<'_>) -> Option<Source> {
    let sha256 = raw.sha256.as_ref().map(|digest| {
        let hexadecimal = digest.value.len() == 64 && digest.value.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hexadecimal {
            let message = format!("`{}` is no SHA-256 digest", digest.value);
            problems.error(
                digest.span,
                message,
                "write its 64 hexadecimal digits, as `sha256sum` prints them",
            );
        }
        digest.value.to_ascii_lowercase()
    });
    match (&sha256, raw.dangerous_unpinned) {
        (None, false) => {
            let message = "a contract at a URL needs `sha256`: who controls the URL would control what passes the gate";
            let help = "pin it with `curl -s URL | sha256sum`, or set `dangerous_unpinned: true`";
            problems.error(span, message, help);
        }
        (Some(_), true) => {
            let message = "`sha256` pins the contract and `dangerous_unpinned` lets it change";
            problems.error(span, message, "take one of the two out");
        }
        _ => {}
    }
    if let (Some(refresh), Some(_)) = (&raw.refresh_seconds, &sha256) {
        let message = "what has a digest never changes, so there is nothing to refresh";
        problems.error(refresh.span, message, "take `refresh_seconds` out");
    }
    let parsed = Url::parse(&url.value).ok().filter(is_plain);
    let Some(parsed) = parsed else {
        let message = format!(
            "`{}` is no URL of http or https, or carries a password or a fragment",
            url.value
        );
        problems.error(
            url.span,
            message,
            "write one such as `https://example.com/openapi.yaml`",
        );
        return None;
    };
    Some(Source::Remote(Remote {
        url: parsed,
        sha256,
        private_address: raw.dangerous_private_address,
        refresh: refresh(raw, problems),
    }))
}

fn repository(raw: &Contract, path: PathBuf, span: Span, problems: &mut Problems<'_>) -> Option<Repository> {
    let (Some(reference), Some(file)) = (&raw.reference, &raw.file) else {
        let message = "a contract in a Git repository needs `ref` and `file`";
        problems.error(span, message, "write such as `{git: ., ref: v1.2, file: openapi.yaml}`");
        return None;
    };
    // What begins with a hyphen would be an option to the program, and a colon would name a file.
    let is_name = |byte: u8| byte.is_ascii_graphic() && !b":^~?*[\\@{".contains(&byte);
    if reference.value.starts_with('-') || !reference.value.bytes().all(is_name) {
        let message = format!("`{}` is no branch, tag or commit", reference.value);
        problems.error(reference.span, message, "write one such as `main` or `v1.2`");
    }
    let outside = |part: &str| matches!(part, "" | "." | "..");
    if file.value.0.split('/').any(outside) {
        let message = format!("`{}` is no path in a repository", file.value.0);
        problems.error(
            file.span,
            message,
            "write one from the repository's root, such as `apis/openapi.yaml`",
        );
    }
    Some(Repository {
        path,
        reference: reference.value.clone(),
        file: file.value.0.clone(),
        refresh: refresh(raw, problems),
    })
}

fn refresh(raw: &Contract, problems: &mut Problems<'_>) -> Option<Duration> {
    let refresh = raw.refresh_seconds.as_ref()?;
    let period = Duration::from(refresh.value);
    if period < Duration::from_secs(1) {
        problems.error(refresh.span, "`refresh_seconds` is below one second", "write 1 or more");
    }
    Some(period)
}

impl<'de> Deserialize<'de> for ContractWritten {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WrittenVisitor)
    }
}

struct WrittenVisitor;

impl<'de> Visitor<'de> for WrittenVisitor {
    type Value = ContractWritten;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the path of a file, or an object")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ContractWritten, E> {
        let text: StringDeserializer<E> = text.to_owned().into_deserializer();
        Location::deserialize(text).map(ContractWritten::File)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ContractWritten, A::Error> {
        Contract::deserialize(MapAccessDeserializer::new(map)).map(|raw| ContractWritten::Elsewhere(Box::new(raw)))
    }
}

impl JsonSchema for ContractWritten {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ContractWritten".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let file = generator.subschema_for::<Location>();
        let object = generator.subschema_for::<Contract>();
        json_schema!({ "anyOf": [file, object] })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::read;

    /// What is told of an API with this contract.
    fn told(contract: &str) -> String {
        let text = format!("listen: 127.0.0.1:0\napis: [{{contract: {contract}, upstream: 'http://127.0.0.1:1'}}]\n");
        let problems = read("gate.yaml", text.as_bytes()).problems;
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    /// The source and the name of an API with this contract.
    fn lowered(contract: &str) -> (String, String) {
        let text = format!("listen: 127.0.0.1:0\napis: [{{contract: {contract}, upstream: 'http://127.0.0.1:1'}}]\n");
        let configuration = read("/etc/gate/gate.yaml", text.as_bytes()).usable().unwrap().0;
        let api = &configuration.apis[0];
        (api.contract.to_string(), api.name.clone())
    }

    #[test]
    fn sources_are_settled() {
        let check = |contract: &str, source: &str, name: &str| {
            assert_eq!(lowered(contract), (source.to_owned(), name.to_owned()), "{contract}");
        };
        check("natter.yaml", "/etc/gate/natter.yaml", "natter");
        check("{directory: apis}", "/etc/gate/apis", "apis");
        let digest = "0".repeat(64);
        check(
            &format!("{{url: 'https://example.com/v1/pets.openapi.yaml?x=1', sha256: '{digest}'}}"),
            "https://example.com/v1/pets.openapi.yaml?x=1",
            "pets",
        );
        check(
            "{url: 'http://example.com', dangerous_unpinned: true, refresh_seconds: 60}",
            "http://example.com/",
            "api",
        );
        check(
            "{git: ../specs, ref: release/v1.2, file: a/b.yaml}",
            "/etc/gate/../specs@release/v1.2:a/b.yaml",
            "b",
        );
    }

    #[test]
    fn what_cannot_be_told_is_told_once() {
        for (contract, expected) in [
            ("{dir: spec}", 2),
            ("{git: .}", 1),
            ("{url: 'ftp://example.com/a.yaml', dangerous_unpinned: true}", 1),
        ] {
            let told = told(contract);
            assert_eq!(told.matches("error:").count(), expected, "{contract}: {told}");
            assert!(!told.contains("``"), "{contract}: {told}");
        }
    }

    #[test]
    fn schema_5_what_is_not_safe_or_not_whole_is_refused() {
        let check = |contract: &str, expected: &str| {
            let told = told(contract);
            assert!(told.contains(expected), "{contract}: {told}");
        };
        check(
            "{url: 'https://example.com/a.yaml'}",
            "a contract at a URL needs `sha256`",
        );
        check(
            "{url: 'https://example.com/a.yaml', sha256: abc}",
            "`abc` is no SHA-256 digest",
        );
        check(
            "{url: 'ftp://example.com/a.yaml', dangerous_unpinned: true}",
            "is no URL of http or https",
        );
        check(
            "{url: 'https://u:p@example.com/', dangerous_unpinned: true}",
            "carries a password",
        );
        let digest = "A".repeat(64);
        check(
            &format!("{{url: 'https://a.example/', sha256: {digest}, refresh_seconds: 5}}"),
            "there is nothing to refresh",
        );
        check(
            &format!("{{url: 'https://a.example/', sha256: {digest}, dangerous_unpinned: true}}"),
            "take one of the two out",
        );
        check(
            "{git: ., ref: --upload-pack=x, file: a}",
            "`--upload-pack=x` is no branch, tag or commit",
        );
        check(
            "{git: ., ref: 'main:secret', file: a}",
            "`main:secret` is no branch, tag or commit",
        );
        check("{git: ., ref: main, file: ../a}", "`../a` is no path in a repository");
        check("{git: ., file: a}", "needs `ref` and `file`");
        check("{git: ., ref: main, file: a, refresh_seconds: 0.5}", "below one second");
        check(
            "{git: ., ref: main, file: a, url: 'https://a.example/'}",
            "needs one of `directory`, `url` and `git`",
        );
        check("{}", "needs one of `directory`, `url` and `git`");
        check("{directory: a, sha256: b}", "`sha256` belongs to a contract with `url`");
        check(
            "{directory: a, refresh_seconds: 5}",
            "`refresh_seconds` belongs to a contract with `url` or `git`",
        );
        check("{folder: a}", "unknown key `folder`");
    }
}
