//! The rules of modules, and what each of them speaks of: read from the tree that the evaluator's parser makes. Places are the parser's.
//!
//! Read for one purpose, to know what leads to what. Where that cannot be known a rule leads to more than it does.

use serde_json::{Map, Value};

use portcullis_decision::problem::Place;

use super::negation;

/// The document that rules and data are in.
const DATA: &str = "data";
/// How much of a stack a statement takes that tries several values, counted in expressions that are in one another.
const STATEMENT_DEPTH: usize = 12;

/// A rule, or a function, which is a rule with arguments.
#[derive(Debug)]
pub(super) struct Rule {
    /// Its name from `data` on, as far as it is written: `users` of `users[id]`.
    pub(super) path: Path,
    pub(super) is_function: bool,
    /// How many a function takes.
    pub(super) arguments: usize,
    /// Whether it only says what counts where no other does.
    pub(super) is_default: bool,
    pub(super) place: Place,
    pub(super) calls: Vec<Call>,
    /// What it says that the evaluator reads as something else.
    pub(super) misread: Vec<(Place, Misread)>,
    /// What it speaks of below `data`, from there on. One that ends early speaks of whatever is below.
    pub(super) speaks_of: Vec<Path>,
    /// What it replaces by `with`, as it is written.
    pub(super) replaces: Vec<(String, Place)>,
    /// How many expressions are in one another.
    pub(super) depth: usize,
}

/// What the evaluator reads as something else than Rego has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Misread {
    /// A name in brackets with an escape, which stays as it is written.
    Escape,
    /// A name below `not` that nothing gives a value: each value is tried outside the `not`, and one that does not hold is enough.
    Negated(String),
    /// `in` as a value: what is not there is `false` then, and not undefined.
    Membership,
}

/// A function that is called.
#[derive(Debug)]
pub(super) struct Call {
    /// With how many arguments.
    pub(super) arguments: usize,
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
    let modules: Vec<_> = modules.map(Module::of).collect();
    let rules = modules.iter().flat_map(|(reading, module)| {
        let same = modules.iter().filter(|(other, _)| other.package == reading.package);
        let names: Vec<String> = same.flat_map(|(_, module)| first_names(module)).collect();
        members(module, "rules")
            .map(move |rule| reading.rule(rule, &names))
            .collect::<Vec<_>>()
    });
    rules.collect()
}

/// What is imported besides the language itself, which decides nothing: where, and its name.
pub(super) fn imports(tree: &Value) -> Vec<(Place, String)> {
    let modules = tree.as_array().into_iter().flatten();
    let of_module = |written| {
        let (reading, module) = Module::of(written);
        let imports = members(module, "imports").map(move |import| {
            let name = Chain::of(import.get("refr").unwrap_or(&Value::Null)).names.join(".");
            (reading.place(import), name)
        });
        imports.collect::<Vec<_>>()
    };
    let imports = modules.flat_map(of_module);
    let is_language = |name: &str| name == "rego.v1" || name.starts_with("future.keywords");
    imports.filter(|(_, name)| !is_language(name)).collect()
}

/// What the rules of a module begin with: the names that they can be spoken of by in their package.
fn first_names(module: &Value) -> impl Iterator<Item = String> {
    let rules = members(module, "rules").filter(|rule| rule.pointer("/Spec/head/Func").is_none());
    rules.filter_map(|rule| {
        let (_, body) = only_member(rule);
        Chain::of(head_of(body).get("refr")?).names.into_iter().next()
    })
}

/// What a rule is called by; a default has no head of its own.
fn head_of(body: &Value) -> &Value {
    body.get("head").map_or(body, |head| only_member(head).1)
}

/// A module, as far as rules need it.
struct Module<'t> {
    file: &'t str,
    text: &'t str,
    package: Path,
}

impl<'t> Module<'t> {
    fn of(written: &'t Value) -> (Self, &'t Value) {
        let module = written.get("ast").unwrap_or(&Value::Null);
        let text = |pointer: &str| written.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let package = module.pointer("/package/refr").map(|refr| Chain::of(refr).names);
        let reading = Self {
            file: text("/source/file"),
            text: text("/source/contents"),
            package: package.unwrap_or_default(),
        };
        (reading, module)
    }

