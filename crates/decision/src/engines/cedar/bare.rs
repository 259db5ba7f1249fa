//! Conditions without the places where they stand in their text.
//!
//! The evaluator copies the place of each expression into its value, and all places of a file share one count of references: workers
//! would write to the same cache line at every step. Answers do not depend on places; explanations read them from the policy itself.

use std::sync::Arc;

use cedar_policy_core::ast::{Expr, ExprKind};

/// The same expression without places.
pub(super) fn bare(expression: &Expr) -> Expr {
    match expression.expr_kind() {
        ExprKind::Lit(literal) => Expr::val(literal.clone()),
        ExprKind::Var(variable) => Expr::var(*variable),
        ExprKind::Slot(slot) => Expr::slot(*slot),
        ExprKind::Unknown(unknown) => Expr::unknown(unknown.clone()),
        ExprKind::If {
            test_expr,
            then_expr,
            else_expr,
        } => Expr::ite(bare(test_expr), bare(then_expr), bare(else_expr)),
        ExprKind::And { left, right } => Expr::and(bare(left), bare(right)),
        ExprKind::Or { left, right } => Expr::or(bare(left), bare(right)),
        ExprKind::UnaryApp { op, arg } => Expr::unary_app(*op, bare(arg)),
        ExprKind::BinaryApp { op, arg1, arg2 } => Expr::binary_app(*op, bare(arg1), bare(arg2)),
        ExprKind::ExtensionFunctionApp { fn_name, args } => {
            Expr::call_extension_fn(fn_name.clone(), args.iter().map(bare).collect())
        }
        ExprKind::GetAttr { expr, attr } => Expr::get_attr(bare(expr), attr.clone()),
        ExprKind::HasAttr { expr, attr } => Expr::has_attr(bare(expr), attr.clone()),
        ExprKind::ExtHasAttr { expr, attrs } => Expr::extended_has_attr(bare(expr), attrs.clone()),
        ExprKind::Like { expr, pattern } => Expr::like(bare(expr), pattern.clone()),
        ExprKind::Is { expr, entity_type } => Expr::is_entity_type(bare(expr), entity_type.clone()),
        ExprKind::Set(items) => Expr::set(items.iter().map(bare)),
        ExprKind::Record(members) => {
            let members = members.iter().map(|(name, member)| (name.clone(), bare(member)));
            Expr::record_arc(Arc::new(members.collect()))
        }
    }
}
