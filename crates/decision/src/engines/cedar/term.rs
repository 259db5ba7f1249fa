//! Conditions, compiled: a condition says whether it holds, in a fraction of the time that Cedar's evaluator takes, or that Cedar has
//! to be asked.
//!
//! What can be told is told by Cedar's own values and operations; only variables, attributes, membership and the connectives are ours.
//! Whatever would be an error, and whatever is not compiled, is [`None`]: then Cedar evaluates the whole condition and says in its own
//! words what is wrong. So this can be wrong about nothing that it leaves out; `tests/it/differential.rs` holds the rest.

use std::ops::Deref;
use std::sync::Arc;

use cedar_policy_core::ast::{
    BinaryOp, EntityType, EntityUID, Expr, ExprKind, ExtensionFunction, Literal, PartialValue, Pattern, SlotEnv,
    UnaryOp, Value, ValueKind, Var,
};
use cedar_policy_core::evaluator::{binary_arith, binary_relation, unary_app};
use cedar_policy_core::extensions::Extensions;
use smol_str::SmolStr;

use super::needs::Names;
use super::scene::Scene;

/// How deep a term may be nested; a chain of `&&` or `||` counts once. What is deeper is left to Cedar, which watches its stack.
const DEPTH_MAX: usize = 50;

/// The name of an attribute, with its number in [`Names`].
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    pub(super) name: SmolStr,
    pub(super) number: usize,
}

/// An expression.
#[derive(Debug)]
pub(super) enum Term {
    Value(Value),
    Variable(Var),
    /// An attribute of a variable, as most are.
    Own(Var, Attribute),
    /// Whether a variable has an attribute: it is an entity, or the context, which is a record.
    Owns(Var, Attribute),
    Attribute(Box<Self>, Attribute),
    /// `has`, with one name or several below one another.
    Has(Box<Self>, Box<[Attribute]>),
    All(Box<[Self]>),
    Any(Box<[Self]>),
    If(Box<[Self; 3]>),
    Unary(UnaryOp, Box<Self>),
    Binary(BinaryOp, Box<[Self; 2]>),
    Like(Box<Self>, Pattern),
    Is(Box<Self>, EntityType),
    Call(&'static ExtensionFunction, Box<[Self]>),
    /// What only Cedar evaluates.
    Cedars,
}

impl Term {
    pub(super) fn of(expression: &Expr, slots: &SlotEnv, names: &mut Names) -> Self {
        let mut compiler = Compiler { slots, names, depth: 0 };
        compiler.term(expression)
    }

    /// Whether a condition holds; nothing if that is for Cedar to say.
    pub(super) fn holds(&self, scene: &Scene<'_>) -> Option<bool> {
        match self {
            Self::All(terms) => {
                for term in terms {
                    if !term.holds(scene)? {
                        return Some(false);
                    }
                }
                Some(true)
            }
            Self::Any(terms) => {
                for term in terms {
                    if term.holds(scene)? {
                        return Some(true);
                    }
                }
                Some(false)
            }
            Self::If(parts) => {
                let [test, then, otherwise] = &**parts;
                if test.holds(scene)? { then } else { otherwise }.holds(scene)
            }
            Self::Unary(UnaryOp::Not, of) => of.holds(scene).map(|holds| !holds),
            Self::Owns(variable, name) => Some(scene.own(*variable, name).is_some()),
            Self::Has(of, names) => has(scene, &*of.value(scene)?, names),
            Self::Binary(BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::GetTag, _) => {
                boolean(&*self.value(scene)?)
            }
            Self::Binary(operation, parts) => {
                let [left, right] = &**parts;
                compare(scene, *operation, left, right)
            }
            Self::Like(text, pattern) => match &text.value(scene)?.value {
                ValueKind::Lit(Literal::String(text)) => Some(pattern.wildcard_match(text)),
                _ => None,
            },
            Self::Is(entity, kind) => Some(uid(&*entity.value(scene)?)?.entity_type() == kind),
            Self::Value(_)
            | Self::Variable(_)
            | Self::Own(..)
            | Self::Attribute(..)
            | Self::Unary(..)
            | Self::Call(..)
            | Self::Cedars => boolean(&*self.value(scene)?),
        }
    }

