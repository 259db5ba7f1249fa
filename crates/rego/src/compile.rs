//! From texts to policies that can be asked, or to what is wrong with them.

use std::num::{NonZeroU32, NonZeroUsize};
use std::str::Chars;

use regorus::PolicyLengthConfig;
use regorus::utils::limits::ExecutionTimerConfig;
use serde_json::Value;

use super::rules::{self, Rule};
use super::{EVALUATION_MAX, NAME, Rego, Source, bounded, calls, told, values};
use portcullis_decision::decision::Rule as Named;
use portcullis_decision::engines::cedar::Text;
use portcullis_decision::problem::{Place, Problem};

/// How long a module may be.
const MODULE_BYTES_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add((128 << 10) - 1);
/// How many operators a module may have.
const OPERATORS_MAX: usize = 1_000;
/// Room for as many expressions as a module has octets; it is taken only as far as it is used.
const STACK_BYTES: usize = 512 << 20;
/// How many steps are made between two looks at the time.
const STEPS_BETWEEN_LOOKS: NonZeroU32 = NonZeroU32::MIN.saturating_add(63);

impl Rego {
    /// Policies that can be asked.
    ///
    /// # Errors
    /// Everything that is wrong with them, as far as it can be known together: a module that cannot be parsed hides what depends on it.
    pub fn compile(source: &Source<'_>) -> Result<Self, Vec<Problem>> {
        // The parser goes as deep as a text says, before anybody can look how deep that is.
        std::thread::scope(|threads| {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            let compiling = thread.spawn_scoped(threads, || Self::compile_here(source));
            let compiled = compiling.map(|compiling| compiling.join());
            compiled.ok().and_then(Result::ok).unwrap_or_else(|| {
                let message = "policies of Rego could not be read: there is no room to, or the evaluator panicked";
                Err(vec![Problem::error(None, message)])
            })
        })
    }

    fn compile_here(source: &Source<'_>) -> Result<Self, Vec<Problem>> {
        let mut engine = regorus::Engine::new();
        engine.set_policy_length_config(PolicyLengthConfig {
            max_file_bytes: MODULE_BYTES_MAX,
            ..PolicyLengthConfig::default()
        });
        let mut problems = parse(&mut engine, source);
        let data = source.data.map(|text| (text, read_data(text)));
        let data = match data {
            None => None,
            Some((text, Ok(data))) => Some((text, data)),
            Some((_, Err(problem))) => {
                problems.push(problem);
                None
            }
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        let tree = tree(&engine).map_err(|problem| vec![problem])?;
        problems.extend(rules::imports(&tree).into_iter().map(import_problem));
        let rules = rules::of_modules(&tree);
        problems.extend(calls::problems(&rules));
        problems.extend(query_problem(source.query, &rules));
        problems.extend(data.iter().flat_map(|(text, data)| in_both(*text, data, &rules)));
        if !problems.is_empty() {
            return Err(problems);
        }
        let data = data.map(|(_, data)| values::of_json(&data));
        let prepared = prepare(engine, data, source.query).map_err(|error| vec![told::problem(&error)])?;
        Ok(Self {
            prepared,
            rule: Named::new(NAME, source.query),
            reads_time: calls::reads_time(&rules),
        })
    }
}

/// What is wrong with single modules.
fn parse(engine: &mut regorus::Engine, source: &Source<'_>) -> Vec<Problem> {
    let add = |text: &Text<'_>| {
        if operators(text.text) > OPERATORS_MAX {
            let message = format!("`{}` has more than {OPERATORS_MAX} operators", text.name);
            let help = "each may be in the next, and all of them are read on one stack: make several modules of it";
            return Some(Problem::error(None, message).with_help(Some(help.to_owned())));
        }
        let added = engine.add_policy(text.name.to_owned(), text.text.to_owned());
        added.err().map(|error| told::problem(&error))
    };
    source.policies.iter().filter_map(add).collect()
}

/// How many operators there are that can be in one another without brackets, which the parser counts; not those of texts and comments.
fn operators(module: &str) -> usize {
    let mut count = 0;
    let mut characters = module.chars();
    while let Some(character) = characters.next() {
        match character {
            '#' => skip(&mut characters, |next| next == '\n'),
            '`' => skip(&mut characters, |next| next == '`'),
            '"' => {
                let mut escaped = false;
                skip(&mut characters, |next| {
                    let ends = next == '"' && !escaped;
                    escaped = next == '\\' && !escaped;
                    ends
                });
            }
            '+' | '-' | '*' | '/' | '%' | '&' | '|' => count += 1,
            _ => {}
        }
    }
    count
}

