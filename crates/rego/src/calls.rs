//! What policies must not do: call what there is not, or with the wrong number of arguments; read the world; replace by `with` more than
//! input; say what the evaluator misreads; call themselves, or lead through more rules than a stack bears. The evaluator finds the first when
//! it comes to it, and the others never.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use regorus::unstable::BUILTINS;

use super::rules::{Call, Misread, Rule};
use portcullis_decision::problem::{Place, Problem};

/// Functions of Rego that no policy may call, and why not.
const REFUSED: [(&str, &str); 15] = [
    ("bits.lsh", ANY_SIZE),
    (
        "glob.match",
        "it takes `:` for no delimiter, unlike OPA: say it with `regex.match`",
    ),
    ("graph.reachable_paths", ANY_SIZE),
    ("json.is_valid", UNBOUNDED_NUMBERS),
    ("json.unmarshal", UNBOUNDED_NUMBERS),
    ("net.cidr_expand", ANY_SIZE),
    ("numbers.range_step", ANY_SIZE),
    ("rand.intn", "the same question has the same answer"),
    ("regex.globs_match", "say it with `regex.match`"),
    (
        "regex.template_match",
        "it panics on some templates: say it with `regex.match`",
    ),
    ("test.sleep", "a request would wait"),
    ("trace", "there is no trace"),
    ("units.parse", UNBOUNDED_NUMBERS),
    ("units.parse_bytes", UNBOUNDED_NUMBERS),
    ("uuid.rfc4122", "the same question has the same answer"),
];
const ANY_SIZE: &str = "its answer may be of any size";
const UNBOUNDED_NUMBERS: &str = "it works out numbers of any size, such as `1e90000000`";
/// The one that asks for the time.
pub(super) const NOW: &str = "time.now_ns";
/// How many expressions may be in one another, counted through all rules that lead to one another: evaluated, each takes its part of a
/// worker's stack.
const DEPTH_MAX: usize = 600;

/// What is wrong with these rules.
pub(super) fn problems(rules: &[Rule]) -> Vec<Problem> {
    let mut problems: Vec<Problem> = rules.iter().flat_map(|rule| of_rule(rule, rules)).collect();
    problems.extend(clashes(rules));
    let mut walk = Walk::new(rules);
    let found = rules
        .iter()
        .enumerate()
        .find_map(|(index, _)| walk.depth(index, &mut Vec::new()).err());
    problems.extend(found);
    problems
}

/// Whether any of them asks for the time.
pub(super) fn reads_time(rules: &[Rule]) -> bool {
    let mut calls = rules.iter().flat_map(|rule| &rule.calls);
    calls.any(|call| call.name.as_deref() == Some(NOW))
}

fn of_rule<'r>(rule: &'r Rule, rules: &'r [Rule]) -> impl Iterator<Item = Problem> + 'r {
    let calls = rule.calls.iter().filter_map(|call| of_call(call, rules));
    let replaces = rule.replaces.iter().filter(|(target, _)| {
        let root = target.split('.').next();
        root != Some("input")
    });
    let replaces = replaces.map(|(target, place)| {
        let help = "only `input` may be another; give the function what it needs as an argument";
        error(place, format!("`with` replaces `{target}`"), help)
    });
    let misread = rule.misread.iter().map(|(place, misread)| match misread {
        Misread::Escape => {
            let help = "the evaluator leaves it as it is written: write a raw string, as in ``data.people[`a\\b`]``";
            error(place, "a name in brackets has an escape".to_owned(), help)
        }
        Misread::Membership => {
            let help =
                "the evaluator takes what is not there for `false`: make it a statement of its own, or negate it";
            error(place, "`in` is used as a value".to_owned(), help)
        }
        Misread::Negated(name) => {
            let help = "nothing gives it a value: use `in`, or negate a rule of its own";
            error(place, format!("`{name}` stands below `not` alone"), help)
        }
    });
    calls.chain(replaces).chain(misread)
}

/// Rules that OPA does not let stand beside each other, and the evaluator decides between by their order: two defaults, and one that is
/// below another.
fn clashes(rules: &[Rule]) -> Vec<Problem> {
    let mut clashes = Vec::new();
    let paths: BTreeSet<&[String]> = rules.iter().map(|rule| rule.path.as_slice()).collect();
    let mut defaults = BTreeSet::new();
    for rule in rules {
        let path = rule.path.as_slice();
        let below = (1..path.len()).find_map(|end| paths.get(path.get(..end)?));
        if let Some(above) = below {
            let message = format!("`{}` is below the rule `{}`", name_of(path), name_of(above));
            clashes.push(error(&rule.place, message, "rename one of them"));
        }
        if rule.is_default && !defaults.insert(path) {
            let message = format!("`{}` has two defaults", name_of(path));
            clashes.push(error(&rule.place, message, "leave one of them out"));
        }
    }
    clashes
}

