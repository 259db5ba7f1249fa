//! Header blocks as bytes, without a table (RFC 7541), and the status of an answer.

/// The pseudo fields of a request that is served.
pub(super) const GET: &str = ":method=GET :scheme=http :path=/things/1 :authority=localhost";
/// Those of one with a body.
pub(super) const POST: &str =
    ":method=POST :scheme=http :path=/things :authority=localhost content-type=application/json";

/// Fields as `name=value`, with a space between one and the next. A name may begin with a colon.
pub(super) fn block(fields: &str) -> Vec<u8> {
    let fields = fields.split(' ').filter(|field| !field.is_empty());
    fields
        .flat_map(|field| {
            let (name, value) = field.split_once('=').unwrap();
            literal(name.as_bytes(), value.as_bytes())
        })
        .collect()
}

/// One field, not indexed (section 6.2.2).
pub(super) fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    [vec![0], string(name), string(value)].concat()
}

/// One field that is put into the table (section 6.2.1).
pub(super) fn indexed_literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    [vec![0x40], string(name), string(value)].concat()
}

/// A string without Huffman coding (section 5.2).
pub(super) fn string(text: &[u8]) -> Vec<u8> {
    let mut bytes = integer(0, 7, text.len());
    bytes.extend_from_slice(text);
    bytes
}

/// An integer behind `first`, with a prefix of so many bits (section 5.1).
pub(super) fn integer(first: u8, prefix: u8, value: usize) -> Vec<u8> {
    let most = (1_usize << prefix) - 1;
    if value < most {
        return vec![first | u8::try_from(value).unwrap()];
    }
    let mut bytes = vec![first | u8::try_from(most).unwrap()];
    let mut rest = value - most;
    while rest >= 0x80 {
        bytes.push(u8::try_from(rest % 0x80).unwrap() | 0x80);
        rest /= 0x80;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}

/// The status that a header block begins with, where no table is needed to read it.
pub(super) fn status(block: &[u8]) -> Option<u16> {
    match block {
        // A change of the table's size.
        [0x20..=0x3e, rest @ ..] => status(rest),
        [0x3f, rest @ ..] => {
            let end = rest.iter().position(|byte| byte & 0x80 == 0)?;
            status(&rest[end + 1..])
        }
        [index @ 0x88..=0x8e, ..] => Some([200, 204, 206, 304, 400, 404, 500][usize::from(index - 0x88)]),
        [0x08 | 0x18 | 0x48, length, value @ ..] => {
            let value = value.get(..usize::from(length & 0x7f))?;
            let digits = if length & 0x80 == 0 {
                value.to_vec()
            } else {
                digits(value)
            };
            String::from_utf8(digits).ok()?.parse().ok()
        }
        _ => None,
    }
}

/// Digits in Huffman coding: `0` to `2` have five bits, the others six (section B).
fn digits(coded: &[u8]) -> Vec<u8> {
    let mut bits = coded
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    let mut digits = Vec::new();
    while digits.len() < 3 {
        let code = bits.by_ref().take(5).fold(0, |code, bit| code << 1 | bit);
        digits.push(match code {
            0..=2 => b'0' + code,
            _ => b'3' + ((code << 1 | bits.next().unwrap_or(0)) - 0x19),
        });
    }
    digits
}

#[test]
fn statuses_are_read() {
    for (block, expected) in [
        (vec![0x88], 200),
        (vec![0x8c, 0x61], 400),
        (vec![0x3f, 0xe1, 0x1f, 0x8d], 404),
        ([vec![0x48], string(b"421")].concat(), 421),
        // From RFC 7541 sections C.6.1 and C.6.2.
        (vec![0x48, 0x82, 0x64, 0x02], 302),
        (vec![0x48, 0x83, 0x64, 0x0e, 0xff], 307),
    ] {
        assert_eq!(status(&block), Some(expected), "{block:?}");
    }
}
