//! Values of requests that those who decide are told: that an order is in the currency of its account, policies can demand.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::gate::{Directory, Gate, Setup, run, until};
use crate::identity_upstream::{events_at, streaming};
use crate::tokens::{Issuer, key_set};
use crate::upstream::{Upstream, ok};
use crate::wire::Answer;

const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Bank, version: '1'}
security: [{bearer: []}]
paths:
  /orders:
    post:
      operationId: order
      x-portcullis:
        resources: [{type: Account, body: /account}]
        context:
          currency: {body: /currency}
          amount: {body: /amount}
          express: {body: /express, optional: true}
          lines: {body: '/lines/*/currency', optional: true}
          channel: {query: channel, optional: true}
          region: {header: X-Region, optional: true}
      parameters:
        - {name: channel, in: query, schema: {type: string}}
        - {name: X-Region, in: header, schema: {type: string}}
      requestBody:
        content:
          application/json: {schema: {$ref: '#/components/schemas/order'}}
          application/x-www-form-urlencoded: {schema: {$ref: '#/components/schemas/order'}}
      responses: {'200': {$ref: '#/components/responses/any'}}
  /quotes:
    post:
      operationId: quote
      x-portcullis: {context: {amount: {body: /amount}}}
      requestBody: {content: {application/json: {schema: {type: object, properties: {amount: {type: integer}}}}}}
      responses: {'200': {$ref: '#/components/responses/any'}}
  /reports/{year}:
    get:
      operationId: report
      parameters:
        - {name: year, in: path, required: true, schema: {type: integer}}
        - {name: draft, in: query, schema: {type: boolean}}
      x-portcullis: {context: {year: {path: year}, draft: {query: draft, optional: true}}}
      responses: {'200': {$ref: '#/components/responses/any'}}
  /events:
    get:
      operationId: watch
      parameters: [{name: topic, in: query, required: true, schema: {type: string}}]
      x-portcullis: {context: {topic: {query: topic}}}
      responses: {'200': {description: events, content: {text/event-stream: {schema: {type: string}}}}}
components:
  schemas:
    order:
      type: object
      properties:
        account: {type: string}
        currency: {type: string}
        amount: {type: integer}
        express: {type: [boolean, 'null']}
        lines: {type: array, items: {type: object, properties: {currency: {type: string}}}}
  responses:
    any: {description: any, content: {application/json: {schema: {type: object, additionalProperties: true}}}}
  securitySchemes: {bearer: {type: http, scheme: bearer}}
";
const POLICIES: &str = r#"
@id("own-currency") permit (principal, action == Action::"order", resource is Account)
when { resource has currency && context.request.currency == resource.currency };
@id("large") forbid (principal, action == Action::"order", resource is Account)
when { context.request.amount > 1000 && !(context.request has express && context.request.express) };
@id("mixed") forbid (principal, action == Action::"order", resource is Account)
when { context.request has lines && !([context.request.currency].containsAll(context.request.lines)) };
@id("fax") forbid (principal, action == Action::"order", resource is Account)
when { context.request has channel && context.request.channel == "fax" };
@id("away") forbid (principal, action == Action::"order", resource is Account)
when { context.request has region && context.request.region == "away" };
@id("small") permit (principal, action == Action::"quote", resource is Api) when { context.request.amount <= 100 };
@id("lately") permit (principal, action == Action::"report", resource is Api)
when { context.request.year > 2020 && !(context.request has draft && context.request.draft) };
@id("news") permit (principal, action == Action::"watch", resource is Api) when { context.request.topic == "news" };
"#;
const AUTHORIZATION: &str =
    "authorization: {policies: [bank.cedar], entities: entities.json, resources: {Account: {currency: string}}}";

struct Bank {
    gate: Gate,
    issuer: Issuer,
}

fn written(upstream: &Upstream, issuer: &Issuer, authorization: &str) -> Directory {
    let account = |id: &str, currency: &str| json!({"uid": {"type": "Account", "id": id}, "attrs": {"currency": currency}, "parents": []});
    let directory = Setup::new(CONTRACT, upstream.address)
        .with("issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {file: keys.json}}]")
        // Whatever one worker remembers, the next request could find.
        .with("workers: 1")
        .with_api("security_schemes: {bearer: {issuers: [main]}}")
        .with_api(authorization)
        .written();
    directory.write("keys.json", &key_set(&[issuer]));
    directory.write("bank.cedar", POLICIES);
    directory.write(
        "entities.json",
        &json!([account("e", "EUR"), account("u", "USD")]).to_string(),
    );
    directory
}

