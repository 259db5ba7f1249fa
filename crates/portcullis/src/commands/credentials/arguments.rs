//! The arguments of the verbs.

use std::str::FromStr;

use clap::{ArgGroup, Args};
use portcullis_identity::credentials::{CredentialId, Kind, Record, Tag};
use portcullis_identity::principal::{Scopes, SubjectKind};
use portcullis_identity::time::UnixTime;

use super::super::ConfigFile;

/// No name or label is longer.
const TEXT_BYTES_MAX: usize = 200;

/// The arguments of `issue`.
#[derive(Debug, Args)]
pub(in super::super) struct Issue {
    /// Whom it speaks of: a user, or `client:NAME`, `service:NAME`, `device:NAME`
    #[arg(long, value_name = "[KIND:]NAME")]
    pub(super) owner: Owner,
    /// Which client presents it
    #[arg(long, value_name = "NAME", value_parser = text)]
    pub(super) client: Option<String>,
    /// What it may be used for; may be repeated (default: nothing that a scope is needed for)
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(super) scopes: Vec<Scope>,
    /// What you call it in lists
    #[arg(long, value_name = "TEXT", value_parser = text)]
    pub(super) label: Option<String>,
    /// How long it is good, such as `12h` or `90d` (default: a key 90d, a token 1h)
    #[arg(long, value_name = "TIME", conflicts_with = "dangerous_no_expiry")]
    pub(super) lifetime: Option<Time>,
    /// It is good until it is revoked
    #[arg(long)]
    pub(super) dangerous_no_expiry: bool,
    #[command(flatten)]
    pub(super) config: ConfigFile,
}

impl Issue {
    /// What is kept of a credential that is issued now.
    pub(super) fn record(
        &self,
        kind: Kind,
        id: CredentialId,
        tag: Tag,
        now: UnixTime,
        lifetime_seconds: u64,
    ) -> Record {
        let lifetime = self.lifetime.map_or(lifetime_seconds, |lifetime| lifetime.0);
        let scopes = self.scopes.iter().map(|scope| scope.0.as_str().into());
        let (owner_kind, owner) = self.owner.named();
        Record {
            id,
            kind,
            label: self.label.clone().unwrap_or_default().into(),
            owner_kind,
            owner,
            client: self.client.as_deref().map(Into::into),
            scopes: Scopes::new(scopes.collect()),
            tag,
            retiring: None,
            issued: now,
            expires: (!self.dangerous_no_expiry).then(|| now.plus(lifetime)),
            revoked: None,
            used: None,
        }
    }
}

/// The arguments of `list`.
#[derive(Debug, Args)]
pub(in super::super) struct List {
    /// Only those of this owner
    #[arg(long, value_name = "[KIND:]NAME")]
    pub(super) owner: Option<Owner>,
    #[command(flatten)]
    pub(super) config: ConfigFile,
}

/// The arguments of `show`.
#[derive(Debug, Args)]
pub(in super::super) struct Show {
    /// Its name, as `list` tells it
    #[arg(value_name = "ID")]
    pub(super) id: String,
    #[command(flatten)]
    pub(super) config: ConfigFile,
}

/// The arguments of `rotate`.
#[derive(Debug, Args)]
pub(in super::super) struct Rotate {
    /// Its name, as `list` tells it
    #[arg(value_name = "ID")]
    pub(super) id: String,
    /// How long the secret before is good beside the new one, such as `0s` or `7d`; one from before that ends now
    #[arg(long, value_name = "TIME", default_value = "24h")]
    pub(super) overlap: Time,
    #[command(flatten)]
    pub(super) config: ConfigFile,
}

/// The arguments of `revoke`: exactly one says which.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["id", "owner", "all"])))]
pub(in super::super) struct Revoke {
    /// The name of one, or the credential itself where only that is known
    #[arg(value_name = "ID")]
    pub(super) id: Option<String>,
    /// All of this owner
    #[arg(long, value_name = "[KIND:]NAME")]
    pub(super) owner: Option<Owner>,
    /// All that there are
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) config: ConfigFile,
}

