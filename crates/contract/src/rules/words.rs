//! Names as people read them: split into words, and what they tell of the data.

/// The words of a name in lower case, split at case, digits and signs: `userId`, `user_id` and `X-User-ID` have `user` and `id`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let characters: Vec<char> = name.chars().collect();
    for (index, c) in characters.iter().enumerate() {
        let previous = index.checked_sub(1).and_then(|index| characters.get(index));
        let next = characters.get(index + 1);
        let begins = c.is_uppercase()
            && (previous.is_some_and(|previous| previous.is_lowercase() || previous.is_ascii_digit())
                || next.is_some_and(|next| next.is_lowercase()));
        if (!c.is_alphanumeric() || begins) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// A name without signs and in lower case: `page_size`, `pageSize` and `$pageSize` are one.
pub(super) fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// Whether a name holds these words next to each other, as words of their own, or written as one.
pub(super) fn says(name: &str, phrase: &[&str]) -> bool {
    hold(&words(name), phrase)
}

/// Whether a name holds one of these phrases.
pub(super) fn says_any(name: &str, phrases: &[&[&str]]) -> bool {
    hold_any(&words(name), phrases)
}

fn hold_any(words: &[String], phrases: &[&[&str]]) -> bool {
    phrases.iter().any(|phrase| hold(words, phrase))
}

fn hold(words: &[String], phrase: &[&str]) -> bool {
    let is_joined = |word: &String| {
        let rest = phrase
            .iter()
            .try_fold(word.as_str(), |rest, part| rest.strip_prefix(part));
        rest == Some("")
    };
    words.windows(phrase.len().max(1)).any(|window| window == phrase) || words.iter().any(is_joined)
}

/// What a name tells of the data that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum DataClass {
    /// Lets its holder in: passwords, tokens, keys.
    Credential,
    /// Of payment cards and bank accounts.
    Payment,
    /// Numbers that a state gives a person.
    GovernmentId,
    /// Of somebody's health.
    Health,
    /// Special categories of personal data: religion, ethnicity, politics, sexual life, biometrics.
    Special,
    /// Where somebody is or lives.
    Location,
    /// How to reach somebody, and when they were born.
    Contact,
}

impl DataClass {
    /// In words, for a message.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Credential => "a credential",
            Self::Payment => "payment data",
            Self::GovernmentId => "a government identifier",
            Self::Health => "health data",
            Self::Special => "a special category of personal data",
            Self::Location => "a location",
            Self::Contact => "contact data",
        }
    }
}

const CLASSES: &[(DataClass, &[&[&str]])] = &[
    (
        DataClass::Credential,
        &[
            &["password"],
            &["passwd"],
            &["pwd"],
            &["passphrase"],
            &["passcode"],
            &["secret"],
            &["access", "token"],
            &["refresh", "token"],
            &["id", "token"],
            &["auth", "token"],
            &["bearer", "token"],
            &["session", "token"],
            &["session", "id"],
            &["session", "key"],
            &["reset", "token"],
            &["reset", "code"],
            &["api", "key"],
            &["private", "key"],
            &["signing", "key"],
            &["encryption", "key"],
            &["access", "key"],
            &["credential"],
            &["credentials"],
            &["otp"],
            &["totp"],
            &["mfa", "code"],
            &["recovery", "code"],
            &["recovery", "codes"],
            &["verification", "code"],
            &["security", "answer"],
            &["jwt"],
        ],
    ),
    (
        DataClass::Payment,
        &[
            &["card", "number"],
            &["credit", "card"],
            &["debit", "card"],
            &["cvv"],
            &["cvc"],
            &["cvv2"],
            &["pan"],
            &["iban"],
            &["bank", "account"],
            &["account", "number"],
            &["routing", "number"],
            &["sort", "code"],
        ],
    ),
    (
        DataClass::GovernmentId,
        &[
            &["ssn"],
            &["social", "security"],
            &["social", "security", "number"],
            &["national", "id"],
            &["national", "insurance", "number"],
            &["passport", "number"],
            &["passport"],
            &["tax", "id"],
            &["tin"],
            &["driver", "license"],
            &["drivers", "license"],
            &["driving", "licence"],
            &["driver", "licence"],
            &["identity", "card"],
            &["curp"],
            &["cpf"],
            &["aadhaar"],
        ],
    ),
    (
        DataClass::Health,
        &[
            &["diagnosis"],
            &["diagnoses"],
            &["medical", "record"],
            &["health", "record"],
            &["blood", "type"],
            &["allergies"],
            &["prescription"],
            &["patient", "id"],
            &["medication"],
            &["disability"],
        ],
    ),
    (
        DataClass::Special,
        &[
            &["religion"],
            &["ethnicity"],
            &["race"],
            &["political", "opinion"],
            &["sexual", "orientation"],
            &["fingerprint", "image"],
            &["biometric"],
            &["biometrics"],
            &["genetic"],
            &["trade", "union"],
        ],
    ),
    (
        DataClass::Location,
        &[
            &["home", "address"],
            &["street", "address"],
            &["postal", "address"],
            &["gps"],
            &["geolocation"],
            &["latitude"],
            &["longitude"],
        ],
    ),
    (
        DataClass::Contact,
        &[
            &["email"],
            &["e", "mail"],
            &["mail", "address"],
            &["phone"],
            &["phone", "number"],
            &["telephone"],
            &["mobile", "number"],
            &["birth", "date"],
            &["date", "of", "birth"],
            &["birthday"],
            &["dob"],
        ],
    ),
];

/// What a name tells of the data that it holds; nothing where it tells nothing.
pub(super) fn data_class(name: &str) -> Option<DataClass> {
    // What is counted, measured or asked about a thing is not the thing: `password_expires_at`, `email_verified`.
    const ABOUT: [&str; 22] = [
        "count",
        "expired",
        "expires",
        "expiry",
        "expiration",
        "length",
        "policy",
        "verified",
        "enabled",
        "required",
        "changed",
        "updated",
        "created",
        "hint",
        "at",
        "type",
        "status",
        "url",
        "uri",
        "name",
        "ttl",
        "lifetime",
    ];
    let words = words(name);
    if words.last().is_some_and(|last| ABOUT.contains(&&**last)) {
        return None;
    }
    CLASSES
        .iter()
        .find(|(_, phrases)| hold_any(&words, phrases))
        .map(|(class, _)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_as_people_read_them() {
        for name in ["userId", "user_id", "user-id", "X-User-ID", "UserID", "USER_ID"] {
            assert!(says(name, &["user", "id"]), "{name}: {:?}", words(name));
        }
        assert_eq!(words("getHTTPSUrl2"), ["get", "https", "url2"]);
        assert!(!says("guide", &["id"]));
    }

    #[test]
    fn names_tell_of_data() {
        assert_eq!(data_class("newPassword"), Some(DataClass::Credential));
        assert_eq!(data_class("password_expires_at"), None);
        assert_eq!(data_class("email_verified"), None);
        assert_eq!(data_class("cardNumber"), Some(DataClass::Payment));
        assert_eq!(data_class("SSN"), Some(DataClass::GovernmentId));
        assert_eq!(data_class("address"), None);
        assert_eq!(data_class("company"), None);
    }
}
