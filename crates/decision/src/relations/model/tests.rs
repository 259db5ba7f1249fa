//! Tests of models.

use super::*;

fn compile(yaml: &str) -> Result<Model, Vec<String>> {
    let written: WrittenModel = serde_saphyr::from_str(yaml).map_err(|error| vec![error.to_string()])?;
    Model::compile(&written).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// A model with these relations of `account`, one a line.
fn check(relations: &str, expected: &[&str]) {
    let yaml = format!(
        "types:\n  user:\n  service: {{}}\n  group: {{relations: {{member: [user, 'group#member']}}}}\n  account:\n    relations:\n{}",
        relations
            .lines()
            .map(|line| format!("      {}\n", line.trim()))
            .collect::<String>()
    );
    let found = compile(&yaml).map_or_else(|problems| problems, |_| Vec::new());
    let strip = |found: &String| found.replacen("types.account.relations.", "", 1);
    assert_eq!(found.iter().map(strip).collect::<Vec<_>>(), expected, "{yaml}");
}

#[test]
fn every_form_of_a_rewrite_is_read() {
    check(
        "owner: [user]
         member: [user, group#member, 'service:*']
         parent: [account]
         reader: {any_of: [owner, member, {from: parent, relation: reader}]}
         frozen: [user:*]
         writer: {of: {all_of: [owner, reader]}, but_not: frozen}
         own: {any_of: [[user], owner]}",
        &[],
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    check("reader: nobody", &["reader: `account` has no relation `nobody`"]);
    check("reader: [usr]", &["reader[0]: there is no type `usr`"]);
    check(
        "reader: [user, group#mber]",
        &["reader[1]: `group` has no relation `mber`"],
    );
    check("reader: [user, user]", &["reader[1]: `user` is there twice"]);
    check(
        "reader: ['user:jean']",
        &["reader[0]: `user:jean` is no subject type: `TYPE`, `TYPE#RELATION` or `TYPE:*`"],
    );
    check("reader: []", &["reader: has to have 1 to 100 subject types"]);
    check("reader: {any_of: []}", &["reader.any_of: has to have 1 to 100 parts"]);
    check(
        "reader: {any_of: [[user], [service]]}",
        &["reader.any_of[1]: a relation has one list of subject types"],
    );
    check(
        "reader: {from: parent, relation: reader}",
        &["reader.from: `account` has no relation `parent`"],
    );
    check(
        "parent: [account]
         reader: {from: parent, relation: nothing}",
        &["reader.relation: no type has a relation `nothing`"],
    );
    check(
        "parent: [account, group]
         reader: {any_of: [[user], {from: parent, relation: reader}]}",
        &["reader: `group`, which `parent` may name, has no relation `reader`"],
    );
    check(
        "parent: [account, group#member]
         reader: {any_of: [[user], {from: parent, relation: reader}]}",
        &["reader: `parent` stands behind `from` and has to be a list of types, without `#` and `*`"],
    );
    check(
        "1reader: [user]",
        &["1reader: `1reader` is no name: a letter, then letters, digits, `_` and `-`, at most 64 bytes"],
    );
    let deep = format!("reader: {}[user]{}", "{any_of: [".repeat(9), "]}".repeat(9));
    check(
        &deep,
        &[&format!("reader{}: nested deeper than 8", ".any_of[0]".repeat(9))],
    );
}

#[test]
fn what_can_never_hold_is_refused() {
    check(
        "parent: [account]
         reader: {from: parent, relation: reader}",
        &["reader: can never hold: no tuple gives it to anybody"],
    );
    check(
        "a: b
         b: {any_of: [a, [user]]}",
        &[
            "a: `a` leads back to itself without a tuple in between",
            "b: `b` leads back to itself without a tuple in between",
        ],
    );
    check("a: [account#a]", &["a: can never hold: no tuple gives it to anybody"]);
    check(
        "a: [user]
         b: [service]
         c: {any_of: [a, {all_of: [a, b]}]}",
        &["c: `all_of` asks for subjects of different types, and can never hold"],
    );
    check(
        "a: [user]
         b: [service]
         c: {of: a, but_not: b}",
        &["c: `but_not` holds for other types of subjects only, and takes nothing away"],
    );
}

#[test]
fn nothing_depends_on_its_own_absence() {
    check(
        "parent: [account]
         reader: {of: [user], but_not: {from: parent, relation: reader}}",
        &["reader: `reader` depends on its own absence"],
    );
    check(
        "blocked: [account#reader, user]
         reader: {of: [user], but_not: blocked}",
        &["reader: `reader` depends on its own absence"],
    );
    check(
        "parent: [account]
         blocked: [user]
         reader: {of: {any_of: [[user], {from: parent, relation: reader}]}, but_not: blocked}",
        &[],
    );
}

#[test]
fn a_rewrite_is_exactly_one_thing() {
    for wrong in [
        "{any_of: [a], all_of: [a]}",
        "{of: a}",
        "{from: a}",
        "{}",
        "3",
        "{anyof: [a]}",
        "null",
    ] {
        let yaml = format!("types: {{account: {{relations: {{a: {wrong}}}}}}}");
        assert!(compile(&yaml).is_err(), "{yaml}");
    }
}

#[test]
fn only_what_the_model_allows_is_admitted() {
    let model = compile(
        "types: {user: , service: , group: {relations: {member: [user], admin: [user]}}, \
         account: {relations: {reader: [user, 'group#member', 'service:*'], all: reader}}}",
    )
    .unwrap();
    for (tuple, is_admitted) in [
        ("account:1#reader@user:jean", true),
        ("account:1#reader@group:a#member", true),
        ("account:1#reader@service:*", true),
        ("account:1#reader@user:*", false),
        ("account:1#reader@service:a", false),
        ("account:1#reader@group:a", false),
        ("account:1#reader@group:a#admin", false),
        ("account:1#reader@group:a#other", false),
        ("account:1#all@user:jean", false),
        ("account:1#writer@user:jean", false),
        ("other:1#reader@user:jean", false),
    ] {
        let admitted = model.admit(&Tuple::parse(tuple).unwrap());
        assert_eq!(admitted.is_ok(), is_admitted, "{tuple}: {admitted:?}");
    }
}

#[test]
fn a_model_says_whether_anything_takes_away() {
    for (reader, expected) in [
        ("[user]", false),
        ("{any_of: [[user], {all_of: [owner, blocked]}]}", false),
        ("{any_of: [owner, {of: [user], but_not: blocked}]}", true),
    ] {
        let yaml =
            format!("types: {{user: , account: {{relations: {{owner: [user], blocked: [user], reader: {reader}}}}}}}");
        assert_eq!(compile(&yaml).unwrap().takes_away(), expected, "{reader}");
    }
}
