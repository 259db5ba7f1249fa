//! What is counted is what is exposed.

use super::*;
use crate::limit::memory::MemoryStore;
use std::time::{Duration, Instant};

fn registry(workers: usize) -> Registry {
    Registry::new(Setup {
        workers: workers.try_into().unwrap(),
        codes: vec!["route.unknown", "rate.exceeded", "contract.body.type"],
        version: "1.2.3",
        limits: Arc::new(MemoryStore::new(1)),
    })
}

/// The lines of a family, comments apart.
fn lines(registry: &Registry, start: &str) -> Vec<String> {
    let text = registry.exposition().unwrap();
    assert!(text.ends_with("# EOF\n"));
    text.lines()
        .filter(|line| line.starts_with(start))
        .map(str::to_owned)
        .collect()
}

fn answered(status: u16, milliseconds: u64) -> Answered {
    Answered {
        status,
        duration: Duration::from_millis(milliseconds),
        bytes_in: 10,
        bytes_out: 100,
    }
}

#[test]
fn workers_are_summed() {
    let registry = registry(2);
    let operation = registry.operation("natter", "postMessage");
    for number in 0..2 {
        let worker = registry.worker(number).unwrap();
        let mine = operation.of(&worker);
        mine.answered(&answered(201, 3));
        mine.answered(&answered(429, 0));
        mine.refused(registry.code("rate.exceeded"));
        mine.would_refuse(registry.code("contract.body.type"));
        mine.refused(registry.code("never.announced"));
        mine.unjudged(Body::Response, Unjudged::Stream);
        mine.upstream(Duration::from_secs(20));
    }
    let check = |start: &str, expected: &[&str]| assert_eq!(lines(&registry, start), expected);
    let labels = "api=\"natter\",operation=\"postMessage\"";
    check(
        "portcullis_requests",
        &[
            &format!("portcullis_requests_total{{{labels},status=\"2xx\"}} 2"),
            &format!("portcullis_requests_total{{{labels},status=\"4xx\"}} 2"),
        ],
    );
    check(
        "portcullis_refusals",
        &[
            &format!("portcullis_refusals_total{{{labels},control=\"rate\",code=\"rate.exceeded\"}} 2"),
            &format!("portcullis_refusals_total{{{labels},control=\"other\",code=\"other\"}} 2"),
        ],
    );
    check(
        "portcullis_would_refuse",
        &[&format!(
            "portcullis_would_refuse_total{{{labels},control=\"contract\",code=\"contract.body.type\"}} 2"
        )],
    );
    check(
        "portcullis_bodies",
        &[&format!(
            "portcullis_bodies_not_judged_total{{{labels},body=\"response\",reason=\"stream\"}} 2"
        )],
    );
    check(
        "portcullis_body",
        &[
            &format!("portcullis_body_bytes_total{{{labels},body=\"request\"}} 40"),
            &format!("portcullis_body_bytes_total{{{labels},body=\"response\"}} 400"),
        ],
    );
    let durations = lines(&registry, "portcullis_request_duration_seconds");
    assert_eq!(durations.len(), 2 + cells::BUCKETS);
    let has = |line: &str| assert!(durations.contains(&line.to_owned()), "{line} in {durations:#?}");
    has(&format!("portcullis_request_duration_seconds_sum{{{labels}}} 0.006"));
    has(&format!(
        "portcullis_request_duration_seconds_bucket{{le=\"0.00025\",{labels}}} 2"
    ));
    has(&format!(
        "portcullis_request_duration_seconds_bucket{{le=\"0.0025\",{labels}}} 2"
    ));
    has(&format!(
        "portcullis_request_duration_seconds_bucket{{le=\"0.005\",{labels}}} 4"
    ));
    has(&format!(
        "portcullis_request_duration_seconds_bucket{{le=\"+Inf\",{labels}}} 4"
    ));
    let upstream = lines(&registry, "portcullis_upstream_duration_seconds_bucket");
    let counts: Vec<_> = upstream.iter().filter_map(|line| line.rsplit(' ').next()).collect();
    assert_eq!((counts.first(), counts.last()), (Some(&"0"), Some(&"2")));
}

#[test]
fn connections_and_the_process_are_counted() {
    let registry = registry(1);
    let worker = registry.worker(0).unwrap();
    for event in Event::ALL {
        worker.count(event);
    }
    worker.count(Event::ConnectionOpened);
    worker.upstream_idle(3);
    registry.reloaded(Reload::Refused, 1);
    registry.reloaded(Reload::Applied, 7);
    registry.contracts([("gone".to_owned(), 1)]);
    registry.contracts([("natter".to_owned(), 5)]);
    let check = |line: &str| assert_eq!(lines(&registry, line.split([' ', '{']).next().unwrap()), [line]);
    check("portcullis_connections_accepted_total 2");
    check("portcullis_connections_refused_total 1");
    check("portcullis_connections_open 1");
    check("portcullis_upstream_connections_total 1");
    check("portcullis_upstream_connection_failures_total 1");
    check("portcullis_upstream_retries_total 1");
    check("portcullis_upstream_connections_open 0");
    check("portcullis_websockets_total 1");
    check("portcullis_websockets_open 0");
    check("portcullis_upstream_connections_idle 3");
    check("portcullis_limit_evictions_total 0");
    check("portcullis_reload_applied_timestamp_seconds 7");
    check("portcullis_contract_timestamp_seconds{api=\"natter\"} 5");
    check("portcullis_build_info{version=\"1.2.3\"} 1");
    let reloads = [
        "portcullis_reloads_total{outcome=\"applied\"} 1",
        "portcullis_reloads_total{outcome=\"refused\"} 1",
    ];
    assert_eq!(lines(&registry, "portcullis_reloads"), reloads);
}

