//! What the condition of a policy can look at, found out once: so that only that is prepared for a question.

use cedar_policy_core::ast::{BinaryOp, EntityUID, Expr, ExprKind, Literal, Var};
use indexmap::IndexSet;
use smol_str::SmolStr;

/// The member of the context in which the engine puts the time.
pub(super) const CLOCK: &str = "clock";

/// How deep conditions may be nested. A chain of `||` or `+` is as deep as it is long. Whoever walks along one does so by recursion, on the
/// stack of a thread.
pub(super) const DEPTH_MAX: usize = 1_000;

/// For how many attributes there is room before the list of them has to grow: a handful of policies asks for fewer.
const ATTRIBUTES_EXPECTED: usize = 16;

/// The names of all attributes that any condition asks for; each has a number.
pub(super) type Names = IndexSet<SmolStr>;

/// What an attribute is asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    Principal,
    Resource,
    Context,
    /// Whatever an expression gives: the principal and the resource too, for all that is known beforehand.
    Whatever,
}

/// An attribute that is asked for, by its number in [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    pub(super) of: Of,
    pub(super) name: usize,
}

/// What conditions read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) principal: bool,
    pub(super) action: bool,
    pub(super) resource: bool,
    /// Whether the context is read as a whole.
    pub(super) whole_context: bool,
    /// Whether [`CLOCK`] is read, or the context as a whole.
    pub(super) clock: bool,
    /// Whether it is asked what an entity is within.
    pub(super) ancestors: bool,
    /// Whether tags are read.
    pub(super) tags: bool,
    /// The attributes that are asked for, ascending; members of records are among them.
    pub(super) attributes: Vec<Asked>,
    /// How many times in a row an attribute, a tag or the ancestors of an entity are looked up at most. An entity can be looked at only
    /// if it is fewer steps than that away from what the condition names.
    pub(super) steps: usize,
    /// The entities that are named.
    pub(super) literals: Vec<EntityUID>,
}

impl Needs {
    pub(super) fn of(condition: &Expr, names: &mut Names) -> Self {
        let mut reading = Reading::new(names);
        let steps = reading.walk(condition);
        let mut needs = reading.needs;
        needs.steps = steps;
        if needs.steps == 0 {
            needs.literals.clear();
        }
        needs.tidy();
        needs
    }

    fn tidy(&mut self) {
        self.attributes.sort_unstable();
        self.attributes.dedup();
    }

    /// What all of these need together, without the literals.
    pub(super) fn together<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        let mut together = Self::default();
        together.attributes.reserve(ATTRIBUTES_EXPECTED);
        let mut before: &[Asked] = &[];
        for one in all {
            together.principal |= one.principal;
            together.action |= one.action;
            together.resource |= one.resource;
            together.whole_context |= one.whole_context;
            together.clock |= one.clock;
            together.ancestors |= one.ancestors;
            together.tags |= one.tags;
            together.steps = together.steps.max(one.steps);
            // Policies that are alike ask for the same: most is there.
            if *before == *one.attributes {
                continue;
            }
            before = &one.attributes;
            for asked in &one.attributes {
                if let Err(place) = together.attributes.binary_search(asked) {
                    together.attributes.insert(place, *asked);
                }
            }
        }
        together
    }
}

/// Whether a condition is nested deeper than [`DEPTH_MAX`].
pub(super) fn is_too_deep(condition: &Expr) -> bool {
    let mut names = Names::new();
    let mut reading = Reading::new(&mut names);
    reading.walk(condition);
    reading.is_too_deep
}

/// A condition while it is read.
struct Reading<'a> {
    needs: Needs,
    names: &'a mut Names,
    /// How much deeper it may go.
    levels: usize,
    is_too_deep: bool,
}

impl<'a> Reading<'a> {
    fn new(names: &'a mut Names) -> Self {
        Self {
            needs: Needs::default(),
            names,
            levels: DEPTH_MAX,
            is_too_deep: false,
        }
    }

    /// Notes what an expression names; the result is its steps.
    fn walk(&mut self, expression: &Expr) -> usize {
        let Some(levels) = self.levels.checked_sub(1) else {
            self.is_too_deep = true;
            return 0;
        };
        self.levels = levels;
        let steps = self.steps(expression);
        self.levels += 1;
        steps
    }

