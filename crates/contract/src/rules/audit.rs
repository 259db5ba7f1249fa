//! Asks every rule, folds what it found by cause, and counts the score.

use std::collections::HashMap;

use portcullis_lint::finding::{Direction, Finding, Instance, Place};
use portcullis_lint::rule::{Confidence, Profile, Severity};
use portcullis_lint::score::{Charge, Score, settle};

use super::contract_rule::{Check, ContractRule, Fold, Travels};
use super::cost::{AREAS, Ledger};
use super::found::{Cause, Found, Spot};
use super::survey::{At, Survey, UnitId, UnitKind, Value, pointers};

/// What an audit of one contract gives.
#[derive(Debug)]
pub struct Audit<'r> {
    /// What was found: the gravest first, then by place.
    pub findings: Vec<Finding<'r>>,
    /// The score.
    pub score: Score,
    /// How many operations there are.
    pub operations: usize,
}

/// Asks these rules about a contract.
pub fn audit<'r>(survey: &Survey<'_>, rules: &'r [ContractRule], profile: Profile) -> Audit<'r> {
    let asked = rules.iter().filter(|rule| rule.rule.profile <= profile);
    let mut ledger = Ledger::new(survey);
    let mut folded = Vec::new();
    for rule in asked {
        let mut found = Found::default();
        ask(rule, survey, &mut found);
        for fold in fold(survey, rule, found) {
            ledger.charge(rule.cost, &fold.spots, folded.len());
            folded.push((rule, fold));
        }
    }
    let charges: Vec<Charge> = ledger.charges();
    let (score, points) = settle(&AREAS, &charges, folded.len());
    let places = places(survey, &folded);
    let mut findings: Vec<Finding<'r>> = folded
        .into_iter()
        .zip(points)
        .map(|((rule, fold), points)| finding(survey, rule, fold, points, &places))
        .collect();
    findings.sort_by(|left, right| {
        let rank = |finding: &Finding<'_>| (finding.severity, finding.confidence);
        let place = |finding: &Finding<'r>| (finding.place().cloned(), finding.rule.id);
        rank(right)
            .cmp(&rank(left))
            .then_with(|| place(left).cmp(&place(right)))
    });
    Audit {
        findings,
        score,
        operations: survey.operations.len(),
    }
}

fn ask<'d>(rule: &ContractRule, survey: &Survey<'d>, found: &mut Found<'d>) {
    match rule.check {
        Check::Contract(check) => check(survey, found),
        Check::Operation(check) => survey
            .operations
            .iter()
            .for_each(|operation| check(survey, operation, found)),
        Check::Parameter(check) => {
            for operation in &survey.operations {
                for parameter in &operation.parameters {
                    check(survey, operation, parameter, found);
                }
            }
        }
        Check::Scheme(check) => survey.schemes.iter().for_each(|scheme| check(survey, scheme, found)),
        Check::Value(travels, check) => {
            for value in survey.values().filter(|value| is_asked(value, travels)) {
                check(&value, found);
            }
        }
    }
}

fn is_asked(value: &Value<'_, '_>, travels: Travels) -> bool {
    let unused = !value.in_request() && !value.in_response();
    match travels {
        Travels::InRequests => value.in_request() || unused,
        Travels::InResponses => value.in_response() || unused,
        Travels::Either => true,
    }
}

/// What folds findings of one rule together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key<'d> {
    Unit(UnitId),
    Parameter(&'d str, &'d str),
    Header(&'d str),
    /// Answers whose schemas have no names: what is written again for every operation is one habit, and callers do not send it.
    Answers,
    Operation(usize),
    Scheme(usize),
    Contract,
}

/// One cause, and where it shows.
pub(super) struct Folded<'d> {
    subject: String,
    direction: Direction,
    severity: Severity,
    confidence: Confidence,
    operations: u32,
    pub(super) spots: Vec<Spot<'d>>,
}

fn fold<'d>(survey: &Survey<'d>, rule: &ContractRule, found: Found<'d>) -> Vec<Folded<'d>> {
    let mut order: Vec<Key<'d>> = Vec::new();
    let mut groups: HashMap<Key<'d>, Vec<Spot<'d>>> = HashMap::new();
    for spot in found.spots {
        let key = match rule.fold {
            Fold::Contract => Key::Contract,
            Fold::Cause => key(survey, spot.cause),
        };
        let group = groups.entry(key).or_insert_with(|| {
            order.push(key);
            Vec::new()
        });
        group.push(spot);
    }
    let folds = order.into_iter().filter_map(|key| Some((key, groups.remove(&key)?)));
    folds.map(|(key, spots)| folded(survey, rule, key, spots)).collect()
}

fn key<'d>(survey: &Survey<'d>, cause: Cause<'d>) -> Key<'d> {
    match cause {
        Cause::Value(id) => {
            let unit = survey.unit(survey.schema(id).unit);
            match unit.kind {
                UnitKind::Parameter(location, name) => Key::Parameter(location, name),
                UnitKind::Header(name) => Key::Header(name),
                UnitKind::Answer(..) => Key::Answers,
                _ => Key::Unit(unit.id),
            }
        }
        Cause::Parameter(location, name, _) => Key::Parameter(location, name),
        Cause::Operation(index) => Key::Operation(index),
        Cause::Scheme(index) => Key::Scheme(index),
        Cause::Contract => Key::Contract,
    }
}

