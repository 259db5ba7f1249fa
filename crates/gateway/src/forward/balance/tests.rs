//! Groups under failures, and names that move, on real sockets where there are any.

use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn_local};

use super::endpoint::{Outcome, Refused};
use super::fleet::InService;
use super::group::{Nowhere, Wanted};
use super::pools::Random;
use super::upkeep::tend;
use super::*;
use crate::body::RequestBody;
use crate::forward::headers::Edits;
use crate::forward::pool::Teller;
use crate::forward::resolve::tests::Told;
use crate::forward::testing::local;
use crate::forward::{ForwardError, Limits, Patience, Upstream};
use crate::holdings::Holdings;

const ANY: Wanted<'_> = Wanted {
    tried: &[],
    sticky: None,
    again: true,
};

fn settings() -> EndpointSettings {
    EndpointSettings {
        limits: Limits {
            connect_time_max: Duration::from_millis(500),
            ..Limits::default()
        },
        ..EndpointSettings::default()
    }
}

/// A group of endpoints that nobody listens at.
fn group(fleet: &Fleet, count: u8, endpoint: &EndpointSettings, group: GroupSettings) -> Arc<Group> {
    let site = |number: u8| {
        let upstream = Upstream::parse(&format!("http://10.0.0.{number}")).unwrap();
        (
            Site::new(fleet, upstream, endpoint.clone(), false, Duration::from_secs(10)),
            1,
        )
    };
    Group::new("api", (1..=count).map(site).collect(), group)
}

/// Where requests go in the next `count` choices, each ended with this outcome.
fn visits(group: &Group, wanted: &Wanted<'_>, count: usize, outcome: Outcome, now: Moment) -> Vec<String> {
    let random = Random::seeded(now.0 + 1);
    let visit = |_| {
        let visit = group.pick(wanted, now, || random.next()).unwrap();
        group.ended(&visit, outcome, now);
        visit.endpoint().label().to_owned()
    };
    let mut met: Vec<_> = (0..count).map(visit).collect();
    met.sort_unstable();
    met.dedup();
    met
}

#[test]
fn an_endpoint_that_fails_is_left_out_and_comes_back() {
    let fleet = Fleet::new(1);
    let group = group(&fleet, 3, &settings(), GroupSettings::default());
    let failed = Outcome::Failed(Cause::Connect);
    let all = visits(&group, &ANY, 60, Outcome::Good, Moment(0));
    assert_eq!(all.len(), 3);
    let one = group.pick(&ANY, Moment(0), || 0).unwrap();
    (0..5).for_each(|_| group.ended(&one, failed, Moment(0)));
    let gone = one.endpoint().label().to_owned();
    drop(one);
    let rest = visits(&group, &ANY, 60, Outcome::Good, Moment(1));
    assert!(rest.len() == 2 && !rest.contains(&gone), "{rest:?}");
    assert_eq!(visits(&group, &ANY, 60, Outcome::Good, Moment(10_000)), all);
}

#[test]
fn where_all_are_down_all_are_tried() {
    let fleet = Fleet::new(1);
    let group = group(&fleet, 3, &settings(), GroupSettings::default());
    for _ in 0..100 {
        if let Ok(visit) = group.pick(&ANY, Moment(0), || 0) {
            visit.endpoint().health.probed(false, 1, 1, Moment(0));
        }
        let tried: Vec<_> = (0..3).collect();
        assert_eq!(
            group
                .pick(&Wanted { tried: &tried, ..ANY }, Moment(0), || 0)
                .unwrap_err(),
            Nowhere::Exhausted
        );
    }
    assert!(!visits(&group, &ANY, 60, Outcome::Good, Moment(1)).is_empty());
}