    fn steps(&mut self, expression: &Expr) -> usize {
        match expression.expr_kind() {
            ExprKind::Lit(Literal::EntityUID(uid)) => {
                self.needs.literals.push((**uid).clone());
                0
            }
            ExprKind::Var(variable) => {
                self.variable(*variable);
                0
            }
            ExprKind::GetAttr { expr, attr } | ExprKind::HasAttr { expr, attr } => self.member(expr, [attr]),
            ExprKind::ExtHasAttr { expr, attrs } => self.member(expr, attrs.iter()),
            ExprKind::BinaryApp { op, arg1, arg2 } => {
                let looks_up = self.looks_up(*op);
                self.walk(arg1).max(self.walk(arg2)) + usize::from(looks_up)
            }
            ExprKind::If {
                test_expr,
                then_expr,
                else_expr,
            } => self.walk(test_expr).max(self.walk(then_expr)).max(self.walk(else_expr)),
            ExprKind::And { left, right } | ExprKind::Or { left, right } => self.walk(left).max(self.walk(right)),
            ExprKind::UnaryApp { arg, .. } => self.walk(arg),
            ExprKind::Like { expr, .. } | ExprKind::Is { expr, .. } => self.walk(expr),
            ExprKind::ExtensionFunctionApp { args, .. } => self.walk_all(args.iter()),
            ExprKind::Set(items) => self.walk_all(items.iter()),
            ExprKind::Record(members) => self.walk_all(members.values()),
            ExprKind::Lit(_) | ExprKind::Slot(_) | ExprKind::Unknown(_) => 0,
        }
    }

    /// Whether an operation looks an entity up.
    fn looks_up(&mut self, operation: BinaryOp) -> bool {
        self.needs.ancestors |= operation == BinaryOp::In;
        let tags = matches!(operation, BinaryOp::GetTag | BinaryOp::HasTag);
        self.needs.tags |= tags;
        tags || operation == BinaryOp::In
    }

    fn walk_all<'e>(&mut self, expressions: impl Iterator<Item = &'e Expr>) -> usize {
        expressions.map(|one| self.walk(one)).max().unwrap_or(0)
    }

    /// Members of members of what an expression gives.
    fn member<'n>(&mut self, of: &Expr, names: impl IntoIterator<Item = &'n SmolStr>) -> usize {
        let mut names = names.into_iter();
        let Some(first) = names.next() else {
            return self.walk(of);
        };
        let asked_of = match of.expr_kind() {
            ExprKind::Var(Var::Principal) => Of::Principal,
            ExprKind::Var(Var::Resource) => Of::Resource,
            ExprKind::Var(Var::Context) => Of::Context,
            _ => Of::Whatever,
        };
        let steps = match asked_of {
            // The context itself is no entity, but its members may be.
            Of::Context => {
                self.needs.clock |= first == CLOCK;
                0
            }
            Of::Principal | Of::Resource | Of::Whatever => self.walk(of) + 1,
        };
        self.ask(asked_of, first);
        steps + names.map(|name| self.ask(Of::Whatever, name)).count()
    }

    fn ask(&mut self, of: Of, name: &SmolStr) {
        let (name, _) = self.names.insert_full(name.clone());
        self.needs.attributes.push(Asked { of, name });
    }

    fn variable(&mut self, variable: Var) {
        match variable {
            Var::Principal => self.needs.principal = true,
            Var::Action => self.needs.action = true,
            Var::Resource => self.needs.resource = true,
            Var::Context => (self.needs.whole_context, self.needs.clock) = (true, true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(condition: &str, steps: usize, names: &str, attributes: &str) {
        let expression: Expr = condition.parse().unwrap();
        let mut all = Names::new();
        let needs = Needs::of(&expression, &mut all);
        let letters = [
            (needs.principal, 'p'),
            (needs.action, 'a'),
            (needs.resource, 'r'),
            (needs.whole_context, 'c'),
            (needs.clock, 't'),
            (needs.ancestors, 'i'),
            (needs.tags, 'g'),
        ];
        let found: String = letters.iter().filter(|(is, _)| *is).map(|(_, letter)| letter).collect();
        assert_eq!((needs.steps, found.as_str()), (steps, names), "{condition}");
        let asked = needs.attributes.iter().map(|asked| {
            let of = match asked.of {
                Of::Principal => "p",
                Of::Resource => "r",
                Of::Context => "c",
                Of::Whatever => "",
            };
            format!("{of}.{}", all[asked.name])
        });
        assert_eq!(asked.collect::<Vec<_>>().join(" "), attributes, "{condition}");
    }

    #[test]
    fn what_conditions_look_at() {
        check("true", 0, "", "");
        check("principal == User::\"a\"", 0, "p", "");
        check("principal.a.b.c == resource.d", 3, "pr", "p.a r.d .b .c");
        check("principal in resource.owners", 2, "pri", "r.owners");
        check("context.a == 1", 0, "", "c.a");
        check("context.a.b == 1", 1, "", "c.a .b");
        check("context.clock.minute < 5", 1, "t", "c.clock .minute");
        check("context has clock", 0, "t", "c.clock");
        check("context has a.b", 1, "", "c.a .b");
        check("context == {}", 0, "ct", "");
        check("(if true then context else {}).a", 1, "ct", ".a");
        check("User::\"a\".b has c.d", 3, "", ".b .c .d");
        check("action.a", 1, "a", ".a");
        check("principal.hasTag(\"x\") && principal.getTag(\"x\").y", 2, "pg", ".y");
        check(
            "if action in Action::\"g\" then [principal.a].contains(1) else {x: resource}.x.y",
            2,
            "pari",
            "p.a .x .y",
        );
    }
}
