//! What only a gate says to the service behind it: where a request came from, what it asks for, and who calls.
//!
//! A client that says so itself is not heard. The names are those by which gateways and proxies are known to speak; `_` counts as
//! `-`, because many servers make one of the other.

use super::headers::Rules;

/// Where a request came from, and what it asks for.
const ORIGIN: [&str; 14] = [
    "cf-connecting-ip",
    "client-ip",
    "forwarded-for",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-host",
    "x-original-uri",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
];

/// Who calls.
const IDENTITY: [&str; 14] = [
    "client-cert",
    "client-cert-chain",
    "x-anonymous-consumer",
    "x-apigateway-api-userinfo",
    "x-arr-clientcert",
    "x-endpoint-api-userinfo",
    "x-user",
    "x-user-email",
    "x-user-groups",
    "x-user-id",
    "x-user-name",
    "x-user-roles",
    "x-userinfo",
    "x-username",
];

/// Who calls, and how they proved it: everything that begins so.
const IDENTITY_FAMILIES: [&str; 21] = [
    "cf-access-",
    "remote-",
    "ssl-client-",
    "x-amzn-mtls-",
    "x-amzn-oidc-",
    "x-auth-request-",
    "x-authenticated-",
    "x-authentik-",
    "x-client-cert",
    "x-consumer-",
    "x-credential-",
    "x-goog-authenticated-user-",
    "x-goog-iap-",
    "x-ms-client-principal",
    "x-ms-token-",
    "x-pomerium-",
    "x-remote-",
    "x-ssl-client-",
    "x-tls-client-",
    "x-vouch-",
    "x-webauth-",
];

/// Whether a client must not say this to an upstream; by its name in lower case.
pub(super) fn is_claimed(name: &str, rules: &Rules) -> bool {
    if is_among(name, &rules.internal) {
        return true;
    }
    match name.as_bytes().first() {
        Some(b'e') => name == "expect",
        // CGI makes a setting of it (CVE-2016-5385).
        Some(b'p') => name == "proxy",
        Some(b'f') => name == "forwarded" || says_origin(name),
        Some(b't') => says_origin(name),
        Some(b'x') if begins(name, "x-forwarded") => true,
        Some(b'c' | b'x') if says_origin(name) => true,
        Some(b'c' | b'r' | b's' | b'x') => says_identity(name) && !is_among(name, &rules.from_clients),
        _ => false,
    }
}

/// Whether a field is known to tell a service who calls, and nothing else; by its name in lower case.
#[must_use]
pub fn says_identity(name: &str) -> bool {
    IDENTITY.iter().any(|known| is_same(name, known)) || IDENTITY_FAMILIES.iter().any(|family| begins(name, family))
}

fn says_origin(name: &str) -> bool {
    ORIGIN.iter().any(|known| is_same(name, known))
}

fn is_among(name: &str, names: &[http::HeaderName]) -> bool {
    names.iter().any(|known| is_same(name, known.as_str()))
}

fn begins(name: &str, family: &str) -> bool {
    name.get(..family.len()).is_some_and(|start| is_same(start, family))
}

/// Whether servers may take one name for the other.
fn is_same(name: &str, other: &str) -> bool {
    let plain = |byte: u8| if byte == b'_' { b'-' } else { byte };
    name.len() == other.len() && name.bytes().zip(other.bytes()).all(|(a, b)| plain(a) == plain(b))
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    #[test]
    fn http_7_who_calls_is_said_by_no_client() {
        let rules = Rules {
            internal: vec![
                HeaderName::from_static("x-caller"),
                HeaderName::from_static("authorization"),
            ],
            ..Rules::default()
        };
        for name in [
            "x-caller",
            "x_caller",
            "authorization",
            "remote-user",
            "remote_user",
            "x-remote-user",
            "x-remote-extra-scopes",
            "x-forwarded-user",
            "x_forwarded_email",
            "x-auth-request-user",
            "x_auth-request_groups",
            "x-user",
            "x_user",
            "x-user-id",
            "x-webauth-user",
            "x-consumer-username",
            "x-goog-iap-jwt-assertion",
            "x-amzn-oidc-data",
            "x-ms-client-principal",
            "x-ms-client-principal-id",
            "cf-access-jwt-assertion",
            "client-cert",
            "ssl-client-verify",
            "x-client-cert",
        ] {
            assert!(is_claimed(name, &rules), "{name}");
        }
        for name in [
            "x-user-agent",
            "x-users",
            "x-callers",
            "accept",
            "cookie",
            "content-type",
            "range",
            "referer",
            "x-request-id",
            "x-api-key",
            "remote",
            "x",
            "",
        ] {
            assert!(!is_claimed(name, &rules), "{name}");
        }
    }

    #[test]
    fn names_that_clients_may_send_aloud() {
        let rules = Rules {
            internal: vec![HeaderName::from_static("x-caller")],
            from_clients: ["x-user-id", "x-caller", "x-real-ip", "x-forwarded-user"]
                .map(HeaderName::from_static)
                .into(),
            ..Rules::default()
        };
        assert!(!is_claimed("x-user-id", &rules) && !is_claimed("x_user_id", &rules));
        // What the gate writes, and where a request came from, stays its own.
        for name in ["x-caller", "x-real-ip", "x-forwarded-user", "x-user"] {
            assert!(is_claimed(name, &rules), "{name}");
        }
    }

    #[test]
    fn the_lists_are_sorted_and_each_is_reached() {
        for list in [&ORIGIN[..], &IDENTITY, &IDENTITY_FAMILIES] {
            assert!(list.is_sorted(), "{list:?}");
            for name in list {
                assert!(is_claimed(name, &Rules::default()), "{name}");
            }
        }
    }
}
