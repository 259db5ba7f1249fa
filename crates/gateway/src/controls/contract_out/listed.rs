//! Answers that list resources leave with those that the caller may see. What is left is judged like any other answer.

use bytes::Bytes;
use http::Method;
use http::header::{self, HeaderMap, HeaderValue};
use http_body::Body as _;
use portcullis_decision::words::Resource;

use super::Judging;
use super::whole::Held;
use crate::body::ResponseBody;
use crate::controls::forget_bytes;
use crate::decisions::{Collection, Denied, Irreducible};
use crate::limit::Mode;
use crate::refusal::Refusal;

impl Judging<'_, '_> {
    /// Judges what is left of a list when everything is left out that the caller may not see.
    pub(super) async fn listed(
        &mut self,
        body: ResponseBody,
        collection: &Collection,
        visible: impl FnOnce(&[Resource]) -> Vec<bool>,
    ) -> Result<ResponseBody, Refusal> {
        let mode = self.route.operation.policy.modes.authorization;
        if mode == Mode::Enforce {
            forget_list(&mut self.parts.headers);
        }
        if self.method == Method::HEAD || body.is_end_stream() {
            // They speak of all that there is, whatever would be left of it.
            forget_bytes(&mut self.parts.headers);
            return self.by_contract(body).await;
        }
        let irreducible = |Irreducible(why)| Refusal::Irreducible(why);
        let whole = match self.whole(body).await? {
            Held::Whole(whole) => whole,
            Held::Passing(body) => {
                self.account.found(mode, Refusal::Irreducible("unread").into())?;
                return Ok(body);
            }
        };
        if whole.decoded {
            forget_bytes(&mut self.parts.headers);
        }
        let text = match collection.resources(&whole.text) {
            Ok(listed) => self
                .left(collection, whole.text, &visible(&listed))
                .map_err(irreducible)?,
            Err(why) => {
                self.account.found(mode, irreducible(why).into())?;
                whole.text
            }
        };
        self.reduced = true;
        self.by_contract(ResponseBody::Whole(text)).await
    }

    /// Judges an answer that says where a list is: what else it says is left out, for whoever asks there is told what they may see.
    pub(super) async fn elsewhere(&mut self, body: ResponseBody) -> Result<ResponseBody, Refusal> {
        if self.route.operation.policy.modes.authorization != Mode::Enforce {
            return self.by_contract(body).await;
        }
        forget_list(&mut self.parts.headers);
        forget_bytes(&mut self.parts.headers);
        self.by_contract(ResponseBody::Empty).await
    }

    /// What is left of a list.
    fn left(&mut self, collection: &Collection, text: Bytes, kept: &[bool]) -> Result<Bytes, Irreducible> {
        let mode = self.route.operation.policy.modes.authorization;
        let withheld = kept.iter().filter(|kept| !**kept).count();
        let denied = Refusal::Denied(Denied("items-withheld".into()));
        if withheld > 0 && self.account.found(mode, denied.into()).is_err() {
            self.account.withheld(withheld);
        }
        // A count of more than what is here tells of what is not, also where all that is here may be seen.
        if mode != Mode::Enforce || (withheld == 0 && collection.counts.is_empty()) {
            return Ok(text);
        }
        forget_bytes(&mut self.parts.headers);
        Ok(collection.reduced(&text, kept)?.into())
    }
}

/// Takes out the fields that speak of the list as it was, and lets nobody keep it for somebody else.
fn forget_list(headers: &mut HeaderMap) {
    for name in [
        header::AGE,
        header::CONTENT_RANGE,
        header::EXPIRES,
        header::LAST_MODIFIED,
        header::LINK,
    ] {
        headers.remove(name);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}
