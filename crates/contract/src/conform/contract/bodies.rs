//! Request bodies and answers (OpenAPI 3.1 §4.8.13, §4.8.16).

use super::Builder;
use super::spelling::{Shape, media_type_meant};
use crate::conform::body::fields::Written;
use crate::conform::json::Direction;
use crate::conform::media_type::{Contents, MediaType};
use crate::conform::operation::Body;
use crate::conform::parameter::{Location, Style};
use crate::conform::response::{Response, Statuses};
use crate::document::{Place, Problem, Severity};

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
            let headers = self.headers(place, Direction::Response);
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
            let written = self.encodings(entry, direction);
            if contents.add(media_type, schema, written).is_none() {
                let message = format!("`{media_type}` is no media type, so no body fits it; write `application/json`");
                self.warn(entry.node, message);
            } else if let Some(meant) = media_type_meant(media_type) {
                let named = content
                    .node
                    .as_object()
                    .and_then(|content| content.members.get(media_type));
                let span = named.map_or(entry.node.span, |member| member.name_span);
                self.problems.push(Problem {
                    severity: Severity::Warning,
                    help: format!("did you mean `{meant}`?"),
                    ..self.document.problem(
                        span,
                        format!("`{media_type}` has a type that nobody registered, so no body fits it"),
                    )
                });
            }
        }
        contents
    }

    /// What `encoding` says of the properties of a form.
    fn encodings(&mut self, media_type: Place<'d>, direction: Direction) -> Vec<Written> {
        let Some(encoding) = self.member(media_type, "encoding") else {
            return Vec::new();
        };
        let mut all = Vec::new();
        for (name, place) in self.entries(encoding) {
            self.spell(place, Shape::Encoding);
            all.push(Written {
                name: name.into(),
                content_types: self.content_types(place),
                style: self.field_style(place),
                headers: self.headers(place, direction),
                span: place.node.span,
            });
        }
        all
    }

    /// The media types and ranges of `contentType`, which stand at commas.
    fn content_types(&mut self, encoding: Place<'d>) -> Vec<MediaType> {
        let Some(node) = encoding.node.get("contentType") else {
            return Vec::new();
        };
        let mut types = Vec::new();
        for text in node.as_str().unwrap_or_default().split(',').map(str::trim) {
            match MediaType::parse(text) {
                Some(found) => types.push(found),
                None => self.error(
                    node,
                    format!("`{text}` is no media type; write `image/png, image/jpeg`"),
                ),
            }
        }
        types
    }

    /// `style` and `explode`, if either is there (OpenAPI 3.1 §4.8.15.1.2).
    fn field_style(&mut self, encoding: Place<'d>) -> Option<(Style, bool)> {
        let said = encoding.node.get("style");
        let style = match said.map(|node| {
            (
                node,
                node.as_str().and_then(|name| self.style_named(name, Location::Query)),
            )
        }) {
            None => Style::Form,
            Some((_, Some(style))) => style,
            Some((node, None)) => {
                self.error(
                    node,
                    "this style is not one for a field; write form, spaceDelimited, pipeDelimited or deepObject",
                );
                return None;
            }
        };
        let exploded = encoding.node.get("explode").map(|_| self.truth(encoding, "explode"));
        if said.is_none() && exploded.is_none() {
            return None;
        }
        Some((style, exploded.unwrap_or(style == Style::Form)))
    }
}
