//! The pool against upstreams that speak TLS, well and badly, on real sockets.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use http::{Method, Request};
use http_body_util::BodyExt;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{HandshakeKind, NamedGroup, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::spawn_local;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;
use crate::body::RequestBody;
use crate::forward::deadline::Deadlines;
use crate::forward::testing::local;
use crate::forward::{ForwardError, Limits, Phase, Pool, Upstream};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";
const NAME: &str = "orders.internal";

/// An authority that vouches for whatever it is asked to.
pub(in crate::forward) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub(in crate::forward) struct Own {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Authority {
    pub(in crate::forward) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(in crate::forward) fn trust(&self) -> Trust {
        Trust::Authorities(vec![self.0.der().clone()])
    }

    fn vouch(&self, name: &str, edit: impl Fn(&mut CertificateParams)) -> Own {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        edit(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().der().clone();
        Own { certificate, key }
    }

    pub(in crate::forward) fn plain(&self) -> Own {
        self.vouch(NAME, |_| ())
    }
}

impl Own {
    fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    fn identity(&self) -> Identity {
        Identity::new(vec![self.certificate.clone()], self.key())
    }

    fn digest(&self) -> [u8; 32] {
        let mut context = digest::Context::new(&SHA256);
        context.update(&self.certificate);
        finish(context)
    }

    pub(in crate::forward) fn server(&self) -> ServerConfig {
        ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key())
            .unwrap()
    }
}

pub(in crate::forward) fn settings(trust: Trust) -> Settings {
    Settings {
        trust,
        name: ServerName::try_from(NAME).unwrap(),
        identity: None,
        tls_1_2: false,
    }
}

/// An upstream that speaks TLS; each connection is served by `script`. Failed handshakes end the connection.
async fn upstream<F>(
    server: ServerConfig,
    settings: Settings,
    script: impl Fn(TlsStream<TcpStream>) -> F + Clone + 'static,
) -> Rc<Pool>
where
    F: Future<Output = ()> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let acceptor = TlsAcceptor::from(Arc::new(server));
    spawn_local(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let (acceptor, script) = (acceptor.clone(), script.clone());
            spawn_local(async move {
                if let Ok(stream) = acceptor.accept(socket).await {
                    script(stream).await;
                }
            });
        }
    });
    let limits = Limits {
        connect_time_max: Duration::from_secs(5),
        head_time_max: Duration::from_secs(5),
        ..Limits::default()
    };
    let upstream = Upstream::parse_tls(&url, Tls::new(settings).unwrap()).unwrap();
    Pool::new(upstream, limits, Deadlines::new())
}

/// Reads one request without a body; false at the end.
async fn request(stream: &mut TlsStream<TcpStream>) -> bool {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => text.push(byte),
            Err(_) => return false,
        }
    }
    true
}

async fn always(mut stream: TlsStream<TcpStream>) {
    while request(&mut stream).await {
        stream.write_all(OK).await.unwrap();
        stream.flush().await.unwrap();
    }
}

async fn ask(pool: &Rc<Pool>) -> Result<String, ForwardError> {
    let request = Request::builder().method(Method::GET).uri("/a");
    let response = pool.send(request.body(RequestBody::Empty).unwrap()).await?;
    let body = response.into_body().collect().await;
    Ok(body.map_or_else(
        |error| format!("{error:?}"),
        |body| String::from_utf8(body.to_bytes().to_vec()).unwrap(),
    ))
}

