//! `portcullis token inspect`: says, check by check, why a token or an API key is or is not accepted, on the way that it takes
//! at the gate. Nothing secret is shown: never a signature, a tag or the secret of a credential, and of what a token says
//! nothing before its signature is verified, except the issuer that it names.

mod claims;
mod issued;
mod operation;
mod own;
mod report;

use std::io::{Read as _, Write as _};
use std::path::Path;

use clap::Args;
use portcullis_gateway::listen::unix_time;
use portcullis_identity::access_token::{Kind, Knower};
use portcullis_identity::authorization::Authorization;
use portcullis_identity::credentials::{self, Prefix};
use portcullis_identity::jose::compact::{Form, TOKEN_BYTES_MAX};
use portcullis_identity::principal::Identity;
use portcullis_identity::time::UnixTime;

use self::operation::Operation;
use self::report::Report;
use super::{ConfigFile, Failure, Outcome, Shared};
use crate::config::checked::Configuration;
use crate::config::credentials::{Credentials, Kept};
use crate::contracts;

/// The arguments of `inspect`.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The token or API key; `-` reads it from standard input, which no list of processes shows
    token: String,
    /// Ask the issuer about a token that only it knows, as the gate does
    #[arg(long)]
    introspect: bool,
    /// An operation that it is to be good enough for, such as `GET /orders` or an `operationId`
    #[arg(long, value_name = "OPERATION")]
    operation: Option<String>,
    #[command(flatten)]
    config: ConfigFile,
}

/// What is looked at, and what may be done for it.
struct Looking<'c> {
    configuration: &'c Configuration,
    /// Whether an issuer may be asked.
    introspect: bool,
    now: UnixTime,
}

/// Inspects one token or key.
pub(super) fn run(inspect: &Inspect, shared: &Shared) -> Result<Outcome, Failure> {
    let written = written(&inspect.token)?;
    let text = credential(&written)?;
    check_no_file(&inspect.token, text)?;
    let configuration = inspect.config.load()?;
    let apis = match &inspect.operation {
        Some(_) => contracts::for_verb(&configuration, &inspect.config.config)?,
        None => Vec::new(),
    };
    let asked = inspect.operation.as_deref();
    let operation = asked.map(|asked| Operation::find(asked, &apis)).transpose()?;
    let looking = Looking {
        configuration: &configuration,
        introspect: inspect.introspect,
        now: unix_time(),
    };
    let mut report = Report::at(operation.as_ref().map(Operation::name));
    if let Some(identity) = looking.at(text, &mut report)? {
        operation::check_schemes(&identity, &configuration.apis, &mut report);
        if let Some(operation) = &operation {
            operation.check(&identity, looking.now, &mut report);
        }
        report.identify(&identity);
    }
    let told = if shared.json { report.json() } else { report.text() };
    writeln!(anstream::stdout(), "{}", told.trim_end())?;
    Ok(if report.is_accepted() {
        Outcome::Clean
    } else {
        Outcome::Found
    })
}

/// What the argument says, or standard input.
fn written(argument: &str) -> Result<String, Failure> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut read = String::new();
    let most = u64::try_from(TOKEN_BYTES_MAX * 2).unwrap_or(u64::MAX);
    let bytes = std::io::stdin().take(most).read_to_string(&mut read);
    bytes.map_err(|error| Failure::unusable(format!("cannot read the token: {error}")))?;
    Ok(read)
}

