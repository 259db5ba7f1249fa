//! The styles of OpenAPI 3.1 §4.8.12.2, and what `collectionFormat` of 2.0 says beyond them: where the items and properties of a parameter begin and end. Separators are
//! looked for before anything is decoded, so an encoded separator is part of a value.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::{Location, Parameter, Part};
use crate::conform::json::TypeSet;

/// How a parameter is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// `;color=blue`
    Matrix,
    /// `.blue`
    Label,
    /// `blue,black`
    Simple,
    /// `color=blue&color=black`
    Form,
    /// `color=blue%20black`
    SpaceDelimited,
    /// `color=blue|black`
    PipeDelimited,
    /// `color=blue%09black`: `tsv` of OpenAPI 2.0
    TabDelimited,
    /// `color[R]=100&color[G]=200`
    DeepObject,
}

impl Style {
    /// The style of a name, if it is one for that location.
    pub fn parse(name: &str, location: Location) -> Option<Self> {
        let style = Self::named(name)?;
        let fits = match location {
            Location::Path => matches!(style, Self::Matrix | Self::Label | Self::Simple),
            Location::Query => matches!(
                style,
                Self::Form | Self::SpaceDelimited | Self::PipeDelimited | Self::DeepObject
            ),
            Location::Header => style == Self::Simple,
            Location::Cookie => style == Self::Form,
        };
        fits.then_some(style)
    }

    /// The style of a name, wherever it may stand; `tabDelimited` is the name that `tsv` has here.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "matrix" => Self::Matrix,
            "label" => Self::Label,
            "simple" => Self::Simple,
            "form" => Self::Form,
            "spaceDelimited" => Self::SpaceDelimited,
            "pipeDelimited" => Self::PipeDelimited,
            "tabDelimited" => Self::TabDelimited,
            "deepObject" => Self::DeepObject,
            _ => return None,
        })
    }

    /// The style where none is given.
    pub fn default_of(location: Location) -> Self {
        match location {
            Location::Path | Location::Header => Self::Simple,
            Location::Query | Location::Cookie => Self::Form,
        }
    }

    /// Whether every item or property is its own `name=value`, so that the name may occur repeatedly.
    pub(super) fn repeats(self, explode: bool) -> bool {
        explode && matches!(self, Self::Form | Self::SpaceDelimited | Self::PipeDelimited)
    }
}

/// What a parameter is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar,
    Array,
    Object,
}

impl Kind {
    /// What the occurrences of a parameter look like without a schema.
    pub(super) fn plainest(parts: &[Part<'_>]) -> Self {
        match parts {
            [Part { key: None, .. }] => Self::Scalar,
            [] | [Part { key: None, .. }, ..] => Self::Array,
            [Part { key: Some(_), .. }, ..] => Self::Object,
        }
    }

    pub(super) fn types(self) -> TypeSet {
        match self {
            Self::Scalar => TypeSet::STRING
                .union(TypeSet::NUMBER)
                .union(TypeSet::BOOLEAN)
                .union(TypeSet::NULL),
            Self::Array => TypeSet::ARRAY,
            Self::Object => TypeSet::OBJECT,
        }
    }

    pub(super) fn opening(self) -> &'static [u8] {
        match self {
            Self::Scalar => b"",
            Self::Array => b"[",
            Self::Object => b"{",
        }
    }

    pub(super) fn closing(self) -> &'static [u8] {
        match self {
            Self::Scalar => b"",
            Self::Array => b"]",
            Self::Object => b"}",
        }
    }
}

/// An item or property, not decoded unless it says so.
pub(super) struct Value<'t> {
    pub(super) key: Option<Cow<'t, str>>,
    pub(super) key_is_decoded: bool,
    pub(super) text: &'t str,
}

/// The text cannot be read in this way.
#[derive(Debug)]
pub(super) struct Unreadable;

pub(super) type Values<'t> = SmallVec<[Value<'t>; 4]>;

/// Splits the occurrences of a parameter.
pub(super) fn split<'t>(
    style: Style,
    explode: bool,
    kind: Kind,
    parameter: &Parameter,
    parts: &[Part<'t>],
) -> Result<Values<'t>, Unreadable> {
    let keyed = parts.iter().any(|part| part.key.is_some());
    match (kind, style) {
        (Kind::Object, _) if keyed => Ok(parts.iter().map(property).collect()),
        (Kind::Array, Style::DeepObject) if keyed => indexed(parts),
        _ if keyed || (style == Style::DeepObject && kind == Kind::Object) => Err(Unreadable),
        (Kind::Array, _) if style.repeats(explode) => Ok(parts.iter().map(|part| item(part.value)).collect()),
        (Kind::Object, Style::Form) if explode => Err(Unreadable),
        // Several fields of one name are one list (RFC 9110 §5.2).
        (Kind::Array, Style::Simple) if parameter.location == Location::Header => {
            let pieces = parts
                .iter()
                .flat_map(|part| pieces(part.value, &[","], Location::Header));
            Ok(pieces.map(item).collect())
        }
        _ => {
            let [Part { value, .. }] = parts else {
                return Err(Unreadable);
            };
            let (text, separators) = unwrap(style, explode, kind, parameter, value)?;
            let pieces = || pieces(text, separators, parameter.location);
            match kind {
                Kind::Scalar => Ok(std::iter::once(item(text)).collect()),
                Kind::Array if style == Style::Matrix && explode => {
                    pieces().map(|piece| named(piece, &parameter.name).map(item)).collect()
                }
                Kind::Array => Ok(pieces().map(item).collect()),
                Kind::Object if explode => pieces().map(assigned).collect(),
                Kind::Object => alternating(pieces()),
            }
        }
    }
}