/// What comes of a request: the body, or a part of the reason why the connection was not made.
async fn check(what: &str, server: ServerConfig, settings: Settings, expected: Result<&str, &str>) {
    let pool = upstream(server, settings, always).await;
    match (ask(&pool).await, expected) {
        (Ok(body), Ok(expected)) => assert_eq!(body, expected, "{what}"),
        (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{what}: {error}"),
        (other, _) => panic!("{what}: {other:?}"),
    }
}

#[test]
fn only_whom_the_settings_believe_is_spoken_to() {
    local(async {
        let (authority, stranger) = (Authority::new(), Authority::new());
        let own = authority.plain();
        let past = authority.vouch(NAME, |params| params.not_after = date_time_ymd(2001, 1, 1));
        let early = authority.vouch(NAME, |params| params.not_before = date_time_ymd(4000, 1, 1));
        let other = authority.vouch("orders.example", |_| ());
        let trusting = || settings(authority.trust());
        let pinned = |own: &Own| settings(Trust::Certificates(vec![[0; 32], own.digest()]));
        check("vouched for", own.server(), trusting(), Ok("good")).await;
        let strange = settings(stranger.trust());
        check("a stranger's", own.server(), strange, Err("invalid peer certificate")).await;
        check("another name", other.server(), trusting(), Err("not valid for name")).await;
        check("expired", past.server(), trusting(), Err("expired")).await;
        check("not valid yet", early.server(), trusting(), Err("not valid")).await;
        check("pinned", own.server(), pinned(&own), Ok("good")).await;
        check("pinned, expired", past.server(), pinned(&past), Ok("good")).await;
        check(
            "another is pinned",
            own.server(),
            pinned(&other),
            Err("invalid peer certificate"),
        )
        .await;
    });
}

#[test]
fn only_the_intended_versions_and_groups_are_spoken() {
    local(async {
        let authority = Authority::new();
        let own = authority.plain();
        let speaking = |versions: &[&'static rustls::SupportedProtocolVersion], groups: &[_]| {
            let provider = CryptoProvider {
                kx_groups: groups.to_vec(),
                ..default_provider()
            };
            ServerConfig::builder_with_provider(Arc::new(provider))
                .with_protocol_versions(versions)
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![own.certificate.clone()], own.key())
                .unwrap()
        };
        let x25519 = [kx_group::X25519];
        let old = || speaking(&[&TLS12], &x25519);
        let lenient = Settings {
            tls_1_2: true,
            ..settings(authority.trust())
        };
        check("1.2", old(), settings(authority.trust()), Err("ProtocolVersion")).await;
        check("1.2, allowed", old(), lenient, Ok("good")).await;
        for group in [kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1] {
            let what = format!("{:?}", group.name());
            check(
                &what,
                speaking(&[&TLS13], &[group]),
                settings(authority.trust()),
                Ok("good"),
            )
            .await;
        }
        let p384 = speaking(&[&TLS13], &[kx_group::SECP384R1]);
        check("P-384", p384, settings(authority.trust()), Err("HandshakeFailure")).await;
        let all = speaking(&[&TLS13], default_provider().kx_groups.as_slice());
        let pool = upstream(all, settings(authority.trust()), |stream| async {
            let group = stream.get_ref().1.negotiated_key_exchange_group();
            assert_eq!(group.map(|group| group.name()), Some(NamedGroup::X25519MLKEM768));
            always(stream).await;
        })
        .await;
        assert_eq!(ask(&pool).await, Ok("good".to_owned()));
    });
}

#[test]
fn a_certificate_is_shown_where_it_is_asked_for() {
    local(async {
        let authority = Authority::new();
        let (own, gate) = (authority.plain(), authority.vouch("gate", |_| ()));
        let asking = || {
            let provider = Arc::new(default_provider());
            let authorities = store(vec![authority.0.der().clone()]).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), Arc::clone(&provider));
            ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_client_cert_verifier(verifier.build().unwrap())
                .with_single_cert(vec![own.certificate.clone()], own.key())
                .unwrap()
        };
        let with = |identity| Settings {
            identity,
            ..settings(authority.trust())
        };
        let stranger = Authority::new().vouch("gate", |_| ());
        check("shown", asking(), with(Some(gate.identity())), Ok("good")).await;
        check("none", asking(), with(None), Err("closed")).await;
        check("a stranger's", asking(), with(Some(stranger.identity())), Err("closed")).await;
        let mixed = Identity::new(vec![own.certificate.clone()], gate.key());
        let refused = Tls::new(with(Some(mixed))).unwrap_err();
        assert!(refused.contains("do not fit"), "{refused}");
    });
}

#[test]
fn settings_are_told_apart() {
    let authority = Authority::new();
    let digest = |settings| Tls::new(settings).unwrap().digest();
    let plain = || settings(authority.trust());
    assert_eq!(digest(plain()), digest(plain()));
    for other in [
        settings(Authority::new().trust()),
        settings(Trust::Certificates(vec![[1; 32]])),
        Settings {
            tls_1_2: true,
            ..plain()
        },
        Settings {
            name: ServerName::try_from("a").unwrap(),
            ..plain()
        },
        Settings {
            identity: Some(authority.plain().identity()),
            ..plain()
        },
    ] {
        assert_ne!(digest(other), digest(plain()));
    }
}

