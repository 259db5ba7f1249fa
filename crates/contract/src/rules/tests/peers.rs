//! What public rule sets look for, and which rules of ours say the same; or, in words, why none does.

/// A rule set of others.
pub(super) struct Peer {
    pub(super) name: &'static str,
    pub(super) rules: &'static [(&'static str, &'static [&'static str])],
}

pub(super) const PEERS: &[Peer] = &[SPECTRAL, VACUUM, CHERRYBOMB];

/// `@stoplight/spectral-owasp-ruleset` 2.0.1.
const SPECTRAL: Peer = Peer {
    name: "The OWASP set of Spectral",
    rules: &[
        ("api1:2023-no-numeric-ids", &["sequential-identifier"]),
        ("api2:2023-auth-insecure-schemes", &["weak-http-scheme"]),
        (
            "api2:2023-jwt-best-practices",
            &["it asks for the words `RFC 8725` in a description"],
        ),
        ("api2:2023-no-api-keys-in-url", &["api-key-in-query"]),
        (
            "api2:2023-no-credentials-in-url",
            &["credential-in-url", "credential-as-parameter"],
        ),
        ("api2:2023-no-http-basic", &["basic-authentication"]),
        (
            "api2:2023-read-restricted",
            &[
                "read-without-authentication",
                "contract-without-security",
                "authentication-switched-off",
                "authentication-optional",
            ],
        ),
        (
            "api2:2023-short-lived-access-tokens",
            &["it asks for a refresh URL, and tokens are short-lived without one too"],
        ),
        (
            "api2:2023-write-restricted",
            &[
                "write-without-authentication",
                "contract-without-security",
                "authentication-switched-off",
                "authentication-optional",
            ],
        ),
        ("api3:2023-no-additionalProperties", &["object-open"]),
        (
            "api3:2023-constrained-additionalProperties",
            &["map-without-max-properties"],
        ),
        ("api3:2023-no-unevaluatedProperties", &["object-open"]),
        (
            "api3:2023-constrained-unevaluatedProperties",
            &["map-without-max-properties"],
        ),
        ("api4:2023-array-limit", &["array-without-max-items"]),
        (
            "api4:2023-integer-format",
            &["number-without-range", "a format alone is a hint"],
        ),
        (
            "api4:2023-integer-limit",
            &["number-without-range", "number-range-incomplete"],
        ),
        (
            "api4:2023-integer-limit-legacy",
            &["number-without-range", "number-range-incomplete"],
        ),
        ("api4:2023-rate-limit", &["rate-limit-headers-not-declared"]),
        (
            "api4:2023-rate-limit-responses-429",
            &["too-many-requests-not-declared"],
        ),
        ("api4:2023-rate-limit-retry-after", &["rate-limit-headers-not-declared"]),
        (
            "api4:2023-string-limit",
            &["string-without-max-length", "file-without-limit"],
        ),
        ("api4:2023-string-restricted", &["string-without-pattern"]),
        ("api5:2023-admin-security-unique", &["admin-operation-not-apart"]),
        (
            "api7:2023-concerning-url-parameter",
            &["url-from-caller", "open-redirect"],
        ),
        (
            "api8:2023-define-cors-origin",
            &[
                "cors-any-origin",
                "it asks that every answer documents a header that a gateway sets",
            ],
        ),
        ("api8:2023-define-error-responses-401", &["unauthorized-not-declared"]),
        ("api8:2023-define-error-responses-500", &["errors-not-declared"]),
        ("api8:2023-define-error-validation", &["errors-not-declared"]),
        (
            "api8:2023-no-scheme-http",
            &["clear-text-server", "credentials-in-clear-text"],
        ),
        (
            "api8:2023-no-server-http",
            &["clear-text-server", "credentials-in-clear-text"],
        ),
        (
            "api9:2023-inventory-access",
            &["it asks for an extension of its own at servers"],
        ),
        (
            "api9:2023-inventory-environment",
            &[
                "non-production-server",
                "it asks for words such as `production` in descriptions",
            ],
        ),
    ],
};

/// The `owasp-` rules of vacuum.
const VACUUM: Peer = Peer {
    name: "The OWASP rules of vacuum",
    rules: &[
        ("owasp-no-numeric-ids", &["sequential-identifier"]),
        ("owasp-no-http-basic", &["basic-authentication"]),
        ("owasp-no-api-keys-in-url", &["api-key-in-query"]),
        (
            "owasp-no-credentials-in-url",
            &["credential-in-url", "credential-as-parameter"],
        ),
        ("owasp-auth-insecure-schemes", &["weak-http-scheme"]),
        (
            "owasp-jwt-best-practices",
            &["it asks for the words `RFC 8725` in a description"],
        ),
        (
            "owasp-protection-global-unsafe",
            &["write-without-authentication", "contract-without-security"],
        ),
        (
            "owasp-protection-global-unsafe-strict",
            &["authentication-switched-off", "authentication-optional"],
        ),
        ("owasp-protection-global-safe", &["read-without-authentication"]),
        ("owasp-define-error-validation", &["errors-not-declared"]),
        ("owasp-define-error-responses-401", &["unauthorized-not-declared"]),
        ("owasp-define-error-responses-500", &["errors-not-declared"]),
        ("owasp-define-error-responses-429", &["too-many-requests-not-declared"]),
        ("owasp-rate-limit", &["rate-limit-headers-not-declared"]),
        ("owasp-rate-limit-retry-after", &["rate-limit-headers-not-declared"]),
        ("owasp-array-limit", &["array-without-max-items"]),
        ("owasp-string-limit", &["string-without-max-length"]),
        ("owasp-string-restricted", &["string-without-pattern"]),
        (
            "owasp-integer-limit",
            &["number-without-range", "number-range-incomplete"],
        ),
        (
            "owasp-integer-limit-legacy",
            &["number-without-range", "number-range-incomplete"],
        ),
        (
            "owasp-integer-format",
            &["number-without-range", "a format alone is a hint"],
        ),
        ("owasp-no-additionalProperties", &["object-open"]),
        (
            "owasp-constrained-additionalProperties",
            &["map-without-max-properties"],
        ),
        (
            "owasp-security-hosts-https-oas3",
            &["clear-text-server", "credentials-in-clear-text"],
        ),
    ],
};