#[test]
fn what_was_tried_is_not_tried_again_unless_it_is_the_only_one() {
    let fleet = Fleet::new(1);
    let (two, one) = (
        group(&fleet, 2, &settings(), GroupSettings::default()),
        group(&fleet, 1, &settings(), GroupSettings::default()),
    );
    let first = two.pick(&ANY, Moment(0), || 0).unwrap();
    let tried = [first.endpoint().number()];
    let others = visits(&two, &Wanted { tried: &tried, ..ANY }, 20, Outcome::Good, Moment(0));
    assert!(others.len() == 1 && others[0] != first.endpoint().label(), "{others:?}");
    let only = one.pick(&ANY, Moment(0), || 0).unwrap();
    let tried = [only.endpoint().number()];
    let other = Wanted {
        tried: &tried,
        again: false,
        ..ANY
    };
    assert_eq!(one.pick(&other, Moment(0), || 0).unwrap_err(), Nowhere::Exhausted);
    assert!(one.pick(&Wanted { tried: &tried, ..ANY }, Moment(0), || 0).is_ok());
}

#[test]
fn a_value_stays_with_its_endpoint_and_goes_elsewhere_while_that_is_out() {
    let fleet = Fleet::new(1);
    let group = group(&fleet, 4, &settings(), GroupSettings::default());
    for value in 0..50 {
        let wanted = Wanted {
            sticky: Some(sticky::mixed(value)),
            ..ANY
        };
        let home = visits(&group, &wanted, 10, Outcome::Good, Moment(0));
        assert_eq!(home.len(), 1);
        let at_home = group.pick(&wanted, Moment(0), || 0).unwrap();
        at_home.endpoint().health.probed(false, 1, 1, Moment(0));
        let away = visits(&group, &wanted, 10, Outcome::Good, Moment(1));
        assert!(away.len() == 1 && away != home, "{away:?}");
        at_home.endpoint().health.probed(true, 1, 1, Moment(2));
        assert_eq!(visits(&group, &wanted, 10, Outcome::Good, Moment(3)), home);
    }
}

#[test]
fn a_full_endpoint_and_an_open_circuit_take_nothing() {
    let fleet = Fleet::new(1);
    let full = EndpointSettings {
        requests_max: Some(2),
        ..settings()
    };
    let group = group(&fleet, 2, &full, GroupSettings::default());
    let held: Vec<_> = (0..4).map(|_| group.pick(&ANY, Moment(0), || 0).unwrap()).collect();
    assert_eq!(
        group.pick(&ANY, Moment(0), || 0).unwrap_err(),
        Nowhere::Refused(Refused::Full)
    );
    drop(held);
    assert!(group.pick(&ANY, Moment(0), || 0).is_ok());
    let breaking = EndpointSettings {
        breaker: Some(BreakerSettings {
            requests_min: 2,
            ..BreakerSettings::default()
        }),
        ..settings()
    };
    let group = super::tests::group(&fleet, 1, &breaking, GroupSettings::default());
    visits(&group, &ANY, 2, Outcome::Failed(Cause::Status), Moment(0));
    assert_eq!(
        group.pick(&ANY, Moment(4_000), || 0).unwrap_err(),
        Nowhere::Refused(Refused::Open(Duration::from_secs(6)))
    );
    // A trial that nobody ends makes room for another.
    for _ in 0..10 {
        assert!(group.pick(&ANY, Moment(10_000), || 0).is_ok());
    }
}

