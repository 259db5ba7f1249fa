//! A question on the terminal, with an answer that is taken for granted where nobody gives one.

use std::io::{self, BufRead, Read as _, Write};

/// How often a wrong answer may be given.
const TRIES_MAX: usize = 3;
/// No answer is longer.
const ANSWER_BYTES_MAX: u64 = 4096;

/// Asks until the answer is right; an empty one is the default, and so is whatever follows too many wrong ones.
///
/// # Errors
/// The terminal cannot be read or written.
pub(super) fn ask(
    input: &mut impl BufRead,
    output: &mut impl Write,
    question: &str,
    default: &str,
    check: impl Fn(&str) -> Result<(), String>,
) -> io::Result<String> {
    for _ in 0..TRIES_MAX {
        write!(output, "{question} [{default}] ")?;
        output.flush()?;
        let mut answer = String::new();
        input.by_ref().take(ANSWER_BYTES_MAX).read_line(&mut answer)?;
        let answer = answer.trim();
        if answer.is_empty() {
            break;
        }
        match check(answer) {
            Ok(()) => return Ok(answer.to_owned()),
            Err(fault) => writeln!(output, "{fault}")?,
        }
    }
    Ok(default.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str, expected: &str, told: &str) {
        let mut output = Vec::new();
        let right = |answer: &str| {
            if answer == "right" {
                Ok(())
            } else {
                Err(format!("`{answer}` is wrong"))
            }
        };
        let answer = ask(&mut typed.as_bytes(), &mut output, "well?", "default", right).unwrap();
        assert_eq!(answer, expected, "{typed:?}");
        assert_eq!(String::from_utf8(output).unwrap(), told, "{typed:?}");
    }

    #[test]
    fn answers() {
        check("right\n", "right", "well? [default] ");
        check("\n", "default", "well? [default] ");
        check("", "default", "well? [default] ");
        check(
            "x\n right \n",
            "right",
            "well? [default] `x` is wrong\nwell? [default] ",
        );
        let wrong = "well? [default] `x` is wrong\n".repeat(3);
        check("x\nx\nx\nright\n", "default", &wrong);
    }
}