/// The credential as it is meant: without the scheme and the line end that come with copying it. It is not repeated where it is
/// none: it may be a secret after all.
fn credential(written: &str) -> Result<&str, Failure> {
    let written = value_of(written.trim());
    if written.is_empty() {
        return Err(Failure::unusable("there is no token: what is written is empty"));
    }
    let alone = !written.contains(char::is_whitespace);
    let field = if alone {
        format!("Bearer {written}")
    } else {
        written.to_owned()
    };
    match Authorization::read([field.as_bytes()]) {
        Ok(Some(Authorization::Bearer(_) | Authorization::Dpop(_))) => {
            let text = written.rsplit_once(char::is_whitespace);
            Ok(text.map_or(written, |(_, text)| text))
        }
        Ok(Some(Authorization::Basic(_))) => Err(Failure::unusable(
            "what is written is a user name and a password, which are verified at the gate alone: `Basic` carries no token",
        )),
        Ok(Some(Authorization::Other)) => Err(Failure::unusable(
            "what is written is several words, and the first is no scheme that carries a token: write one token, alone or \
             behind `Bearer` or `DPoP`",
        )),
        Ok(None) | Err(_) => Err(Failure::unusable(
            "what is written is no token: one is a single word of letters, digits and `-._~+/` (RFC 6750, section 2.1)",
        )),
    }
}

/// The value of a header field that was copied with its name; a token has no colon.
fn value_of(line: &str) -> &str {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    match line.split_once(':') {
        Some((name, value)) if is_name(name) => value.trim_start(),
        _ => line,
    }
}

/// Refuses the name of a file in the place of what is in it. A token that is called like a file is still one.
fn check_no_file(argument: &str, text: &str) -> Result<(), Failure> {
    if argument == "-" || Kind::of(text) != Kind::Other || !Path::new(argument).is_file() {
        return Ok(());
    }
    let message =
        format!("`{argument}` is a file, and a token is expected: `portcullis token inspect - < {argument}` reads it");
    Err(Failure::unusable(message))
}

impl<'c> Looking<'c> {
    /// Whom the text speaks of; none where the way ends before that is known.
    fn at(&self, text: &str, report: &mut Report) -> Result<Option<Identity>, Failure> {
        if text.len() > TOKEN_BYTES_MAX {
            report.form("too long for a token");
            let length = text.len();
            report.fail(
                "length",
                format!("it has {length} bytes, and nothing of more than {TOKEN_BYTES_MAX} is looked at"),
            );
            return Ok(None);
        }
        if own::is_key(text) {
            return self.at_own(credentials::Kind::ApiKey, text, report);
        }
        if let Knower::House(_) = Knower::of(text, self.credentials()) {
            return self.at_own(credentials::Kind::Token, text, report);
        }
        match Form::of(text) {
            Form::Opaque if self.is_cut(text) => {
                report.form("begins like a credential of the gate's own");
                report.fail("form", "it has not the form of one: it is cut, or mistyped");
                Ok(None)
            }
            form => Ok(issued::look(text, form, self, report)),
        }
    }

    fn at_own(&self, kind: credentials::Kind, text: &str, report: &mut Report) -> Result<Option<Identity>, Failure> {
        own::look(kind, text, self.credentials(), self.now, report)
    }

    fn credentials(&self) -> Option<&'c Credentials> {
        self.configuration.credentials.as_ref().and_then(Kept::in_files)
    }

    /// Whether a text begins as the gate's own credentials do, and is for no issuer that knows what it made itself.
    fn is_cut(&self, text: &str) -> bool {
        let prefix = self.credentials().and_then(|kept| Prefix::parse(&kept.prefix));
        let begins = prefix.is_some_and(|prefix| text.split_once('_').is_some_and(|(word, _)| word == prefix.as_str()));
        begins && issued::asked(&self.configuration.issuers).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_one_word_with_or_without_its_scheme() {
        for (written, expected) in [
            ("abc", Some("abc")),
            (" abc\n", Some("abc")),
            ("Bearer abc", Some("abc")),
            ("bearer  abc", Some("abc")),
            ("DPoP abc.d_e", Some("abc.d_e")),
            ("Authorization: Bearer abc", Some("abc")),
            ("authorization:DPoP abc", Some("abc")),
            ("X-API-Key: abc", Some("abc")),
            ("Authorization: Basic YTpi", None),
            ("Authorization:", None),
            ("", None),
            (" \n", None),
            ("Bearer ", Some("Bearer")),
            ("Basic YTpi", None),
            ("two words", None),
            ("three more words", None),
            ("schlüssel", None),
            ("abc\u{7f}", None),
        ] {
            assert_eq!(credential(written).ok(), expected, "{written:?}");
        }
    }
}
