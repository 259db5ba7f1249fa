//! Host names (RFC 1123 §2.1) and the Punycode of their A-labels (RFC 3492).

/// Longest name in characters (RFC 1035 §2.3.4 without the root label).
const NAME_CHARACTERS_MAX: usize = 253;

/// Longest label (RFC 1035 §2.3.4).
const LABEL_CHARACTERS_MAX: usize = 63;

/// Labels of letters, digits and inner hyphens, parted by dots.
pub(super) fn is_hostname(text: &str) -> bool {
    text.len() <= NAME_CHARACTERS_MAX && text.as_bytes().split(|byte| *byte == b'.').all(is_label)
}

fn is_label(label: &[u8]) -> bool {
    let ([first, ..], [.., last]) = (label, label) else {
        return false;
    };
    if label.len() > LABEL_CHARACTERS_MAX || !first.is_ascii_alphanumeric() || !last.is_ascii_alphanumeric() {
        return false;
    }
    if !label.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-') {
        return false;
    }
    match label {
        [b'x' | b'X', b'n' | b'N', b'-', b'-', punycode @ ..] => is_punycode(punycode),
        // Other tags in the third and fourth place are reserved (RFC 5891 §4.2.3.1) but legal as plain names.
        _ => true,
    }
}

/// Whether Punycode decodes without overflow or truncation, and to no control character or space. Which characters a
/// label may hold beyond that is a matter of IDNA's tables, which are not here.
fn is_punycode(text: &[u8]) -> bool {
    let (basic, encoded) = match text.iter().rposition(|byte| *byte == b'-') {
        Some(at) => (at, text.get(at + 1..).unwrap_or_default()),
        None => (0, text),
    };
    // A hyphen that parts nothing is not written (RFC 3492 §6.3).
    if encoded.is_empty() || text.starts_with(b"-") {
        return false;
    }
    let mut decoder = Decoder {
        length: u32::try_from(basic).unwrap_or(u32::MAX),
        code: 128,
        index: 0,
        bias: 72,
    };
    let mut rest = encoded;
    let mut first = true;
    while !rest.is_empty() {
        match decoder.next(rest, first) {
            Some(behind) => (rest, first) = (behind, false),
            None => return false,
        }
    }
    true
}

/// The state of RFC 3492 §6.2, without the output.
struct Decoder {
    length: u32,
    code: u32,
    index: u32,
    bias: u32,
}

impl Decoder {
    /// Decodes one character; gives what is behind it.
    fn next<'t>(&mut self, text: &'t [u8], first: bool) -> Option<&'t [u8]> {
        let (mut rest, mut delta, mut weight, mut step) = (text, 0_u32, 1_u32, 36_u32);
        loop {
            let (digit, behind) = rest.split_first()?;
            rest = behind;
            let digit = match digit {
                b'a'..=b'z' => u32::from(digit - b'a'),
                b'A'..=b'Z' => u32::from(digit - b'A'),
                b'0'..=b'9' => u32::from(digit - b'0') + 26,
                _ => return None,
            };
            delta = delta.checked_add(digit.checked_mul(weight)?)?;
            let threshold = step.saturating_sub(self.bias).clamp(1, 26);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(36 - threshold)?;
            step += 36;
        }
        self.length = self.length.checked_add(1)?;
        self.bias = adapt(delta, self.length, first);
        let index = self.index.checked_add(delta)?;
        self.code = self.code.checked_add(index / self.length)?;
        self.index = index % self.length + 1;
        char::from_u32(self.code).filter(|decoded| !decoded.is_control() && !decoded.is_whitespace())?;
        Some(rest)
    }
}

/// RFC 3492 §6.1.
fn adapt(delta: u32, length: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / length;
    let mut bias = 0;
    while delta > 455 {
        delta /= 35;
        bias += 36;
    }
    bias + 36 * delta / (delta + 38)
}
