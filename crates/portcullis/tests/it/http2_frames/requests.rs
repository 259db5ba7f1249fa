//! Requests that are none (RFC 9113 sections 8.1 to 8.3 and 8.5).

use super::frame::*;
use super::hpack::literal;
use super::peer::Outcome;
use super::*;

/// A request of these fields alone.
fn of(section: &'static str, name: &'static str, fields: &str) -> Case {
    case(section, name, headers(WHOLE, 1, block(fields)), malformed())
}

/// A request that would be served, but for these fields.
fn with(section: &'static str, name: &'static str, fields: &str) -> Case {
    of(section, name, &format!("{GET} {fields}"))
}

/// One that would be served, but for this name and value.
fn field(section: &'static str, told: &'static str, name: &[u8], value: &[u8]) -> Case {
    case(
        section,
        told,
        headers(WHOLE, 1, [block(GET), literal(name, value)].concat()),
        malformed(),
    )
}

#[test]
fn http_2_pseudo_fields() {
    run(vec![
        of(
            "8.3.1",
            "no method",
            ":scheme=http :path=/things/1 :authority=localhost",
        ),
        of("8.3.1", "no scheme", ":method=GET :path=/things/1 :authority=localhost"),
        of("8.3.1", "no path", ":method=GET :scheme=http :authority=localhost"),
        of(
            "8.3.1",
            "no authority and no host",
            ":method=GET :scheme=http :path=/things/1",
        ),
        of(
            "8.3.1",
            "an empty path",
            ":method=GET :scheme=http :path= :authority=localhost",
        ),
        of(
            "8.3.1",
            "an empty method",
            ":method= :scheme=http :path=/things/1 :authority=localhost",
        ),
        of(
            "8.3.1",
            "an empty scheme",
            ":method=GET :scheme= :path=/things/1 :authority=localhost",
        ),
        of(
            "8.3.1",
            "an empty authority",
            ":method=GET :scheme=http :path=/things/1 :authority=",
        ),
        of("8.3", "none at all", "accept=*/*"),
        of("8.3", "an empty block", ""),
        of(
            "8.3",
            "the method twice",
            ":method=GET :method=GET :scheme=http :path=/things/1 :authority=localhost",
        ),
        of(
            "8.3",
            "two methods",
            ":method=GET :method=POST :scheme=http :path=/things/1 :authority=localhost",
        ),
        of(
            "8.3",
            "the path twice",
            ":method=GET :scheme=http :path=/things/1 :path=/things/2 :authority=localhost",
        ),
        of(
            "8.3",
            "the scheme twice",
            ":method=GET :scheme=http :scheme=http :path=/things/1 :authority=localhost",
        ),
        of(
            "8.3",
            "the authority twice",
            ":method=GET :scheme=http :path=/things/1 :authority=a :authority=localhost",
        ),
        of(
            "8.3",
            "an unknown one in its place",
            ":other=1 :method=GET :scheme=http :path=/things/1 :authority=localhost",
        ),
        of(
            "8.3",
            "one without a name",
            ":=1 :method=GET :scheme=http :path=/things/1 :authority=localhost",
        ),
        of(
            "8.3",
            "one of answers",
            ":status=200 :method=GET :scheme=http :path=/things/1 :authority=localhost",
        ),
        of(
            "8.3",
            "one behind a field",
            "accept=*/* :method=GET :scheme=http :path=/things/1 :authority=localhost",
        ),
        of(
            "8.3",
            "the path behind a field",
            ":method=GET :scheme=http :authority=localhost accept=*/* :path=/things/1",
        ),
        of(
            "8.3",
            "one with an upper-case letter",
            ":Method=GET :scheme=http :path=/things/1 :authority=localhost",
        ),
        of(
            "8.5",
            "a protocol that was not offered",
            ":method=CONNECT :protocol=websocket :scheme=http :path=/things/1 :authority=localhost",
        ),
        of(
            "8.5",
            "a protocol with another method",
            ":method=GET :protocol=websocket :scheme=http :path=/things/1 :authority=localhost",
        ),
    ]);
}

