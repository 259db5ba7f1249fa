//! Whether characters look drawn by lot, or stand for something that the reader has to put in.

/// Whether characters look drawn by lot: many different ones, none in a row, none in the order of the alphabet.
pub(super) fn is_drawn(text: &str) -> bool {
    /// Bits of a character at the least; those of hexadecimal digits drawn by lot are just under four.
    const BITS_MIN: f64 = 3.0;
    /// As many in a row, the same or counting up, are no chance.
    const ROW_MAX: u32 = 5;
    let mut counts = [0_u32; 256];
    let (mut same, mut rising, mut before) = (1_u32, 1_u32, None);
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
        same = if before == Some(byte) { same + 1 } else { 1 };
        rising = if before.and_then(|before: u8| before.checked_add(1)) == Some(byte) {
            rising + 1
        } else {
            1
        };
        if same > ROW_MAX || rising > ROW_MAX {
            return false;
        }
        before = Some(byte);
    }
    let all = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    let bits: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / all)
        .map(|share| -share * share.log2())
        .sum();
    bits >= BITS_MIN
}

/// Whether a text stands for something: `<token>`, `${PASSWORD}`, `your-key`, `xxxx`.
pub(super) fn is_placeholder(text: &str) -> bool {
    const WORDS: [&str; 20] = [
        "example",
        "sample",
        "placeholder",
        "your",
        "my-",
        "my_",
        "changeme",
        "change_me",
        "xxx",
        "***",
        "...",
        "secret",
        "password",
        "passwd",
        "token",
        "dummy",
        "fake",
        "redacted",
        "insert",
        "test",
    ];
    let lower = text.to_ascii_lowercase();
    text.contains(['<', '>', '{', '}', '$', '%', '[', ']']) || WORDS.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lots_look_drawn() {
        for drawn in ["9fK2mQ7xLw4Rt8Zb3Hn6", "4f2a9c1e7b3d8065af19", "IP77Y7MMX3ITZMFB"] {
            assert!(is_drawn(drawn), "{drawn}");
        }
        for written in [
            "xxxxxxxxxxxxxxxxxxxx",
            "abcdefghijklmnopqrst",
            "1234567890123456",
            "aaaaaabbbbbbcccccc",
        ] {
            assert!(!is_drawn(written), "{written}");
        }
    }

    #[test]
    fn placeholders_are_known() {
        for text in ["<token>", "${DB_PASSWORD}", "your-api-key", "CHANGEME", "XXXXXXXX"] {
            assert!(is_placeholder(text), "{text}");
        }
        assert!(!is_placeholder("9fK2mQ7xLw4Rt8Zb3Hn6"));
    }
}
