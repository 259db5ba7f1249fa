//! Callers who sign their requests, as it is written and settled.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_contract::document::Span;
use portcullis_identity::jose::key::Kid;
use portcullis_identity::principal::{Scopes, SubjectKind};
use portcullis_identity::signatures::{Demands, Required, SKEW_SECONDS, WINDOW_SECONDS};
use schemars::JsonSchema;
use serde::Deserialize;

use super::checked::duplicates;
use super::problems::Problems;
use super::spanned::Spanned;
use super::text::{Location, Name};

/// Callers who sign their requests (RFC 9421), each by a key that is known here and decides its algorithm.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignersWritten {
    /// What they are called here as a whole, and in logs.
    pub(crate) name: Spanned<Name>,
    /// The public keys as a JWK Set (RFC 7517), relative to the configuration; read again when it changes. Only those that
    /// `keys` names count.
    pub(crate) file: Option<Spanned<Location>>,
    /// Who has which key.
    #[schemars(length(min = 1, max = 1000))]
    pub(crate) keys: Vec<Spanned<SignerWritten>>,
    /// What a signature has to cover: derived components, and header fields where a request has them. Default: `@method`,
    /// `@target-uri` or what makes it up, `content-digest` where there is content, and `authorization`.
    #[schemars(length(min = 1, max = 32))]
    pub(crate) required_components: Option<Vec<Spanned<String>>>,
    /// How long a signature is good after it was made (`created`). Default: 60.
    #[schemars(range(min = 1, max = 3600))]
    pub(crate) window_seconds: Option<u64>,
    /// How far the clocks of signers and ours may differ. Default: 30.
    #[schemars(range(min = 0, max = 300))]
    pub(crate) clock_skew_seconds_max: Option<u64>,
    /// Whether a signature needs a `nonce`. One that has one works once, whatever is said here. Default: false.
    pub(crate) nonce_required: Option<bool>,
    /// The `tag` of signatures that are meant for this; others are passed over. Default: any will do.
    pub(crate) tag: Option<Spanned<String>>,
}

/// A key, and who has it: name one of `client`, `service` and `user`. The key is the one of this name in the `file` of the
/// signers, unless `jwk` or `secret_file` says it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignerWritten {
    /// What signatures call the key (`keyid`), letter by letter: at most 256 bytes.
    pub(crate) keyid: Spanned<String>,
    /// The client that has it.
    pub(crate) client: Option<String>,
    /// The program of a system that has it.
    pub(crate) service: Option<String>,
    /// The person who has it.
    pub(crate) user: Option<String>,
    /// What it may be used for. Default: nothing that asks for a scope.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub(crate) scopes: Vec<Spanned<String>>,
    /// The public key as a JWK (RFC 7517 §4), of which every member is a text.
    #[schemars(length(max = 32))]
    pub(crate) jwk: Option<BTreeMap<String, String>>,
    /// A file with a shared secret, as a JWK of the type `oct`, for `hmac-sha256`; relative to the configuration, and read again
    /// when it changes. Whoever has the secret can sign, the gate too.
    pub(crate) secret_file: Option<Spanned<Location>>,
    /// Takes RSASSA-PKCS1-v1_5 with SHA-256 (`rsa-v1_5-sha256`) for this key, in the place of `rsa-pss-sha512`.
    #[serde(default)]
    pub(crate) rsa_v1_5: bool,
}

/// Callers who sign their requests.
#[derive(Clone, Debug)]
pub(crate) struct Signers {
    /// What they are called here.
    pub(crate) name: Arc<str>,
    /// Where the name stands.
    pub(crate) span: Span,
    /// The JWK Set, and where it is named.
    pub(crate) file: Option<(PathBuf, Span)>,
    /// Their keys; names all different.
    pub(crate) keys: Vec<Signer>,
    /// What is demanded of their signatures.
    pub(crate) demands: Demands,
}

/// A key, and who has it.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    /// What signatures call it.
    pub(crate) keyid: Kid,
    /// Where that stands.
    pub(crate) span: Span,
    /// Who has it.
    pub(crate) subject: (SubjectKind, String),
    /// What it may be used for.
    pub(crate) scopes: Scopes,
    /// Where it is.
    pub(crate) key: Key,
    /// Whether it is for RSASSA-PKCS1-v1_5.
    pub(crate) rsa_v1_5: bool,
}

/// Where a key is.
#[derive(Clone, Debug)]
pub(crate) enum Key {
    /// In the JWK Set.
    Set,
    /// Written here.
    Jwk(BTreeMap<String, String>),
    /// In a file that holds a secret.
    Secret(PathBuf),
}

