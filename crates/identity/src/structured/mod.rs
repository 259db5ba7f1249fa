//! Structured field values (RFC 9651): dictionaries, lists and items, read strictly and written in their only spelling.
//!
//! Stricter than RFC 9651 where leniency would let two readers see two things: a name that stands twice is refused (§3.2 has
//! the last one win), and base64 has to be in its only spelling (§4.2.7 lets padding be missing). Everything is bounded.

mod read;
mod write;

pub use write::list as spelled;

/// The longest value that is read, in bytes.
pub const VALUE_BYTES_MAX: usize = 16 * 1024;
/// The most members of a dictionary, list or inner list, and the most parameters of one.
pub const MEMBERS_MAX: usize = 64;

/// A bare item (RFC 9651 §3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bare {
    /// §3.3.1: at most 15 digits.
    Integer(i64),
    /// §3.3.2, in thousandths.
    Decimal(i64),
    /// §3.3.3: printable ASCII.
    String(Box<str>),
    /// §3.3.4
    Token(Box<str>),
    /// §3.3.5
    Bytes(Vec<u8>),
    /// §3.3.6
    Boolean(bool),
    /// §3.3.7: seconds since 1970.
    Date(i64),
    /// §3.3.8: any characters.
    Display(Box<str>),
}

/// Names and what they stand for, in the order in which they were written, each name once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<T>(Vec<(Box<str>, T)>);

/// What stands behind an item or inner list (§3.1.2).
pub type Parameters = Named<Bare>;
/// §3.2
pub type Dictionary = Named<Member>;
/// §3.1
pub type List = Vec<Member>;

/// An item and its parameters (§3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub bare: Bare,
    /// What is said of it.
    pub parameters: Parameters,
}

/// Items in parentheses (§3.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InnerList {
    /// What it holds.
    pub items: Vec<Item>,
    /// What is said of it.
    pub parameters: Parameters,
}

/// A member of a dictionary or list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// One item.
    Item(Item),
    /// Several.
    InnerList(InnerList),
}

/// Why a value is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not parse.
    Syntax,
    /// A name stands twice.
    Duplicate,
    /// It is longer than [`VALUE_BYTES_MAX`], or has more than [`MEMBERS_MAX`] members somewhere.
    TooLarge,
}

impl<T> Named<T> {
    /// What this name stands for.
    pub fn get(&self, name: &str) -> Option<&T> {
        let entry = self.0.iter().find(|(known, _)| **known == *name);
        entry.map(|(_, value)| value)
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn insert(&mut self, name: &str, value: T) -> Result<(), Fault> {
        if self.get(name).is_some() {
            return Err(Fault::Duplicate);
        }
        if self.0.len() >= MEMBERS_MAX {
            return Err(Fault::TooLarge);
        }
        self.0.push((name.into(), value));
        Ok(())
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Reads a dictionary (§4.2.2). The values of several fields of one name are joined by commas before.
///
/// # Errors
///
/// [`Fault`].
pub fn dictionary(value: &[u8]) -> Result<Dictionary, Fault> {
    read::Reader::new(value)?.whole(read::Reader::dictionary)
}

/// Reads a list (§4.2.1).
///
/// # Errors
///
/// [`Fault`].
pub fn list(value: &[u8]) -> Result<List, Fault> {
    read::Reader::new(value)?.whole(read::Reader::list)
}

/// Reads an item (§4.2.3).
///
/// # Errors
///
/// [`Fault`].
pub fn item(value: &[u8]) -> Result<Item, Fault> {
    read::Reader::new(value)?.whole(read::Reader::item)
}

#[cfg(test)]
mod tests;
