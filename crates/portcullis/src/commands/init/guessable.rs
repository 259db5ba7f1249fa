//! Operations that seem to take something that can be guessed: a password, a one-time code, a reset.
//!
//! A guess from names, told as a suggestion and never put in force: the contract's author knows better.

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::document::{Document, Node, Place};

/// Longest chain of references that is followed.
const REFERENCES_MAX: usize = 16;
/// No more are suggested; a contract with more needs a policy at its root.
const SUGGESTIONS_MAX: usize = 20;

/// One such operation, and what it could be limited by.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Guessable {
    /// Method and path template.
    pub(super) operation: String,
    /// Where it stands: `file:line`.
    pub(super) place: String,
    /// What it seems to be.
    pub(super) kind: Kind,
    /// The member of its JSON body that says whom the guess is about, as a JSON pointer.
    pub(super) whom: Option<String>,
}

/// What an operation seems to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A password, or another credential that is exchanged for a session.
    Login,
    /// The name of an account whose password is to be set anew.
    Reset,
    /// A code that was sent or is shown elsewhere.
    Code,
}

impl Kind {
    /// In words, after "seems to be".
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Login => "a login",
            Self::Reset => "a reset of credentials",
            Self::Code => "a check of a code",
        }
    }
}

impl Guessable {
    /// The rate limit that is suggested beside `authentication: true`.
    pub(super) fn limit(&self) -> Option<String> {
        let whom = self.whom.as_ref()?;
        let pointer = serde_json::Value::from(whom.as_str());
        let rest = match self.kind {
            Kind::Login | Kind::Code => "requests: 5, per: 15m, count: failures",
            Kind::Reset => "requests: 3, per: 1h",
        };
        Some(format!("{{ name: guesses, key: [{{ body: {pointer} }}], {rest} }}"))
    }
}

/// The operations of a contract that seem to take something that can be guessed.
pub(super) fn find(document: &Document, contract: &Contract) -> Vec<Guessable> {
    let of = |operation: &Operation| {
        let kind = kind(operation)?;
        let location = document.location(operation.span.file);
        Some(Guessable {
            operation: format!("{} {}", operation.method, operation.template),
            place: format!("{location}:{}", operation.span.line),
            kind,
            whom: whom(document, operation),
        })
    };
    contract
        .operations
        .iter()
        .filter_map(of)
        .take(SUGGESTIONS_MAX)
        .collect()
}

fn kind(operation: &Operation) -> Option<Kind> {
    if !matches!(operation.method.as_str(), "POST" | "PUT" | "PATCH") {
        return None;
    }
    let literal = |segment: &&str| !segment.is_empty() && !segment.contains('{');
    let segments: Vec<&str> = operation.template.split('/').filter(literal).collect();
    let ends_literal = operation.template.rsplit('/').next().is_some_and(|last| literal(&last));
    let last = words(segments.last().filter(|_| ends_literal).unwrap_or(&""));
    let id = words(operation.id.as_deref().unwrap_or_default());
    let named: Vec<&str> = last.iter().chain(&id).map(String::as_str).collect();
    let path = segments.iter().flat_map(|segment| words(segment)).collect::<Vec<_>>();
    let whole: Vec<&str> = path.iter().chain(&id).map(String::as_str).collect();
    let is = |text: &[&str], any: &[&str]| text.iter().any(|word| any.contains(word));
    let pair = |first: &str, second: &str| [&last, &id].iter().any(|text| follows(text, first, second));
    if is(
        &whole,
        &[
            "logout",
            "signout",
            "register",
            "registration",
            "signup",
            "history",
            "settings",
        ],
    ) {
        return None;
    }
    let codes = ["otp", "totp", "hotp", "mfa", "2fa", "tfa", "passcode"];
    let checks = [
        "verify",
        "verification",
        "confirm",
        "confirmation",
        "check",
        "validate",
        "redeem",
    ];
    let secrets = ["code", "codes", "pin", "challenge"];
    if is(&whole, &codes) || (is(&whole, &checks) && is(&whole, &secrets)) || pair("two", "factor") {
        return Some(Kind::Code);
    }
    let resets = ["reset", "recover", "recovery"];
    let credentials = ["password", "passwords", "passphrase", "pin", "account", "credentials"];
    if is(&whole, &["forgot", "forgotten"]) || (is(&whole, &resets) && is(&whole, &credentials)) {
        return Some(Kind::Reset);
    }
    let logins = ["login", "signin", "logon", "authenticate"];
    let made = ["session", "sessions", "token", "tokens"];
    let makes = operation.method.as_str() == "POST" && last.iter().any(|word| made.contains(&word.as_str()));
    let in_words = pair("log", "in") || pair("sign", "in") || pair("log", "on");
    (is(&named, &logins) || makes || in_words).then_some(Kind::Login)
}

fn follows(text: &[String], first: &str, second: &str) -> bool {
    text.iter()
        .zip(text.iter().skip(1))
        .any(|(one, next)| one == first && next == second)
}

