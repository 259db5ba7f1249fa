//! Random numbers that are the same in every run, and random worlds of entities, policies and questions.

use portcullis_decision::engines::cedar::Link;
use portcullis_decision::words::Evaluation;
use serde_json::{Map, Value, json};

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// Ids that are easily mixed up: as a pattern, as a name, by how they are quoted.
const IDS: [&str; 8] = ["0", "1", "2", "*", "a\"b", "User::\"0\"", "é", "1*"];

pub(crate) fn quoted(id: &str) -> String {
    format!("\"{}\"", id.escape_debug())
}

fn uid(kind: &str, id: &str) -> String {
    format!("{kind}::{}", quoted(id))
}

/// Entities, policies over them, and links of the templates among the policies.
pub(crate) struct World {
    /// Cedar's JSON.
    pub(crate) entities: Vec<Value>,
    pub(crate) policies: String,
    pub(crate) links: Vec<Link>,
}

impl World {
    pub(crate) fn new(random: &mut Random) -> Self {
        let mut entities = hierarchy(random, "Group", "Group");
        entities.extend(hierarchy(random, "Folder", "Folder"));
        entities.extend(leaves(random, "User", "Group"));
        entities.extend(leaves(random, "Doc", "Folder"));
        entities.extend(actions(random));
        let mut policies = String::new();
        let mut links = Vec::new();
        // Most worlds are small, so that there can be many.
        let number_max = random.below(50) + 1;
        for number in 0..random.below(number_max) + 1 {
            let (text, slots) = policy(random);
            policies.push_str(&format!("@id(\"policy{number}\") {text}\n"));
            if slots != (false, false) {
                for link in 0..random.below(3) {
                    links.push(Link {
                        template: format!("policy{number}"),
                        id: format!("link{number}-{link}"),
                        principal: slots.0.then(|| principal(random)),
                        resource: slots.1.then(|| resource(random)),
                    });
                }
            }
        }
        Self {
            entities,
            policies,
            links,
        }
    }
}

fn entity(kind: &str, id: &str, attributes: Value, parents: Vec<Value>) -> Value {
    json!({"uid": {"type": kind, "id": id}, "attrs": attributes, "parents": parents})
}

/// Some entities of a type, each within some of those before it.
fn hierarchy(random: &mut Random, kind: &str, above: &str) -> Vec<Value> {
    let number = random.below(IDS.len()) + 1;
    let mut entities = Vec::new();
    for (index, id) in IDS[..number].iter().enumerate() {
        let before: Vec<Value> = IDS[..index]
            .iter()
            .filter(|_| random.one_in(3))
            .map(|id| json!({"type": above, "id": id}))
            .collect();
        let mut one = entity(kind, id, attributes(random, true), before);
        if random.one_in(4) {
            one["tags"] = json!({"t": "v", "n": random.below(3)});
        }
        entities.push(one);
    }
    entities
}

fn leaves(random: &mut Random, kind: &str, above: &str) -> Vec<Value> {
    let mut entities = Vec::new();
    for id in &IDS[..random.below(IDS.len())] {
        let parents: Vec<Value> = IDS
            .iter()
            .filter(|_| random.one_in(4))
            .map(|id| json!({"type": above, "id": id}))
            .collect();
        let mut one = entity(kind, id, attributes(random, true), parents);
        if random.one_in(3) {
            one["tags"] = json!({"t": "v"});
        }
        entities.push(one);
    }
    entities
}

fn actions(random: &mut Random) -> Vec<Value> {
    let mut entities: Vec<Value> = Vec::new();
    for name in ["all", "readers", "writers", "read", "write", "*"] {
        let parents: Vec<Value> = entities
            .iter()
            .filter(|_| random.one_in(2))
            .map(|group| json!({"type": "Action", "id": group["uid"]["id"]}))
            .collect();
        entities.push(entity("Action", name, json!({}), parents));
    }
    entities
}

/// Attributes, some of them entities where Cedar's JSON can say so.
fn attributes(random: &mut Random, configured: bool) -> Value {
    let mut attributes = Map::new();
    let mut put = |random: &mut Random, name: &str, value: Value| {
        if random.one_in(2) {
            attributes.insert(name.to_owned(), value);
        }
    };
    let number = random.below(5);
    let level = if random.one_in(9) { json!("high") } else { json!(number) };
    put(random, "level", level);
    let name = random.pick(&["alice", "bob", "a*b", ""]);
    put(random, "name", json!(name));
    let tags: Vec<&str> = ["x", "y", "*"].into_iter().filter(|_| random.one_in(2)).collect();
    put(random, "tags", json!(tags));
    let yes = random.one_in(2);
    put(random, "flag", json!(yes));
    if configured {
        let user = IDS[random.below(IDS.len())];
        put(random, "manager", json!({"__entity": {"type": "User", "id": user}}));
        let group = IDS[random.below(IDS.len())];
        put(
            random,
            "rec",
            json!({"x": number, "owner": {"__entity": {"type": "Group", "id": group}}}),
        );
    } else {
        put(random, "rec", json!({"x": number}));
        put(random, "manager", json!({"level": number}));
    }
    Value::Object(attributes)
}

fn id(random: &mut Random) -> &'static str {
    IDS[random.below(IDS.len())]
}

fn principal(random: &mut Random) -> String {
    let kind = random.pick(&["User", "User", "Group"]);
    uid(kind, id(random))
}

