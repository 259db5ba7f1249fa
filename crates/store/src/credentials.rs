//! Credentials of the house's own, as far as they are kept: see [`Record`].

use portcullis_identity::credentials::{CredentialId, Kind, Record, Tag};
use portcullis_identity::principal::SubjectKind;
use portcullis_identity::time::UnixTime;
use thiserror::Error;

use crate::StoreError;

pub use crate::position::Position;

/// How many records a store holds at most; about 300 bytes each.
pub const RECORDS_MAX: usize = 1_000_000;
/// How many records a page of a list has at most.
pub const PAGE_RECORDS_MAX: usize = 1000;

/// Where credentials are kept. Each operation is done whole or not at all, and another process that looks sees it whole.
pub trait Credentials: Send {
    /// Keeps a new credential.
    ///
    /// # Errors
    /// [`IssueError`]; then nothing is kept.
    fn issue(&mut self, record: &Record) -> Result<(), IssueError>;

    /// What is kept of this name.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find(&mut self, id: &CredentialId) -> Result<Option<Record>, StoreError>;

    /// Gives a credential another secret. The one before is good until `old_until`; one from before that ends now.
    ///
    /// # Errors
    /// [`StoreError`].
    fn rotate(&mut self, id: &CredentialId, rotation: &Rotation) -> Result<Rotated, StoreError>;

    /// Revokes credentials of a kind for good, and tells how many were not revoked yet.
    ///
    /// # Errors
    /// [`StoreError`].
    fn revoke(&mut self, kind: Kind, whose: &Whose, now: UnixTime) -> Result<u64, StoreError>;

    /// Writes down when credentials were used last. It never goes back; names that there are not are passed over.
    ///
    /// # Errors
    /// [`StoreError`].
    fn touch(&mut self, uses: &[(CredentialId, UnixTime)]) -> Result<(), StoreError>;

    /// Credentials in the order of their names, a page at a time.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list(&mut self, page: &Page) -> Result<Vec<Record>, StoreError>;

    /// What was issued, rotated or revoked after `since`. Uses are no changes.
    ///
    /// # Errors
    /// [`StoreError`].
    fn changes(&mut self, since: Position) -> Result<Changes, StoreError>;

    /// Forgets credentials that ended before, and tells how many.
    ///
    /// # Errors
    /// [`StoreError`].
    fn forget(&mut self, ended_before: UnixTime) -> Result<u64, StoreError>;
}

/// Why a credential is not kept.
#[derive(Debug, Error)]
pub enum IssueError {
    /// The name is taken: draw another.
    #[error("the name is taken")]
    Taken,
    /// There are [`RECORDS_MAX`] records.
    #[error("it holds as many credentials as it can")]
    Full,
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Another secret.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// What is kept of the new one.
    pub tag: Tag,
    /// From when on the old one is not good any more.
    pub old_until: UnixTime,
    /// What time it is.
    pub now: UnixTime,
}

/// What became of a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// It has another secret; this is what is kept now.
    Done(Box<Record>),
    /// There is none of that name.
    Unknown,
    /// It was revoked or is over: a rotation does not bring it back.
    Ended,
}

/// Whose credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The one of this name.
    One(CredentialId),
    /// Those of an owner.
    Owner(SubjectKind, Box<str>),
    /// All.
    All,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    /// Of this kind.
    pub kind: Kind,
    /// Whose.
    pub owner: Option<(SubjectKind, Box<str>)>,
    /// Behind this name.
    pub after: Option<CredentialId>,
    /// How many, up to [`PAGE_RECORDS_MAX`].
    pub records_max: usize,
}

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Whether this is everything that there is, and what is not in it is gone.
    pub whole: bool,
    /// What is kept now of what has changed.
    pub records: Vec<Record>,
    /// Up to where.
    pub position: Position,
}
