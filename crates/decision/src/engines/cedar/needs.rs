//! What the condition of a policy can look at, found out once: so that only that is prepared for a question.

use cedar_policy_core::ast::{BinaryOp, EntityUID, Expr, ExprKind, Literal, Var};

/// The member of the context in which the engine puts the time.
pub(super) const CLOCK: &str = "clock";

/// What conditions read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) principal: bool,
    pub(super) action: bool,
    pub(super) resource: bool,
    pub(super) context: bool,
    /// Whether [`CLOCK`] is read, or the context as a whole.
    pub(super) clock: bool,
    /// How many times in a row an attribute, a tag or the ancestors of an entity are looked up at most. An entity can be looked at only
    /// if it is fewer steps than that away from what the condition names.
    pub(super) steps: usize,
    /// The entities that are named.
    pub(super) literals: Vec<EntityUID>,
}

impl Needs {
    pub(super) fn of(condition: &Expr) -> Self {
        let mut needs = Self::default();
        needs.steps = needs.walk(condition);
        if needs.steps == 0 {
            needs.literals.clear();
        }
        needs
    }

    /// Notes what an expression names; the result is its steps.
    fn walk(&mut self, expression: &Expr) -> usize {
        match expression.expr_kind() {
            ExprKind::Lit(Literal::EntityUID(uid)) => {
                self.literals.push((**uid).clone());
                0
            }
            ExprKind::Var(variable) => {
                self.variable(*variable);
                0
            }
            ExprKind::GetAttr { expr, attr } | ExprKind::HasAttr { expr, attr } => self.member(expr, [attr.as_str()]),
            ExprKind::ExtHasAttr { expr, attrs } => self.member(expr, attrs.iter().map(smol_str::SmolStr::as_str)),
            ExprKind::BinaryApp { op, arg1, arg2 } => {
                let looks_up = matches!(op, BinaryOp::In | BinaryOp::GetTag | BinaryOp::HasTag);
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

    fn walk_all<'a>(&mut self, expressions: impl Iterator<Item = &'a Expr>) -> usize {
        expressions.map(|one| self.walk(one)).max().unwrap_or(0)
    }

    /// Members of members of what an expression gives.
    fn member<'a>(&mut self, of: &Expr, names: impl IntoIterator<Item = &'a str>) -> usize {
        let mut names = names.into_iter();
        if matches!(of.expr_kind(), ExprKind::Var(Var::Context)) {
            self.context = true;
            self.clock |= names.next() == Some(CLOCK);
            // The context itself is no entity, but its members may be.
            return names.count();
        }
        self.walk(of) + names.count()
    }

    fn variable(&mut self, variable: Var) {
        match variable {
            Var::Principal => self.principal = true,
            Var::Action => self.action = true,
            Var::Resource => self.resource = true,
            Var::Context => (self.context, self.clock) = (true, true),
        }
    }

    /// What these and others need together, without the literals.
    pub(super) fn join(&mut self, other: &Self) {
        self.principal |= other.principal;
        self.action |= other.action;
        self.resource |= other.resource;
        self.context |= other.context;
        self.clock |= other.clock;
        self.steps = self.steps.max(other.steps);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(condition: &str, steps: usize, names: &str) {
        let expression: Expr = condition.parse().unwrap();
        let needs = Needs::of(&expression);
        let letters = [
            (needs.principal, 'p'),
            (needs.action, 'a'),
            (needs.resource, 'r'),
            (needs.context, 'c'),
            (needs.clock, 't'),
        ];
        let found: String = letters.iter().filter(|(is, _)| *is).map(|(_, letter)| letter).collect();
        assert_eq!((needs.steps, found.as_str()), (steps, names), "{condition}");
    }

    #[test]
    fn what_conditions_look_at() {
        check("true", 0, "");
        check("principal == User::\"a\"", 0, "p");
        check("principal.a.b.c == resource.d", 3, "pr");
        check("principal in resource.owners", 2, "pr");
        check("context.a == 1", 0, "c");
        check("context.a.b == 1", 1, "c");
        check("context.clock.minute < 5", 1, "ct");
        check("context has clock", 0, "ct");
        check("context has a.b", 1, "c");
        check("context == {}", 0, "ct");
        check("User::\"a\".b has c.d", 3, "");
        check("principal.hasTag(\"x\") && principal.getTag(\"x\").y", 2, "p");
        check(
            "if action in Action::\"g\" then [principal.a].contains(1) else {x: resource}.x.y",
            2,
            "par",
        );
    }
}
