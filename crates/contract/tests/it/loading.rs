//! Contracts as people write them, below `tests/contracts`: each is small and about one thing that real contracts do.
//!
//! `yaml` holds one file each, `files` a folder each with `openapi.yaml` or `openapi.json` as the root; they load,
//! compile and judge as their authors meant. `broken` holds those that must not load, and what is said about them.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::ops::ControlFlow;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use portcullis_contract::conform::contract::{Contract, compile};
use portcullis_contract::conform::json::{Limits, SchemaId, Scratch, Undeclared};
use portcullis_contract::conform::media_type::Content;
use portcullis_contract::conform::operation::{BodyRule, Head, Levels, Operation};
use portcullis_contract::conform::parameter::{Finding, HeadScratch};
use portcullis_contract::conform::route::Routed;
use portcullis_contract::document::{self, Document, Fetch, Problem};

const FOLDER: &str = "tests/contracts";

/// A request or an answer, and what is said about it.
///
/// The first text is `METHOD TARGET`, with header fields as further lines; ` 200` behind the target makes it an answer
/// with that status. The second is the body, of type `application/json` if no field says otherwise. The third is
/// `conforms`, or the first violation as `location.code` with the name or the pointer.
pub(crate) type Case = (&'static str, &'static str, &'static str);

/// A contract, its number of operations, and cases.
type Good = (&'static str, usize, &'static [Case]);

pub(crate) const OK: &str = "conforms";

#[rustfmt::skip]
const GOOD: &[Good] = &[
    ("yaml/anchors.yaml", 3, &[
        ("GET /ships?limit=50&offset=0", "", OK),
        ("GET /ships?limit=51", "", "query.range limit"),
        ("GET /ships/7?limit=0", "", "query.range limit"),
        ("GET /ships/7?offset=0", "", "query.undeclared -"),
        ("POST /ships", r#"{"name":"a","berth":3,"created":"2026-01-01T00:00:00Z"}"#, OK),
        ("POST /ships", r#"{"name":"a","created":true}"#, "body.type /created"),
        ("POST /ships", r#"{"name":""}"#, "body.length /name"),
        ("GET /ships/7 400", "", OK),
        ("GET /ships/7 200", "", "status"),
    ]),
    ("yaml/answers.yaml", 3, &[
        ("GET /reports/r-1", "", OK),
        ("GET /reports/1", "", "path.pattern id"),
        ("GET /reports/r-1 200\nX-Rate-Left: 4\nETag: \"a\"", r#"{"title":"t"}"#, OK),
        ("GET /reports/r-1 200", r#"{"title":"t"}"#, "header.required x-rate-left"),
        ("GET /reports/r-1 200\nX-Rate-Left: 4\nETag: a", "{}", "header.pattern etag"),
        ("GET /reports/r-1 206", "", OK),
        ("GET /reports/r-1 206", "{}", "undeclared"),
        ("GET /reports/r-1 404", r#"{"code":"none"}"#, OK),
        ("GET /reports/r-1 404", r#"["none"]"#, "body.type "),
        ("GET /reports/r-1 500", r#"["none"]"#, OK),
        ("DELETE /reports/r-1 500", "", "status"),
    ]),
    ("yaml/block-scalars.yaml", 1, &[
        ("POST /notes", r#"{"code":"AB123","kind":"long form"}"#, OK),
        ("POST /notes", r#"{"code":"AB123","kind":"two\nlines"}"#, OK),
        ("POST /notes", r#"{"code":"AB123","kind":"escaped\ttab and é, folded"}"#, OK),
        ("POST /notes", r#"{"code":"AB123","kind":"it's"}"#, OK),
        ("POST /notes", r#"{"code":"AB123","kind":"plain text over two lines"}"#, OK),
        ("POST /notes", r#"{"code":"AB123","kind":"two\nlines\n"}"#, "body.enum /kind"),
        ("POST /notes", r#"{"code":"AB1234"}"#, "body.pattern /code"),
    ]),
    ("yaml/comments.yaml", 2, &[
        ("GET /a:b?depth=9", "", OK),
        ("GET /a:b?depth=10", "", "query.range depth"),
        ("GET /a:b 200", r#""abc""#, OK),
        ("GET /a:b 200", r#""abcd""#, "body.length "),
        ("GET /plain", "", OK),
    ]),
    ("yaml/discriminator-all-of.yaml", 2, &[
        ("POST /vehicles", r#"{"type":"lorry","wheels":6,"tonnes":40}"#, OK),
        ("POST /vehicles", r#"{"type":"Bicycle","wheels":2,"bell":true}"#, OK),
        ("POST /vehicles", r#"{"type":"lorry","wheels":6}"#, "body.required /tonnes"),
        ("POST /vehicles", r#"{"type":"lorry","wheels":6,"tonnes":45}"#, "body.range /tonnes"),
        ("POST /vehicles", r#"{"type":"lorry","wheels":0,"tonnes":40}"#, "body.range /wheels"),
        ("POST /vehicles", r#"{"type":"lorry","wheels":6,"tonnes":40,"bell":true}"#, "body.undeclared "),
        ("POST /vehicles", r#"{"type":"Tanker","wheels":8,"tonnes":40,"litres":9000}"#, OK),
        ("POST /vehicles", r#"{"type":"Tanker","wheels":8,"tonnes":40}"#, "body.required /litres"),
        ("POST /vehicles", r#"{"type":"Tanker","wheels":8,"litres":9000}"#, "body.required /tonnes"),
        ("POST /vehicles", r#"{"type":"boat","wheels":6}"#, "body.discriminator /type"),
        ("POST /vehicles/lorries", r#"{"type":"lorry","wheels":6,"tonnes":40}"#, OK),
        ("POST /vehicles/lorries", r#"{"type":"lorry","wheels":6}"#, "body.required /tonnes"),
    ]),
    ("yaml/discriminator-one-of.yaml", 1, &[
        ("POST /payments", r#"{"kind":"card","number":"1234567812345678"}"#, OK),
        ("POST /payments", r#"{"number":"1234567812345678","kind":"debit"}"#, OK),
        ("POST /payments", r#"{"kind":"transfer","iban":"DE0012345678901234"}"#, OK),
        ("POST /payments", r#"{"kind":"Cash","amount":1.5}"#, OK),
        ("POST /payments", r#"{"kind":"card","number":"1234"}"#, "body.pattern /number"),
        ("POST /payments", r#"{"kind":"card","number":"1234567812345678","iban":"x"}"#, "body.undeclared "),
        ("POST /payments", r#"{"kind":"cheque"}"#, "body.discriminator /kind"),
        ("POST /payments", r#"{"amount":1}"#, "body.discriminator /kind"),
    ]),
    ("yaml/extensions.yaml", 3, &[
        ("GET /a?api_key=1", "", OK),
        ("GET /a?key=1", "", "query.undeclared -"),
        ("POST /a\nCookie: sid=1\nAuthorization: Bearer 1", r#"{"x-custom":1,"name":"a"}"#, OK),
        ("POST /a", r#"{"x-custom":"1"}"#, "body.type /x-custom"),
        ("GET /b?api_key=1", "", "query.undeclared -"),
        ("GET /x-path-note", "", "route.unknown"),
    ]),
    ("yaml/flow.yaml", 2, &[
        ("POST /points", r#"{"x":1,"y":2,"label":"a","tags":["a","b,c","d]","e f"],"empty":null}"#, OK),
        ("POST /points", r#"{"x":1,"y":2,"url":"http://example.com/a?b=c#d","text":"a\ttab and # no comment"}"#, OK),
        ("POST /points", r#"{"x":1,"y":2,"tags":["b"]}"#, "body.enum /tags/0"),
        ("POST /points", r#"{"x":1,"y":2,"url":"http://example.com/a?b=c"}"#, "body.enum /url"),
        ("GET /points?at=1,2.5", "", OK),
        ("GET /points?at=1", "", "query.count at"),
        ("GET /points?label=ninechars", "", "query.length label"),
    ]),
    ("yaml/identifiers.yaml", 1, &[
        ("POST /shops", r##"{"address":{"street":"High"},"branches":[{"address":{"street":"Low"}}],"phone":"+1","mail":"a@b.example","street":"x"}"##, OK),
        ("POST /shops", r#"{"address":{"street":"High"},"branches":[{}]}"#, "body.required /branches/0/address"),
        ("POST /shops", r#"{"address":{}}"#, "body.required /address/street"),
        ("POST /shops", r#"{"address":{"street":"High"},"street":"too long"}"#, "body.length /street"),
        ("POST /shops", r#"{"address":{"street":"High"},"mail":"nobody"}"#, "body.format /mail"),
    ]),
    ("yaml/media-types.yaml", 1, &[
        ("POST /items", r#"{"sku":"a"}"#, OK),
        ("POST /items", r#"{"sku":1}"#, "body.type /sku"),
        ("POST /items\nContent-Type: APPLICATION/json;charset=UTF-8", r#"{"sku":"a"}"#, OK),
        ("POST /items\nContent-Type: application/json;charset=utf-16", r#"{"sku":"a"}"#, "undeclared"),
        ("POST /items\nContent-Type: application/vnd.shop.item+json", "{}", "body.required /sku"),
        ("POST /items\nContent-Type: application/merge-patch+json;charset=utf-8", "{}", "body.count "),
        ("POST /items\nContent-Type: application/merge-patch+json", "{}", "body.count "),
        ("POST /items\nContent-Type: text/plain", "four", OK),
        ("POST /items\nContent-Type: text/plain", "five!", "body.length "),
        ("POST /items\nContent-Type: multipart/form-data; boundary=x", "--x--", "multipart(fieldsid(4))"),
        ("POST /items\nContent-Type: image/png", "PNG", "streamed"),
        ("POST /items\nContent-Type: application/xml", "<a/>", "undeclared"),
        ("POST /items", "", "body.required"),
        ("POST /items 200\nContent-Type: application/hal+json", "{}", "body.required /_links"),
        ("POST /items 200\nContent-Type: video/mp4", "x", "streamed"),
        ("POST /items 422\nContent-Type: application/problem+json", r#"{"title":1}"#, "body.type /title"),
    ]),
    ("yaml/names.yaml", 2, &[
        ("GET /caf%C3%A9s/gro%C3%9F?filter[%E5%90%8D%E5%89%8D]=abcd&sort.by=%2Bname&$top=10", "", OK),
        ("GET /caf%C3%A9s/gro%C3%9F?%66ilter%5B%E5%90%8D%E5%89%8D%5D=abcde", "", "query.length filter[名前]"),
        ("GET /caf%C3%A9s/gross", "", "path.enum größe"),
        ("GET /caf%C3%A9s/klein?%24top=11", "", "query.range $top"),
        ("POST /things", r##"{"straße":"äöü","a: b":true,"say \"hi\"":1,"it's":1,"tab\there":1,"🛶":"🛶","with space":1,"":null}"##, OK),
        ("POST /things", r##"{"straße":"äöü","a: b":true,"#hash":1,"- dash":1,"__proto__":1,"constructor":1,"a/b~c":1}"##, OK),
        ("POST /things", r#"{"stra\u00dfe":"\u00e4\u00f6\u00fc","a: b":true,"\ud83d\udef6":"\ud83d\udef6"}"#, OK),
        ("POST /things", r#"{"straße":"äöüß","a: b":true}"#, "body.length /straße"),
        ("POST /things", r#"{"straße":"a","a: b":true,"a/b~c":"x"}"#, "body.type /a~1b~0c"),
        ("POST /things", r#"{"straße":"a","a: b":true,"__proto__":{}}"#, "body.type /__proto__"),
        ("POST /things", r#"{"straße":"a","a":true}"#, "body.undeclared "),
    ]),
    ("yaml/not-here.yaml", 2, &[
        ("POST /orders", r#"{"callback":"http://a.example/","items":[1]}"#, OK),
        ("POST /orders", r#"{"items":[]}"#, "body.count /items"),
        ("GET /orders/0b0e5a9c-6c0e-4f0e-9a51-0d5b8e2f7a11", "", OK),
        ("GET /orders/1", "", "path.format id"),
        ("POST /paid", "{}", "route.unknown"),
    ]),
    ("yaml/nullable.yaml", 1, &[
        ("PATCH /rooms", r#"{"name":null,"area":0.1,"floor":0,"kind":null,"keys":[null,"a"],"pin":"1"}"#, OK),
        ("PATCH /rooms", r#"{"owner":{"email":"a@b.example"},"guest":{"email":"a@b.example"}}"#, OK),
        // The reference does not allow null, whatever stands around it (OpenAPI 3.0.3 §4.7.24).
        ("PATCH /rooms", r#"{"owner":null}"#, "body.type /owner"),
        ("PATCH /rooms", r#"{"area":0}"#, "body.range /area"),
        ("PATCH /rooms", r#"{"area":500}"#, "body.range /area"),
        ("PATCH /rooms", r#"{"strict":null}"#, "body.type /strict"),
        ("PATCH /rooms", r#"{"keys":null}"#, "body.type /keys"),
        ("PATCH /rooms", r#"{"id":1}"#, "body.read_only /id"),
        ("PATCH /rooms 200", r#"{"id":1}"#, OK),
        ("PATCH /rooms 200", r#"{"pin":"1"}"#, "body.write_only /pin"),
    ]),
    ("yaml/numbers.yaml", 1, &[
        ("POST /measures", r#"{"share":0.5,"mass":1e-3,"offset":-16,"mask":31,"mode":15}"#, OK),
        ("POST /measures", r#"{"serial":18446744073709551616,"step":0.07,"count":2147483647,"above":1e-9,"exact":1,"long":"ab"}"#, OK),
        ("POST /measures", r#"{"mode":100,"mask":3.1e1,"exact":10e-1}"#, OK),
        ("POST /measures", r#"{"share":1.0000001}"#, "body.range /share"),
        ("POST /measures", r#"{"mass":1500}"#, "body.range /mass"),
        ("POST /measures", r#"{"mode":17}"#, "body.enum /mode"),
        ("POST /measures", r#"{"serial":9007199254740992}"#, "body.range /serial"),
        ("POST /measures", r#"{"serial":18446744073709551617}"#, "body.range /serial"),
        ("POST /measures", r#"{"step":0.075}"#, "body.multiple_of /step"),
        ("POST /measures", r#"{"count":2147483648}"#, "body.range /count"),
        ("POST /measures", r#"{"above":0}"#, "body.range /above"),
        ("POST /measures", r#"{"long":""}"#, "body.length /long"),
    ]),
    ("yaml/plain-words.yaml", 1, &[
        ("PUT /switches/y?since=2024-01-31&mode=0755", r#"{"state":"on","country":"no","day":"2024-02-29","release":"1.2.3"}"#, OK),
        ("PUT /switches/N?mode=12:30:45", r#"{"state":"NO","release":"~x","on":true,"y":1,"null":"a","~":1,"1.5":1}"#, OK),
        ("PUT /switches/true", "", "path.enum id"),
        ("PUT /switches/y?mode=493", "", "query.enum mode"),
        ("PUT /switches/y", r#"{"state":true}"#, "body.type /state"),
        ("PUT /switches/y", r#"{"state":"ON"}"#, "body.enum /state"),
        ("PUT /switches/y", r#"{"state":"on","on":"on"}"#, "body.type /on"),
        ("PUT /switches/y 200", r#"{"no":true}"#, OK),
        ("PUT /switches/y 404", "", OK),
    ]),
    ("yaml/pointers.yaml", 4, &[
        ("POST /a/1/b?page~size=9", r#"{"name":"ab","half":true}"#, OK),
        ("POST /a/1/b?page%7Esize=10", "{}", "query.range page~size"),
        ("POST /a/x/b", "{}", "path.type id"),
        ("POST /a/1/b", r#"{"name":"abc"}"#, "body.length /name"),
        ("POST /again/1/b", r#"{"half":1}"#, "body.type /half"),
        ("POST /a/1/b 200", r#"{"the name":"abc"}"#, "body.length /the name"),
    ]),
    ("yaml/recursive.yaml", 3, &[
        ("PUT /folders", r#"{"name":"a","folders":[{"name":"b","folders":[]}]}"#, OK),
        ("PUT /folders", r#"{"name":"a","folders":[{"name":"b","folders":[{}]}]}"#, "body.required /folders/0/folders/0/name"),
        ("PUT /outlines", r#"{"title":"a","parts":[{"title":"b","parts":[]}]}"#, OK),
        ("PUT /outlines", r#"{"parts":[{"title":"too long"}]}"#, "body.length /parts/0/title"),
        ("PUT /trees", r#"{"data":1,"children":[{"data":{"any":1},"children":[]}]}"#, OK),
        ("PUT /trees", r#"{"data":1,"children":[{"children":[]}]}"#, "body.required /children/0/data"),
        ("PUT /trees", r#"{"data":1,"children":[{"data":1,"kids":[]}]}"#, "body.undeclared /children/0/*"),
    ]),
    ("yaml/servers.yaml", 3, &[
        ("GET /api/v2/parks?open=true", "", OK),
        ("GET /api/parks?open=1", "", "query.type open"),
        ("GET /local/parks/7", "", OK),
        ("GET /api/v2/parks/nearest?at=1.5,2", "", OK),
        ("GET /api/parks/first", "", "path.type id"),
        ("GET /elsewhere/parks", "", "route.unknown"),
        ("GET /parks", "", "route.unknown"),
    ]),
    ("yaml/siblings.yaml", 1, &[
        ("POST /users", r#"{"name":"ab","nick":"a","card":{"id":1,"extra":true}}"#, OK),
        ("POST /users?dry=true", r#"{"name":"ab"}"#, OK),
        ("POST /users", r#"{"name":"a"}"#, "body.length /name"),
        ("POST /users", r#"{"name":"abcdefghi"}"#, "body.length /name"),
        ("POST /users", r#"{"name":"ab","card":{"id":1}}"#, "body.required /card/extra"),
        ("POST /users", r#"{"name":"ab","card":{"extra":true,"id":"1"}}"#, "body.type /card/id"),
        ("POST /users", "", "body.required"),
    ]),
    ("yaml/styles.yaml", 4, &[
        ("GET /matrix/;x=1;y=2/;list=1,2", "", OK),
        ("GET /matrix/;y=2/;list=1,2", "", "path.required point/x"),
        ("GET /matrix/;x=1/;list=1,2,3", "", "path.count list"),
        ("GET /label/.1.2.3/.x,1,y,2", "", OK),
        ("GET /label/.1.a/.x,1", "", "path.type list/1"),
        ("GET /simple/1,2\nX-Point: x=1,y=2\nCookie: session=abcd", "", OK),
        ("GET /simple/1", "", "path.count list"),
        ("GET /simple/1,2\nX-Point: y=1", "", "header.required x-point/x"),
        ("GET /simple/1,2\nCookie: session=abc", "", "cookie.length session"),
        ("GET /query?filter[color]=red&filter[size]=4&spaced=1%202&piped=1%7C2&form=1&form=2&point=x,1&json=%7B%22x%22:1%7D&flag=", "", OK),
        ("GET /query?filter[size]=big", "", "query.type filter/size"),
        ("GET /query?filter[weight]=1", "", "query.undeclared filter"),
        ("GET /query?spaced=1%20a", "", "query.type spaced/1"),
        ("GET /query?piped=1|a", "", "query.type piped/1"),
        ("GET /query?form=1&form=2&form=3", "", "query.count form"),
        ("GET /query?point=y,1", "", "query.required point/x"),
        ("GET /query?json=%7B%22y%22:1%7D", "", "query.required json/x"),
    ]),
    ("yaml/types.yaml", 2, &[
        ("POST /events", r#"{"kind":"move","at":[1,2,"end","end"],"note":null,"version":2.0,"nothing":null,"any":[{}]}"#, OK),
        ("POST /events", r#"{"kind":"stop","labels":{"a":"x","b":1},"speed":1,"unit":"m","seats":[1,2,1]}"#, OK),
        ("POST /events", r#"{"kind":"move"}"#, "body.required /at"),
        ("POST /events", r#"{"kind":"stop","at":[]}"#, "body.not "),
        ("POST /events", r#"{"kind":"move","at":[1,2,3]}"#, "body.enum /at/2"),
        ("POST /events", r#"{"kind":"stop","note":"longer"}"#, "body.length /note"),
        ("POST /events", r#"{"kind":"stop","note":1}"#, "body.type /note"),
        ("POST /events", r#"{"kind":"stop","never":1}"#, "body.forbidden /never"),
        ("POST /events", r#"{"kind":"stop","labels":{"A":1}}"#, "body.property_name /labels"),
        ("POST /events", r#"{"kind":"stop","speed":1}"#, "body.dependent "),
        ("POST /events", r#"{"kind":"stop","seats":[1,1,1]}"#, "body.contains /seats"),
        ("POST /events", r#"{"kind":"stop","extra":1}"#, "body.undeclared /*"),
        ("GET /events?after=7&kinds=a&kinds=b", "", OK),
        ("GET /events?after=abc", "", OK),
        ("GET /events?after=abcd", "", "query.length after"),
        ("GET /events?kinds=a&kinds=a", "", "query.unique kinds"),
    ]),
    ("files/anchored-parts/openapi.yaml", 3, &[
        ("POST /meters", r#"{"id":1,"place":"abc"}"#, OK),
        ("POST /meters", r#"{"id":1,"place":"abcd"}"#, "body.length /place"),
        ("POST /meters", r#"{"place":"abc"}"#, "body.required /id"),
        ("PUT /meters", r#"{"id":1,"place":"abc"}"#, "body.undeclared "),
        ("POST /readings", r#"{"unit":"m","x_a":"abc"}"#, OK),
        ("POST /readings", r#"{"unit":"m","x_a":"abcd"}"#, "body.length /*"),
        ("POST /readings", r#"{"unit":"m","y":"a"}"#, "body.undeclared "),
    ]),
    ("files/anchors/openapi.yaml", 2, &[
        ("POST /tickets", r#"{"seat":"12A"}"#, OK),
        ("POST /tickets", r#"{"seat":"12G"}"#, "body.pattern /seat"),
        ("PUT /tickets", r#"{"items":[{"seat":"12A"}],"next":"2"}"#, OK),
        ("PUT /tickets", r#"{"items":[{"seat":"A"}]}"#, "body.pattern /items/0/seat"),
        ("POST /tickets 200", r#"{"items":[{}]}"#, "body.required /items/0/seat"),
    ]),
    ("files/chains/openapi.yaml", 1, &[
        ("POST /a?q=3", r#"{"end":3,"more":{"end":1}}"#, OK),
        ("POST /a?q=4", r#"{"end":3}"#, "query.range q"),
        ("POST /a", r#"{"end":3,"more":{"end":4}}"#, "body.range /more/end"),
        ("POST /a 200", "", OK),
    ]),
    ("files/components/openapi.yaml", 2, &[
        ("POST /claims\nX-Trace: abcd", r#"{"sum":1}"#, OK),
        ("POST /claims\nX-Trace: abcde", r#"{"sum":1}"#, "header.length x-trace"),
        ("POST /claims", r#"{"sum":0}"#, "body.range /sum"),
        ("POST /claims 201", "{}", "body.required /sum"),
        ("POST /claims 500\nContent-Type: application/problem+json", "{}", "body.required /title"),
        ("GET /claims/x", "", "path.type id"),
        ("GET /claims/1 200", r#"{"sum":1}"#, OK),
        ("GET /not-served", "", "route.unknown"),
    ]),
    ("files/cyclic/openapi.yaml", 1, &[
        ("POST /people", r#"{"name":"Ann","team":{"name":"A","members":[{"name":"Bob","team":{}}]}}"#, OK),
        ("POST /people", r#"{"team":{"members":[{"team":{"name":"too long"}}]}}"#, "body.length /team/members/0/team/name"),
        ("POST /people 201", r#"{"name":1}"#, "body.type /name"),
    ]),
    ("files/definitions/openapi.yaml", 1, &[
        ("POST /wines", r#"{"id":"a","year":1901,"grapes":["Merlot"]}"#, OK),
        ("POST /wines", r#"{"year":1900}"#, "body.range /year"),
        ("POST /wines", r#"{"year":1901,"grapes":["a"]}"#, "body.length /grapes/0"),
        ("POST /wines 201", r#"[{"year":1901},{}]"#, "body.required /1/year"),
    ]),
    ("files/encoded/openapi.yaml", 2, &[
        ("POST /lines", r#"{"price":1,"étagère":7}"#, OK),
        ("POST /lines", r#"{"price":1,"étagère":8}"#, "body.range /étagère"),
        ("GET /shelves?page=7", "", OK),
        ("GET /shelves?page=8", "", "query.range page"),
    ]),
    ("files/extensions/openapi.yaml", 2, &[
        ("GET /doors?open=true\nX-Key: 1", "", OK),
        ("GET /doors?open=2", "", "query.type open"),
        ("POST /doors\nX-Key: 1", r#"{"name":"a"}"#, OK),
        ("POST /doors\nX-Keys: 1", r#"{"name":"a"}"#, "header.undeclared -"),
    ]),
    ("files/identifiers/openapi.yaml", 2, &[
        ("POST /trips", r#"{"stops":[{"name":"a","place":[1,2]},{"name":"b"}],"line":"U1"}"#, OK),
        ("POST /trips", r#"{"stops":[{"name":"a","place":[1,2,3]},{"name":"b"}]}"#, "body.count /stops/0/place"),
        ("POST /trips", r#"{"stops":[{"name":"a"},{"name":"b"}],"line":"U3"}"#, "body.enum /line"),
        ("POST /stops", r#"{"name":"abcd"}"#, OK),
        ("POST /stops", r#"{"name":"abcde"}"#, "body.length /name"),
    ]),
    ("files/inheritance/openapi.yaml", 1, &[
        ("POST /accounts", r#"{"type":"savings","owner":"a","rate":1.5}"#, OK),
        ("POST /accounts", r#"{"type":"current","owner":"a","limit":5}"#, OK),
        ("POST /accounts", r#"{"type":"savings","owner":"a"}"#, "body.required /rate"),
        ("POST /accounts", r#"{"type":"current","owner":"a","rate":1}"#, "body.undeclared "),
        ("POST /accounts", r#"{"type":"other","owner":"a"}"#, "body.discriminator /type"),
    ]),
    ("files/json-and-yaml/openapi.yaml", 1, &[
        ("POST /parcels", r#"{"weight":0.5,"codes":["on","no"]}"#, OK),
        ("POST /parcels", r#"{"weight":0}"#, "body.range /weight"),
        ("POST /parcels", r#"{"weight":1,"codes":[true]}"#, "body.type /codes/0"),
        ("POST /parcels 201", "{}", "body.required /weight"),
    ]),
    ("files/json-root/openapi.json", 2, &[
        ("PUT /jobs", r#"{"id":1000,"after":3,"other":null}"#, OK),
        ("PUT /jobs", r#"{"id":1001}"#, "body.range /id"),
        ("PUT /jobs", r#"{"id":1,"after":4}"#, "body.range /after"),
        ("PUT /jobs", r#"{"id":1,"other":1}"#, "body.type /*"),
        ("GET /jobs/0", "", "path.range id"),
    ]),
    ("files/mapping/openapi.yaml", 1, &[
        ("POST /shapes", r#"{"kind":"circle","radius":1}"#, OK),
        ("POST /shapes", r#"{"kind":"square","side":1}"#, OK),
        ("POST /shapes", r#"{"to":[1,2],"kind":"line"}"#, OK),
        ("POST /shapes", r#"{"kind":"box","side":1,"radius":1}"#, "body.undeclared "),
        ("POST /shapes", r#"{"kind":"line","to":["a"]}"#, "body.type /to/0"),
        ("POST /shapes", r#"{"kind":"oval","radius":1}"#, "body.discriminator /kind"),
    ]),
    ("files/parameters/openapi.yaml", 1, &[
        ("GET /events?page=1000&since=2026-01-01&sort=name,date\nX-Tenant: t1", "", OK),
        ("GET /events", "", "header.required x-tenant"),
        ("GET /events\nX-Tenant: 1", "", "header.pattern x-tenant"),
        ("GET /events?page=1001\nX-Tenant: t1", "", "query.range page"),
        ("GET /events?since=today\nX-Tenant: t1", "", "query.format since"),
        ("GET /events?sort=name,size\nX-Tenant: t1", "", "query.enum sort/1"),
        ("GET /events 200\nX-Total: 7", "", OK),
        ("GET /events 200", "", "header.required x-total"),
        ("GET /events 200\nX-Total: 7\nX-Next: longer than ten", "", "header.length x-next"),
    ]),
    ("files/path-items/openapi.yaml", 5, &[
        ("GET /books?author=ab", "", OK),
        ("POST /books", r#"{"title":"Nine char"}"#, OK),
        ("POST /books", r#"{"title":"Ten chars."}"#, "body.length /title"),
        ("DELETE /books/9780000000000", "", OK),
        ("GET /books/1", "", "path.pattern isbn"),
        ("PUT /loans/1", "", "path.pattern isbn"),
        ("PUT /loans/9780000000000", "{}", "body.required /title"),
        ("POST /loans/9780000000000", "{}", "route.method"),
    ]),
    ("files/recursive/openapi.yaml", 1, &[
        ("PUT /forests", r#"{"root":{"value":1,"nodes":[{"value":2}]},"grafts":[{"root":{"value":3}}]}"#, OK),
        ("PUT /forests", r#"{"root":{"value":1,"nodes":[{"value":2,"nodes":[{}]}]}}"#, "body.required /root/nodes/0/nodes/0/value"),
        ("PUT /forests", r#"{"root":{"value":1},"grafts":[{}]}"#, "body.required /grafts/0/root"),
        ("PUT /forests 200", r#"{"value":1,"nodes":[{"value":1},{"value":2},{"value":3}]}"#, "body.count /nodes"),
    ]),
    ("files/same-names/openapi.yaml", 3, &[
        ("POST /a", r#"{"code":1,"cause":{"code":"b"}}"#, OK),
        ("POST /a", r#"{"code":1,"cause":{"code":1}}"#, "body.type /cause/code"),
        ("POST /b", r#"{"code":"b","cause":{"code":"b"}}"#, OK),
        ("POST /b", r#"{"code":1}"#, "body.type /code"),
        ("POST /c", r#"{"code":true,"cause":{"code":1,"cause":{"code":"b"}}}"#, OK),
        ("POST /c", r#"{"cause":{"code":true}}"#, "body.type /cause/code"),
    ]),
    ("files/scripts/openapi.yaml", 2, &[
        ("POST /%E6%9B%B8%E7%B1%8D", r#"{"наслов":"дело","ページ":9}"#, OK),
        ("POST /%E6%9B%B8%E7%B1%8D", r#"{"наслов":"књиге"}"#, "body.length /наслов"),
        ("GET /autori?%D0%B8%D0%BC%D0%B5=%D0%90%D0%BD%D0%B0", "", OK),
        ("GET /autori?name=x", "", "query.undeclared -"),
    ]),
    ("files/siblings/openapi.yaml", 1, &[
        ("POST /labels", r#"{"name":"ab","color":"red","short":"so"}"#, OK),
        ("POST /labels", r#"{"name":"ab"}"#, "body.required /color"),
        ("POST /labels", r#"{"color":"green"}"#, "body.enum /color"),
        ("POST /labels", r#"{"color":"red","short":"short"}"#, "body.length /short"),
        ("POST /labels", r#"{"color":"red","short":"s"}"#, "body.length /short"),
        ("POST /labels", r#"{"color":"red","short":"as"}"#, "body.pattern /short"),
        ("POST /labels", r#"{"color":"red","other":1}"#, "body.undeclared /*"),
    ]),
    ("files/subfolders/openapi.yaml", 2, &[
        ("POST /pets", r#"{"name":"Rex","shelter":{"town":"Ulm"}}"#, OK),
        ("POST /pets", r#"{"name":"","shelter":{"town":"Ulm"}}"#, "body.length /name"),
        ("POST /pets", r#"{"name":"Rex","shelter":{"town":"Hamburg"}}"#, "body.length /shelter/town"),
        ("POST /pets 400", r#"{"reason":"bad"}"#, OK),
        ("POST /pets 500", "{}", "body.required /reason"),
        ("POST /shelters 400", "{}", "body.required /reason"),
    ]),
    ("files/unread-parts/openapi.yaml", 1, &[
        ("POST /hooks", r#"{"url":"https://a.example/"}"#, OK),
        ("POST /hooks", r#"{"url":"not a url"}"#, "body.format /url"),
        ("POST /hooks 201", "{}", "body.required /url"),
    ]),
    ("files/versions/openapi.yaml", 2, &[
        ("POST /v1/mails", r#"{"to":"a@b.example"}"#, OK),
        ("POST /v1/mails", r#"{"to":["a@b.example"]}"#, "body.type /to"),
        ("POST /v2/mails", r#"{"to":["a@b.example"],"urgent":true}"#, OK),
        ("POST /v2/mails", r#"{"to":["nobody"]}"#, "body.format /to/0"),
    ]),
];

#[test]
fn contracts_load_and_judge_as_their_authors_meant() {
    let mut wrong = String::new();
    for (name, operations, cases) in GOOD {
        let document = match load(name) {
            Ok(document) => document,
            Err(problems) => {
                writeln!(wrong, "{}", told(&problems)).unwrap();
                continue;
            }
        };
        let compiled = compile(&document);
        if !compiled.problems.is_empty() {
            writeln!(wrong, "{}", told(&compiled.problems)).unwrap();
        }
        let contract = &compiled.contract;
        if contract.operations.len() != *operations {
            writeln!(wrong, "{name}: {} operations", contract.operations.len()).unwrap();
        }
        for (head, body, expected) in *cases {
            let said = judge(contract, head, body);
            if said != *expected {
                writeln!(wrong, "{name}: {head:?} {body}: {said}, not {expected}").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_contract_is_in_the_table_and_has_a_case_of_each_kind() {
    let named: BTreeSet<String> = GOOD.iter().map(|(name, ..)| (*name).to_owned()).collect();
    let there: BTreeSet<String> = roots("yaml").chain(roots("files")).collect();
    assert_eq!(named, there);
    let count = |folder: &str| there.iter().filter(|name| name.starts_with(folder)).count();
    assert!(count("yaml/") >= 20 && count("files/") >= 20);
    for (name, _, cases) in GOOD {
        let conforming = cases.iter().filter(|(.., expected)| *expected == OK).count();
        assert!(conforming > 0 && conforming < cases.len(), "{name}");
    }
}

/// The problems of every broken contract, as they are printed.
#[test]
fn broken_contracts_are_refused_where_they_are_broken() {
    let said: String = roots("broken")
        .map(|name| match load(&name) {
            Ok(document) => told(&compile(&document).problems),
            Err(problems) => told(&problems),
        })
        .collect();
    assert_eq!(said, include_str!("../contracts/broken/expected.txt"), "\n{said}");
}

/// The root of every contract below a folder, sorted: a file, or `openapi.*` in a folder.
fn roots(folder: &str) -> impl Iterator<Item = String> + use<> {
    let mut names = Vec::new();
    for entry in fs::read_dir(format!("{FOLDER}/{folder}")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let in_folder = ["openapi.yaml", "openapi.json"]
            .into_iter()
            .find(|root| path.join(root).exists());
        match in_folder {
            Some(root) => names.push(format!("{folder}/{name}/{root}")),
            None if name.ends_with(".yaml") => names.push(format!("{folder}/{name}")),
            None => {}
        }
    }
    names.sort();
    names.into_iter()
}

pub(crate) fn told(problems: &[Problem]) -> String {
    problems
        .iter()
        .fold(String::new(), |text, problem| format!("{text}{problem}\n"))
}

pub(crate) fn load(name: &str) -> Result<Document, Vec<Problem>> {
    document::load(&format!("{FOLDER}/{name}"), &mut Files)
}

struct Files;

impl Fetch for Files {
    fn fetch(&mut self, location: &str) -> Result<Vec<u8>, String> {
        if location.contains("://") {
            return Err("its origin is not allowed".to_owned());
        }
        // What the operating system says differs from one to the other.
        fs::read(location).map_err(|_| "there is no such file".to_owned())
    }
}

pub(crate) fn judge(contract: &Contract, head: &str, body: &str) -> String {
    let mut lines = head.lines();
    let mut words = lines.next().unwrap().split(' ');
    let method = Method::from_bytes(words.next().unwrap().as_bytes()).unwrap();
    let target = words.next().unwrap();
    let status = words
        .next()
        .map(|status| StatusCode::from_bytes(status.as_bytes()).unwrap());
    let mut headers = HeaderMap::new();
    for (name, value) in lines.map(|line| line.split_once(": ").unwrap()) {
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(path, query)| (path, Some(query)));
    let (index, captures) = match contract.route(path, &method) {
        Routed::Found { operation, captures } => (operation, captures),
        Routed::NotFound => return "route.unknown".to_owned(),
        Routed::MethodNotAllowed { .. } => return "route.method".to_owned(),
    };
    let operation = contract.operation(index).unwrap();
    if let Some(status) = status {
        return judge_answer(contract, operation, status, &headers, body);
    }
    let (levels, limits, mut scratch) = (Levels::default(), Limits::default(), HeadScratch::default());
    let head = Head {
        path,
        captures: &captures,
        query,
        headers: &headers,
    };
    let mut found = None;
    let mut report = |finding: Finding<'_>| first(&mut found, &finding);
    let _ = operation.judge_head(&contract.program, head, levels, &limits, &mut scratch, &mut report);
    found.unwrap_or_else(
        || match operation.body_rule(Some(content_type(&headers)), !body.is_empty()) {
            BodyRule::Forbidden => "body.undeclared".to_owned(),
            BodyRule::Missing => "body.required".to_owned(),
            BodyRule::Absent => OK.to_owned(),
            BodyRule::Content(content) => judge_body(contract, content, body),
        },
    )
}

fn judge_answer(
    contract: &Contract,
    operation: &Operation,
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
) -> String {
    let Some(response) = operation.response(status) else {
        return "status".to_owned();
    };
    let (limits, mut scratch, mut found) = (Limits::default(), HeadScratch::default(), None);
    let mut report = |finding: Finding<'_>| first(&mut found, &finding);
    let _ = response.judge_headers(&contract.program, headers, &limits, &mut scratch, &mut report);
    match found {
        Some(found) => found,
        None if body.is_empty() => OK.to_owned(),
        None => judge_body(contract, response.content(content_type(headers)), body),
    }
}

fn first(found: &mut Option<String>, finding: &Finding<'_>) -> ControlFlow<()> {
    let (place, code) = (finding.location.name(), finding.violation.code.name());
    *found = Some(format!(
        "{place}.{code} {}{}",
        finding.name.unwrap_or("-"),
        finding.violation.pointer
    ));
    ControlFlow::Break(())
}

fn content_type(headers: &HeaderMap) -> &str {
    headers
        .get("content-type")
        .map_or("application/json", |value| value.to_str().unwrap())
}

fn judge_body(contract: &Contract, content: Content, body: &str) -> String {
    match content {
        Content::Json(schema) => judge_json(contract, schema, body),
        Content::Text(schema) => judge_json(contract, schema, &serde_json::to_string(body).unwrap()),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn judge_json(contract: &Contract, schema: SchemaId, json: &str) -> String {
    let (limits, mut scratch) = (Limits::default(), Scratch::default());
    match contract
        .program
        .judge(schema, json.as_bytes(), Undeclared::Refuse, &limits, &mut scratch)
    {
        Ok(_) => OK.to_owned(),
        Err(violation) => format!("body.{} {}", violation.code.name(), violation.pointer),
    }
}
