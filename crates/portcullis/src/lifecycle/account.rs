//! Becoming another user once the sockets are bound: wholly or not at all.
//!
//! Names are looked up in `/etc/passwd` and `/etc/group` only. The kernel changes the user of one thread, so there must be only one.

use std::fs;
use std::io;

use portcullis_contract::document::{Problem, Span};
use rustix::process::{Gid, Uid, getegid, geteuid, getgid, getgroups, getuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use super::threads;
use crate::config::process::Account;
use crate::config::spanned::Placed;

/// What the gate is in the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ids {
    user: u32,
    group: u32,
}

/// Becomes this user, of this group alone. Warns where nobody is named and the gate would go on as root.
///
/// # Errors
/// The user or the group is not known, or the process may not become them. Nothing was changed where that could be known before; in
/// any case the gate must not go on.
pub(crate) fn assume(account: Option<&Account>) -> Result<(), String> {
    let Some(account) = account else {
        if geteuid().is_root() {
            tracing::warn!("running as root: name a `process.user`, or let the service manager do it (`User=`)");
        }
        return Ok(());
    };
    let ids = look_up(account)?.map_err(|unknown| unknown.message)?;
    let (user, group) = (Uid::from_raw(ids.user), Gid::from_raw(ids.group));
    let all = |uid: Uid, gid: Gid| (getuid(), geteuid(), getgid(), getegid()) == (uid, uid, gid, gid);
    let fail = |error: io::Error| {
        format!(
            "cannot become user `{}`: {error}; start the gate as root, or leave out `process.user` and let the service manager do it (`User=`)",
            account.user.value
        )
    };
    if all(user, group) {
        return leave_other_groups(group).map_err(fail);
    }
    threads::only_one().map_err(fail)?;
    set_thread_groups(&[group]).map_err(|error| fail(error.into()))?;
    set_thread_res_gid(group, group, group).map_err(|error| fail(error.into()))?;
    set_thread_res_uid(user, user, user).map_err(|error| fail(error.into()))?;
    let back = !user.is_root() && set_thread_res_uid(None, Uid::ROOT, None).is_ok();
    if back || !all(user, group) {
        return Err(format!(
            "became user `{}` only in part, and does not go on",
            account.user.value
        ));
    }
    tracing::info!(user = ids.user, group = ids.group, "no longer root");
    Ok(())
}

/// Leaves the groups that a process has beside its own where it is the right user already. Whoever started it as another user than root
/// chose them, and a process that is not root cannot leave any: they are told then.
fn leave_other_groups(group: Gid) -> io::Result<()> {
    let mut others = getgroups()?;
    others.retain(|other| *other != group);
    if others.is_empty() {
        return Ok(());
    }
    if geteuid().is_root() {
        threads::only_one()?;
        return Ok(set_thread_groups(&[group])?);
    }
    let groups: Vec<u32> = others.into_iter().map(Gid::as_raw).collect();
    tracing::warn!(
        ?groups,
        "the gate keeps the further groups that it was started with: only root can leave them"
    );
    Ok(())
}

/// A user or a group that the system does not know, and where it is named.
#[derive(Debug)]
struct Unknown {
    message: String,
    span: Span,
}

/// What is wrong with a user or a group that is to be assumed, where it is named. `location` is the configuration's.
pub(crate) fn problem(account: &Account, location: &str) -> Option<Problem> {
    let (message, span) = match look_up(account) {
        Ok(Ok(_)) => return None,
        Ok(Err(Unknown { message, span })) => (message, span),
        Err(message) => (message, account.user.span),
    };
    Some(Problem::error(location, span, message))
}

/// # Errors
/// The tables cannot be read; in them, the user or the group is not known.
fn look_up(account: &Account) -> Result<Result<Ids, Unknown>, String> {
    Ok(ids(account, &table("/etc/passwd")?, &table("/etc/group")?))
}

fn table(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot look up the user: cannot read `{path}`: {error}"))
}

fn ids(account: &Account, users: &str, groups: &str) -> Result<Ids, Unknown> {
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number != u32::MAX);
    let unknown = |at: &Placed<String>, message: String| Unknown { message, span: at.span };
    let Account { user, group } = account;
    let known = entry(users, &user.value);
    let uid = known
        .and_then(|fields| number(fields.get(2)?))
        .or_else(|| number(&user.value))
        .ok_or_else(|| unknown(user, format!("there is no user `{}` in /etc/passwd", user.value)))?;
    let gid = match group {
        Some(group) => entry(groups, &group.value)
            .and_then(|fields| number(fields.get(2)?))
            .or_else(|| number(&group.value))
            .ok_or_else(|| unknown(group, format!("there is no group `{}` in /etc/group", group.value)))?,
        None => entry(users, &user.value)
            .and_then(|fields| number(fields.get(3)?))
            .ok_or_else(|| {
                let name = &user.value;
                unknown(
                    user,
                    format!("user `{name}` has no group in /etc/passwd: name a `process.group`"),
                )
            })?,
    };
    Ok(Ids { user: uid, group: gid })
}

/// The fields of the line (passwd(5), group(5)) that begins with this name.
fn entry<'t>(table: &'t str, name: &str) -> Option<Vec<&'t str>> {
    let lines = table.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines.into_iter().find(|fields| fields.first() == Some(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\ngate:x:990:991::/:/usr/sbin/nologin\nbroken:x:\n";
    const GROUPS: &str = "root:x:0:\nweb:x:33:gate\n";

    fn account(user: &str, group: Option<&str>) -> Account {
        let placed = |name: &str, column| Placed {
            value: name.to_owned(),
            span: Span {
                line: 3,
                column,
                ..Span::default()
            },
        };
        Account {
            user: placed(user, 10),
            group: group.map(|group| placed(group, 20)),
        }
    }

    #[test]
    fn who_is_not_known_is_told_where_they_are_named() {
        let check = |user: &str, group: Option<&str>, expected: &str| {
            let found = problem(&account(user, group), "gate.yaml").map(|problem| problem.to_string());
            assert!(found.unwrap().starts_with(expected));
        };
        check(
            "nobody-here",
            None,
            "gate.yaml:3:10: error: there is no user `nobody-here`",
        );
        check(
            "0",
            Some("nothing"),
            "gate.yaml:3:20: error: there is no group `nothing`",
        );
        assert_eq!(problem(&account("0", Some("0")), "gate.yaml"), None);
    }

    #[track_caller]
    fn check(user: &str, group: Option<&str>, expected: Result<(u32, u32), &str>) {
        let account = account(user, group);
        let found = ids(&account, USERS, GROUPS).map(|ids| (ids.user, ids.group));
        match expected {
            Ok(expected) => assert_eq!(found.unwrap(), expected),
            Err(expected) => assert!(found.unwrap_err().message.contains(expected)),
        }
    }

    #[test]
    fn users_and_groups() {
        check("gate", None, Ok((990, 991)));
        check("gate", Some("web"), Ok((990, 33)));
        check("gate", Some("7"), Ok((990, 7)));
        check("1234", Some("web"), Ok((1234, 33)));
        check("1234", None, Err("name a `process.group`"));
        check("nobody-here", None, Err("no user `nobody-here`"));
        check("gate", Some("nothing"), Err("no group `nothing`"));
        check("broken", None, Err("no user `broken`"));
        check("4294967295", Some("web"), Err("no user"));
    }

    #[test]
    fn who_is_not_root_becomes_nobody_else() {
        let account = account("4000000000", Some("4000000000"));
        // As root it is refused because the tests have threads.
        let error = assume(Some(&account)).unwrap_err();
        assert!(error.contains("cannot become user"), "{error}");
    }
}