/// Takes off what a style puts in front, and says what parts the pieces.
fn unwrap<'t>(
    style: Style,
    explode: bool,
    kind: Kind,
    parameter: &Parameter,
    text: &'t str,
) -> Result<(&'t str, &'static [&'static str]), Unreadable> {
    Ok(match style {
        Style::Simple | Style::Form | Style::DeepObject => (text, &[","]),
        Style::SpaceDelimited => (text, spaces(parameter.location)),
        Style::PipeDelimited if parameter.location == Location::Header => (text, &["|"]),
        Style::PipeDelimited => (text, &["|", "%7C", "%7c"]),
        Style::TabDelimited if parameter.location == Location::Header => (text, &["\t"]),
        Style::TabDelimited => (text, &["%09"]),
        Style::Label => {
            let text = text.strip_prefix('.').ok_or(Unreadable)?;
            (text, if explode { &["."] } else { &[","] })
        }
        Style::Matrix if explode && kind != Kind::Scalar => (text.strip_prefix(';').ok_or(Unreadable)?, &[";"]),
        Style::Matrix => (
            text.strip_prefix(';')
                .ok_or(Unreadable)
                .and_then(|text| named(text, &parameter.name))?,
            &[","],
        ),
    })
}

/// How a space is written; only in a query may it be a plus.
fn spaces(location: Location) -> &'static [&'static str] {
    match location {
        Location::Query | Location::Cookie => &["%20", "+"],
        Location::Path => &["%20"],
        Location::Header => &[" "],
    }
}

fn pieces<'t>(text: &'t str, separators: &'static [&'static str], location: Location) -> impl Iterator<Item = &'t str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let here = rest?;
        let first = separators
            .iter()
            .filter_map(|one| here.find(one).map(|at| (at, one.len())))
            .min();
        let (piece, behind) = match first {
            Some((at, length)) => (here.get(..at)?, here.get(at + length..)),
            None => (here, None),
        };
        rest = behind;
        // Lists in header fields may have blanks around their members (RFC 9110 §5.6.1).
        Some(if location == Location::Header {
            piece.trim_matches([' ', '\t'])
        } else {
            piece
        })
    })
}

/// The value of `name=value`, or of `name` alone.
fn named<'t>(text: &'t str, name: &str) -> Result<&'t str, Unreadable> {
    let rest = text.strip_prefix(name).ok_or(Unreadable)?;
    if rest.is_empty() {
        Ok(rest)
    } else {
        rest.strip_prefix('=').ok_or(Unreadable)
    }
}

fn item(text: &str) -> Value<'_> {
    Value {
        key: None,
        key_is_decoded: false,
        text,
    }
}

fn property<'t>(part: &Part<'t>) -> Value<'t> {
    Value {
        key: part.key.clone(),
        key_is_decoded: true,
        text: part.value,
    }
}

fn assigned(piece: &str) -> Result<Value<'_>, Unreadable> {
    let (key, text) = piece.split_once('=').ok_or(Unreadable)?;
    Ok(Value {
        key: Some(Cow::Borrowed(key)),
        key_is_decoded: false,
        text,
    })
}

/// `R,100,G,200`
fn alternating<'t>(mut pieces: impl Iterator<Item = &'t str>) -> Result<Values<'t>, Unreadable> {
    let mut values = Values::new();
    while let Some(key) = pieces.next() {
        let text = pieces.next().ok_or(Unreadable)?;
        values.push(Value {
            key: Some(Cow::Borrowed(key)),
            key_is_decoded: false,
            text,
        });
    }
    Ok(values)
}

/// `a[]=1&a[]=2` or `a[0]=1&a[1]=2`: an index has to be the number of the items before it.
fn indexed<'t>(parts: &[Part<'t>]) -> Result<Values<'t>, Unreadable> {
    let mut values = Values::new();
    for part in parts {
        let key = part.key.as_deref().ok_or(Unreadable)?;
        if !key.is_empty() && key != values.len().to_string() {
            return Err(Unreadable);
        }
        values.push(item(part.value));
    }
    Ok(values)
}