#[test]
fn the_one_that_fails_more_often_than_the_others_is_left_out() {
    let fleet = Fleet::new(1);
    let group = group(&fleet, 3, &settings(), GroupSettings::default());
    for turn in 0..300_u32 {
        let visit = group.pick(&ANY, Moment(0), || sticky::mixed(u64::from(turn))).unwrap();
        // Never five in a row, and yet half of them.
        let fails = visit.endpoint().label() == "10.0.0.2" && turn.is_multiple_of(2);
        let outcome = if fails {
            Outcome::Failed(Cause::Status)
        } else {
            Outcome::Good
        };
        group.ended(&visit, outcome, Moment(0));
    }
    group.compare(Moment(1));
    let met = visits(&group, &ANY, 60, Outcome::Good, Moment(2));
    assert_eq!(met, ["10.0.0.1", "10.0.0.3"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever fails, and however often: never more than the share is left out for it, and never all.
    #[test]
    fn never_more_than_the_share_is_left_out(
        count in 1..8_u8, percent in 0..100_u32, outcomes in prop::collection::vec((any::<u64>(), 0..4_u8), 1..300),
    ) {
        let fleet = Fleet::new(1);
        let settings = EndpointSettings {
            passive: PassiveSettings { failures_max: 1, ..PassiveSettings::default() },
            ..settings()
        };
        let own = GroupSettings { ejected_percent_max: percent, ..GroupSettings::default() };
        let group = group(&fleet, count, &settings, own);
        for (time, (random, outcome)) in outcomes.into_iter().enumerate() {
            let now = Moment(u64::try_from(time).unwrap() * 500);
            let visit = group.pick(&ANY, now, || random).unwrap();
            let outcome = if outcome == 0 { Outcome::Good } else { Outcome::Failed(Cause::Connect) };
            group.ended(&visit, outcome, now);
            let out = group.count(Service::Ejected, now);
            prop_assert!(out * 100 <= usize::from(count) * usize::try_from(percent).unwrap());
            prop_assert!(group.is_in_service(now));
        }
    }
}

/// Answers every request with this status, on an address of loopback.
async fn serve(address: SocketAddr, status: &'static str) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = spawn_local(async move {
        let mut open = tokio::task::JoinSet::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            open.spawn_local(async move {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {
                    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    (address, task)
}

fn pools(fleet: &Arc<Fleet>) -> Pools {
    Pools::new(Arc::clone(fleet), 0, Teller(Rc::new(|_| ())))
}

fn get() -> Request<RequestBody> {
    Request::get("/").body(RequestBody::Empty).unwrap()
}

fn asked() -> Asked<'static> {
    Asked {
        edits: Edits::NONE,
        patience: Patience::default(),
        websocket: None,
        wish: Wish::default(),
        repeat: Repeat::default(),
        at: Instant::now(),
        is_retry: false,
    }
}

/// Loopback addresses with one port, of which the first listens.
async fn moving() -> (SocketAddr, JoinHandle<()>, SocketAddr, JoinHandle<()>) {
    let (one, first) = serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), "200 OK").await;
    let other = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), one.port()));
    let (other, second) = serve(other, "202 Accepted").await;
    (one, first, other, second)
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < Duration::from_secs(10), "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn a_name_that_moves_is_followed_and_old_connections_go() {
    local(async {
        let (one, first, other, _second) = moving().await;
        let service = Arc::new(Told::default());
        *service.0.lock() = Some(vec![one]);
        let url = format!("http://natter:{}", one.port());
        let upstream = Upstream::parse(&url).unwrap().resolved_by(Arc::clone(&service) as _);
        let fleet = Fleet::new(1);
        let site = Site::new(&fleet, upstream, settings(), false, Duration::from_secs(1));
        fleet.serve(InService {
            sites: vec![Arc::clone(&site)],
            ..InService::default()
        });
        let tended = Arc::clone(&fleet);
        spawn_local(async move { tend(&tended).await });
        let (pools, endpoint) = (pools(&fleet), Arc::clone(&site.endpoints()[0]));
        let ask = async || pools.of(&endpoint).send(get()).await.unwrap().status();
        assert_eq!(ask().await, StatusCode::OK);
        assert_eq!(pools.idle(), 1);
        // While the name service is away the old address serves.
        *service.0.lock() = None;
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        assert_eq!(ask().await, StatusCode::OK);
        *service.0.lock() = Some(vec![other]);
        until("the old connection is gone", async || pools.idle() == 0).await;
        assert_eq!(ask().await, StatusCode::ACCEPTED);
        first.abort();
    });
}