/// How many connections it took to answer `requests`, each `pause` after the other, if `after` runs behind every answer.
async fn connections<F>(after: impl Fn(TlsStream<TcpStream>) -> F + Clone + 'static) -> usize
where
    F: Future<Output = Option<TlsStream<TcpStream>>> + 'static,
{
    let authority = Authority::new();
    let count = Rc::new(Cell::new(0));
    let counted = Rc::clone(&count);
    let server = authority.plain().server();
    let pool = upstream(server, settings(authority.trust()), move |mut stream| {
        counted.set(counted.get() + 1);
        let after = after.clone();
        async move {
            while request(&mut stream).await {
                stream.write_all(OK).await.unwrap();
                stream.flush().await.unwrap();
                let Some(open) = after(stream).await else { return };
                stream = open;
            }
        }
    })
    .await;
    for _ in 0..3 {
        assert_eq!(ask(&pool).await, Ok("good".to_owned()));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    count.get()
}

#[test]
fn http_8_what_comes_in_tls_while_nothing_is_asked() {
    local(async {
        assert_eq!(connections(|stream| async { Some(stream) }).await, 1, "nothing");
        let new_keys = |mut stream: TlsStream<TcpStream>| async move {
            // A record that carries no byte for the application, as session tickets do not either.
            stream.get_mut().1.refresh_traffic_keys().unwrap();
            stream.flush().await.unwrap();
            Some(stream)
        };
        assert_eq!(connections(new_keys).await, 1, "new keys");
        let evil = |mut stream: TlsStream<TcpStream>| async move {
            let evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
            stream.write_all(evil).await.unwrap();
            stream.flush().await.unwrap();
            Some(stream)
        };
        assert_eq!(connections(evil).await, 3, "an answer to nothing");
        let close = |mut stream: TlsStream<TcpStream>| async move {
            stream.shutdown().await.unwrap();
            None
        };
        assert_eq!(connections(close).await, 3, "the end");
        let cut = |stream: TlsStream<TcpStream>| async move {
            drop(stream);
            None
        };
        assert_eq!(connections(cut).await, 3, "an end without a word");
    });
}

#[test]
fn http_8_a_body_that_ends_with_the_connection_needs_the_word_of_tls() {
    local(async {
        let body = |polite: bool| async move {
            let authority = Authority::new();
            let server = authority.plain().server();
            let pool = upstream(server, settings(authority.trust()), move |mut stream| async move {
                request(&mut stream).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\ngood").await.unwrap();
                stream.flush().await.unwrap();
                if polite {
                    stream.shutdown().await.unwrap();
                }
            })
            .await;
            ask(&pool).await
        };
        assert_eq!(body(true).await, Ok("good".to_owned()));
        assert_eq!(body(false).await, Ok("Broken".to_owned()));
    });
}

#[test]
fn sessions_are_resumed() {
    local(async {
        let authority = Authority::new();
        let kinds = Rc::new(std::cell::RefCell::new(Vec::new()));
        let seen = Rc::clone(&kinds);
        let server = authority.plain().server();
        let pool = upstream(server, settings(authority.trust()), move |mut stream| {
            let seen = Rc::clone(&seen);
            async move {
                seen.borrow_mut().push(stream.get_ref().1.handshake_kind().unwrap());
                request(&mut stream).await;
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\ngood")
                    .await
                    .unwrap();
                stream.flush().await.unwrap();
            }
        })
        .await;
        for _ in 0..2 {
            assert_eq!(ask(&pool).await, Ok("good".to_owned()));
        }
        assert_eq!(*kinds.borrow(), [HandshakeKind::Full, HandshakeKind::Resumed]);
    });
}

#[test]
fn http_8_a_handshake_that_hangs_is_bounded() {
    local(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let limits = Limits {
            connect_time_max: Duration::from_millis(200),
            ..Limits::default()
        };
        let tls = Tls::new(settings(Authority::new().trust())).unwrap();
        let pool = Pool::new(Upstream::parse_tls(&url, tls).unwrap(), limits, Deadlines::new());
        assert_eq!(ask(&pool).await, Err(ForwardError::Timeout(Phase::Connect)));
        drop(listener);
    });
}