impl Signers {
    pub(super) fn lower(raw: SignersWritten, directory: &Path, problems: &mut Problems<'_>) -> Self {
        let demands = demands(&raw, problems);
        let file = raw.file.map(|file| (directory.join(&file.value.0), file.span));
        let has_set = file.is_some();
        let keys = raw.keys.into_iter();
        let keys: Vec<_> = keys
            .filter_map(|key| Signer::lower(key, has_set, directory, problems))
            .collect();
        let named = keys.iter().map(|key| (key.keyid.as_str(), key.span));
        duplicates("`keyid`", named, problems);
        Self {
            name: raw.name.value.0.into(),
            span: raw.name.span,
            file,
            keys,
            demands,
        }
    }

    /// The files of their keys.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let secrets = self.keys.iter().filter_map(|key| match &key.key {
            Key::Secret(file) => Some(file.as_path()),
            Key::Set | Key::Jwk(_) => None,
        });
        self.file.iter().map(|(file, _)| file.as_path()).chain(secrets)
    }
}

fn demands(raw: &SignersWritten, problems: &mut Problems<'_>) -> Demands {
    let usual = Demands::default();
    let mut components = usual.components;
    if let Some(written) = &raw.required_components {
        let mut settle = |name: &Spanned<String>| {
            let required = Required::named(&name.value);
            if required.is_none() {
                let message = format!("`{}` is no component that can be demanded of a request", name.value);
                let help = "write such as `@method`, `@target-uri`, or the name of a header field in lower case";
                problems.error(name.span, message, help);
            }
            required
        };
        components = written.iter().filter_map(&mut settle).collect();
    }
    if let Some(tag) = raw.tag.as_ref().filter(|tag| !(1..=256).contains(&tag.value.len())) {
        let message = "a tag has 1 to 256 bytes";
        problems.error(tag.span, message, "write the one that signers say, or take `tag` out");
    }
    Demands {
        components,
        window_seconds: raw.window_seconds.unwrap_or(WINDOW_SECONDS),
        skew_seconds: raw.clock_skew_seconds_max.unwrap_or(SKEW_SECONDS),
        nonce: raw.nonce_required.unwrap_or(usual.nonce),
        tag: raw.tag.as_ref().map(|tag| tag.value.as_str().into()),
    }
}

impl Signer {
    fn lower(
        Spanned { value: raw, span }: Spanned<SignerWritten>,
        has_set: bool,
        directory: &Path,
        problems: &mut Problems<'_>,
    ) -> Option<Self> {
        let key = key(&raw, has_set, directory).map_err(|message| {
            let help = "write the key as `jwk: {kty: OKP, ...}`, or name a `file` of keys beside `keys`";
            problems.error(raw.keyid.span, message, help);
        });
        let said = [
            (SubjectKind::Client, raw.client),
            (SubjectKind::Service, raw.service),
            (SubjectKind::User, raw.user),
        ];
        let mut said = said.into_iter().filter_map(|(kind, name)| Some((kind, name?)));
        let subject = match (said.next(), said.next()) {
            (Some((kind, name)), None) if !name.is_empty() => Some((kind, name)),
            _ => {
                let message = "a key is one caller's: write one of `client`, `service` and `user`";
                problems.error(span, message, "write such as `client: acme`");
                None
            }
        };
        let keyid = Kid::new(&raw.keyid.value);
        if keyid.is_none() {
            let message = "a key has a name of 1 to 256 bytes";
            problems.error(raw.keyid.span, message, "write what signatures say as `keyid`");
        }
        Some(Self {
            keyid: keyid?,
            span: raw.keyid.span,
            subject: subject?,
            scopes: scopes(raw.scopes, problems),
            key: key.ok()?,
            rsa_v1_5: raw.rsa_v1_5,
        })
    }
}

fn scopes(written: Vec<Spanned<String>>, problems: &mut Problems<'_>) -> Scopes {
    for scope in written.iter().filter(|scope| !Scopes::is_one(&scope.value)) {
        let message = format!(
            "`{}` is no scope (RFC 6749, section 3.3): no operation can ask for it",
            scope.value
        );
        problems.error(
            scope.span,
            message,
            "write each by itself, without spaces, quotes and backslashes",
        );
    }
    Scopes::new(written.into_iter().map(|scope| scope.value.into()).collect())
}

fn key(raw: &SignerWritten, has_set: bool, directory: &Path) -> Result<Key, String> {
    match (&raw.jwk, &raw.secret_file) {
        (Some(jwk), None) => Ok(Key::Jwk(jwk.clone())),
        (None, Some(file)) => Ok(Key::Secret(directory.join(&file.value.0))),
        (None, None) if has_set => Ok(Key::Set),
        (None, None) => Err(format!("nothing says what the key `{}` is", raw.keyid.value)),
        (Some(_), Some(_)) => Err(format!("the key `{}` is said twice", raw.keyid.value)),
    }
}
