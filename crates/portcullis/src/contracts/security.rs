//! What an operation's `security` needs, held against what verifies it here. A scheme that nothing verifies is an error: the
//! contract would promise what nobody keeps.

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::conform::security::{KeyPlace, Requirement, SchemeKind, SecurityScheme};
use portcullis_contract::document::{Document, Problem};

use super::place;
use crate::config::api::Api;
use crate::config::nearest::nearest;
use crate::config::security::{Scheme, Verifier};

/// Everything that is wrong with what verifies the schemes of a contract. `location` is the configuration's.
pub(super) fn problems(api: &Api, document: &Document, contract: &Contract, location: &str) -> Vec<Problem> {
    let verified = contract
        .security_schemes
        .iter()
        .filter_map(|scheme| match api.scheme(&scheme.name) {
            None if scheme.kind == SchemeKind::Unknown => Some(undeclared(api, document, scheme)),
            None => Some(unmapped(api, scheme, location)),
            Some(Scheme { verifier, .. }) if verifier.is_for(&scheme.kind) => None,
            Some(Scheme { verifier, .. }) => Some(match (verifier, &scheme.kind) {
                (Verifier::ApiKeys { .. }, SchemeKind::ApiKey(KeyPlace::Query(_))) => in_query(document, scheme),
                _ => unfit(api, document, scheme, location),
            }),
        });
    let unknown = api.security_schemes.iter().filter_map(|(name, settled)| {
        let is_asked = contract.security_schemes.iter().any(|scheme| *scheme.name == **name);
        (!is_asked).then(|| {
            let message = format!(
                "no operation of `{}` asks for a security scheme called `{name}`",
                api.name
            );
            Problem::warning(location, settled.span, message).help("take it out, or write it as the contract does")
        })
    });
    verified
        .chain(unknown)
        .chain(at_once(api, document, contract))
        .chain(left_to_others(api, document, contract))
        .collect()
}

/// Most often the name is mistyped: nothing dangerous is what to do about that.
fn undeclared(api: &Api, document: &Document, SecurityScheme { name, span, .. }: &SecurityScheme) -> Problem {
    let message = format!("the security scheme `{name}` is not declared as a whole one, so nothing can verify it");
    let known: Vec<&str> = api.security_schemes.keys().map(|name| &**name).collect();
    let help = match nearest(name, &known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => {
            "declare it in the contract, below `components.securitySchemes` (OpenAPI 3) or `securityDefinitions` (2.0)"
                .to_owned()
        }
    };
    Problem::error(document.location(span.file), *span, message).help(help)
}

fn unmapped(api: &Api, SecurityScheme { name, kind, .. }: &SecurityScheme, location: &str) -> Problem {
    let message = format!("the contract asks for the security scheme `{name}`, and nothing verifies it");
    let (what, setting) = fitting(kind);
    let help = format!(
        "{what} (`security_schemes: {{{name}: {{{setting}}}}}`), or set `dangerous_unverified_schemes: true` where the upstream \
         verifies all of them"
    );
    Problem::error(location, api.contract_span, message).help(help)
}

/// What verifies a scheme of this kind, in words, and the setting.
fn fitting(kind: &SchemeKind) -> (&'static str, &'static str) {
    match kind {
        SchemeKind::MutualTls => ("say whom certificates name", "client_certificates: NAME"),
        SchemeKind::Basic => ("name the users whose passwords are accepted", "users: NAME"),
        SchemeKind::ApiKey(KeyPlace::Header(field)) if field == "signature" => {
            ("name the callers whose signatures are accepted", "signers: NAME")
        }
        SchemeKind::ApiKey(KeyPlace::Query(_)) => {
            ("accept API keys of the gate's", "api_keys: true, dangerous_query: true")
        }
        SchemeKind::ApiKey(_) => ("accept API keys of the gate's", "api_keys: true"),
        SchemeKind::Http(scheme) if **scheme == *"signature" => {
            ("name the callers whose signatures are accepted", "signers: NAME")
        }
        SchemeKind::Bearer | SchemeKind::OAuth2 | SchemeKind::OpenIdConnect(_) => {
            ("name whose tokens are accepted", "issuers: [NAME]")
        }
        SchemeKind::Http(_) | SchemeKind::Unknown => ("let the upstream verify it", "dangerous_unverified: true"),
    }
}

