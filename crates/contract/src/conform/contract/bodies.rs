//! Request bodies and answers (OpenAPI 3.1 §4.8.13, §4.8.16).

use super::Builder;
use super::spelling::Shape;
use crate::conform::json::Direction;
use crate::conform::media_type::Contents;
use crate::conform::operation::Body;
use crate::conform::response::{Response, Statuses};
use crate::document::Place;

impl<'d> Builder<'d> {
    /// The declared body of a request.
    pub(super) fn request_body(&mut self, operation: Place<'d>) -> Option<Body> {
        let place = self.member(operation, "requestBody")?;
        let place = self.follow(place)?;
        self.spell(place, Shape::RequestBody);
        let required = self.truth(place, "required");
        let contents = self.contents(place, Direction::Request);
        if contents.is_empty() {
            self.warn(
                place.node,
                "this body declares no media type, so every body is refused; add `content`",
            );
        }
        Some(Body { required, contents })
    }

    /// The declared answers.
    pub(super) fn responses(&mut self, operation: Place<'d>) -> Vec<Response> {
        let Some(responses) = self.member(operation, "responses") else {
            self.warn(
                operation.node,
                "this operation declares no `responses`, so every answer is a violation",
            );
            return Vec::new();
        };
        let mut compiled = Vec::new();
        for (declared, place) in self.members(responses) {
            let Some(statuses) = Statuses::parse(declared) else {
                self.error(
                    place.node,
                    format!("`{declared}` is no status; write `200`, `4XX` or `default`"),
                );
                continue;
            };
            let Some(place) = self.follow(place) else { continue };
            if let Some(links) = place.node.get("links") {
                self.note(
                    links,
                    "links describe what may be called next; nothing follows from them here",
                );
            }
            let headers = self.headers(place);
            let contents = self.contents(place, Direction::Response);
            compiled.push(Response {
                declared: declared.into(),
                statuses,
                headers,
                contents,
            });
        }
        compiled
    }

    fn contents(&mut self, owner: Place<'d>, direction: Direction) -> Contents {
        let mut contents = Contents::default();
        let Some(content) = self.member(owner, "content") else {
            return contents;
        };
        for (media_type, entry) in self.entries(content) {
            let Some(entry) = self.follow(entry) else { continue };
            self.spell(entry, Shape::MediaType);
            let schema = self.schema(self.member(entry, "schema"), content, direction);
            if contents.add(media_type, schema).is_none() {
                let message = format!("`{media_type}` is no media type, so no body fits it; write `application/json`");
                self.warn(entry.node, message);
            }
        }
        contents
    }
}