    /// `names` are those of all rules of the package.
    fn rule(&self, written: &Value, names: &[String]) -> Rule {
        let (kind, body) = only_member(written);
        let head = head_of(body);
        let is_function =
            body.pointer("/head/Func").is_some() || (kind == "Default" && members(body, "args").next().is_some());
        let mut path = self.package.clone();
        path.extend(head.get("refr").map(|refr| Chain::of(refr).names).unwrap_or_default());
        let arguments = members(head, "args").flat_map(negation::variables);
        let mut reading = Reading {
            module: self,
            arguments: arguments.map(str::to_owned).collect(),
            rule: Rule {
                path: as_evaluated(&path),
                is_function,
                arguments: members(head, "args").count(),
                is_default: kind == "Default",
                place: self.place(body),
                calls: Vec::new(),
                misread: Vec::new(),
                speaks_of: Vec::new(),
                replaces: Vec::new(),
                depth: 0,
            },
        };
        // What a head is called by is no expression; what is in its brackets is.
        reading.read_brackets(head.get("refr").unwrap_or(&Value::Null), 0);
        for part in ["args", "assign", "key", "value"] {
            reading.read(head.get(part).unwrap_or(&Value::Null), 0);
        }
        reading.read(body.get("bodies").unwrap_or(&Value::Null), 0);
        if has_negation(body) {
            let known = reading.arguments.iter().chain(names).map(String::as_str);
            let known = known.chain(["input", DATA]).collect();
            let span_text = |span: &Value| self.span_text(span);
            let negated = negation::unbound(body, known, &span_text).into_iter();
            let negated = negated.map(|(expression, name)| (self.place(expression), Misread::Negated(name)));
            reading.rule.misread.extend(negated);
        }
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

    /// The text that an expression is written as.
    fn text_of(&self, expression: &Value) -> Option<&'t str> {
        self.span_text(expression.get("span")?)
    }

    fn span_text(&self, span: &Value) -> Option<&'t str> {
        let offset = |name: &str| span.get(name).and_then(Value::as_u64);
        let offset = |name: &str| offset(name).and_then(|offset| usize::try_from(offset).ok());
        self.text.get(offset("start")?..offset("end")?)
    }

    /// Where something is that a module says, from `data` on; nothing if it begins with no name.
    fn below_data(&self, chain: &Chain) -> Option<Path> {
        let (root, rest) = chain.names.split_first()?;
        if root == DATA {
            return Some(as_evaluated(rest));
        }
        Some(as_evaluated(&[self.package.as_slice(), &chain.names].concat()))
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
                "Membership" => {
                    self.rule.misread.push((self.module.place(part), Misread::Membership));
                    self.read(part, depth + 1);
                }
                // Here `in` is a statement of its own, which holds or does not.
                "literal" => match part
                    .pointer("/Expr/expr/Membership")
                    .or(part.pointer("/NotExpr/expr/Membership"))
                {
                    Some(membership) => self.read(membership, depth + 3),
                    None => self.read(part, depth + 1),
                },
                "with_mods" => self.replaces(part, depth + 1),
                // Each is evaluated within the one before.
                "stmts" => {
                    for (number, statement) in part.as_array().into_iter().flatten().enumerate() {
                        self.read(statement, depth + STATEMENT_DEPTH * (number + 1));
                    }
                }
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
                let index = link.get("index").unwrap_or(&Value::Null);
                if let Some(text) = index.get("String")
                    && self.module.text_of(text).is_none_or(|text| text.contains('\\'))
                {
                    let place = self.module.place(text);
                    self.rule.misread.push((place, Misread::Escape));
                }
                self.read(index, depth);
                self.read_brackets(link.get("refr").unwrap_or(&Value::Null), depth);
            }
            _ => self.read(chain, depth),
        }
    }

    fn calls(&mut self, call: &Value, depth: usize) {
        let chain = Chain::of(call.get("fcn").unwrap_or(&Value::Null));
        self.rule.calls.push(Call {
            arguments: members(call, "params").count(),
            path: self.module.below_data(&chain).unwrap_or_default(),
            name: chain.is_whole.then(|| chain.names.join(".")),
            place: self.module.place(root(call.get("fcn").unwrap_or(&Value::Null))),
        });
        self.read(call.get("params").unwrap_or(&Value::Null), depth);
    }

    fn replaces(&mut self, modifiers: &Value, depth: usize) {
        for modifier in modifiers.as_array().into_iter().flatten() {
            let target = Chain::of(modifier.get("refr").unwrap_or(&Value::Null));
            let place = self.module.place(modifier);
            self.rule.replaces.push((target.names.join("."), place));
            self.read_brackets(modifier.get("refr").unwrap_or(&Value::Null), depth);
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
}

/// Whether anything in it is negated.
fn has_negation(part: &Value) -> bool {
    match part {
        Value::Array(parts) => parts.iter().any(has_negation),
        Value::Object(all) => all.contains_key("NotExpr") || all.values().any(has_negation),
        _ => false,
    }
}

/// What a chain begins with, which is where a reader sees it.
fn root(chain: &Value) -> &Value {
    let (_, link) = only_member(chain);
    link.get("refr").map_or(link, root)
}

/// Names as the evaluator tells them apart: joined by points, so that one with a point is two.
fn as_evaluated(names: &[String]) -> Path {
    names
        .iter()
        .flat_map(|name| name.split('.'))
        .map(str::to_owned)
        .collect()
}

/// The name of something that is nothing but a variable.
pub(super) fn variable(expression: &Value) -> Option<&str> {
    expression.pointer("/Var/value").and_then(Value::as_str)
}

/// The members of an array that is a member.
pub(super) fn members<'v>(of: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    of.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// Of an object that says by its only member what it is.
pub(super) fn only_member(of: &Value) -> (&str, &Value) {
    let member = of.as_object().and_then(|members| members.iter().next());
    member.map_or(("", &Value::Null), |(name, value)| (name.as_str(), value))
}
