//! Answers that list resources: reduced to those that the caller may see. What is left stands as the upstream wrote it.

use portcullis_decision::words::{Action, Resource};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::body_names::Path;
use super::named::is_plain_integer;
use crate::json_text::{blank, items, members};
use crate::limit::target::Pointer;

/// How many items a page of a collection may have.
pub const ITEMS_MAX: usize = 1_000;

/// How the answers of an operation list resources.
#[derive(Clone, Debug)]
pub struct Collection {
    /// Where the array of items stands.
    pub items: Pointer,
    /// The type of the items.
    pub kind: Box<str>,
    /// Where in an item its id stands.
    pub id: Path,
    /// What the caller has to be permitted.
    pub action: Action,
    /// What of an item is told to those who decide, by the names of the attributes.
    pub attributes: Box<[(Box<str>, Pointer)]>,
    /// Where the number of items is told.
    pub counts: Box<[Pointer]>,
    /// What leads to other pages, and is left out with the first item that is.
    pub links: Box<[Pointer]>,
}

/// Why an answer cannot be reduced. Nothing of it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Irreducible(pub(crate) &'static str);

impl Collection {
    /// The items of an answer, as resources.
    ///
    /// # Errors
    /// It is no JSON, has no array where there should be one, more than [`ITEMS_MAX`] items, or one of them has no id.
    pub(crate) fn resources(&self, text: &[u8]) -> Result<Vec<Resource>, Irreducible> {
        serde_json::from_slice::<IgnoredAny>(text).map_err(|_| Irreducible("no-json"))?;
        let array = self
            .items
            .tokens()
            .iter()
            .try_fold(text, |object, name| only_member(object, name));
        let listed = items(array?, ITEMS_MAX + 1).ok_or(Irreducible("no-array"))?;
        if listed.len() > ITEMS_MAX {
            return Err(Irreducible("too-many-items"));
        }
        listed.into_iter().map(|item| self.resource(item)).collect()
    }

    fn resource(&self, item: &[u8]) -> Result<Resource, Irreducible> {
        let names = self.id.names(item).map_err(|_| Irreducible("item-unreadable"))?;
        let [id] = names.as_slice() else {
            return Err(Irreducible("item-without-id"));
        };
        let mut resource = Resource::new(&*self.kind, &**id);
        for (name, pointer) in &self.attributes {
            let value = pointer
                .tokens()
                .iter()
                .try_fold(item, |object, token| only_member(object, token));
            match value {
                Ok(value) => {
                    let value: Value = serde_json::from_slice(value).map_err(|_| Irreducible("item-unreadable"))?;
                    if !value.is_null() {
                        resource.properties.insert(&**name, value);
                    }
                }
                // Whoever decides is told nothing then, as where an attribute is not known.
                Err(Irreducible("no-member")) => {}
                Err(unreadable) => return Err(unreadable),
            }
        }
        Ok(resource)
    }

    /// The answer with those items that are `kept`, in their order; counts follow, or are left out where they count more than was there.
    ///
    /// # Errors
    /// It is not the answer whose items they are.
    pub(crate) fn reduced(&self, text: &[u8], kept: &[bool]) -> Result<Vec<u8>, Irreducible> {
        let counts = self.counts.iter().map(|pointer| (pointer.tokens(), To::Count));
        let is_whole = kept.iter().all(|kept| *kept);
        let links = self.links.iter().filter(|_| !is_whole);
        let links = links.map(|pointer| (pointer.tokens(), To::Nothing));
        let edits: Vec<Edit<'_>> = std::iter::once((self.items.tokens(), To::Kept))
            .chain(counts)
            .chain(links)
            .map(|(left, to)| Edit { left, to })
            .collect();
        let mut out = Vec::with_capacity(text.len());
        match rewrite(blank(text), &edits, kept, &mut out)? {
            Written::Whole => Ok(out),
            Written::Not => Err(Irreducible("nothing-left")),
        }
    }
}