/// What is verified in another way than the contract says must not look as if it was. It is told where the configuration says so.
fn unfit(api: &Api, document: &Document, scheme: &SecurityScheme, location: &str) -> Problem {
    let what = match &scheme.kind {
        SchemeKind::Bearer | SchemeKind::OAuth2 | SchemeKind::OpenIdConnect(_) => "access tokens".to_owned(),
        SchemeKind::ApiKey(_) => "API keys".to_owned(),
        SchemeKind::Basic => "passwords".to_owned(),
        SchemeKind::Http(other) => format!("credentials of the HTTP scheme `{other}`"),
        SchemeKind::MutualTls => "client certificates".to_owned(),
        SchemeKind::Unknown => "what a scheme that is not declared asks for".to_owned(),
    };
    let message = format!(
        "`{}`: what is named in `security_schemes` does not verify {what}",
        scheme.name
    );
    let (way, setting) = fitting(&scheme.kind);
    let help = format!(
        "the contract says so ({}): {way} (`{}: {{{setting}}}`), or let the upstream verify them: `dangerous_unverified: true`",
        place(document, scheme.span),
        scheme.name
    );
    let settled = api.security_schemes.get(&*scheme.name);
    Problem::error(
        location,
        settled.map_or(api.contract_span, |settled| settled.span),
        message,
    )
    .help(help)
}

/// A key in the query is written into logs, histories and `Referer` fields on its way (RFC 9700 §4.3.2).
fn in_query(document: &Document, scheme: &SecurityScheme) -> Problem {
    let message = format!(
        "`{}`: the API key stands in the query, where logs and histories keep it",
        scheme.name
    );
    let help = "put it into a header field, or set `dangerous_query: true` where callers cannot";
    Problem::error(document.location(scheme.span.file), scheme.span, message).help(help)
}

/// Operations with a way in that no request can take, since it presents one credential of a kind, and one in a field; the first
/// of them.
fn at_once(api: &Api, document: &Document, contract: &Contract) -> Option<Problem> {
    let clash = |operation: &Operation| {
        let mut ways = operation.security.iter().flatten();
        ways.find_map(|way| {
            let asked = way.iter().filter_map(|asked| fit(api, contract, asked));
            clash(&asked.collect::<Vec<_>>())
        })
    };
    let (operation, what) = contract
        .operations
        .iter()
        .find_map(|operation| Some((operation, clash(operation)?)))?;
    let message = format!("`{}` asks for {what}", operation.name());
    let help = "let the upstream verify the other: `dangerous_unverified: true`, or make two ways in of it";
    Some(Problem::error(document.location(operation.span.file), operation.span, message).help(help))
}

/// Who verifies what is asked for, where that can be: whoever cannot was told already.
fn fit<'a>(api: &'a Api, contract: &Contract, asked: &Requirement) -> Option<&'a Verifier> {
    let kind = &contract.scheme(asked)?.kind;
    api.verifier(contract, asked).filter(|verifier| verifier.is_for(kind))
}

/// What of one way in excludes each other.
fn clash(verifiers: &[&Verifier]) -> Option<&'static str> {
    let count = |is: fn(&Verifier) -> bool| verifiers.iter().filter(|verifier| is(verifier)).count();
    let tokens = count(|verifier| matches!(verifier, Verifier::Tokens { .. }));
    let passwords = count(|verifier| matches!(verifier, Verifier::Users(_)));
    let mut signers = verifiers.iter().filter_map(|verifier| match verifier {
        Verifier::Signers(name) => Some(name),
        _ => None,
    });
    let signer = signers.next();
    if count(|verifier| matches!(verifier, Verifier::ApiKeys { .. })) > 1 {
        Some("two API keys at once, and the gate verifies one in a request")
    } else if tokens > 0 && passwords > 0 {
        Some("a token and a password at once, and a request has one `Authorization`")
    } else if signers.any(|other| Some(other) != signer) {
        Some("signatures of two `signers` at once, and the gate verifies those of one in a request")
    } else {
        None
    }
}

/// What goes on unverified, told once.
fn left_to_others(api: &Api, document: &Document, contract: &Contract) -> Option<Problem> {
    let unverified = |asked: &Requirement| api.verifier(contract, asked) == Some(&Verifier::Upstream);
    let asks = |operation: &&Operation| operation.security.iter().flatten().flatten().any(unverified);
    let count = contract.operations.iter().filter(asks).count();
    let first = contract.operations.iter().find(asks)?;
    let root = document.root().node.get("security");
    let span = root.map_or(first.span, |node| node.span);
    let message = format!(
        "{count} of {} operations declare security that the gate does not verify: credentials go on to the upstream as \
         they are",
        contract.operations.len()
    );
    Some(
        Problem::warning(document.location(span.file), span, message)
            .help("see to it that the upstream verifies them, or name in `security_schemes` what does here"),
    )
}
