//! Contracts in OpenAPI 2.0, below `tests/contracts/two`: read in their own dialect, judged as any other.

use portcullis_contract::conform::contract::compile;
use portcullis_contract::conform::coverage::{Effect, coverage};
use portcullis_contract::conform::security::Requirement;
use portcullis_contract::document::{Dialect, Node, Value, Version};

use crate::loading::{Case, OK, judge, load, told};

#[rustfmt::skip]
const PETS: &[Case] = &[
    ("GET /v1/pets?limit=100", "", OK),
    ("GET /pets", "", "route.unknown"),
    ("GET /v1/pets?limit=101", "", "query.range limit"),
    ("GET /v1/pets?tags=a%7Cbcd|e", "", OK),
    ("GET /v1/pets?tags=a|bcde", "", "query.length tags/1"),
    ("GET /v1/pets?tags=a,bcde", "", "query.length tags/0"),
    ("GET /v1/pets?ids=1&ids=2", "", OK),
    ("GET /v1/pets?ids=1,2", "", "query.type ids/0"),
    ("GET /v1/pets?sort=name,age", "", OK),
    ("GET /v1/pets?sort=name,size", "", "query.enum sort/1"),
    ("GET /v1/pets?sort=name&sort=age", "", "query.duplicate sort"),
    ("GET /v1/pets?cols=a%09b", "", OK),
    ("GET /v1/pets?cols=a,b", "", "query.enum cols/0"),
    ("GET /v1/pets?words=ab%20c", "", OK),
    ("GET /v1/pets?words=ab+cde", "", "query.length words/1"),
    ("GET /v1/pets?age=0.1", "", OK),
    ("GET /v1/pets?age=0", "", "query.range age"),
    ("GET /v1/pets?empty=", "", OK),
    ("GET /v1/pets?empty=maybe", "", "query.type empty"),
    ("GET /v1/pets?other=1", "", "query.undeclared -"),
    ("GET /v1/pets\nX-Trace: 1|2\nX-Key: k", "", OK),
    ("GET /v1/pets\nX-Trace: 1,2", "", "header.type x-trace/0"),
    ("GET /v1/pets\nX-Other: 1", "", "header.undeclared -"),
    ("GET /v1/pets 200\nX-Total: 7\nX-Marks: 1 2", r#"[{"kind":"Cat","name":null,"id":3,"lives":9}]"#, OK),
    ("GET /v1/pets 200\nX-Total: many", "[]", "header.type x-total"),
    ("GET /v1/pets 200\nX-Marks: 1 a", "[]", "header.type x-marks/1"),
    ("GET /v1/pets 200", r#"[{"kind":"Cat"}]"#, "body.required /0/name"),
    ("GET /v1/pets 418", r#"{"code":1}"#, OK),
    ("GET /v1/pets 418", r#"{"code":"1"}"#, "body.type /code"),
    ("POST /v1/pets", "", "body.required"),
    ("POST /v1/pets", r#"{"kind":"Cat","name":"Tom","lives":9}"#, OK),
    ("POST /v1/pets", r#"{"kind":"Pet","name":"Tom"}"#, OK),
    ("POST /v1/pets", r#"{"kind":"Dog","name":"Rex","size":"xl"}"#, OK),
    ("POST /v1/pets", r#"{"kind":"Dog","name":"Rex"}"#, "body.required /size"),
    ("POST /v1/pets", r#"{"kind":"Cat","name":"Tom","lives":10}"#, "body.range /lives"),
    ("POST /v1/pets", r#"{"kind":"Cow","name":"Elsa"}"#, "body.discriminator /kind"),
    ("POST /v1/pets", r#"{"kind":"Pet","name":"Tom","id":1}"#, "body.read_only /id"),
    ("POST /v1/pets?limit=1\nContent-Type: text/plain", "x", "undeclared"),
    ("POST /v1/pets 201", "{}", "undeclared"),
    ("POST /v1/pets 400", "{}", "body.required /code"),
    ("PUT /v1/pets/1\nContent-Type: application/merge-patch+json", r#""short""#, OK),
    ("PUT /v1/pets/1\nContent-Type: text/plain", "more than ten", "body.length "),
    ("PUT /v1/pets/1", r#""short""#, "undeclared"),
    ("PUT /v1/pets/1", "", OK),
    ("PUT /v1/pets/3000000000", "", "path.range id"),
    ("GET /v1/pets/1 200\nContent-Type: image/png", "bytes", "streamed"),
    ("GET /v1/pets/1 200", r#"{"any":"thing"}"#, OK),
    ("GET /v1/pets/1 200", "bytes", "body.syntax "),
    ("GET /v1/many/1%202", "", OK),
    ("GET /v1/many/1+2", "", "path.type ids/0"),
    ("TRACE /v1/pets", "", "route.method"),
];

#[rustfmt::skip]
const FILES: &[Case] = &[
    ("POST /api/orders", r#"{"kind":"Gift","to":"Ann"}"#, OK),
    ("POST /api/orders", r#"{"kind":"Gift","to":1}"#, "body.type /to"),
    ("POST /api/orders", r#"{"kind":"Loan"}"#, "body.discriminator /kind"),
    ("POST /api/orders 201\nETag: abcd", r#"{"kind":"Order"}"#, OK),
    ("POST /api/orders 201\nETag: abcde", r#"{"kind":"Order"}"#, "header.length etag"),
    ("POST /api/orders 409", r#""taken""#, OK),
    ("POST /api/orders 409", r#""too long""#, "body.length "),
    ("GET /api/orders/o1", "", OK),
    ("GET /api/orders/1", "", "path.pattern id%"),
];

fn check(name: &str, warnings: &str, cases: &[Case]) {
    let document = load(name).unwrap_or_else(|problems| panic!("{}", told(&problems)));
    assert_eq!(
        (document.version(), document.dialect()),
        (Version::V2_0, Dialect::OpenApi20)
    );
    let compiled = compile(&document);
    assert_eq!(told(&compiled.problems), warnings, "{name}");
    let judged = cases
        .iter()
        .map(|(head, body, _)| judge(&compiled.contract, head, body));
    for ((head, body, expected), said) in cases.iter().zip(judged) {
        assert_eq!(said, *expected, "{name}: {head:?} {body}");
    }
}

#[test]
fn contracts_of_one_file_are_judged() {
    check("two/pets.yaml", "", PETS);
}

#[test]
fn contracts_of_several_files_are_judged() {
    let slash = "tests/contracts/two/files.json:1:76: warning: `api` does not begin with a slash, so `/api` is served; \
                 write it so\n";
    check("two/files.json", slash, FILES);
}

#[test]
fn servers_security_and_extensions_are_handed_out() {
    let document = load("two/pets.yaml").unwrap();
    let contract = compile(&document).contract;
    let servers: Vec<_> = contract
        .servers
        .iter()
        .map(|server| (server.host.as_deref(), &*server.base))
        .collect();
    assert_eq!(servers, [(Some("api.example.com:8443"), "/v1"); 2]);
    let security = |name: &str| {
        let found = contract
            .operations
            .iter()
            .find(|operation| operation.name() == name)
            .unwrap();
        let schemes = |alternative: &Vec<Requirement>| -> Vec<&str> {
            let scheme = |asked: &Requirement| &*contract.security_schemes[asked.scheme.0 as usize].name;
            alternative.iter().map(scheme).collect()
        };
        let any_of: Vec<_> = found.security.iter().flatten().map(schemes).collect();
        (any_of, found.parameters.security.header.clone())
    };
    assert_eq!(security("list"), (vec![vec!["key"]], vec!["x-key".parse().unwrap()]));
    let (put, headers) = security("PUT /pets/{id}");
    assert_eq!((put.len(), headers[0].as_str(), headers.len()), (2, "authorization", 2));
    let schemes = document
        .root()
        .node
        .get("components")
        .unwrap()
        .get("securitySchemes")
        .unwrap();
    assert!(
        schemes
            .get("grant")
            .unwrap()
            .get("flows")
            .unwrap()
            .get("authorizationCode")
            .is_some()
    );
    let document = load("two/files.json").unwrap();
    let compiled = compile(&document);
    let [path, own] = compiled.extensions.operations[0];
    assert!(own.is_none());
    assert_eq!(
        document.location(path.unwrap().node.span.file),
        "tests/contracts/two/parts/orders.yaml"
    );
}

/// Forms are read from the same shape as those of 3.x.
#[test]
fn forms_have_the_shape_of_later_versions() {
    let document = load("two/forms.yaml").unwrap();
    let body = |path: &str| {
        let operation = document
            .root()
            .node
            .get("paths")
            .unwrap()
            .get(path)
            .unwrap()
            .get("post")
            .unwrap();
        json(operation.get("requestBody").unwrap())
    };
    let entry = serde_json::json!({
        "schema": {
            "type": "object",
            "properties": {
                "name": {"$ref": "#/paths/~1login/post/parameters/0"},
                "roles": {"$ref": "#/paths/~1login/post/parameters/1"},
                "age": {"anyOf": [{"$ref": "#/paths/~1login/post/parameters/2"}, {"type": "string", "maxLength": 0}]},
            },
            "required": ["name"],
        },
        "encoding": {"roles": {"style": "spaceDelimited", "explode": false}},
    });
    assert_eq!(
        body("/login"),
        serde_json::json!({"required": true, "content": {
            "application/x-www-form-urlencoded": entry.clone(),
            "Multipart/Form-Data; charset=utf-8": entry,
        }})
    );
    assert_eq!(
        body("/upload"),
        serde_json::json!({"required": false, "content": {"multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    "picture": {"type": "string", "format": "binary"},
                    "tags": {"$ref": "#/paths/~1upload/post/parameters/1"},
                },
                "required": [],
            },
            "encoding": {"picture": {"contentType": "*/*"}, "tags": {"style": "form", "explode": true}},
        }}})
    );
    let problems = told(&compile(&document).problems);
    assert!(
        problems.starts_with("tests/contracts/two/forms.yaml:15:7: warning: this operation has form fields"),
        "{problems}"
    );
}

fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Number(spelling) => serde_json::from_str(spelling).unwrap(),
        Value::String(text) => (**text).into(),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Object(object) => object
            .iter()
            .map(|(name, node)| (name.to_owned(), json(node)))
            .collect(),
    }
}

#[test]
fn schema_7_what_2_0_leaves_open_is_a_warning_that_says_what_happens() {
    let document = load("two/odd.yaml").unwrap();
    let compiled = compile(&document);
    assert_eq!(
        told(&compiled.problems),
        include_str!("../contracts/two/odd.txt"),
        "\n{}",
        told(&compiled.problems)
    );
    let contract = &compiled.contract;
    assert_eq!(judge(contract, "POST /v1/a", r#"{"a":"1"}"#), OK);
    assert_eq!(judge(contract, "POST /v1/a", r#"{"a":"1","b":"2"}"#), "body.one_of ");
    assert_eq!(judge(contract, "POST /v1/a?q=x", ""), "query.type q");
    assert_eq!(judge(contract, "POST /v1/a?grid=1", ""), "query.type grid/0");
    assert_eq!(judge(contract, "TRACE /v1/a", ""), "route.method");
    let notes: Vec<_> = contract
        .notes
        .iter()
        .map(|note| (note.span.line, &*note.message))
        .collect();
    assert_eq!(
        notes,
        [(
            10,
            "schemes of an operation have no effect: it is served as all others are"
        )]
    );
    let covered = coverage(contract);
    let effects = |index: usize| {
        covered[index]
            .checks
            .iter()
            .map(|check| check.effect.clone())
            .collect::<Vec<_>>()
    };
    let told = covered
        .iter()
        .flat_map(|one| &one.checks)
        .flat_map(|check| &check.caveats);
    let told: Vec<_> = told.map(|caveat| &*caveat.message).collect();
    assert!(
        told.contains(&"OpenAPI 2.0 has no `oneOf`: it is judged as in 3.0"),
        "{told:?}"
    );
    assert!(
        told.contains(&"`nullable` has no effect in this version of OpenAPI"),
        "{told:?}"
    );
    assert!(
        effects(0)
            .iter()
            .chain(&effects(1))
            .any(|effect| *effect == Effect::Unconstrained)
    );
}

#[test]
fn schema_7_what_2_0_does_not_allow_is_an_error_with_its_line() {
    let problems = load("two/wrong.yaml").unwrap_err();
    assert_eq!(
        told(&problems),
        include_str!("../contracts/two/wrong.txt"),
        "\n{}",
        told(&problems)
    );
}
