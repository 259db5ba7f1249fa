use std::io::Write;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::address::is_public;
use super::*;
use crate::config;

/// A directory of its own for each test, taken away at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("portcullis-files-{}-{name}", std::process::id()));
        std::fs::create_dir_all(path.join("contract/schemas")).unwrap();
        std::fs::write(path.join("contract/root.yaml"), "root").unwrap();
        std::fs::write(path.join("contract/schemas/user.yaml"), "user").unwrap();
        std::fs::write(path.join("secret.yaml"), "secret").unwrap();
        Self(path)
    }

    fn files(&self, origins: &[&str]) -> Files {
        let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        let references = References {
            origins,
            files_anywhere: false,
        };
        Files::of(&self.0.join("contract/root.yaml"), &references).unwrap()
    }

    fn path(&self, path: &str) -> String {
        self.0.join(path).to_str().unwrap().to_owned()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Answers every connection with the same bytes, and counts them.
fn server(answer: impl Fn(u16) -> Vec<u8> + Send + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            counter.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&answer(port));
        }
    });
    (format!("http://127.0.0.1:{port}"), asked)
}

fn ok(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn redirect(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").into_bytes()
}

fn refused(files: &mut Files, location: &str, because: &str) {
    let error = files.fetch(location).expect_err(location);
    assert!(error.contains(because), "{location}: {error}");
}

#[test]
fn files_below_the_contract_are_read() {
    let directory = Directory::new("below");
    let mut files = directory.files(&[]);
    assert_eq!(files.fetch(&directory.path("contract/root.yaml")).unwrap(), b"root");
    assert_eq!(
        files
            .fetch(&directory.path("contract/schemas/../schemas/user.yaml"))
            .unwrap(),
        b"user"
    );
}

#[test]
fn schema_5_files_outside_of_the_contracts_directory_are_not_read() {
    let directory = Directory::new("outside");
    std::os::unix::fs::symlink(directory.path("secret.yaml"), directory.path("contract/link.yaml")).unwrap();
    let mut files = directory.files(&[]);
    for path in ["secret.yaml", "contract/../secret.yaml", "contract/link.yaml"] {
        refused(&mut files, &directory.path(path), "outside of the contract's directory");
    }
    refused(&mut files, "/etc/passwd", "outside of the contract's directory");
    files.references.files_anywhere = true;
    assert_eq!(files.fetch(&directory.path("secret.yaml")).unwrap(), b"secret");
}

#[test]
fn schema_5_only_plain_files_are_read() {
    let directory = Directory::new("plain");
    let mut files = directory.files(&[]);
    refused(&mut files, &directory.path("contract/schemas"), "no plain file");
    files.references.files_anywhere = true;
    refused(&mut files, "/dev/zero", "no plain file");
}

#[test]
fn schema_5_large_files_are_not_read() {
    let directory = Directory::new("large");
    let large = std::fs::File::create(directory.path("contract/large.yaml")).unwrap();
    large.set_len(FILE_BYTES_MAX + 1).unwrap();
    refused(
        &mut directory.files(&[]),
        &directory.path("contract/large.yaml"),
        "larger than",
    );
}

#[test]
fn schema_5_nothing_is_fetched_that_no_one_allowed() {
    let directory = Directory::new("origins");
    let (origin, asked) = server(|_| ok("x"));
    let other = origin.replace("127.0.0.1", "127.0.0.2");
    let mut files = directory.files(&[&other, "https://127.0.0.1"]);
    refused(&mut files, &format!("{origin}/a.yaml"), "`ref_origins`");
    refused(
        &mut directory.files(&[]),
        "http://169.254.169.254/latest/meta-data",
        "`ref_origins`",
    );
    for location in ["file:///etc/passwd", "ftp://127.0.0.1/a", "data:,x", "gopher://a"] {
        refused(&mut files, location, "nothing is fetched by");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0, "no connection was made");
}

#[test]
fn schema_5_an_allowed_origin_is_fetched_without_credentials() {
    let directory = Directory::new("allowed");
    let (origin, asked) = server(|_| ok("schema"));
    let mut files = directory.files(&[&origin]);
    assert_eq!(files.fetch(&format!("{origin}/a.yaml")).unwrap(), b"schema");
    refused(
        &mut files,
        &origin.replace("http://", "http://user:secret@"),
        "user name or a password",
    );
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[test]
fn schema_5_redirects_stay_within_the_origin() {
    let directory = Directory::new("redirects");
    let (inner, asked) = server(|_| ok("metadata"));
    let (outer, _) = server(move |_| redirect(&inner));
    refused(&mut directory.files(&[&outer]), &outer, "another origin");
    assert_eq!(asked.load(Ordering::SeqCst), 0, "the other origin was not asked");
    let (endless, _) = server(|_| redirect("/again"));
    refused(&mut directory.files(&[&endless]), &endless, "without end");
}

#[test]
fn schema_5_endless_and_slow_answers_are_cut_off() {
    let directory = Directory::new("endless");
    let (origin, _) = server(|_| {
        let body = usize::try_from(FILE_BYTES_MAX).unwrap() + 1;
        [
            b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec(),
            vec![b'x'; body],
        ]
        .concat()
    });
    refused(&mut directory.files(&[&origin]), &origin, "larger than");
    let (slow, _) = server(|_| {
        std::thread::sleep(Duration::from_secs(5));
        ok("late")
    });
    let mut files = directory.files(&[&slow]);
    files.time_max = Duration::from_millis(100);
    let begun = Instant::now();
    assert!(files.fetch(&slow).is_err());
    assert!(begun.elapsed() < Duration::from_secs(4));
}

#[test]
fn schema_5_an_answer_in_drops_is_cut_off() {
    let directory = Directory::new("drops");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let mut files = directory.files(&[&origin]);
    files.time_max = Duration::from_millis(300);
    refused(&mut files, &origin, "");
}

#[test]
fn schema_5_names_do_not_lead_inwards() {
    let inward = [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "192.0.2.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:db8::1",
        "2001::1",
    ];
    for address in inward {
        assert!(!is_public(address.parse().unwrap()), "{address}");
    }
    for address in [
        "8.8.8.8",
        "100.128.0.1",
        "2606:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ] {
        assert!(is_public(address.parse().unwrap()), "{address}");
    }
    let directory = Directory::new("inwards");
    let (origin, asked) = server(|_| ok("metadata"));
    let named = origin.replace("127.0.0.1", "localhost");
    refused(&mut directory.files(&[&named]), &named, "not public");
    assert_eq!(asked.load(Ordering::SeqCst), 0, "no connection was made");
}

/// The API of a configuration with this contract, relative to a directory.
fn api(directory: &Directory, contract: &str) -> Api {
    let text = format!("listen: 127.0.0.1:0\napis: [{{contract: {contract}, upstream: 'http://127.0.0.1:1'}}]\n");
    let configuration = config::read(&directory.path("gate.yaml"), text.as_bytes())
        .usable()
        .unwrap()
        .0;
    configuration.apis.into_iter().next().unwrap()
}

fn fetched(api: &Api) -> Result<(Vec<u8>, Option<String>), String> {
    let mut files = Files::of_api(api)?;
    let root = files.root().to_owned();
    let bytes = files.fetch(&root)?;
    Ok((bytes, files.into_read().1))
}

#[test]
fn schema_5_a_contract_at_a_url_has_the_digest_that_was_named() {
    const DIGEST: &str = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    let directory = Directory::new("pinned");
    let (origin, _) = server(|_| ok("x"));
    let of =
        |digest: &str, rest: &str| fetched(&api(&directory, &format!("{{url: '{origin}/a.yaml', {digest}{rest}}}")));
    let private = ", dangerous_private_address: true";
    let (bytes, revision) = of(&format!("sha256: '{DIGEST}'"), private).unwrap();
    assert_eq!((bytes.as_slice(), revision.as_deref()), (b"x".as_slice(), Some(DIGEST)));
    let other = of(&format!("sha256: '{}'", "0".repeat(64)), private).unwrap_err();
    assert!(
        other.contains(&format!("its SHA-256 digest is `{DIGEST}`, not the `000")),
        "{other}"
    );
    assert_eq!(
        of("dangerous_unpinned: true", private).unwrap().1.as_deref(),
        Some(DIGEST)
    );
}

#[test]
fn schema_5_a_contract_at_a_url_is_not_sought_inwards_or_elsewhere() {
    let directory = Directory::new("contract-url");
    let (origin, asked) = server(|_| ok("x"));
    let unpinned = |url: &str, rest: &str| {
        fetched(&api(
            &directory,
            &format!("{{url: '{url}', dangerous_unpinned: true{rest}}}"),
        ))
        .unwrap_err()
    };
    let check = |url: &str, because: &str| {
        let error = unpinned(url, "");
        assert!(error.contains(because), "{url}: {error}");
    };
    check(&origin, "`127.0.0.1` is not a public address");
    check("http://[::1]:1/a.yaml", "`::1` is not a public address");
    check(&origin.replace("127.0.0.1", "localhost"), "not public");
    assert_eq!(asked.load(Ordering::SeqCst), 0, "no connection was made");
    let (moved, _) = server(|_| redirect("/elsewhere"));
    let error = unpinned(&moved, ", dangerous_private_address: true");
    assert!(error.contains("answered 302"), "{error}");
    let mut files = Files::of_api(&api(
        &directory,
        &format!("{{url: '{origin}', dangerous_unpinned: true}}"),
    ))
    .unwrap();
    refused(
        &mut files,
        &directory.path("contract/root.yaml"),
        "no files on this machine",
    );
    refused(&mut files, &format!("{origin}/part.yaml"), "`ref_origins`");
}

#[test]
fn jose_4_what_an_issuer_names_is_sought_neither_inwards_nor_elsewhere() {
    let (origin, asked) = server(|_| ok("x"));
    let port = origin.rsplit_once(':').unwrap().1;
    let hosts = [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "10.0.0.1",
        "192.168.0.1",
    ];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for host in hosts {
        let url = Url::parse(&format!("http://{host}:{port}/jwks")).unwrap();
        let error = named(&url, false, 1024).unwrap_err();
        assert!(
            error.contains("not public") || error.contains("not a public address"),
            "{host}: {error}"
        );
        let posted = client_of(&url, false, FETCH_TIME_MAX).and_then(|client| {
            let sent = runtime.block_on(async { client.post(url.clone()).send().await });
            sent.map(drop).map_err(|error| causes(&error))
        });
        let error = posted.unwrap_err();
        assert!(
            error.contains("not public") || error.contains("not a public address"),
            "{host}: {error}"
        );
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0, "no connection was made");
}

#[test]
fn jose_4_a_redirect_is_no_answer_and_a_long_answer_is_none() {
    let (origin, asked) = server(|_| ok("x"));
    let there = format!("{origin}/secret");
    let (moved, _) = server(move |_| redirect(&there));
    let moved = Url::parse(&moved).unwrap();
    let error = named(&moved, true, 1024).unwrap_err();
    assert!(error.contains("answered 302"), "{error}");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let client = client_of(&moved, true, FETCH_TIME_MAX).unwrap();
    let answer = runtime.block_on(async { client.post(moved).send().await }).unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(asked.load(Ordering::SeqCst), 0, "nobody followed");
    let (long, _) = server(|_| ok(&"x".repeat(2000)));
    let long = Url::parse(&long).unwrap();
    assert_eq!(named(&long, true, 2000).unwrap().len(), 2000);
    let error = named(&long, true, 1999).unwrap_err();
    assert!(error.contains("larger than 1999 bytes"), "{error}");
}

/// Runs `git` in a directory, as a person would.
fn git(directory: &str, arguments: &[&str]) {
    let run = Command::new("git")
        .args([
            "-C",
            directory,
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b.example",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&run.stderr)
    );
}

#[test]
fn schema_5_a_contract_in_git_is_that_of_its_commit() {
    let directory = Directory::new("git");
    let repository = directory.path("contract");
    git(&repository, &["init", "--quiet"]);
    git(&repository, &["add", "."]);
    git(&repository, &["commit", "--quiet", "-m", "first"]);
    git(&repository, &["tag", "v1"]);
    std::fs::write(directory.path("contract/root.yaml"), "second").unwrap();
    git(&repository, &["commit", "--quiet", "-am", "second"]);
    std::fs::write(directory.path("contract/root.yaml"), "not committed").unwrap();
    let of = |reference: &str, file: &str| {
        api(
            &directory,
            &format!("{{git: contract, ref: {reference}, file: {file}}}"),
        )
    };
    let (first, tagged) = fetched(&of("v1", "root.yaml")).unwrap();
    let (second, main) = fetched(&of("main", "root.yaml")).unwrap();
    assert_eq!(
        (first.as_slice(), second.as_slice()),
        (b"root".as_slice(), b"second".as_slice())
    );
    assert_ne!(tagged, main);
    assert_eq!(revision(&of("main", "root.yaml").contract).unwrap(), main);
    let mut files = Files::of_api(&of("v1", "schemas/user.yaml")).unwrap();
    assert_eq!(files.root(), "contract@v1/schemas/user.yaml");
    assert_eq!(files.fetch("contract@v1/root.yaml").unwrap(), b"root");
    refused(&mut files, "contract@v1/none.yaml", "the commit has no such file");
    refused(&mut files, "../secret.yaml", "outside of the contract's repository");
    refused(&mut files, "/etc/passwd", "outside of the contract's repository");
    let unknown = fetched(&of("v2", "root.yaml")).unwrap_err();
    assert!(unknown.starts_with("`v2` is no branch, tag or commit of"), "{unknown}");
    let nowhere = fetched(&api(&directory, "{git: nowhere, ref: v1, file: a}")).unwrap_err();
    assert!(nowhere.contains("nowhere"), "{nowhere}");
}
