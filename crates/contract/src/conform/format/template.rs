//! URI templates (RFC 6570 §2).

/// Literals and expressions in braces.
pub(super) fn is_template(text: &str) -> bool {
    let mut rest = text;
    while let Some((literals, behind)) = rest.split_once('{') {
        let Some((expression, behind)) = behind.split_once('}') else {
            return false;
        };
        if !are_literals(literals) || !is_expression(expression) {
            return false;
        }
        rest = behind;
    }
    are_literals(rest)
}

fn are_literals(text: &str) -> bool {
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let legal = match character {
            '%' => is_hex_pair(&mut characters),
            '"' | '\'' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}' | ' ' => false,
            _ => !character.is_control(),
        };
        if !legal {
            return false;
        }
    }
    true
}

/// An operator perhaps, then variables parted by commas.
fn is_expression(expression: &str) -> bool {
    let operators = ['+', '#', '.', '/', ';', '?', '&', '=', ',', '!', '@', '|'];
    expression
        .strip_prefix(operators)
        .unwrap_or(expression)
        .split(',')
        .all(is_variable)
}

/// A name, then `*` or `:` and a length below 10000.
fn is_variable(variable: &str) -> bool {
    let name = match variable.split_once(':') {
        Some((name, length)) => {
            let digits = length.bytes().all(|byte| byte.is_ascii_digit());
            if !digits || !(1..=4).contains(&length.len()) || length.starts_with('0') {
                return false;
            }
            name
        }
        None => variable.strip_suffix('*').unwrap_or(variable),
    };
    name.split('.').all(is_name)
}

fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        let legal = match character {
            '%' => is_hex_pair(&mut characters),
            _ => character.is_ascii_alphanumeric() || character == '_',
        };
        if !legal {
            return false;
        }
    }
    !name.is_empty()
}

fn is_hex_pair(characters: &mut std::str::Chars<'_>) -> bool {
    let mut hex = || characters.next().is_some_and(|digit| digit.is_ascii_hexdigit());
    hex() && hex()
}
