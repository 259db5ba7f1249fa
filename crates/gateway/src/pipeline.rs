//! THE ORDER: the life of one request, on one screen.
//!
//! Having passed a control is a value that only that control can make, so leaving one out does not compile. Nothing here
//! does anything itself.

use http::Response;

use crate::account::Account;
use crate::body::ResponseBody;
use crate::controls::cors::{self, Sharing};
use crate::controls::{address_list, audit_log, authenticate, authorize};
use crate::controls::{contract_in, contract_out, forward, learn_relations, rate_limit, route, signed_content, tenure};
use crate::gate::Gate;
use crate::listen::Received;
use crate::metrics::Control;
use crate::refusal::Refusal;
use crate::routes::Routes;

impl Gate {
    /// Leads a request through every control. `path` is the request's own, which the route borrows from; `sharing` says
    /// what its page may do.
    ///
    /// # Errors
    /// The first refusal.
    pub(crate) async fn pass(
        &self,
        received: Received,
        routes: &Routes,
        path: &str,
        sharing: Option<&Sharing<'_>>,
        account: &mut Account,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let metered = rate_limit::meter(received, routes, account.at(Control::ArrivalLimit)).await?;
        if let Some(answer) = cors::preflight(&metered, routes, path, sharing, account)? {
            return Ok(answer);
        }
        let routed = route::route(metered, routes, path, account.at(Control::Route))?;
        let admitted = address_list::admit(routed, account.at(Control::AddressList))?;
        let expected = cors::admit(admitted, sharing, account.at(Control::Cors))?;
        let paced = rate_limit::pace(expected, account.at(Control::RateLimit)).await?;
        account.at(Control::Authenticate);
        let identified = authenticate::authenticate(paced, self, routes.failures()).await;
        let budgeted = rate_limit::budget(identified, account.at(Control::RateLimit)).await?;
        let recorded = audit_log::open(budgeted, account.at(Control::AuditLog))?;
        let authorized = authorize::operation(recorded, self, account.at(Control::Authorize)).await?;
        let genuine = signed_content::hold(authorized, self).await?;
        let conforming = contract_in::check(genuine, self, account.at(Control::ContractIn)).await?;
        let permitted = authorize::object(conforming, self, account.at(Control::AuthorizeObject)).await?;
        let permitted = rate_limit::target(permitted, account.at(Control::TargetLimit)).await?;
        let mut expected = learn_relations::expect(&permitted, account)?;
        let kept = audit_log::keep(permitted, account.at(Control::AuditLog)).await?;
        let answered = forward::send(kept, self, account.at(Control::Forward)).await;
        let answered = answered.map_err(|refusal| expected.unanswered(refusal))?;
        let judged = contract_out::check(answered, self, account.at(Control::ContractOut)).await;
        let judged = judged.map_err(|refusal| expected.unanswered(refusal))?;
        let learnt = learn_relations::learn(judged, expected, account).await?;
        Ok(tenure::bind(learnt, self))
    }
}
