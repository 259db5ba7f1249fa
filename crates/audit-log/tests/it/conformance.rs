//! What every medium promises, whatever it is made of. The store's tests take this file too, for its folder.

use std::io::ErrorKind;

use portcullis_audit_log::medium::Medium;

/// A machine that a medium is part of.
pub(crate) trait Machine {
    /// The medium as it is after the machine was stopped, without warning where it can be, and started again.
    fn start(&mut self) -> Box<dyn Medium>;
}

/// Checks everything on a machine on which nothing was ever written.
pub(crate) fn check(machine: &mut dyn Machine) {
    check_reading(&mut *machine.start());
    check_writing(&mut *machine.start());
    check_listing(&mut *machine.start());
    check_removing(&mut *machine.start());
    for round in 0..30 {
        check_synced(machine, round);
    }
}

fn check_blob(medium: &dyn Medium, name: &str, expected: Option<&[u8]>) {
    let read = medium.read(name, 100).unwrap();
    assert_eq!(read.as_deref(), expected, "{name}");
}

fn listed(medium: &dyn Medium, folder: &str) -> Vec<String> {
    let mut names = medium.list(folder).unwrap();
    names.sort();
    names
}

fn check_reading(medium: &mut dyn Medium) {
    for name in ["reading", "reading/a", "reading/a/b"] {
        check_blob(medium, name, None);
    }
    medium.write("reading/a", b"12345").unwrap();
    assert_eq!(medium.read("reading/a", 5).unwrap().unwrap(), b"12345");
    for bytes_max in [0, 4] {
        let error = medium.read("reading/a", bytes_max).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    }
    medium.write("reading/empty", b"").unwrap();
    assert_eq!(medium.read("reading/empty", 0).unwrap().unwrap(), b"");
    // What is below a blob is not there.
    check_blob(medium, "reading/a/b", None);
    assert_eq!(medium.sync("reading/none").unwrap_err().kind(), ErrorKind::NotFound);
}

/// One blob after the other, each in every way that there is, and in the order in which it was done.
fn check_writing(medium: &mut dyn Medium) {
    let (a, b) = ("writing/a", "writing/b");
    medium.append(a, b"1").unwrap();
    medium.append(b, b"2").unwrap();
    medium.append(a, b"3").unwrap();
    medium.append(a, b"").unwrap();
    check_blob(medium, a, Some(b"13"));
    check_blob(medium, b, Some(b"2"));
    // What is added later belongs to what has the name by then.
    medium.write(a, b"written").unwrap();
    check_blob(medium, a, Some(b"written"));
    medium.append(a, b"!").unwrap();
    check_blob(medium, a, Some(b"written!"));
    medium.replace(a, b"replaced").unwrap();
    medium.append(a, b"!").unwrap();
    check_blob(medium, a, Some(b"replaced!"));
    medium.sync(a).unwrap();
    medium.append(a, b"!").unwrap();
    medium.sync_all().unwrap();
    medium.append(a, b"!").unwrap();
    check_blob(medium, a, Some(b"replaced!!!"));
    medium.replace("writing/c", b"").unwrap();
    check_blob(medium, "writing/c", Some(b""));
    check_blob(medium, b, Some(b"2"));
}

fn check_listing(medium: &mut dyn Medium) {
    assert!(listed(medium, "listing/").is_empty());
    medium.write("listing/b.p/7", b"").unwrap();
    medium.append("listing/b.p/8", b"").unwrap();
    medium.replace("listing/b/c/d", b"").unwrap();
    medium.write("listing/a", b"").unwrap();
    medium.write("listings", b"").unwrap();
    assert_eq!(listed(medium, "listing/"), ["a", "b.p/", "b/"]);
    assert_eq!(listed(medium, "listing/b.p/"), ["7", "8"]);
    assert_eq!(listed(medium, "listing/b/"), ["c/"]);
    for folder in ["listing/a/", "listing/c/", "listing/b/c/e/"] {
        assert!(listed(medium, folder).is_empty(), "{folder}");
    }
}

fn check_removing(medium: &mut dyn Medium) {
    let (a, b) = ("removing/a.p/1", "removing/b");
    medium.remove(a).unwrap();
    medium.append(a, b"1").unwrap();
    medium.write(b, b"2").unwrap();
    medium.remove(a).unwrap();
    medium.remove(a).unwrap();
    check_blob(medium, a, None);
    assert!(listed(medium, "removing/a.p/").is_empty());
    check_blob(medium, b, Some(b"2"));
    medium.append(a, b"anew").unwrap();
    check_blob(medium, a, Some(b"anew"));
    medium.sync(a).unwrap();
    medium.remove(b).unwrap();
    medium.sync_all().unwrap();
}

/// What was synced is there after the machine has stopped, and what was removed before a sync is not. What was not synced may be
/// anything.
fn check_synced(machine: &mut dyn Machine, round: u32) {
    let name = |blob: &str| format!("synced/{round}/{blob}");
    let mut medium = machine.start();
    medium.append(&name("journal/1"), b"12").unwrap();
    medium.sync(&name("journal/1")).unwrap();
    medium.append(&name("journal/1"), b"34").unwrap();
    // Two that were appended to, of which nobody is told.
    medium.append(&name("journal/2"), b"56").unwrap();
    medium.append(&name("journal/3"), b"78").unwrap();
    medium.write(&name("tile/0/1.p/2"), b"written").unwrap();
    for number in 0..70 {
        medium.write(&name(&format!("many/{number}")), b"many").unwrap();
    }
    medium.sync_all().unwrap();
    medium.replace(&name("checkpoint"), b"replaced").unwrap();
    medium.append(&name("journal/1"), b"not synced").unwrap();
    drop(medium);
    let mut medium = machine.start();
    let journal = medium.read(&name("journal/1"), 100).unwrap().unwrap();
    assert_eq!(&journal[..4], b"1234");
    check_blob(&*medium, &name("journal/2"), Some(b"56"));
    check_blob(&*medium, &name("journal/3"), Some(b"78"));
    check_blob(&*medium, &name("tile/0/1.p/2"), Some(b"written"));
    check_blob(&*medium, &name("checkpoint"), Some(b"replaced"));
    for number in 0..70 {
        check_blob(&*medium, &name(&format!("many/{number}")), Some(b"many"));
    }
    medium.remove(&name("journal/1")).unwrap();
    medium.sync(&name("journal/2")).unwrap();
    medium.remove(&name("tile/0/1.p/2")).unwrap();
    medium.sync_all().unwrap();
    drop(medium);
    let medium = machine.start();
    check_blob(&*medium, &name("journal/1"), None);
    check_blob(&*medium, &name("tile/0/1.p/2"), None);
}
