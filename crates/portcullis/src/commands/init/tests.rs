use clap::Parser;

use super::*;

const ORDERS: &str = "\
openapi: 3.1.0
info: {title: \"Orders\\n- and: more\", version: '1.2'}
servers:
  - url: https://api.example.com/v1
  - url: https://API.example.com:8443/v2
  - url: http://localhost:8080/v1
paths:
  /orders:
    get:
      responses: {'200': {description: ok}}
  /accounts/forgot-password:
    post:
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Who'}}}}
      responses: {'204': {description: ok}}
  /accounts/code:
    post:
      operationId: verifyCode
      responses: {'204': {description: ok}}
  /session:
    post:
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Who'}}}}
      responses: {'204': {description: ok}}
components:
  schemas:
    Who: {type: object, properties: {'e~mail/\"': {type: string}, email: {type: string}}}
";

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

/// A directory that goes with its guard, with a contract in it.
struct Directory(PathBuf);

impl Directory {
    fn with(name: &str, contract: &str) -> Self {
        let path = std::env::temp_dir().join(format!("portcullis-init-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let path = path.canonicalize().unwrap();
        std::fs::write(path.join("openapi.yaml"), contract).unwrap();
        Self(path)
    }

    /// The draft for this directory's contract, as text and as next steps; that it loads without a problem is checked.
    fn draft(&self, options: &str) -> (String, String) {
        let (contract, file) = (self.0.join("openapi.yaml"), self.0.join("portcullis.yaml"));
        let words = ["init", contract.to_str().unwrap(), "-c", file.to_str().unwrap()];
        let arguments = Line::parse_from(words.into_iter().chain(options.split_whitespace())).arguments;
        let source = source::find(&arguments).unwrap();
        let quiet = Shared {
            json: true,
            color: clap::ColorChoice::Never,
        };
        let upstream = upstream(&arguments, &quiet, &source).unwrap();
        let mut draft = Draft::of(&source, &arguments, upstream);
        // Where the tests run is nobody's business.
        "portcullis.yaml".clone_into(&mut draft.file);
        let text = draft.yaml();
        let next = Next::of(&draft, &source.contract, Path::new("portcullis.yaml")).text(&draft, 0);
        let problems = config::read("portcullis.yaml", text.as_bytes()).problems;
        assert_eq!(problems, [], "{text}");
        check(&text, source.document, &file).unwrap();
        let here = |text: String| text.replace(&format!("{}/", self.0.display()), "");
        (here(text), here(next))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_draft_for_natter() {
    let directory = Directory::with(
        "natter",
        include_str!("../../../../../examples/natter/natter.openapi.yaml"),
    );
    let (draft, next) = directory.draft("");
    insta::assert_snapshot!("natter", format!("{draft}\n{next}"));
}

#[test]
fn a_draft_that_observes() {
    let directory = Directory::with("orders", ORDERS);
    let (draft, next) = directory.draft("--observe=everything");
    insta::assert_snapshot!("orders", format!("{draft}\n{next}"));
}

#[test]
fn every_variant_loads_without_a_problem() {
    let directory = Directory::with("variants", ORDERS);
    for options in [
        "--observe",
        "--observe=answers",
        "--upstream http://127.0.0.1:9901",
        "--upstream http://[::1]:8080 --listen [::]:80",
        "--listen 127.0.0.1:9901",
        "--listen 0.0.0.0:8080",
    ] {
        directory.draft(options);
    }
}

#[test]
fn ports_do_not_meet() {
    let directory = Directory::with("ports", ORDERS);
    let (draft, _) = directory.draft("");
    for line in [
        "upstream: http://localhost:8080",
        "listen: \"127.0.0.1:8081\"",
        "admin: { listen: \"127.0.0.1:9901\" }",
    ] {
        assert!(draft.contains(line), "{line} in {draft}");
    }
    let (draft, _) = directory.draft("--upstream http://127.0.0.1:9902 --listen 127.0.0.1:9901");
    assert!(draft.contains("admin: { listen: \"127.0.0.1:9903\" }"), "{draft}");
}

/// What is suggested can be written where it is suggested.
#[test]
fn suggestions_hold_in_the_contract() {
    let (start, end) = ("  /session:\n    post:\n", "      requestBody");
    let limit = {
        let directory = Directory::with("suggested", ORDERS);
        let (draft, _) = directory.draft("");
        let (_, suggested) = draft.split_once("POST /session ").unwrap();
        let lines = suggested.lines().skip(1).take(4);
        lines
            .map(|line| line.replacen("# ", "  ", 1) + "\n")
            .collect::<String>()
    };
    assert!(limit.contains("/e~0mail~1"), "{limit}");
    let contract = ORDERS.replace(&format!("{start}{end}"), &format!("{start}{limit}{end}"));
    assert_ne!(contract, ORDERS);
    Directory::with("accepted", &contract).draft("");
}

#[test]
fn upstreams_that_cannot_be_used() {
    for (url, expected) in [
        ("127.0.0.1:9000", false),
        ("ftp://127.0.0.1", false),
        ("http://127.0.0.1/base", false),
        ("http://127.0.0.1:9000", true),
    ] {
        assert_eq!(check_upstream(url).is_ok(), expected, "{url}");
    }
}