/// The words of a name, in lower case: `verifyOTPCode`, `verify-otp-code` and `verify_otp_code` have the same.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let characters: Vec<char> = name.chars().collect();
    for (index, character) in characters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| characters.get(index));
        let after = characters.get(index + 1);
        let begins = character.is_uppercase()
            && before.is_some_and(|before| !before.is_uppercase() || after.is_some_and(|after| after.is_lowercase()));
        if begins || !character.is_alphanumeric() {
            words.push(String::new());
        }
        if character.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(character.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The member of an operation's JSON body that says whom a guess is about.
fn whom(document: &Document, operation: &Operation) -> Option<String> {
    const NAMES: [&str; 16] = [
        "username",
        "user",
        "login",
        "loginname",
        "email",
        "emailaddress",
        "mail",
        "phone",
        "phonenumber",
        "mobile",
        "msisdn",
        "account",
        "identifier",
        "userid",
        "accountid",
        "name",
    ];
    let members = body_members(document, operation);
    let named = |wanted: &&str| members.iter().find(|member| words(member).concat() == **wanted);
    let member = NAMES.iter().find_map(named)?;
    Some(format!("/{}", member.replace('~', "~0").replace('/', "~1")))
}

/// The names of the members that an operation's JSON body declares.
fn body_members<'d>(document: &'d Document, operation: &Operation) -> Vec<&'d str> {
    let find = || {
        let root = document.root();
        let paths = member(document, root, "paths")?;
        let item = member(document, paths, &operation.template)?;
        let declared = member(document, item, &operation.method.as_str().to_ascii_lowercase())?;
        let content = member(document, member(document, declared, "requestBody")?, "content")?;
        let types = content.node.as_object()?.iter();
        let (json, _) = { types }.find(|(name, _)| name.to_ascii_lowercase().contains("json"))?;
        member(document, member(document, content, json)?, "schema")
    };
    let mut found = Vec::new();
    if let Some(schema) = find() {
        collect(document, schema, &mut found);
        let branches = schema.node.get("allOf").and_then(Node::as_array).unwrap_or_default();
        for branch in branches {
            if let Some(place) = follow(document, document.child(schema, branch)) {
                collect(document, place, &mut found);
            }
        }
    }
    found
}

fn collect<'d>(document: &'d Document, schema: Place<'d>, found: &mut Vec<&'d str>) {
    let properties = member(document, schema, "properties").and_then(|place| place.node.as_object());
    found.extend(
        properties
            .into_iter()
            .flat_map(|object| object.iter())
            .map(|(name, _)| name),
    );
}

/// A member, or what it refers to.
fn member<'d>(document: &'d Document, parent: Place<'d>, name: &str) -> Option<Place<'d>> {
    follow(document, document.child(parent, parent.node.get(name)?))
}

fn follow<'d>(document: &'d Document, mut place: Place<'d>) -> Option<Place<'d>> {
    for _ in 0..REFERENCES_MAX {
        let Some(reference) = place.node.get("$ref").and_then(Node::as_str) else {
            return Some(place);
        };
        place = document.resolve(place, reference).ok()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use portcullis_contract::conform::contract::compile;
    use portcullis_contract::document::{Fetch, load};

    use super::*;

    struct Text(String);

    impl Fetch for Text {
        fn fetch(&mut self, _: &str) -> Result<Vec<u8>, String> {
            Ok(self.0.clone().into_bytes())
        }
    }

    fn guess(path: &str, method: &str, id: &str, body: &str) -> Option<Guessable> {
        let text = format!(
            "openapi: 3.1.0\ninfo: {{title: t, version: '1'}}\npaths:\n  {path}:\n    {method}:\n      operationId: {id}\n      \
             requestBody: {{content: {{application/json: {{schema: {body}}}}}}}\n      \
             responses: {{'200': {{description: ok}}}}\ncomponents:\n  schemas:\n    \
             Who: {{properties: {{user_name: {{type: string}}}}}}\n"
        );
        let document = load("a.yaml", &mut Text(text)).unwrap();
        let contract = compile(&document).contract;
        find(&document, &contract).into_iter().next()
    }

    #[test]
    fn kinds() {
        for (path, method, id, expected) in [
            ("/login", "post", "a", Some(Kind::Login)),
            ("/auth/sign-in", "post", "a", Some(Kind::Login)),
            ("/v1/sessions", "post", "createSession", Some(Kind::Login)),
            ("/oauth/token", "post", "a", Some(Kind::Login)),
            ("/users", "post", "logIn", Some(Kind::Login)),
            ("/password/reset", "post", "a", Some(Kind::Reset)),
            ("/forgot-password", "post", "a", Some(Kind::Reset)),
            ("/users", "put", "resetUserPassword", Some(Kind::Reset)),
            ("/otp", "post", "a", Some(Kind::Code)),
            ("/users", "post", "verifyOTPCode", Some(Kind::Code)),
            ("/email/confirmation-code/verify", "post", "a", Some(Kind::Code)),
            ("/login", "get", "a", None),
            ("/logout", "post", "a", None),
            ("/sessions/logout", "post", "a", None),
            ("/users", "post", "registerUser", None),
            ("/users", "post", "resetCounters", None),
            ("/sessions/{id}", "post", "a", None),
            ("/blogin", "post", "a", None),
        ] {
            let kind = guess(path, method, id, "{type: object}").map(|found| found.kind);
            assert_eq!(kind, expected, "{method} {path} {id}");
        }
    }

    #[test]
    fn whom_the_guess_is_about() {
        for (body, expected) in [
            ("{properties: {password: {}, email: {}}}", Some("/email")),
            ("{properties: {email: {}, username: {}}}", Some("/username")),
            ("{$ref: '#/components/schemas/Who'}", Some("/user_name")),
            (
                "{allOf: [{$ref: '#/components/schemas/Who'}, {properties: {a: {}}}]}",
                Some("/user_name"),
            ),
            ("{properties: {E-Mail: {}, 'a/b': {}}}", Some("/E-Mail")),
            ("{properties: {password: {}}}", None),
            ("{}", None),
        ] {
            let found = guess("/login", "post", "a", body).unwrap();
            assert_eq!(found.whom.as_deref(), expected, "{body}");
        }
    }
}