#[test]
fn each_address_of_a_name_is_an_endpoint_and_leaves_with_it() {
    local(async {
        let (one, _first, other, _second) = moving().await;
        let service = Arc::new(Told::default());
        *service.0.lock() = Some(vec![one, other]);
        let url = format!("http://natter:{}", one.port());
        let upstream = Upstream::parse(&url).unwrap().resolved_by(Arc::clone(&service) as _);
        let fleet = Fleet::new(1);
        let site = Site::new(&fleet, upstream, settings(), true, Duration::from_secs(1));
        let group = Group::new("api", vec![(Arc::clone(&site), 1)], GroupSettings::default());
        fleet.serve(InService {
            sites: vec![Arc::clone(&site)],
            groups: vec![Arc::clone(&group)],
            mirrors: Vec::new(),
        });
        let balanced = Balanced::new(
            group,
            None,
            None,
            BalancedSettings {
                sticky: None,
                retries: Some(RetrySettings::default()),
                total_time_max: Duration::from_secs(5),
            },
        );
        let tended = Arc::clone(&fleet);
        spawn_local(async move { tend(&tended).await });
        let pools = pools(&fleet);
        let statuses = async || {
            let mut met = Vec::new();
            for _ in 0..40 {
                pools.retire();
                met.push(balanced.send(&pools, get(), asked()).await.unwrap().status());
            }
            met.sort_unstable();
            met.dedup();
            met
        };
        until("both are met", async || {
            statuses().await == [StatusCode::OK, StatusCode::ACCEPTED]
        })
        .await;
        let kept = Arc::clone(&site.endpoints()[1]);
        *service.0.lock() = Some(vec![other]);
        until("one is left", async || statuses().await == [StatusCode::ACCEPTED]).await;
        assert!(
            Arc::ptr_eq(&kept, &site.endpoints()[0]),
            "what stays keeps its connections"
        );
        assert_eq!(pools.idle(), 1);
    });
}

#[test]
fn http_5_an_exchange_whose_client_left_keeps_its_place_and_its_room() {
    local(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fleet = Fleet::new(1);
        let counted = EndpointSettings {
            requests_max: Some(1),
            ..settings()
        };
        let site = Site::new(
            &fleet,
            Upstream::parse(&url).unwrap(),
            counted,
            false,
            Duration::from_secs(10),
        );
        let endpoint = Arc::clone(&site.endpoints()[0]);
        let group = Group::new("api", vec![(site, 1)], GroupSettings::default());
        let settings = BalancedSettings {
            sticky: None,
            retries: None,
            total_time_max: Duration::from_secs(20),
        };
        let balanced = Balanced::new(group, None, None, settings);
        let (pools, holdings) = (pools(&fleet), Holdings::new(5));
        let mut hold = holdings.hold();
        hold.grow(5).unwrap();
        let body = RequestBody::Whole(hold.tie(Bytes::from_static(b"hello")));
        let request = Request::post("/").body(body).unwrap();
        let asked_for = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut read = [0; 4096];
            while !read.windows(5).any(|bytes| bytes == b"hello") {
                assert_ne!(socket.read(&mut read).await.unwrap(), 0);
            }
            socket
        };
        let mut socket = tokio::select! {
            // Dropped once the upstream has the request: the client left.
            _ = balanced.send(&pools, request, asked()) => unreachable!("nobody answered"),
            socket = asked_for => socket,
        };
        assert_eq!(endpoint.load(), 1);
        assert!(holdings.hold().grow(1).is_err());
        let refused = balanced.send(&pools, get(), asked()).await.unwrap_err();
        assert_eq!(refused, ForwardError::Overloaded);
        socket
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .await
            .unwrap();
        until("the place is free", async || endpoint.load() == 0).await;
        assert_eq!(holdings.hold().grow(5), Ok(()));
    });
}