/// The passive checks of Cherrybomb.
const CHERRYBOMB: Peer = Peer {
    name: "The passive checks of Cherrybomb",
    rules: &[
        (
            "server URL",
            &["clear-text-server", "credentials-in-clear-text", "server-by-address"],
        ),
        ("additional properties", &["object-open", "object-without-properties"]),
        ("default response", &["errors-not-declared"]),
        (
            "response body schema",
            &["answer-without-schema", "error-without-schema"],
        ),
        ("default type", &["default-violates-schema"]),
        ("enum type", &["unsatisfiable-bounds"]),
        ("unused schema", &["unused-component"]),
        ("401", &["unauthorized-not-declared"]),
        ("403", &["errors-not-declared"]),
        ("successes", &["success-not-declared"]),
        ("auth", &["contract-without-security"]),
        (
            "endpoint auth",
            &["read-without-authentication", "write-without-authentication"],
        ),
        (
            "integer attributes",
            &["number-without-range", "number-range-incomplete"],
        ),
        (
            "string attributes",
            &["string-without-max-length", "string-without-pattern"],
        ),
        ("array attributes", &["array-without-max-items"]),
        (
            "object attributes",
            &["object-without-properties", "map-without-max-properties"],
        ),
        (
            "valid responses",
            &["a status that does not exist is refused when the contract is compiled"],
        ),
        (
            "method permissions",
            &["read-scope-for-write", "one-scope-for-everything"],
        ),
        ("contains operation", &["no-operations"]),
        (
            "valid encodings",
            &["answer-of-any-media-type", "body-of-any-media-type"],
        ),
        ("description", &["words for people are no weakness"]),
        ("contains response", &["success-not-declared"]),
        ("format of numbers", &["number-without-range", "format-of-another-type"]),
    ],
};

/// Areas of the 42Crunch encyclopedia. Its issues on authentication are a product of where a requirement stands, which scheme
/// it is and whether it travels in clear text.
pub(super) const OF_CRUNCH: &[(&str, &[&str])] = &[
    (
        "security requirements at the root and at operations",
        &[
            "contract-without-security",
            "read-without-authentication",
            "write-without-authentication",
            "authentication-switched-off",
            "authentication-optional",
            "weaker-alternative",
        ],
    ),
    (
        "Basic, Digest and other HTTP schemes",
        &["basic-authentication", "weak-http-scheme", "unknown-security-scheme"],
    ),
    (
        "API keys by place",
        &[
            "api-key-in-query",
            "api-key-alone",
            "cross-site-request-forgery",
            "cookie-without-prefix",
        ],
    ),
    (
        "OAuth 2 flows and URLs",
        &[
            "oauth2-implicit-flow",
            "oauth2-password-flow",
            "authorization-server-in-clear-text",
            "authorization-server-without-url",
        ],
    ),
    (
        "credentials in clear text",
        &[
            "credentials-in-clear-text",
            "credential-in-url",
            "credential-as-parameter",
        ],
    ),
    (
        "scopes",
        &[
            "oauth2-without-scopes",
            "undeclared-scope",
            "scope-too-wide",
            "one-scope-for-everything",
        ],
    ),
    (
        "undeclared and unused schemes",
        &[
            "undeclared-security-scheme",
            "unused-security-scheme",
            "security-scheme-incomplete",
        ],
    ),
    (
        "transport",
        &[
            "clear-text-server",
            "clear-text-websocket",
            "clear-text-callback",
            "server-without-scheme",
        ],
    ),
    (
        "schemas of parameters and bodies",
        &[
            "untyped-value",
            "type-left-out",
            "body-without-schema",
            "parameter-without-schema",
        ],
    ),
    (
        "strings",
        &[
            "string-without-max-length",
            "string-without-pattern",
            "max-length-vacuous",
            "string-format-unknown",
            "pattern-vacuous",
        ],
    ),
    (
        "numbers",
        &[
            "number-without-range",
            "number-range-incomplete",
            "integer-range-beyond-format",
        ],
    ),
    (
        "arrays",
        &[
            "array-without-max-items",
            "array-without-items",
            "max-items-vacuous",
            "tuple-open",
        ],
    ),
    (
        "objects",
        &[
            "object-open",
            "object-without-properties",
            "map-without-max-properties",
            "required-property-undeclared",
        ],
    ),
    (
        "response definition",
        &[
            "answer-without-schema",
            "success-not-declared",
            "errors-not-declared",
            "unauthorized-not-declared",
            "too-many-requests-not-declared",
        ],
    ),
    (
        "structure",
        &[
            "misspelt-member",
            "misspelt-keyword",
            "parameter-incomplete",
            "parameter-declared-twice",
            "reference-siblings-ignored",
        ],
    ),
    (
        "semantics",
        &[
            "ambiguous-paths",
            "path-parameter-undeclared",
            "duplicate-operation-id",
            "unsatisfiable-bounds",
            "default-violates-schema",
            "type-unknown",
        ],
    ),
];