fn folded<'d>(survey: &Survey<'d>, rule: &ContractRule, key: Key<'d>, mut spots: Vec<Spot<'d>>) -> Folded<'d> {
    let severity = spots.iter().map(|spot| severity(survey, rule, spot)).max();
    let confidence = spots
        .iter()
        .map(|spot| spot.confidence.unwrap_or(rule.rule.confidence))
        .max();
    let direction = spots.iter().map(|spot| direction(survey, spot)).min();
    let operations = operations(survey, &spots);
    spots.sort_by_key(|spot| spot.at);
    Folded {
        subject: subject(survey, key),
        direction: direction.unwrap_or(Direction::None),
        severity: severity.unwrap_or(rule.rule.severity),
        confidence: confidence.unwrap_or(rule.rule.confidence),
        operations,
        spots,
    }
}

fn severity(survey: &Survey<'_>, rule: &ContractRule, spot: &Spot<'_>) -> Severity {
    let full = spot.severity.unwrap_or(rule.rule.severity);
    match (direction(survey, spot), rule.check) {
        (Direction::Unused, _) => Severity::Info,
        (Direction::Response, Check::Value(Travels::Either, _)) => full.lower(),
        _ => full,
    }
}

fn direction(survey: &Survey<'_>, spot: &Spot<'_>) -> Direction {
    match spot.cause {
        Cause::Value(id) => {
            let value = survey.value(id);
            match (value.in_request(), value.in_response(), &value.unit().kind) {
                (true, ..) => Direction::Request,
                (_, true, _) => Direction::Response,
                // What the API sends itself is told in its own words.
                (.., UnitKind::Callback(_)) => Direction::None,
                _ => Direction::Unused,
            }
        }
        Cause::Parameter(..) => Direction::Request,
        Cause::Operation(_) | Cause::Scheme(_) | Cause::Contract => Direction::None,
    }
}

fn subject(survey: &Survey<'_>, key: Key<'_>) -> String {
    let name = |index: usize| {
        survey
            .operations
            .get(index)
            .map(|operation| operation.name())
            .unwrap_or_default()
    };
    match key {
        Key::Unit(id) => match &survey.unit(id).kind {
            UnitKind::Named(label) => format!("schema `{label}`"),
            UnitKind::Body(operation) => format!("request body of `{}`", name(*operation)),
            UnitKind::Answer(operation, status) => format!("answer {status} of `{}`", name(*operation)),
            UnitKind::Callback(expression) => format!("callback `{expression}`"),
            UnitKind::Parameter(location, name) => format!("{location} parameter `{name}`"),
            UnitKind::Header(name) => format!("response header `{name}`"),
        },
        Key::Parameter(location, name) => format!("{location} parameter `{name}`"),
        Key::Header(name) => format!("response header `{name}`"),
        Key::Answers => "answers without a named schema".to_owned(),
        Key::Operation(index) => format!("`{}`", name(index)),
        Key::Scheme(index) => {
            let name = survey.schemes.get(index).map(|scheme| scheme.name).unwrap_or_default();
            format!("security scheme `{name}`")
        }
        Key::Contract => "the contract".to_owned(),
    }
}

/// How many operations these touch.
fn operations(survey: &Survey<'_>, spots: &[Spot<'_>]) -> u32 {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let all = count(survey.operations.len());
    let mut units = Vec::new();
    let mut single = Vec::new();
    for spot in spots {
        match spot.cause {
            Cause::Value(id) => units.push(survey.schema(id).unit),
            Cause::Parameter(_, _, operation) | Cause::Operation(operation) => single.push(operation),
            Cause::Scheme(_) | Cause::Contract => return all,
        }
    }
    units.sort_unstable();
    units.dedup();
    single.sort_unstable();
    single.dedup();
    let of_units = units
        .into_iter()
        .map(|id| survey.unit(id))
        .map(|unit| unit.requests.max(unit.responses));
    of_units.sum::<u32>().saturating_add(count(single.len())).min(all)
}

/// The places of everything that was found.
fn places(survey: &Survey<'_>, folded: &[(&ContractRule, Folded<'_>)]) -> HashMap<At, String> {
    let spots = folded.iter().flat_map(|(_, fold)| &fold.spots);
    pointers(survey.document, spots.map(|spot| spot.at))
}

fn finding<'r>(
    survey: &Survey<'_>,
    rule: &'r ContractRule,
    fold: Folded<'_>,
    points: f64,
    pointers: &HashMap<At, String>,
) -> Finding<'r> {
    let mut instances: Vec<Instance> = Vec::with_capacity(fold.spots.len());
    let mut last = None;
    for spot in fold.spots {
        // A shared parameter is asked about for every operation.
        let this = (spot.at, spot.message);
        if last.as_ref() == Some(&this) {
            continue;
        }
        let pointer = pointers.get(&this.0).cloned().unwrap_or_default();
        let span = this.0.span;
        instances.push(Instance {
            place: Place {
                file: survey.document.location(span.file).to_owned(),
                line: span.line,
                column: span.column,
                pointer,
            },
            message: this.1.clone(),
        });
        last = Some(this);
    }
    Finding {
        rule: &rule.rule,
        severity: fold.severity,
        confidence: fold.confidence,
        message: message(&instances, &fold.subject),
        subject: fold.subject,
        direction: fold.direction,
        operations: fold.operations,
        instances,
        points,
        area: rule.cost.area(),
    }
}

/// The words of the first place, and how many more there are.
fn message(instances: &[Instance], subject: &str) -> String {
    let first = instances
        .first()
        .map(|instance| instance.message.as_str())
        .unwrap_or_default();
    match instances.len() {
        0 | 1 => first.to_owned(),
        count => format!("{first}, and {} more in {subject}", count - 1),
    }
}