/// What becomes of a value.
#[derive(Clone, Copy, PartialEq)]
enum To {
    Kept,
    Count,
    Nothing,
}

/// What is done at the end of a way.
#[derive(Clone, Copy)]
struct Edit<'p> {
    left: &'p [Box<str>],
    to: To,
}

impl Edit<'_> {
    /// The same from below a member of this name; none where the way does not lead there.
    fn below(self, name: &str) -> Option<Self> {
        let (token, left) = self.left.split_first()?;
        (**token == *name).then_some(Self { left, ..self })
    }
}

#[derive(PartialEq)]
enum Written {
    Whole,
    /// It is to be left out.
    Not,
}

/// Writes a value with what is done to it and below it.
fn rewrite(value: &[u8], edits: &[Edit<'_>], kept: &[bool], out: &mut Vec<u8>) -> Result<Written, Irreducible> {
    if let Some(edit) = edits.iter().find(|edit| edit.left.is_empty()) {
        return apply(edit.to, value, kept, out);
    }
    // Nothing to do below it, or nothing that could be there: a count that is null, say.
    if edits.is_empty() || !value.starts_with(b"{") {
        out.extend_from_slice(value);
        return Ok(Written::Whole);
    }
    let begins = out.len();
    out.push(b'{');
    for member in members(value).ok_or(Irreducible("no-json"))? {
        let below: Vec<Edit<'_>> = edits.iter().filter_map(|edit| edit.below(&member.name)).collect();
        let before = out.len();
        if before > begins + 1 {
            out.push(b',');
        }
        let name = serde_json::to_vec(&*member.name).map_err(|_| Irreducible("no-json"))?;
        out.extend_from_slice(&name);
        out.push(b':');
        if rewrite(member.value, &below, kept, out)? == Written::Not {
            out.truncate(before);
        }
    }
    out.push(b'}');
    Ok(Written::Whole)
}

fn apply(to: To, value: &[u8], kept: &[bool], out: &mut Vec<u8>) -> Result<Written, Irreducible> {
    match to {
        To::Nothing => Ok(Written::Not),
        To::Count => {
            let said = std::str::from_utf8(value).ok().filter(|text| is_plain_integer(text));
            if said.and_then(|text| text.parse().ok()) != Some(kept.len()) {
                return Ok(Written::Not);
            }
            let left = kept.iter().filter(|kept| **kept).count();
            out.extend_from_slice(left.to_string().as_bytes());
            Ok(Written::Whole)
        }
        To::Kept => {
            let listed = items(value, ITEMS_MAX + 1).filter(|listed| listed.len() == kept.len());
            let listed = listed.ok_or(Irreducible("no-array"))?;
            let left = listed.into_iter().zip(kept).filter(|(_, kept)| **kept);
            out.push(b'[');
            for (number, (item, _)) in left.enumerate() {
                if number > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(item);
            }
            out.push(b']');
            Ok(Written::Whole)
        }
    }
}

/// The value of a member that is there once.
fn only_member<'j>(object: &'j [u8], name: &str) -> Result<&'j [u8], Irreducible> {
    let members = members(object).ok_or(Irreducible("no-object"))?;
    let mut found = members.iter().filter(|member| *member.name == *name);
    match (found.next(), found.next()) {
        (Some(member), None) => Ok(member.value),
        (None, _) => Err(Irreducible("no-member")),
        (Some(_), Some(_)) => Err(Irreducible("member-twice")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collection(items: &str, id: &str, counts: &[&str], links: &[&str]) -> Collection {
        let pointers = |texts: &[&str]| texts.iter().map(|text| Pointer::parse(text).unwrap()).collect();
        Collection {
            items: Pointer::parse(items).unwrap(),
            kind: "Account".into(),
            id: Path::parse(id).unwrap(),
            action: Action::new("readAccount"),
            attributes: Box::new([("owner".into(), Pointer::parse("/owner/id").unwrap())]),
            counts: pointers(counts),
            links: pointers(links),
        }
    }

    /// Keeps the items whose ids are named.
    fn reduced(collection: &Collection, text: &str, ids: &[&str]) -> Result<String, &'static str> {
        let resources = collection.resources(text.as_bytes()).map_err(|Irreducible(why)| why)?;
        let kept: Vec<bool> = resources.iter().map(|resource| ids.contains(&&*resource.id)).collect();
        let text = collection
            .reduced(text.as_bytes(), &kept)
            .map_err(|Irreducible(why)| why)?;
        Ok(String::from_utf8(text).unwrap())
    }

    #[test]
    fn what_is_left_stands_as_it_was_written() {
        let page = collection(
            "/page/items",
            "/id",
            &["/page/total", "/count"],
            &["/next", "/page/first"],
        );
        let text = r#"{ "page": {"items":[{"id":1, "x":1.10},{"id":"2"},{"id":3}], "total":3, "first":"/?1"},"next":"/?after=2",
            "count":70, "\u006eote" : "as é it is" }"#;
        assert_eq!(
            reduced(&page, text, &["1", "3"]).unwrap(),
            r#"{"page":{"items":[{"id":1, "x":1.10},{"id":3}],"total":2},"note":"as é it is"}"#
        );
        assert_eq!(
            reduced(&page, text, &[]).unwrap(),
            r#"{"page":{"items":[],"total":0},"note":"as é it is"}"#
        );
        let root = Collection {
            attributes: Box::default(),
            ..collection("", "", &[], &[])
        };
        assert_eq!(
            reduced(&root, r#" ["a", "b" ,"c"] "#, &["a", "c"]).unwrap(),
            r#"["a","c"]"#
        );
        assert_eq!(reduced(&root, "[]", &[]).unwrap(), "[]");
    }

    #[test]
    fn what_an_item_says_is_told_to_those_who_decide() {
        let of = |item: &str| {
            let all = collection("", "/id", &[], &[]).resources(format!("[{item}]").as_bytes())?;
            Ok::<_, Irreducible>(all[0].properties.get("owner").cloned())
        };
        assert_eq!(of(r#"{"id":1,"owner":{"id":"ann"}}"#), Ok(Some(Value::from("ann"))));
        assert_eq!(of(r#"{"id":1,"owner":{"id":null}}"#), Ok(None));
        assert_eq!(of(r#"{"id":1,"owner":{}}"#), Ok(None));
        assert_eq!(
            of(r#"{"id":1,"owner":{"id":"ann","id":"bob"}}"#),
            Err(Irreducible("member-twice"))
        );
        assert_eq!(of(r#"{"id":1,"owner":"ann"}"#), Err(Irreducible("no-object")));
    }

    #[test]
    fn authz_1_what_has_two_readings_does_not_leave() {
        let page = collection("/items", "/id", &[], &[]);
        for (text, expected) in [
            ("", "no-json"),
            (r#"{"items":[]"#, "no-json"),
            (r#"{"items":[]}{}"#, "no-json"),
            ("[]", "no-object"),
            ("{}", "no-member"),
            (r#"{"items":null}"#, "no-array"),
            (r#"{"items":{"0":{"id":1}}}"#, "no-array"),
            (r#"{"items":[],"items":[{"id":1}]}"#, "member-twice"),
            (r#"{"items":[],"\u0069tems":[{"id":1}]}"#, "member-twice"),
            (r#"{"items":[{}]}"#, "item-without-id"),
            (r#"{"items":[{"id":1,"id":2}]}"#, "item-unreadable"),
            (r#"{"items":[{"id":1.0}]}"#, "item-unreadable"),
            (r#"{"items":[[]]}"#, "item-unreadable"),
        ] {
            assert_eq!(reduced(&page, text, &["1", "2"]), Err(expected), "{text}");
        }
        let many = format!("{{\"items\":[{}{{\"id\":1}}]}}", "{\"id\":1},".repeat(ITEMS_MAX));
        assert_eq!(reduced(&page, &many, &[]), Err("too-many-items"));
    }
}