    /// What an expression gives; nothing if that is for Cedar to say.
    fn value<'s>(&'s self, scene: &'s Scene<'_>) -> Option<Seen<'s>> {
        match self {
            Self::Value(value) => Some(Seen::There(value)),
            Self::Variable(variable) => Some(Seen::There(scene.variable(*variable))),
            Self::Own(variable, name) => scene.own(*variable, name).map(Seen::There),
            Self::Attribute(of, name) => match of.value(scene)? {
                Seen::There(of) => attribute(scene, of, name).map(Seen::There),
                Seen::Made(of) => attribute(scene, &of, name).cloned().map(Seen::made),
            },
            Self::If(parts) => {
                let [test, then, otherwise] = &**parts;
                if test.holds(scene)? { then } else { otherwise }.value(scene)
            }
            Self::Unary(operation @ (UnaryOp::Neg | UnaryOp::IsEmpty), of) => {
                let value = of.value(scene)?.into_owned();
                unary_app(*operation, value, None).ok().map(Seen::made)
            }
            Self::Binary(operation @ (BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul), parts) => {
                let [left, right] = &**parts;
                let (left, right) = (left.value(scene)?.into_owned(), right.value(scene)?.into_owned());
                binary_arith(*operation, left, right, None).ok().map(Seen::made)
            }
            Self::Binary(BinaryOp::GetTag, parts) => {
                let [entity, name] = &**parts;
                let (entity, name) = (entity.value(scene)?, name.value(scene)?);
                scene.entity(uid(&entity)?)?.tag(text(&name)?).cloned().map(Seen::made)
            }
            Self::Call(function, arguments) => call(scene, function, arguments).map(Seen::made),
            Self::Cedars => None,
            Self::All(_)
            | Self::Any(_)
            | Self::Unary(UnaryOp::Not, _)
            | Self::Binary(..)
            | Self::Owns(..)
            | Self::Has(..)
            | Self::Like(..)
            | Self::Is(..) => Some(Seen::made(self.holds(scene)?)),
        }
    }
}

/// A value, where it stands or made by an operation.
enum Seen<'s> {
    There(&'s Value),
    Made(Box<Value>),
}

impl Seen<'_> {
    fn made(value: impl Into<Value>) -> Self {
        Self::Made(Box::new(value.into()))
    }

    fn into_owned(self) -> Value {
        match self {
            Self::There(value) => value.clone(),
            Self::Made(value) => *value,
        }
    }
}

impl Deref for Seen<'_> {
    type Target = Value;

    fn deref(&self) -> &Value {
        match self {
            Self::There(value) => value,
            Self::Made(value) => value,
        }
    }
}

/// An operation that says yes or no.
fn compare(scene: &Scene<'_>, operation: BinaryOp, left: &Term, right: &Term) -> Option<bool> {
    let (left, right) = (left.value(scene)?, right.value(scene)?);
    match operation {
        BinaryOp::Eq => Some(is_equal(&left, &right)),
        BinaryOp::In => is_in(scene, uid(&left)?, &right),
        BinaryOp::Contains => Some(set(&left)?.contains(&right)),
        BinaryOp::ContainsAll => Some(set(&right)?.is_subset(set(&left)?)),
        BinaryOp::ContainsAny => Some(!set(&left)?.is_disjoint(set(&right)?)),
        BinaryOp::HasTag => {
            let name = text(&right)?;
            let entity = scene.entity(uid(&left)?);
            Some(entity.is_some_and(|entity| entity.tag(name).is_some()))
        }
        BinaryOp::Less | BinaryOp::LessEq => {
            let less = binary_relation(operation, &left, &right, Extensions::all_available());
            boolean(&less.ok()?)
        }
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::GetTag => None,
    }
}

/// Texts, which most conditions compare, go the short way.
fn is_equal(left: &Value, right: &Value) -> bool {
    match (&left.value, &right.value) {
        (ValueKind::Lit(Literal::String(left)), ValueKind::Lit(Literal::String(right))) => {
            left.as_str() == right.as_str()
        }
        _ => left == right,
    }
}