fn of_call(call: &Call, rules: &[Rule]) -> Option<Problem> {
    let Some(name) = &call.name else {
        let help = "write its name: `data.bank.may_read(…)`";
        return Some(error(
            &call.place,
            "the function that is called is computed".to_owned(),
            help,
        ));
    };
    let takes = |takes: usize| {
        // One more is what the answer has to be.
        let fits = call.arguments == takes || call.arguments == takes + 1;
        let message = || format!("`{name}` takes {takes} arguments, and has {}", call.arguments);
        (!fits).then(|| error(&call.place, message(), "give it as many"))
    };
    if let Some(function) = rules.iter().find(|rule| rule.is_function && rule.path == call.path) {
        return takes(function.arguments);
    }
    if name == "print" {
        return None;
    }
    if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| refused == name) {
        return Some(error(&call.place, format!("`{name}` must not be called"), why));
    }
    if let Some((_, arguments)) = BUILTINS.get(name.as_str()) {
        return takes(usize::from(*arguments));
    }
    let of_another = |rule: &&Rule| rule.is_function && rule.path.last() == call.path.last();
    let help = match rules.iter().find(of_another) {
        Some(rule) => format!("write its whole name: `{}`", name_of(&rule.path)),
        None => "neither a module nor this program has it; what asks the network, the system or chance is left out"
            .to_owned(),
    };
    Some(error(&call.place, format!("there is no function `{name}`"), &help))
}

/// Through rules, along what they lead to.
struct Walk<'r> {
    rules: &'r [Rule],
    by_path: BTreeMap<&'r [String], Vec<usize>>,
    /// How deep those are that were walked through.
    depths: HashMap<usize, usize>,
}

impl<'r> Walk<'r> {
    fn new(rules: &'r [Rule]) -> Self {
        let mut by_path: BTreeMap<&[String], Vec<usize>> = BTreeMap::new();
        for (index, rule) in rules.iter().enumerate() {
            by_path.entry(&rule.path).or_default().push(index);
        }
        Self {
            rules,
            by_path,
            depths: HashMap::new(),
        }
    }

    /// How many expressions are in one another from this rule on.
    ///
    /// # Errors
    /// It leads to itself, or too deep.
    fn depth(&mut self, index: usize, through: &mut Vec<usize>) -> Result<usize, Problem> {
        let Some(rule) = self.rules.get(index) else {
            return Ok(0);
        };
        if let Some(known) = self.depths.get(&index) {
            return Ok(*known);
        }
        if let Some(begin) = through.iter().position(|before| *before == index) {
            return Err(self.calls_itself(rule, through.get(begin..).unwrap_or_default()));
        }
        through.push(index);
        let mut deepest = 0;
        for next in self.leads_to(rule) {
            deepest = deepest.max(self.depth(next, through)?);
            // Looked at on the way down, so that this walk itself ends in time.
            if through.len() > DEPTH_MAX {
                break;
            }
        }
        through.pop();
        let depth = deepest + rule.depth;
        if depth > DEPTH_MAX {
            let message = format!("`{}` leads through too many rules", name_of(&rule.path));
            let help = format!("at most {DEPTH_MAX} expressions may be in one another, counted through all of them");
            return Err(error(&rule.place, message, &help));
        }
        self.depths.insert(index, depth);
        Ok(depth)
    }

    /// The functions that it calls, and whatever it speaks of: a rule, those below, and those that it is below.
    fn leads_to(&self, rule: &Rule) -> Vec<usize> {
        let is_function = |index: &usize| self.rules.get(*index).is_some_and(|rule| rule.is_function);
        let called = rule
            .calls
            .iter()
            .filter_map(|call| self.by_path.get(call.path.as_slice()));
        let called = called.flatten().filter(|index| is_function(index));
        let spoken_of = rule.speaks_of.iter().flat_map(|path| {
            let below = self.by_path.range(path.as_slice()..);
            let below = below
                .take_while(move |(other, _)| other.starts_with(path))
                .map(|(_, indices)| indices);
            let above = (1..path.len()).filter_map(move |end| self.by_path.get(path.get(..end)?));
            below.chain(above).flatten()
        });
        let mut all: Vec<usize> = called
            .chain(spoken_of.filter(|index| !is_function(index)))
            .copied()
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn calls_itself(&self, rule: &Rule, through: &[usize]) -> Problem {
        let names = through.iter().filter_map(|index| self.rules.get(*index));
        let mut names: Vec<String> = names.map(|rule| name_of(&rule.path)).collect();
        names.push(name_of(&rule.path));
        let message = format!("`{}` leads to itself", name_of(&rule.path));
        let help = format!("it would never end: {}", names.join(" → "));
        error(&rule.place, message, &help)
    }
}

pub(super) fn name_of(path: &[String]) -> String {
    format!("data.{}", path.join("."))
}

fn error(place: &Place, message: String, help: &str) -> Problem {
    Problem::error(Some(place.clone()), message).with_help(Some(help.to_owned()))
}
