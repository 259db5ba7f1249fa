//! The rules of modules, and what each of them speaks of: read from the tree that the evaluator's parser makes. Places are the parser's.
//!
//! Read for one purpose, to know what leads to what. Where that cannot be known a rule leads to more than it does.

use serde_json::{Map, Value};

use portcullis_decision::problem::Place;

/// The document that rules and data are in.
const DATA: &str = "data";

/// A rule, or a function, which is a rule with arguments.
#[derive(Debug)]
pub(super) struct Rule {
    /// Its name from `data` on, as far as it is written: `users` of `users[id]`.
    pub(super) path: Path,
    pub(super) is_function: bool,
    pub(super) place: Place,
    pub(super) calls: Vec<Call>,
    /// What it speaks of below `data`, from there on. One that ends early speaks of whatever is below.
    pub(super) speaks_of: Vec<Path>,
    /// What it replaces by `with`, as it is written.
    pub(super) replaces: Vec<(String, Place)>,
    /// How many expressions are in one another.
    pub(super) depth: usize,
}

/// A function that is called.
#[derive(Debug)]
pub(super) struct Call {
    /// As it is written; none where that is no name.
    pub(super) name: Option<String>,
    /// From `data` on, if it is a function of a module.
    pub(super) path: Path,
    pub(super) place: Place,
}

/// Names, each below the one before; without `data`.
pub(super) type Path = Vec<String>;

/// The rules of all modules.
pub(super) fn of_modules(tree: &Value) -> Vec<Rule> {
    let modules = tree.as_array().into_iter().flatten();
    modules.flat_map(Module::rules).collect()
}

/// A module, as far as rules need it.
struct Module<'t> {
    file: &'t str,
    package: Path,
    /// By the names that they have here.
    imports: Vec<(String, Path)>,
}

impl Module<'_> {
    fn rules(written: &Value) -> Vec<Rule> {
        let module = written.get("ast").unwrap_or(&Value::Null);
        let name = written.pointer("/source/file").and_then(Value::as_str);
        let imports = members(module, "imports").filter_map(|import| {
            let chain = Chain::of(import.get("refr")?);
            let text = |span: &Value| text_of(span, written);
            let alias = import
                .get("as")
                .and_then(text)
                .or_else(|| chain.names.last().cloned())?;
            Some((alias, chain.below(DATA)?))
        });
        let reading = Module {
            file: name.unwrap_or_default(),
            package: module
                .pointer("/package/refr")
                .map(|refr| Chain::of(refr).names)
                .unwrap_or_default(),
            imports: imports.collect(),
        };
        members(module, "rules").map(|rule| reading.rule(rule)).collect()
    }

    fn rule(&self, written: &Value) -> Rule {
        let (kind, body) = only_member(written);
        let head = body.get("head").map_or(body, |head| only_member(head).1);
        let is_function =
            body.pointer("/head/Func").is_some() || (kind == "Default" && members(body, "args").next().is_some());
        let mut path = self.package.clone();
        path.extend(head.get("refr").map(|refr| Chain::of(refr).names).unwrap_or_default());
        let arguments = members(head, "args").map(|argument| Chain::of(argument).names.concat());
        let mut reading = Reading {
            module: self,
            arguments: arguments.collect(),
            rule: Rule {
                path,
                is_function,
                place: self.place(body),
                calls: Vec::new(),
                speaks_of: Vec::new(),
                replaces: Vec::new(),
                depth: 0,
            },
        };
        // What a head is called by is no expression; what is in its brackets is.
        reading.read_brackets(head.get("refr").unwrap_or(&Value::Null), 0);
        for part in ["assign", "key", "value"] {
            reading.read(head.get(part).unwrap_or(&Value::Null), 0);
        }
        reading.read(body.get("bodies").unwrap_or(&Value::Null), 0);
        reading.rule
    }

    fn place(&self, expression: &Value) -> Place {
        let number = |name: &str| expression.pointer(&format!("/span/{name}")).and_then(Value::as_u64);
        let number = |name: &str| {
            number(name)
                .and_then(|number| usize::try_from(number).ok())
                .unwrap_or(1)
        };
        Place {
            file: self.file.to_owned(),
            line: number("line"),
            column: number("col"),
        }
    }

    /// Where something is that a module says, from `data` on; nothing if it is not below `data`.
    fn below_data(&self, chain: &Chain) -> Option<Path> {
        let (root, rest) = chain.names.split_first()?;
        if root == DATA {
            return Some(rest.to_vec());
        }
        let imported = self.imports.iter().find(|(alias, _)| alias == root);
        let before = imported.map_or_else(
            || [self.package.as_slice(), std::slice::from_ref(root)].concat(),
            |(_, path)| path.clone(),
        );
        Some([before.as_slice(), rest].concat())
    }
}

/// A rule that is being read.
struct Reading<'m> {
    module: &'m Module<'m>,
    arguments: Vec<String>,
    rule: Rule,
}