/// Goes on behind the first character that ends it.
fn skip(characters: &mut Chars<'_>, mut ends: impl FnMut(char) -> bool) {
    while characters.next().is_some_and(|next| !ends(next)) {}
}

fn read_data(text: Text<'_>) -> Result<Value, Problem> {
    let at = |line: usize, column: usize| Place {
        file: text.name.to_owned(),
        line: line.max(1),
        column: column.max(1),
    };
    let data: Value = serde_json::from_str(text.text).map_err(|error| {
        let place = at(error.line(), error.column());
        Problem::error(Some(place), format!("no JSON: {error}"))
    })?;
    match data {
        Value::Object(_) => Ok(data),
        _ => Err(Problem::error(Some(at(1, 1)), "data is a JSON object")),
    }
}

/// The modules as they were parsed.
fn tree(engine: &regorus::Engine) -> Result<Value, Problem> {
    let text = engine.get_ast_as_json().map_err(|error| told::problem(&error))?;
    let tree = serde_json::from_str(&text);
    tree.map_err(|error| Problem::error(None, format!("policies of Rego are nested too deep: {error}")))
}

fn import_problem((place, name): (Place, String)) -> Problem {
    let help =
        "the evaluator takes an import for one of all files of the package: write whole names, as in `data.lib.reads`";
    Problem::error(Some(place), format!("`{name}` is imported")).with_help(Some(help.to_owned()))
}

/// The rule that decides has to be there, and to be none that is called.
fn query_problem(query: &str, rules: &[Rule]) -> Option<Problem> {
    let is_asked = |rule: &&Rule| calls::name_of(&rule.path) == query;
    let message = match rules.iter().find(is_asked) {
        Some(rule) if rule.is_function => format!("`{query}` is a function, which answers nothing by itself"),
        Some(_) => return None,
        None => format!("there is no rule `{query}`"),
    };
    let known = rules.iter().filter(|rule| !rule.is_function);
    let mut known: Vec<String> = known.map(|rule| format!("`{}`", calls::name_of(&rule.path))).collect();
    known.sort();
    known.dedup();
    known.truncate(8);
    let help = match known.is_empty() {
        true => "write one: `default allow := false`".to_owned(),
        false => format!("there are {}", known.join(", ")),
    };
    Some(Problem::error(None, message).with_help(Some(help)))
}

/// What data says where a rule does: it would stand for what the rule says.
fn in_both<'d>(text: Text<'d>, data: &'d Value, rules: &'d [Rule]) -> impl Iterator<Item = Problem> + 'd {
    let clash = move |rule: &&Rule| stands_at(data, &rule.path);
    rules.iter().filter(clash).map(move |rule| {
        let message = format!(
            "`{}` is a rule, and in the data of `{}`",
            calls::name_of(&rule.path),
            text.name
        );
        Problem::error(Some(rule.place.clone()), message).with_help(Some("rename one of them".to_owned()))
    })
}

/// Whether data say anything at a path, or above it anything that has no members. The evaluator joins names by points, and so do we.
fn stands_at(data: &Value, path: &[String]) -> bool {
    let Value::Object(members) = data else { return true };
    let below = |(name, value): (&String, &Value)| {
        let names: Vec<&str> = name.split('.').collect();
        let is_on_the_way = path
            .iter()
            .map(String::as_str)
            .take(names.len())
            .eq(names.iter().copied());
        is_on_the_way && path.get(names.len()..).is_some_and(|rest| stands_at(value, rest))
    };
    path.is_empty() || members.iter().any(below)
}

fn prepare(mut engine: regorus::Engine, data: Option<regorus::Value>, query: &str) -> anyhow::Result<regorus::Engine> {
    bounded::add_to(&mut engine)?;
    if let Some(data) = data {
        engine.add_data(data)?;
    }
    engine.set_strict_builtin_errors(true);
    engine.set_gather_prints(true);
    engine.set_execution_timer_config(ExecutionTimerConfig {
        limit: EVALUATION_MAX,
        check_interval: STEPS_BETWEEN_LOOKS,
    });
    // Finds what is wrong with whole modules, and leaves the engine ready.
    engine.compile_with_entrypoint(&query.into())?;
    Ok(engine)
}