impl Bank {
    fn start(upstream: &Upstream, authorization: &str) -> Self {
        let issuer = Issuer::new("one");
        let gate = Gate::start(written(upstream, &issuer, authorization));
        Self { gate, issuer }
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.issuer.token_with("at+jwt", json!({"sub": "alice"})))
    }

    fn send(&self, line: (&str, &str), more: &[(&str, &str)], body: &str) -> Answer {
        let bearer = self.bearer();
        let mut fields = vec![("Authorization", bearer.as_str())];
        let has_type = more.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if !body.is_empty() && !has_type {
            fields.push(("Content-Type", "application/json"));
        }
        fields.extend(more);
        self.gate.client().send(line.0, line.1, &fields, body.as_bytes())
    }

    /// `permitted`, or why not, for operators.
    #[track_caller]
    fn told(&self, line: (&str, &str), more: &[(&str, &str)], body: &str) -> String {
        let before = self.gate.log_of_requests().len();
        let answered = self.send(line, more, body);
        if answered.status == 200 {
            return "permitted".to_owned();
        }
        answered.is_refused_as(&format!("{line:?} {more:?} {body}"), 403, "authorization.denied");
        until("the refusal is logged", || self.gate.log_of_requests().len() > before);
        let line = self.gate.log_of_requests().pop().unwrap();
        line["place"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn orders(&self, body: &str) -> String {
        self.told(("POST", "/orders"), &[], body)
    }
}

#[test]
fn d3_an_order_is_in_the_currency_of_its_account_or_denied() {
    let upstream = Upstream::with_json("{}");
    let bank = Bank::start(&upstream, AUTHORIZATION);
    let order = |account: &str, currency: &str, amount: i64| {
        bank.orders(&json!({"account": account, "currency": currency, "amount": amount}).to_string())
    };
    // Twice each: what was decided of one value is remembered for that one alone.
    for _ in 0..2 {
        assert_eq!(order("e", "EUR", 1), "permitted");
        assert_eq!(order("e", "USD", 1), "nothing-permits");
        assert_eq!(order("u", "USD", 1), "permitted");
        assert_eq!(order("u", "EUR", 1), "nothing-permits");
        assert_eq!(order("e", "EUR", 1001), "cedar:large");
    }
    for (more, expected) in [
        (json!({"amount": 1001, "express": true}), "permitted"),
        (json!({"amount": 1001, "express": false}), "cedar:large"),
        (json!({"amount": 1001, "express": null}), "cedar:large"),
        (
            json!({"lines": [{"currency": "EUR"}, {"currency": "EUR"}]}),
            "permitted",
        ),
        (
            json!({"lines": [{"currency": "EUR"}, {"currency": "USD"}]}),
            "cedar:mixed",
        ),
        (json!({"lines": []}), "permitted"),
    ] {
        let mut body = json!({"account": "e", "currency": "EUR", "amount": 1});
        let members = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(members);
        assert_eq!(bank.orders(&body.to_string()), expected, "{more}");
    }
    let body = json!({"account": "e", "currency": "EUR", "amount": 1}).to_string();
    for (target, region, expected) in [
        ("/orders?channel=web", "home", "permitted"),
        ("/orders?channel=fax", "home", "cedar:fax"),
        ("/orders?channel=web", "away", "cedar:away"),
    ] {
        assert_eq!(bank.told(("POST", target), &[("X-Region", region)], &body), expected);
    }
    // A form is read as the object that it makes.
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let form = |body: &str| bank.told(("POST", "/orders"), &form, body);
    assert_eq!(form("account=e&currency=EUR&amount=7&express=true"), "permitted");
    assert_eq!(form("account=e&currency=USD&amount=7"), "nothing-permits");
    assert_eq!(form("account=e&currency=EUR&amount=1001"), "cedar:large");
}

#[test]
fn authz_1_a_value_that_is_missing_or_has_two_readings_denies() {
    let upstream = Upstream::with_json("{}");
    // Where the contract only observes, nobody else holds values against it.
    for mode in ["enforce", "observe"] {
        let policy = format!("{AUTHORIZATION}\n    policy: {{modes: {{contract_in: {mode}}}}}");
        let bank = Bank::start(&upstream, &policy);
        for (body, why) in [
            (r#"{"account":"e","amount":1}"#, "value-missing: currency"),
            (
                r#"{"account":"e","currency":"EUR","amount":1,"lines":[{"currency":"EUR"},{}]}"#,
                "value-unreadable: lines",
            ),
            (
                r#"{"account":"e","currency":"EUR","amount":9223372036854775808}"#,
                "value-unreadable: amount",
            ),
            (
                r#"{"account":"e","currency":"EUR","amount":1.0}"#,
                "value-unreadable: amount",
            ),
            (
                r#"{"account":"e","currency":"","amount":1}"#,
                "value-unreadable: currency",
            ),
        ] {
            assert_eq!(bank.orders(body), why, "{body}");
        }
        let many = vec![json!({"currency": "EUR"}); 101];
        let many = json!({"account": "e", "currency": "EUR", "amount": 1, "lines": many}).to_string();
        assert_eq!(bank.orders(&many), "values-too-many: lines");
        let body = r#"{"account":"e","currency":"EUR","amount":1}"#;
        let with = |target: &str, more: &[(&str, &str)]| bank.told(("POST", target), more, body);
        assert_eq!(with("/orders?channel=", &[]), "value-unreadable: channel");
        let twins = [("X-Region", "home"), ("X_Region", "away")];
        match mode {
            // What the contract does not declare is left out before.
            "enforce" => {
                assert_eq!(with("/orders", &twins), "permitted");
                assert_eq!(upstream.one().header("x_region"), None);
            }
            _ => assert_eq!(with("/orders", &twins), "value-unreadable: region"),
        }
        let twice = [("X-Region", "home"), ("x-region", "home")];
        assert_ne!(bank.send(("POST", "/orders"), &twice, body).status, 200);
        let seen = upstream.seen().len();
        for odd in [
            r#"{"account":"e","currency":"EUR","amount":1,"currency":"USD"}"#,
            r#"{"account":"e","currency":"EUR","amount":1,"\u0063urrency":"EUR"}"#,
            r#"{"account":"e","currency":["EUR"],"amount":1}"#,
            r#"{"account":"e","currency":7,"amount":1}"#,
            r#"{"account":"e","currency":"EUR","amount":"1"}"#,
            r#"{"account":"e","currency":"EUR","amount":1,"express":"true"}"#,
        ] {
            let status = bank.send(("POST", "/orders"), &[], odd).status;
            assert!([400, 403].contains(&status), "{mode} {odd}: {status}");
        }
        for odd in ["?channel=fax&channel=web", "?channel=web;channel=fax", "?channel=a+b"] {
            let status = bank.send(("POST", &format!("/orders{odd}")), &[], body).status;
            assert!([400, 403].contains(&status), "{mode} {odd}: {status}");
        }
        assert_eq!(upstream.seen().len(), seen, "{mode}: nothing of that leaves");
    }
}

#[test]
fn d3_values_decide_where_no_resource_is_named() {
    let upstream = Upstream::with_json("{}");
    let bank = Bank::start(&upstream, AUTHORIZATION);
    let quote = |body: &str| bank.told(("POST", "/quotes"), &[], body);
    assert_eq!(quote(r#"{"amount":100}"#), "permitted");
    assert_eq!(quote(r#"{"amount":101}"#), "nothing-permits");
    assert_eq!(quote("{}"), "value-missing: amount");
    assert_eq!(quote(""), "value-missing: amount");
    let report = |target: &str| bank.told(("GET", target), &[], "");
    assert_eq!(report("/reports/2021"), "permitted");
    assert_eq!(report("/reports/2020"), "nothing-permits");
    assert_eq!(report("/reports/2021?draft=false"), "permitted");
    assert_eq!(report("/reports/2021?draft=true"), "nothing-permits");
    assert_eq!(upstream.seen().len(), 3);
}

#[test]
fn http_11_a_stream_ends_when_its_value_is_no_longer_permitted() {
    let upstream = Upstream::start(streaming);
    let bank = Bank::start(&upstream, AUTHORIZATION);
    let bearer = bank.bearer();
    let watch = |topic: &str| bank.told(("GET", &format!("/events?topic={topic}")), &[], "");
    assert_eq!(watch("gossip"), "nothing-permits");
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| events_at(&bank.gate, "/events?topic=news", &[("Authorization", &bearer)]));
        until("it is watched", || !upstream.seen().is_empty());
        // It was asked about again, and goes on.
        let since = Instant::now();
        until("it was looked at", || since.elapsed() > Duration::from_secs(6));
        bank.gate
            .directory
            .write("bank.cedar", &POLICIES.replace("\"news\" }", "\"olds\" }"));
        let (ended_well, after) = watching.join().unwrap();
        assert!(!ended_well && after > 6.0 && after < 16.0, "{after}");
    });
}

#[test]
fn d7_points_elsewhere_are_told_values() {
    let upstream = Upstream::with_json("{}");
    let opa = Upstream::start(|seen, stream| {
        use std::io::Write as _;
        let question: Value = serde_json::from_slice(&seen.body).unwrap();
        let request = &question["input"]["context"]["request"];
        let is_good = *request == json!({"currency": "EUR", "amount": 1}) || *request == json!({"amount": 100});
        stream
            .write_all(&ok("application/json", &json!({ "result": is_good }).to_string()))
            .is_ok()
    });
    let bank = Bank::start(
        &upstream,
        &format!(
            "authorization: {{decision_points: [{{name: main, kind: opa, url: 'http://{}/v1/data/bank/allow', \
             dangerous_plain_http: true, dangerous_private_address: true}}]}}",
            opa.address
        ),
    );
    let order = |currency: &str| {
        let body = json!({"account": "e", "currency": currency, "amount": 1});
        bank.orders(&body.to_string())
    };
    assert_eq!(
        (order("EUR").as_str(), order("USD").as_str()),
        ("permitted", "opa:main")
    );
    let quote = |amount: u64| bank.told(("POST", "/quotes"), &[], &json!({ "amount": amount }).to_string());
    assert_eq!((quote(100).as_str(), quote(101).as_str()), ("permitted", "opa:main"));
    assert_eq!(opa.seen().len(), 4);
}

/// What a verb says of a bank that is not served, and how it ends.
fn verb(arguments: &[&str], prepare: impl FnOnce(&Directory)) -> (Option<i32>, String) {
    let upstream = Upstream::with_json("{}");
    let directory = written(&upstream, &Issuer::new("one"), AUTHORIZATION);
    prepare(&directory);
    let output = run(&directory.0, &[arguments, &["-c", "gate.yaml"]].concat());
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn d6_values_are_in_the_schema_in_cases_explanations_and_records() {
    let (code, schema) = verb(&["policy", "schema"], |_| {});
    assert_eq!(code, Some(0), "{schema}");
    for expected in [
        r#""request": { "amount": Long, "channel"?: String, "currency": String, "express"?: Bool, "lines"?: Set<String>, "region"?: String }"#,
        r#""request": { "draft"?: Bool, "year": Long }"#,
    ] {
        assert!(schema.contains(expected), "{expected} in {schema}");
    }
    let order = |currency: &str| {
        json!({
            "subject": {"type": "User", "id": "alice"},
            "action": {"name": "order"},
            "resource": {"type": "Account", "id": "e"},
            "context": {"request": {"currency": currency, "amount": 1}},
        })
    };
    let case =
        |currency: &str, decision: bool| json!({"name": currency, "evaluation": order(currency), "decision": decision});
    let cases = json!([case("EUR", true), case("USD", false)]).to_string();
    let (code, told) = verb(&["policy", "test", "cases.json"], |bank| {
        bank.write("cases.json", &cases);
    });
    assert_eq!(code, Some(0), "{told}");
    for (currency, expected) in [("EUR", "permitted\nbecause: cedar:own-currency"), ("USD", "denied")] {
        let (code, told) = verb(&["policy", "explain", "question.json"], |bank| {
            bank.write("question.json", &order(currency).to_string());
        });
        assert!(code == Some(0) && told.contains(expected), "{told}");
    }
    let record = |currency: &str| json!({"at": 1_764_000_000, "api": "api", "evaluation": order(currency), "decision": true, "determining": ["cedar:own-currency"]});
    let (code, told) = verb(&["policy", "replay", "records.jsonl", "--json"], |bank| {
        bank.write("records.jsonl", &format!("{}\n{}\n", record("EUR"), record("USD")));
    });
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(code, Some(1), "{told}");
    assert_eq!(told["changed"], 1, "{told}");
}

#[test]
fn d3_a_value_that_cannot_be_told_is_an_error_before_anything_is_served() {
    let too_many: Vec<String> = (0..17).map(|number| format!("v{number}: {{body: /amount}}")).collect();
    let too_many = format!("{{{}}}", too_many.join(", "));
    for (from, to, expected) in [
        (
            "currency: {body: /currency}",
            "currency: {body: /currencies}",
            "`order` has no JSON body or form with `/currencies`",
        ),
        (
            "channel: {query: channel, optional: true}",
            "channel: {query: chanel}",
            "`order` has no query parameter `chanel`",
        ),
        (
            "year: {path: year}",
            "year: {path: year, query: draft}",
            "the value `year` stands in one place",
        ),
        ("year: {path: year}", "year: {}", "the value `year` stands in one place"),
        ("{amount: {body: /amount}}", &too_many, "more than 16 values are told"),
        (
            "amount: {type: integer}",
            "amount: {type: number}",
            "the value `amount` is not of one type that policies know",
        ),
        (
            "amount: {type: integer}",
            "amount: {}",
            "the value `amount` is not of one type that policies know",
        ),
        (
            "application/x-www-form-urlencoded: {schema: {$ref: '#/components/schemas/order'}}",
            "application/x-www-form-urlencoded: {schema: {type: object, properties: {account: {type: string}, amount: {type: string}}}}",
            "the value `amount` is not of one type that policies know",
        ),
        (
            "lines: {body: '/lines/*/currency', optional: true}",
            "lines: {body: /lines, optional: true}",
            "the value `lines` is not of one type that policies know",
        ),
        (
            "currency: {body: /currency}",
            "currency: /currency",
            "`currency` is a string where an object is expected",
        ),
        (
            "currency: {body: /currency}",
            "currency: {bdy: /currency}",
            "unknown key `bdy`\n    help: did you mean `body`?\n1 error",
        ),
    ] {
        assert!(CONTRACT.contains(from), "{from}");
        let (code, told) = verb(&["check"], |bank| {
            drop(bank.write("api.yaml", &CONTRACT.replace(from, to)))
        });
        assert_eq!(code, Some(1), "{to}: {told}");
        // Words of the page, and one for each mistake.
        assert!(!told.contains("struct") && !told.contains("Written"), "{told}");
        assert!(to != "currency: /currency" || told.contains("1 error"), "{told}");
        assert!(told.contains(expected), "{to}: {told}");
    }
    let (code, told) = verb(&["check"], |bank| {
        let settings = bank.read("gate.yaml").replace(&format!("    {AUTHORIZATION}\n"), "");
        bank.write("gate.yaml", &settings);
    });
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("nobody decides, and so nobody is told the value `currency`"),
        "{told}"
    );
}

#[test]
fn d6_of_items_of_lists_nobody_is_told_values() {
    let listing = "  /accounts:\n    get:\n      operationId: listAccounts\n      x-portcullis: {collection: {items: '', type: Account, id: \
                   /id, action: order}}\n      responses: {'200': {description: ok, content: {application/json: {schema: {type: array, \
                   items: {type: object, properties: {id: {type: string}}}}}}}}\n";
    let contract = CONTRACT.replace("components:\n", &format!("{listing}components:\n"));
    let (code, told) = verb(&["check"], |bank| drop(bank.write("api.yaml", &contract)));
    // Policies have to ask whether there is a value, or could not be told of lists.
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("optional attribute `request`"), "{told}");
    let guarded = r#"permit (principal, action == Action::"order", resource is Account)
when { resource has currency && context has request && context.request.currency == resource.currency };"#;
    let (code, told) = verb(&["check"], |bank| {
        bank.write("api.yaml", &contract);
        bank.write("bank.cedar", guarded);
    });
    assert_eq!(code, Some(0), "{told}");
}
