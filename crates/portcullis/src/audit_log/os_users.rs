//! The users of the system, by name where its own list has one, and by number otherwise.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

/// Where they are listed.
const LIST: &str = "/etc/passwd";
/// Who may not be able to write to that.
const OTHERS: u32 = 0o022;

/// Who runs this.
pub(crate) fn own() -> String {
    name(rustix::process::getuid().as_raw())
}

/// What a user is called.
pub(crate) fn name(id: u32) -> String {
    let is_trusted = fs::metadata(LIST).is_ok_and(|file| file.mode() & OTHERS == 0);
    let list = fs::read_to_string(LIST).ok().filter(|_| is_trusted);
    list.and_then(|list| name_in(&list, id))
        .unwrap_or_else(|| id.to_string())
}

/// Each line begins with a name, a password that is elsewhere, and a number (passwd(5)).
fn name_in(list: &str, id: u32) -> Option<String> {
    list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(id) && !name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_number() {
        let list = "root:x:0:0:root:/root:/bin/sh\n\nalice:x:1000:7::/:\n:x:1001:7::/:\n";
        assert_eq!(name_in(list, 0).as_deref(), Some("root"));
        assert_eq!(name_in(list, 1000).as_deref(), Some("alice"));
        assert_eq!(name_in(list, 7), None);
        assert_eq!(name_in(list, 1001), None);
    }
}