#[test]
fn http_2_targets() {
    let path = |name, path: &str| of("8.3.1", name, &GET.replace("/things/1", path));
    let authority = |name, authority: &str| of("8.3.1", name, &GET.replace("localhost", authority));
    let scheme = |name, scheme: &str| of("8.3.1", name, &GET.replace("http", scheme));
    run(vec![
        path("a path without a slash", "things/1"),
        path("a whole URI as a path", "http://localhost/things/1"),
        path("an asterisk with GET", "*"),
        path("a line ending in a path", "/things/1\r\nx:y"),
        path("a bare line feed in a path", "/things/1\n"),
        path("NUL in a path", "/things/1\0"),
        path("a tab in a path", "/things/\t1"),
        path("a byte beyond ASCII in a path", "/things/\u{e9}"),
        path("a backslash in a path", "/things\\1"),
        path("a quote in a query", "/things?a=\""),
        case(
            "8.3.1",
            "a space in a path",
            headers(WHOLE, 1, spaced_path()),
            malformed(),
        ),
        path("a dot segment", "/things/../things/1"),
        path("a request line in a path", "/things/1?HTTP/1.1\r\n\r\nGET"),
        path("a fragment", "/things/1#x").known(
            Outcome::Status(200),
            "the parser of URIs cuts it off, before anything is judged",
        ),
        authority("user information", "user@localhost"),
        authority("user information and a password", "user:secret@localhost"),
        authority("a path in an authority", "localhost/things"),
        authority("a query in an authority", "localhost?x"),
        authority("a port that is none", "localhost:http"),
        authority("a port that is too large", "localhost:65536"),
        authority("two ports", "localhost:80:80"),
        authority("a comma in an authority", "localhost,other"),
        authority("a line ending in an authority", "localhost\r\nx:y"),
        authority("an address in brackets that is none", "[::1"),
        scheme("an unknown scheme", "ftp"),
        scheme("a scheme that is none", "ht*tp"),
        scheme("a scheme with a line ending", "http\r\n"),
    ]);
}

#[test]
fn http_3_paths_that_could_be_read_differently() {
    let paths = [
        "/things/..",
        "/things/./1",
        "/things/%2e%2e/things",
        "/things/%2E./things",
        "/things/a%2fb",
        "/things/a%5cb",
        "//things",
        "/things//1",
        "/things/1;x=y",
        "/things/%00",
        "/things/%c0%ae%c0%ae",
        "/things/%252e%252e",
        "/things/%",
        "/things/%zz",
        "/things/%u002e",
        "/things.",
        "/%74hings",
    ];
    run(paths
        .map(|path| of("8.3.1", path, &GET.replace("/things/1", path)))
        .into());
}

fn spaced_path() -> Vec<u8> {
    [
        block(":method=GET :scheme=http :authority=localhost"),
        literal(b":path", b"/things/1 HTTP/1.1"),
    ]
    .concat()
}

#[test]
fn http_2_authorities_are_one() {
    run(vec![
        with("8.3.1", "another host", "host=other"),
        with("8.3.1", "the host twice", "host=localhost host=localhost"),
        with("8.3.1", "an empty host", "host="),
        with(
            "8.3.1",
            "the host with a port that the authority has not",
            "host=localhost:80",
        ),
        of(
            "8.3.1",
            "two hosts and no authority",
            ":method=GET :scheme=http :path=/things/1 host=localhost host=other",
        ),
        of(
            "8.3.1",
            "a host with user information",
            ":method=GET :scheme=http :path=/things/1 host=u@localhost",
        ),
    ]);
}

#[test]
fn http_2_fields_that_are_none() {
    run(vec![
        field("8.2.1", "an upper-case letter in a name", b"X-Trace", b"a"),
        field("8.2.1", "an upper-case letter at the end of a name", b"x-tracE", b"a"),
        field("8.2.1", "a space in a name", b"x trace", b"a"),
        field("8.2.1", "a space behind a name", b"x-trace ", b"a"),
        field("8.2.1", "a colon in a name", b"x:trace", b"a"),
        field("8.2.1", "a colon behind a name", b"content-length:", b"5"),
        field("8.2.1", "a line ending in a name", b"x\r\ny", b"a"),
        field("8.2.1", "NUL in a name", b"x\0", b"a"),
        field("8.2.1", "DEL in a name", b"x\x7f", b"a"),
        field("8.2.1", "a byte beyond ASCII in a name", b"x\xe9", b"a"),
        field("8.2.1", "an empty name", b"", b"a"),
        field("8.2.1", "NUL in a value", b"x-a", b"a\0b"),
        field("8.2.1", "LF in a value", b"x-a", b"a\nb"),
        field("8.2.1", "CR in a value", b"x-a", b"a\rb"),
        field("8.2.1", "a field in a value", b"x-a", b"a\r\nx-b: c"),
        field(
            "8.2.1",
            "a request in a value",
            b"x-a",
            b"a\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n",
        ),
        field("8.2.1", "a control character in a value", b"x-a", b"a\x01"),
        field("8.2.1", "a space before a value", b"x-a", b" a"),
        field("8.2.1", "a space behind a value", b"x-a", b"a "),
        field("8.2.1", "a tab before a value", b"x-a", b"\ta"),
        field("8.2.1", "a line ending in a method", b":method", b"GET\r\n"),
    ]);
}

#[test]
fn http_7_fields_of_one_hop() {
    run(vec![
        with("8.2.2", "connection", "connection=close"),
        with("8.2.2", "connection that names another", "connection=x-trace x-trace=a"),
        with("8.2.2", "keep-alive", "keep-alive=timeout=5"),
        with("8.2.2", "proxy-connection", "proxy-connection=keep-alive"),
        with("8.2.2", "transfer-encoding", "transfer-encoding=chunked"),
        with("8.2.2", "transfer-encoding that is empty", "transfer-encoding="),
        with("8.2.2", "upgrade", "upgrade=websocket"),
        with("8.2.2", "te with another than trailers", "te=gzip"),
        with("8.2.2", "te with trailers and more", "te=trailers,gzip"),
        with("8.2.2", "te twice", "te=trailers te=deflate"),
        with(
            "8.2.2",
            "transfer_encoding, which some take for it",
            "transfer_encoding=chunked",
        ),
    ]);
}