fn resource(random: &mut Random) -> String {
    let kind = random.pick(&["Doc", "Doc", "Folder"]);
    uid(kind, id(random))
}

fn action(random: &mut Random) -> &'static str {
    random.pick(&["all", "readers", "writers", "read", "write", "*", "other"])
}

/// A policy without its id, and which slots it has.
fn policy(random: &mut Random) -> (String, (bool, bool)) {
    let (principal, first) = scope(random, "principal", "?principal", principal);
    let (resource, second) = scope(random, "resource", "?resource", resource);
    let action = match random.below(6) {
        0 | 1 => "action".to_owned(),
        2 => format!("action == {}", uid("Action", action(random))),
        3 => format!("action in {}", uid("Action", action(random))),
        _ => {
            let of: Vec<String> = (0..random.below(4)).map(|_| uid("Action", action(random))).collect();
            format!("action in [{}]", of.join(", "))
        }
    };
    let effect = if random.one_in(3) { "forbid" } else { "permit" };
    let mut text = format!("{effect}({principal}, {action}, {resource})");
    for _ in 0..random.below(3) {
        let clause = random.pick(&["when", "when", "unless"]);
        text.push_str(&format!(" {clause} {{ {} }}", condition(random, 3)));
    }
    (format!("{text};"), (first, second))
}

fn scope(random: &mut Random, variable: &str, slot: &str, entity: fn(&mut Random) -> String) -> (String, bool) {
    let with_slot = random.one_in(12);
    let named = if with_slot { slot.to_owned() } else { entity(random) };
    let kind = if variable == "principal" {
        random.pick(&["User", "Group"])
    } else {
        random.pick(&["Doc", "Folder", "User"])
    };
    match random.below(6) {
        0 | 1 => (variable.to_owned(), false),
        2 => (format!("{variable} == {named}"), with_slot),
        3 => (format!("{variable} in {named}"), with_slot),
        4 => (format!("{variable} is {kind}"), false),
        _ => (format!("{variable} is {kind} in {named}"), with_slot),
    }
}

fn condition(random: &mut Random, depth: usize) -> String {
    if depth > 0 && random.one_in(2) {
        let (one, other) = (condition(random, depth - 1), condition(random, depth - 1));
        return match random.below(4) {
            0 => format!("({one}) && ({other})"),
            1 => format!("({one}) || ({other})"),
            2 => format!("!({one})"),
            _ => format!("(if {one} then {other} else {})", condition(random, depth - 1)),
        };
    }
    let who = random.pick(&[
        "principal",
        "resource",
        "principal.manager",
        "resource.manager",
        "context",
    ]);
    let number = random.below(6);
    let group = uid(random.pick(&["Group", "Folder"]), id(random));
    match random.below(26) {
        0 => format!("{who}.level < {number}"),
        1 => format!("{who}.level == resource.level"),
        2 => format!("{who}.level + principal.level > {number}"),
        3 => format!("{who}.level * 9223372036854775807 > {number}"),
        4 => format!("{who} has level && {who}.level >= {number}"),
        5 => format!("{who} has rec.owner"),
        6 => format!("{who}.rec.owner in {group}"),
        7 => format!("{who} has manager.level"),
        8 => format!("principal.manager in {group}"),
        9 => format!("principal in [{group}, {}]", principal(random)),
        10 => format!("resource in {group}"),
        11 => format!("action in {}", uid("Action", action(random))),
        12 => format!("{who}.name like \"a*\""),
        13 => format!("{who}.name like \"a\\*b\""),
        14 => format!("{who}.tags.contains(\"x\")"),
        15 => format!("{who}.tags.containsAny([\"y\", \"*\"])"),
        16 => "context == {\"flag\": true}".to_owned(),
        17 => format!("{}.level > {number}", uid("User", id(random))),
        18 => format!("{}.manager.manager has level", uid("User", id(random))),
        19 => format!("{who}.hasTag(\"t\") && {who}.getTag(\"t\") == \"v\""),
        20 => format!("principal.getTag(\"n\") == {number}"),
        21 => "principal is User && resource is Doc".to_owned(),
        22 => format!("resource is Doc in {group}"),
        23 => random
            .pick(&[
                "1",
                "principal.level",
                "\"x\"",
                "true",
                "false",
                "principal",
                "context.flag",
            ])
            .to_owned(),
        24 => "ip(context.address).isInRange(ip(\"10.0.0.0/8\"))".to_owned(),
        _ => format!("context.clock.minute > {}", 100 * number),
    }
}

/// A question, its properties among them those that try to be what is configured.
pub(crate) fn question(random: &mut Random) -> Evaluation {
    let kind = random.pick(&["User", "User", "User", "Group"]);
    let mut subject = json!({"type": kind, "id": id(random), "properties": attributes(random, false)});
    if kind == "User" && random.one_in(3) {
        let groups: Vec<&str> = IDS.into_iter().filter(|_| random.one_in(4)).collect();
        subject["properties"]["groups"] = json!(groups);
    }
    let kind = random.pick(&["Doc", "Doc", "Folder", "User"]);
    let resource = json!({"type": kind, "id": id(random), "properties": attributes(random, false)});
    let mut context = attributes(random, false);
    if random.one_in(2) {
        context["address"] = json!(random.pick(&["10.1.2.3", "11.1.2.3", "nowhere"]));
    }
    let question =
        json!({"subject": subject, "action": {"name": action(random)}, "resource": resource, "context": context});
    serde_json::from_value(question).unwrap()
}