fn is_in(scene: &Scene<'_>, uid: &EntityUID, right: &Value) -> Option<bool> {
    let entity = scene.entity(uid);
    let is_in_one = |of: &EntityUID| uid == of || entity.is_some_and(|entity| entity.is_within(of));
    match &right.value {
        ValueKind::Lit(Literal::EntityUID(of)) => Some(is_in_one(of)),
        ValueKind::Set(of) => {
            // All of them are entities, or there is an error, whichever comes first.
            let all = of.iter().map(self::uid).collect::<Option<Vec<&EntityUID>>>()?;
            Some(all.into_iter().any(is_in_one))
        }
        ValueKind::Lit(_) | ValueKind::Record(_) | ValueKind::ExtensionValue(_) => None,
    }
}

/// Whether something has an attribute, which has the next one, and so on.
fn has(scene: &Scene<'_>, of: &Value, names: &[Attribute]) -> Option<bool> {
    let mut of = of;
    for name in names {
        let next = match &of.value {
            ValueKind::Record(members) => members.get(&name.name),
            ValueKind::Lit(Literal::EntityUID(uid)) => scene.entity(uid).and_then(|entity| entity.attribute(name)),
            ValueKind::Lit(_) | ValueKind::Set(_) | ValueKind::ExtensionValue(_) => return None,
        };
        match next {
            Some(next) => of = next,
            None => return Some(false),
        }
    }
    Some(true)
}

fn attribute<'v>(scene: &'v Scene<'_>, of: &'v Value, name: &Attribute) -> Option<&'v Value> {
    match &of.value {
        ValueKind::Record(members) => members.get(&name.name),
        ValueKind::Lit(Literal::EntityUID(uid)) => scene.entity(uid)?.attribute(name),
        ValueKind::Lit(_) | ValueKind::Set(_) | ValueKind::ExtensionValue(_) => None,
    }
}

fn call(scene: &Scene<'_>, function: &ExtensionFunction, arguments: &[Term]) -> Option<Value> {
    let arguments = arguments.iter().map(|one| Some(one.value(scene)?.into_owned()));
    called(function, &arguments.collect::<Option<Vec<Value>>>()?)
}

fn called(function: &ExtensionFunction, arguments: &[Value]) -> Option<Value> {
    match function.call(arguments) {
        Ok(PartialValue::Value(value)) => Some(value),
        Ok(PartialValue::Residual(_)) | Err(_) => None,
    }
}

/// A member of a record.
pub(super) fn member<'v>(value: &'v Value, name: &Attribute) -> Option<&'v Value> {
    match &value.value {
        ValueKind::Record(members) => members.get(&name.name),
        _ => None,
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value.value {
        ValueKind::Lit(Literal::Bool(holds)) => Some(holds),
        _ => None,
    }
}

fn text(value: &Value) -> Option<&SmolStr> {
    match &value.value {
        ValueKind::Lit(Literal::String(text)) => Some(text),
        _ => None,
    }
}

pub(super) fn uid(value: &Value) -> Option<&EntityUID> {
    match &value.value {
        ValueKind::Lit(Literal::EntityUID(uid)) => Some(uid),
        _ => None,
    }
}

fn set(value: &Value) -> Option<&cedar_policy_core::ast::Set> {
    match &value.value {
        ValueKind::Set(set) => Some(set),
        _ => None,
    }
}

/// From Cedar's expressions.
struct Compiler<'a> {
    slots: &'a SlotEnv,
    names: &'a mut Names,
    depth: usize,
}