#[test]
fn http_4_methods() {
    let method = |name, method: &str, statuses: &[u16]| {
        let sent = headers(WHOLE, 1, block(&GET.replace("GET", method)));
        case(
            "8.3.1",
            name,
            sent,
            statuses.iter().map(|status| Outcome::Status(*status)).collect(),
        )
    };
    run(vec![
        method("TRACE", "TRACE", &[405]),
        method("HEAD, which is not declared", "HEAD", &[405]),
        method("lower case is another", "get", &[405]),
        method("one that nobody knows", "BREW", &[405]),
        method("one that is too long", &"X".repeat(33), &[400]),
        of("8.3.1", "a method that is no token", &GET.replace("GET", "G(T")),
        of(
            "8.3.1",
            "an asterisk with OPTIONS is not served",
            ":method=OPTIONS :scheme=http :path=* :authority=localhost",
        ),
        of("8.5", "CONNECT", ":method=CONNECT :authority=localhost:443"),
        of(
            "8.5",
            "CONNECT with a path",
            ":method=CONNECT :path=/things/1 :authority=localhost:443",
        ),
        of(
            "8.5",
            "CONNECT with a scheme",
            ":method=CONNECT :scheme=http :authority=localhost:443",
        ),
        of("8.5", "CONNECT without an authority", ":method=CONNECT"),
    ]);
}

/// A body of `THING`, announced as `fields` say.
fn announced(name: &'static str, fields: &str) -> Case {
    let head = headers(END_HEADERS, 1, block(&format!("{POST} {fields}")));
    case("8.1.1", name, [head, data(END_STREAM, 1, THING)].concat(), malformed())
}

#[test]
fn http_1_lengths() {
    let pieces = |name, length: &str, rest: &[Vec<u8>]| {
        let head = headers(END_HEADERS, 1, block(&format!("{POST} content-length={length}")));
        case(
            "8.1.1",
            name,
            [vec![head], rest.to_vec()].concat().concat(),
            malformed(),
        )
    };
    run(vec![
        announced("more than was announced", "content-length=16"),
        announced("less than was announced", "content-length=18"),
        announced("nothing was announced", "content-length=0"),
        announced("two lengths", "content-length=17 content-length=18"),
        announced("the same length twice", "content-length=17 content-length=17"),
        announced("a list of lengths", "content-length=17,17"),
        announced("a sign", "content-length=+17"),
        announced("less than nothing", "content-length=-17"),
        announced("another base", "content-length=0x11"),
        announced("no number", "content-length=many"),
        announced("an empty length", "content-length="),
        announced("a length beyond all numbers", "content-length=18446744073709551633"),
        announced("content_length, which some take for it", "content_length=5"),
        pieces(
            "more in a second frame",
            "17",
            &[data(0, 1, THING), data(END_STREAM, 1, "x")],
        ),
        pieces("less, and trailers", "18", &[data(0, 1, THING), headers(WHOLE, 1, "")]),
        pieces(
            "less, and an empty end",
            "18",
            &[data(0, 1, THING), data(END_STREAM, 1, "")],
        ),
        with("8.1.1", "a length and no body", "content-length=5"),
    ]);
}

#[test]
fn http_2_trailers() {
    let trailers = |section, name, flags, fields: &str| {
        let trailers = headers(flags, 1, block(fields));
        case(
            section,
            name,
            [post(1), data(0, 1, THING), trailers].concat(),
            malformed(),
        )
    };
    run(vec![
        trailers("8.1", "no end", END_HEADERS, "x-a=b"),
        trailers("8.1", "a pseudo field", WHOLE, ":path=/things/2").known(
            Outcome::Status(200),
            "h2 leaves it out with all trailers, which nobody reads or gets",
        ),
        trailers("8.1", "a pseudo field of answers", WHOLE, ":status=200").known(
            Outcome::Status(200),
            "h2 leaves it out with all trailers, which nobody reads or gets",
        ),
        trailers("8.1", "an unknown pseudo field", WHOLE, ":other=1"),
        trailers("8.2.2", "a field of one hop", WHOLE, "connection=close"),
        trailers("8.2.2", "transfer-encoding", WHOLE, "transfer-encoding=chunked"),
        trailers("8.2.1", "an upper-case letter", WHOLE, "X-A=b"),
        trailers("8.2.1", "a line ending", WHOLE, "x-a=b\r\nc:d"),
        case(
            "8.1",
            "DATA behind them",
            [
                post(1),
                data(0, 1, THING),
                headers(WHOLE, 1, block("x-a=b")),
                data(END_STREAM, 1, ""),
            ]
            .concat(),
            stream(STREAM_CLOSED),
        ),
    ]);
}
