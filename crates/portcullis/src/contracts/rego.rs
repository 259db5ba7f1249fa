//! Policies in Rego, compiled from the files that a configuration names; in a program that was built with them.

use std::sync::Arc;

use portcullis_contract::document::Problem;
use portcullis_decision::decision::{Engine, Rule};

use super::authorization::Compiling;
use crate::config::authorization::Authorization;
use crate::config::rego::Rego;

impl Compiling<'_> {
    /// What decides by them; none where that is not asked for, or they cannot be compiled, which is a problem then.
    pub(super) fn rego(
        self,
        authorization: &Authorization,
        rules: &mut Vec<Rule>,
        problems: &mut Vec<Problem>,
    ) -> Option<Arc<dyn Engine>> {
        self.compile_rego(authorization, authorization.rego.as_ref()?, rules, problems)
    }

    #[cfg(feature = "rego")]
    fn compile_rego(
        self,
        authorization: &Authorization,
        written: &Rego,
        rules: &mut Vec<Rule>,
        problems: &mut Vec<Problem>,
    ) -> Option<Arc<dyn Engine>> {
        use portcullis_rego::{Rego as Compiled, Source};

        use super::rules::Written;

        let policies: Vec<_> = written
            .policies
            .iter()
            .map(|policy| self.rules(policy, problems))
            .collect();
        let data = written.data.as_ref().map(|data| self.rules(data, problems));
        let (policies, data) = (
            policies.into_iter().collect::<Option<Vec<Written>>>()?,
            data.map_or(Some(None), |data| data.map(Some))?,
        );
        let source = Source {
            policies: policies.iter().map(Written::text).collect(),
            data: data.as_ref().map(Written::text),
            query: &written.query.value,
        };
        match Compiled::compile(&source) {
            Ok(compiled) => {
                rules.push(compiled.rule().clone());
                Some(Arc::new(compiled))
            }
            Err(found) => {
                let placed = |problem| match problem {
                    portcullis_decision::problem::Problem { place: None, .. } => self.rego_problem(written, problem),
                    problem => self.placed(problem, authorization),
                };
                problems.extend(found.into_iter().map(placed));
                None
            }
        }
    }

    /// A problem with what the configuration itself says.
    #[cfg(feature = "rego")]
    fn rego_problem(self, written: &Rego, problem: portcullis_decision::problem::Problem) -> Problem {
        Problem::error(self.location, written.query.span, problem.message).help(problem.help.unwrap_or_default())
    }

    #[cfg(not(feature = "rego"))]
    fn compile_rego(
        self,
        _: &Authorization,
        written: &Rego,
        _: &mut Vec<Rule>,
        problems: &mut Vec<Problem>,
    ) -> Option<Arc<dyn Engine>> {
        let problem = Problem::error(self.location, written.span, "this program was built without Rego");
        problems.push(problem.help("build it with `--features rego`, or ask an Open Policy Agent (`decision_points`)"));
        None
    }
}