/// A subject: `alice` is the user of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) kind: SubjectKind,
    pub(super) name: String,
}

impl Owner {
    /// As the store knows it.
    pub(super) fn named(&self) -> (SubjectKind, Box<str>) {
        (self.kind, self.name.as_str().into())
    }
}

impl FromStr for Owner {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let (kind, name) = match written.split_once(':') {
            Some((kind, name)) => {
                let kind = SubjectKind::named(kind);
                (kind.ok_or("the kind is one of user, client, service and device")?, name)
            }
            None => (SubjectKind::User, written),
        };
        if name.is_empty() {
            return Err("the name is empty".to_owned());
        }
        Ok(Self {
            kind,
            name: text(name)?,
        })
    }
}

/// One scope.
#[derive(Clone, Debug)]
pub(super) struct Scope(pub(super) String);

impl FromStr for Scope {
    type Err = &'static str;

    fn from_str(written: &str) -> Result<Self, &'static str> {
        let is_one = Scopes::is_one(written) && written.len() <= TEXT_BYTES_MAX;
        is_one
            .then(|| Self(written.to_owned()))
            .ok_or("a scope is a word of visible ASCII without quotes and backslashes: repeat `--scope` for each")
    }
}

/// A time in seconds, up to ten years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time(pub(super) u64);

impl Time {
    const DAYS_MAX: u64 = 3650;
}

impl FromStr for Time {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let wrong = || "write a whole number and `s`, `m`, `h` or `d`, such as `12h` or `90d`".to_owned();
        let (number, unit) = written
            .split_at_checked(written.len().saturating_sub(1))
            .ok_or_else(wrong)?;
        let seconds: u64 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 24 * 3600,
            _ => return Err(wrong()),
        };
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = number.parse().ok().filter(|_| is_number).ok_or_else(wrong)?;
        let time = number
            .checked_mul(seconds)
            .filter(|time| *time <= Self::DAYS_MAX * 24 * 3600);
        time.map(Self)
            .ok_or_else(|| format!("no more than {}d", Self::DAYS_MAX))
    }
}

/// A short text for people; lists show it as it is.
fn text(written: &str) -> Result<String, String> {
    if written.len() > TEXT_BYTES_MAX || written.chars().any(char::is_control) {
        return Err(format!("at most {TEXT_BYTES_MAX} bytes, without control characters"));
    }
    Ok(written.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners() {
        let check = |written: &str, expected: Option<(SubjectKind, &str)>| {
            let owner = written.parse::<Owner>().ok();
            let found = owner.as_ref().map(|owner| (owner.kind, owner.name.as_str()));
            assert_eq!(found, expected, "{written}");
        };
        check("alice", Some((SubjectKind::User, "alice")));
        check("service:billing", Some((SubjectKind::Service, "billing")));
        check("user:a:b", Some((SubjectKind::User, "a:b")));
        for wrong in ["", "user:", "robot:x", "a\nb"] {
            check(wrong, None);
        }
        check(&"x".repeat(201), None);
    }

    #[test]
    fn times() {
        let check = |written: &str, expected: Option<u64>| {
            let time = written.parse::<Time>().ok();
            assert_eq!(time, expected.map(Time), "{written}");
        };
        check("0s", Some(0));
        check("90d", Some(7_776_000));
        check("3650d", Some(315_360_000));
        for wrong in [
            "",
            "s",
            "90",
            "+1d",
            "-1d",
            "1.5h",
            "1w",
            "3651d",
            "99999999999999999999d",
            "1é",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn scopes() {
        for (written, is_one) in [
            ("orders.read", true),
            ("a b", false),
            ("", false),
            ("a\"b", false),
            ("é", false),
        ] {
            assert_eq!(written.parse::<Scope>().is_ok(), is_one, "{written}");
        }
    }
}
