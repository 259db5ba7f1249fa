//! The policies of Natter as a newcomer has them: in files beside its contract, in a configuration as docs/authorization.md writes it.

use serde_json::{Value, json};

use crate::gate::{Directory, Gate, Setup, run, until};
use crate::natter_api;
use crate::tokens::{Issuer, key_set};
use crate::wire::Answer;

const CASES: &str = include_str!("../../../../examples/natter/natter.cases.yaml");
/// What the log says where what was in force stays.
const REFUSED: &str = "not reloaded";
const READERS: &str = r#""readers": [{"type": "User", "id": "alice"}]"#;

struct Natter {
    gate: Gate,
    issuer: Issuer,
    _natter: natter_api::Running,
}

/// What the page says of Natter's configuration, below `apis`.
fn documented() -> String {
    let page = include_str!("../../../../docs/authorization.md");
    let (_, of_natter) = page.split_once("\n## On Natter\n").unwrap();
    let (_, block) = of_natter.split_once("```yaml\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let (_, settings) = block.split_once("contract: natter.openapi.yaml\n").unwrap();
    settings.to_owned()
}

fn written(natter: &natter_api::Running, issuer: &Issuer) -> Directory {
    let directory = Setup::new(natter::CONTRACT, natter.address)
        .with(
            "issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], \
             keys: {file: keys.json}}]",
        )
        .with_api("security_schemes: {bearerAuth: {issuers: [main]}}")
        .with_api("dangerous_unverified_schemes: true")
        .with_api(documented().trim())
        .written();
    directory.write("keys.json", &key_set(&[issuer]));
    directory.write("natter.overlay.yaml", natter::OVERLAY);
    directory.write("natter.cedar", natter::POLICIES);
    directory.write("natter.entities.json", natter::ENTITIES);
    // Here the API is called as in all of these tests.
    directory.write("natter.cases.yaml", &CASES.replace("id: natter}", "id: api}"));
    directory
}

impl Natter {
    fn start() -> Self {
        let (natter, issuer) = (natter_api::start(), Issuer::new("one"));
        let gate = Gate::start(written(&natter, &issuer));
        Self {
            gate,
            issuer,
            _natter: natter,
        }
    }

    fn get(&self, who: &str, target: &str) -> Answer {
        let token = self.issuer.token_with("at+jwt", json!({ "sub": who }));
        let authorization = format!("Bearer {token}");
        let fields = [("Authorization", authorization.as_str())];
        self.gate.client().send("GET", target, &fields, b"")
    }

    /// The names of the spaces that somebody is shown.
    fn spaces(&self, who: &str) -> Vec<String> {
        let listed = self.get(who, "/spaces");
        assert_eq!(listed.status, 200, "{}", listed.text());
        let name = |space: &Value| space["name"].as_str().unwrap().to_owned();
        listed.json().as_array().unwrap().iter().map(name).collect()
    }

    fn reloaded(&self) -> bool {
        let is_so = |line: &String| line.contains("reloaded") && !line.contains(REFUSED);
        self.gate.log().iter().any(is_so)
    }
}

#[test]
fn they_decide_what_their_cases_say_and_each_is_needed() {
    let natter = natter_api::start();
    let directory = written(&natter, &Issuer::new("one"));
    let output = run(
        &directory.0,
        &["policy", "test", "natter.cases.yaml", "-c", "gate.yaml"],
    );
    let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(!told.contains("decided none of them"), "{told}");
}

#[test]
fn what_the_files_say_is_what_holds_and_a_broken_one_changes_nothing() {
    let natter = Natter::start();
    let diary = "/spaces/3/messages";
    assert_eq!(natter.get("alice", diary).status, 200);
    natter.get("bob", diary).is_refused(403, "authorization.denied");
    assert_eq!(natter.spaces("bob"), ["general", "trains"]);
    // Nobody hears of what there is: what is not there is answered in the same way.
    natter.get("bob", "/spaces/999").is_refused(403, "authorization.denied");

    let directory = &natter.gate.directory;
    directory.write("natter.cedar", "permit (principal, action, resource");
    until("it is told", || {
        natter.gate.log().iter().any(|line| line.contains(REFUSED))
    });
    natter.get("bob", diary).is_refused(403, "authorization.denied");
    assert_eq!(natter.get("alice", diary).status, 200);

    // alice lets bob read.
    let readers = READERS.replace("}]", r#"}, {"type": "User", "id": "bob"}]"#);
    assert_eq!(natter::ENTITIES.matches(READERS).count(), 1);
    directory.write("natter.entities.json", &natter::ENTITIES.replace(READERS, &readers));
    directory.write("natter.cedar", natter::POLICIES);
    until("it counts", || natter.reloaded());
    assert_eq!(natter.get("bob", diary).status, 200);
    assert_eq!(natter.spaces("bob"), ["general", "trains", "alice's diary"]);
    natter.get("mallory", diary).is_refused(403, "authorization.denied");
}