impl Compiler<'_> {
    fn term(&mut self, expression: &Expr) -> Term {
        if self.depth == DEPTH_MAX {
            return Term::Cedars;
        }
        self.depth += 1;
        let term = self.compiled(expression);
        self.depth -= 1;
        term.unwrap_or(Term::Cedars)
    }

    fn boxed(&mut self, expression: &Expr) -> Box<Term> {
        Box::new(self.term(expression))
    }

    fn all<'e>(&mut self, expressions: impl IntoIterator<Item = &'e Expr>) -> Box<[Term]> {
        expressions.into_iter().map(|one| self.term(one)).collect()
    }

    fn attribute(&mut self, name: &SmolStr) -> Attribute {
        let (number, _) = self.names.insert_full(name.clone());
        Attribute {
            name: name.clone(),
            number,
        }
    }

    fn compiled(&mut self, expression: &Expr) -> Option<Term> {
        Some(match expression.expr_kind() {
            ExprKind::Lit(literal) => Term::Value(literal.clone().into()),
            ExprKind::Var(variable) => Term::Variable(*variable),
            ExprKind::Slot(slot) => Term::Value(self.slots.get(slot)?.clone().into()),
            ExprKind::If {
                test_expr,
                then_expr,
                else_expr,
            } => Term::If(Box::new([
                self.term(test_expr),
                self.term(then_expr),
                self.term(else_expr),
            ])),
            ExprKind::And { .. } => Term::All(self.all(chain(expression, |one| match one {
                ExprKind::And { left, right } => Some((left, right)),
                _ => None,
            }))),
            ExprKind::Or { .. } => Term::Any(self.all(chain(expression, |one| match one {
                ExprKind::Or { left, right } => Some((left, right)),
                _ => None,
            }))),
            ExprKind::UnaryApp { op, arg } => Term::Unary(*op, self.boxed(arg)),
            ExprKind::BinaryApp { op, arg1, arg2 } => Term::Binary(*op, Box::new([self.term(arg1), self.term(arg2)])),
            ExprKind::GetAttr { expr, attr } => match expr.expr_kind() {
                ExprKind::Var(variable) => Term::Own(*variable, self.attribute(attr)),
                _ => Term::Attribute(self.boxed(expr), self.attribute(attr)),
            },
            ExprKind::HasAttr { expr, attr } => match expr.expr_kind() {
                ExprKind::Var(variable) => Term::Owns(*variable, self.attribute(attr)),
                _ => Term::Has(self.boxed(expr), Box::from([self.attribute(attr)])),
            },
            ExprKind::ExtHasAttr { expr, attrs } => {
                let of = self.boxed(expr);
                Term::Has(of, attrs.iter().map(|name| self.attribute(name)).collect())
            }
            ExprKind::Like { expr, pattern } => Term::Like(self.boxed(expr), pattern.clone()),
            ExprKind::Is { expr, entity_type } => Term::Is(self.boxed(expr), entity_type.clone()),
            ExprKind::ExtensionFunctionApp { fn_name, args } => {
                let function = Extensions::all_available().func(fn_name).ok()?;
                let arguments = self.all(args.iter());
                match constants(&arguments).and_then(|arguments| called(function, &arguments)) {
                    Some(value) => Term::Value(value),
                    None => Term::Call(function, arguments),
                }
            }
            ExprKind::Set(items) => Term::Value(Value::set(constants(&self.all(items.iter()))?, None)),
            ExprKind::Record(members) => {
                let values = constants(&self.all(members.values()))?;
                Term::Value(Value::record(members.keys().cloned().zip(values), None))
            }
            ExprKind::Unknown(_) => return None,
        })
    }
}

/// The operands of a chain of one operation, in their order: however it is bracketed, they are evaluated one after the other.
fn chain<'e>(
    whole: &'e Expr,
    operands: impl Fn(&'e ExprKind) -> Option<(&'e Arc<Expr>, &'e Arc<Expr>)>,
) -> Vec<&'e Expr> {
    let mut found = Vec::new();
    let mut waiting = vec![whole];
    while let Some(one) = waiting.pop() {
        match operands(one.expr_kind()) {
            Some((left, right)) => waiting.extend([&**right, &**left]),
            None => found.push(one),
        }
    }
    found
}

/// The values, if there is nothing but values.
fn constants(terms: &[Term]) -> Option<Vec<Value>> {
    let values = terms.iter().map(|term| match term {
        Term::Value(value) => Some(value.clone()),
        _ => None,
    });
    values.collect()
}
