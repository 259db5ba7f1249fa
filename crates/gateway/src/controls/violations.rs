//! Every violation of one body, where the judge alone stops at the first: for observing and for trials, which refuse nothing
//! and are to tell everything at once. Never on the way of a request that is enforced.

use portcullis_contract::conform::json::{Code, Cuts, Limits, Program, SchemaId, Scratch, Undeclared, Violation};

/// The most members of one body that are told one by one.
const MEMBERS_MAX: usize = 64;

/// What is wrong with a body.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    /// Members that the contract does not declare, or hides in this direction.
    pub(crate) members: Vec<Member>,
    /// The first violation of another kind.
    pub(crate) other: Option<Violation>,
}

/// A member that should not be there.
#[derive(Debug)]
pub(crate) struct Member {
    /// Its name as it is spelled in the body.
    pub(crate) name: String,
    /// Where its name begins in the body, in bytes.
    pub(crate) offset: usize,
    /// What is wrong with it.
    pub(crate) violation: Violation,
}

/// Judges a JSON body as far as it goes. With [`Undeclared::Allow`] there are no undeclared members.
pub(crate) fn of_json(
    program: &Program,
    schema: SchemaId,
    json: &[u8],
    undeclared: Undeclared,
    limits: &Limits,
    scratch: &mut Scratch,
) -> Violations {
    let mut judge = |level| program.judge(schema, json, level, limits, scratch);
    if undeclared == Undeclared::Allow {
        return Violations {
            members: Vec::new(),
            other: judge(undeclared).err(),
        };
    }
    let strict = judge(undeclared);
    match judge(Undeclared::Strip) {
        Ok(cuts) => Violations {
            members: members(program, schema, json, &cuts, limits, scratch),
            other: None,
        },
        Err(other) => {
            // Besides what cannot be cut, the strict reading may have met something that can.
            let member = strict.err().filter(|first| *first != other);
            Violations {
                members: member.map(|first| of_first(first, json)).into_iter().collect(),
                other: Some(other),
            }
        }
    }
}

/// Shows each member to the judge without the others, so that it says of each where it stands and what it breaks.
fn members(
    program: &Program,
    schema: SchemaId,
    json: &[u8],
    cuts: &Cuts,
    limits: &Limits,
    scratch: &mut Scratch,
) -> Vec<Member> {
    let named = cuts.names(json).zip(cuts.but_one()).take(MEMBERS_MAX);
    let member = |(name, others): (&[u8], Cuts)| {
        let alone = others.apply(json);
        let judged = program.judge(schema, &alone, Undeclared::Refuse, limits, scratch);
        Some(Member {
            name: String::from_utf8_lossy(name).into_owned(),
            offset: name.as_ptr().addr().saturating_sub(json.as_ptr().addr()),
            violation: judged.err()?,
        })
    };
    named.filter_map(member).collect()
}

fn of_first(violation: Violation, json: &[u8]) -> Member {
    let name = match violation.code {
        Code::Undeclared => super::undeclared_name(&violation, json),
        _ => violation.pointer.rsplit('/').next().map(str::to_owned),
    };
    Member {
        name: name.unwrap_or_default(),
        offset: violation.offset,
        violation,
    }
}