impl Reading<'_> {
    fn read(&mut self, part: &Value, depth: usize) {
        self.rule.depth = self.rule.depth.max(depth);
        match part {
            Value::Array(parts) => parts.iter().for_each(|part| self.read(part, depth)),
            Value::Object(members) => self.read_members(part, members, depth),
            _ => {}
        }
    }

    fn read_members(&mut self, whole: &Value, members: &Map<String, Value>, depth: usize) {
        for (name, part) in members {
            match name.as_str() {
                "span" => {}
                "Var" | "RefDot" | "RefBrack" => {
                    self.refers(&Chain::of(whole));
                    self.read_brackets(whole, depth + 1);
                }
                "Call" => self.calls(part, depth + 1),
                "with_mods" => self.replaces(part, depth + 1),
                _ => self.read(part, depth + 1),
            }
        }
    }

    fn refers(&mut self, chain: &Chain) {
        let is_own = |root: &String| root == "input" || self.arguments.contains(root);
        if chain.names.first().is_none_or(is_own) {
            return;
        }
        self.rule.speaks_of.extend(self.module.below_data(chain));
    }

    /// What stands in the brackets of a chain of names, and what it begins with if that is none.
    fn read_brackets(&mut self, chain: &Value, depth: usize) {
        let (kind, link) = only_member(chain);
        match kind {
            "Var" => {}
            "RefDot" | "RefBrack" => {
                self.read(link.get("index").unwrap_or(&Value::Null), depth);
                self.read_brackets(link.get("refr").unwrap_or(&Value::Null), depth);
            }
            _ => self.read(chain, depth),
        }
    }

    fn calls(&mut self, call: &Value, depth: usize) {
        let chain = Chain::of(call.get("fcn").unwrap_or(&Value::Null));
        // The evaluator knows functions by their whole name, or by one below their own package: imports do not count.
        let path = match chain.names.split_first() {
            Some((root, rest)) if root == DATA => rest.to_vec(),
            _ => [self.module.package.as_slice(), &chain.names].concat(),
        };
        self.rule.calls.push(Call {
            name: chain.is_whole.then(|| chain.names.join(".")),
            path,
            place: self.module.place(root(call.get("fcn").unwrap_or(&Value::Null))),
        });
        self.read(call.get("params").unwrap_or(&Value::Null), depth);
    }

    fn replaces(&mut self, modifiers: &Value, depth: usize) {
        for modifier in modifiers.as_array().into_iter().flatten() {
            let target = Chain::of(modifier.get("refr").unwrap_or(&Value::Null));
            let place = self.module.place(modifier);
            self.rule.replaces.push((target.names.join("."), place));
            self.read(modifier.get("as").unwrap_or(&Value::Null), depth);
        }
    }
}

/// Names in a row, such as `data.bank["owners"]`.
#[derive(Debug, Default)]
struct Chain {
    /// Up to the first that is computed.
    names: Vec<String>,
    /// Whether none is.
    is_whole: bool,
}

impl Chain {
    fn of(expression: &Value) -> Self {
        let (kind, link) = only_member(expression);
        let before = || Self::of(link.get("refr").unwrap_or(&Value::Null));
        let name = match kind {
            "Var" => {
                let name = link.get("value").and_then(Value::as_str);
                return name.map_or_else(Self::default, |name| Self {
                    names: vec![name.to_owned()],
                    is_whole: true,
                });
            }
            "RefDot" => link.pointer("/field/1").and_then(Value::as_str),
            "RefBrack" => link.pointer("/index/String/value").and_then(Value::as_str),
            _ => return Self::default(),
        };
        let mut chain = before();
        match name {
            Some(name) if chain.is_whole => chain.names.push(name.to_owned()),
            _ => chain.is_whole = false,
        }
        chain
    }

    /// What comes after this root, if it begins there.
    fn below(&self, root: &str) -> Option<Path> {
        let (first, rest) = self.names.split_first()?;
        (first == root).then(|| rest.to_vec())
    }
}

/// What a chain begins with, which is where a reader sees it.
fn root(chain: &Value) -> &Value {
    let (_, link) = only_member(chain);
    link.get("refr").map_or(link, root)
}

/// The text that a span covers.
fn text_of(span: &Value, source: &Value) -> Option<String> {
    let text = source.pointer("/source/contents")?.as_str()?;
    let offset = |name: &str| usize::try_from(span.get(name)?.as_u64()?).ok();
    text.get(offset("start")?..offset("end")?).map(str::to_owned)
}

/// The members of an array that is a member.
fn members<'v>(of: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    of.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// Of an object that says by its only member what it is.
fn only_member(of: &Value) -> (&str, &Value) {
    let member = of.as_object().and_then(|members| members.iter().next());
    member.map_or(("", &Value::Null), |(name, value)| (name.as_str(), value))
}