#[test]
fn the_order_of_counters_is_that_of_the_labels() {
    assert!(
        Event::ALL
            .iter()
            .enumerate()
            .all(|(index, event)| *event as usize == index)
    );
    assert!(
        Body::ALL
            .iter()
            .enumerate()
            .all(|(index, body)| *body as usize == index)
    );
    assert!(
        Unjudged::ALL
            .iter()
            .enumerate()
            .all(|(index, reason)| *reason as usize == index)
    );
}

#[test]
fn a_worker_has_one_writer() {
    let registry = registry(2);
    assert!(registry.worker(1).is_some());
    assert!(registry.worker(1).is_none());
    assert!(registry.worker(2).is_none());
}

#[test]
fn counters_outlive_a_reload() {
    let registry = registry(1);
    let worker = registry.worker(0).unwrap();
    for _ in 0..2 {
        registry
            .operation("natter", "login")
            .of(&worker)
            .answered(&answered(200, 1));
    }
    let expected = ["portcullis_requests_total{api=\"natter\",operation=\"login\",status=\"2xx\"} 2"];
    assert_eq!(lines(&registry, "portcullis_requests"), expected);
}

/// The threat: paths, verbs and codes of the caller's choosing become labels, until the memory or the monitoring is full.
#[test]
fn http_12_unknown_paths_do_not_grow_labels() {
    let registry = registry(1);
    let worker = registry.worker(0).unwrap();
    let unmatched = registry.unmatched();
    let hit = |number: u16| {
        let mine = unmatched.of(&worker);
        mine.answered(&answered(404, 1));
        mine.answered(&answered(number, 1));
        mine.refused(registry.code("route.unknown"));
        mine.refused(registry.code(&format!("route.{number}")));
    };
    (0..1000).for_each(hit);
    let before = registry.exposition().unwrap().lines().count();
    (1000..20_000).for_each(hit);
    assert_eq!(registry.exposition().unwrap().lines().count(), before);
    let requests = lines(&registry, "portcullis_requests");
    assert!(requests.len() <= cells::CLASSES, "{requests:?}");
    assert!(requests.iter().all(|line| line.contains("operation=\"unmatched\"")));
}

#[test]
fn http_12_operations_are_bounded() {
    let registry = registry(1);
    let worker = registry.worker(0).unwrap();
    let held: Vec<_> = (0..OPERATIONS_MAX - 1)
        .map(|number| registry.operation("a", &number.to_string()))
        .collect();
    assert_eq!(registry.operation("a", "forgotten").operation(), "forgotten");
    let kept = registry.operation("a", "kept");
    assert_eq!(kept.operation(), "kept");
    let beyond = registry.operation("a", "beyond");
    assert_eq!((beyond.api(), beyond.operation()), (OTHER, OTHER));
    beyond.of(&worker).answered(&answered(200, 1));
    assert_eq!(registry.operation("a", "0").operation(), "0");
    drop(held);
    assert_eq!(registry.operation("a", "beyond").operation(), "beyond");
    assert_eq!(lines(&registry, "portcullis_requests").len(), 1);
}

#[test]
fn hostile_names_stay_labels() {
    let registry = registry(1);
    let worker = registry.worker(0).unwrap();
    let name = "a\"} 1\nportcullis_forged 1\\".to_owned() + &"é".repeat(500);
    registry
        .operation("natter", &name)
        .of(&worker)
        .answered(&answered(200, 1));
    assert!(lines(&registry, "portcullis_forged").is_empty());
    assert!(registry.exposition().unwrap().lines().all(|line| line.len() < 400));
}

/// Prints what counting one request costs; run it with `--release --nocapture` for a number that means something.
#[test]
fn counting_a_request_costs_little() {
    const ROUNDS: u32 = 200_000;
    let registry = registry(1);
    let worker = registry.worker(0).unwrap();
    let operation = registry.operation("natter", "postMessage");
    let answered = answered(200, 1);
    let start = Instant::now();
    for _ in 0..ROUNDS {
        let mine = std::hint::black_box(&operation).of(&worker);
        mine.upstream(std::hint::black_box(answered.duration));
        mine.answered(std::hint::black_box(&answered));
    }
    println!("metrics of one request: {:?}", start.elapsed() / ROUNDS);
    let start = Instant::now();
    for _ in 0..ROUNDS {
        operation
            .of(&worker)
            .refused(registry.code(std::hint::black_box("rate.exceeded")));
    }
    println!("metrics of one refusal: {:?}", start.elapsed() / ROUNDS);
    assert_eq!(lines(&registry, "portcullis_request_duration_seconds_count").len(), 1);
}
