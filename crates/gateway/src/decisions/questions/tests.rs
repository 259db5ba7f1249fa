use portcullis_decision::elsewhere::{Protocol, Said};

use super::*;

/// Somebody who answers when told to.
#[derive(Clone, Default)]
struct Point(Arc<Mutex<Vec<Reply<Protocol>>>>, Arc<AtomicU64>);

impl Ask<Protocol> for Point {
    fn ask(&self, _: &Arc<str>, reply: Reply<Protocol>) {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.lock().push(reply);
    }
}

impl Point {
    fn asked(&self) -> u64 {
        self.1.load(Ordering::Relaxed)
    }

    /// Answers the question that waits.
    async fn answer(&self, octets: &str) {
        loop {
            let waiting = self.0.lock().pop();
            if let Some(reply) = waiting {
                let _said = reply.answer(Answered::Json(octets.as_bytes()));
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

const YES: &str = r#"{"decision":true}"#;
const NO: &str = r#"{"decision":false}"#;
const LIE: &str = r#"{"decision":"true"}"#;

fn bounds(answer_time_max: Duration) -> Bounds {
    Bounds {
        answer_time_max,
        wait_time_max: Duration::from_secs(2),
        questions_max: 2,
        breaker: BreakerSettings {
            failure_percent: 50,
            requests_min: 1_000,
            ..BreakerSettings::default()
        },
    }
}

fn asking(bounds: Bounds) -> (Questions<Protocol>, Point) {
    let point = Point::default();
    (
        Questions::new(Protocol::AuthZen, Box::new(point.clone()), bounds),
        point,
    )
}

/// What comes of a question which, if it is asked, is answered so.
async fn asked(asking: &Questions<Protocol>, point: &Point, question: &str, answer: &str) -> Result<bool, Unanswered> {
    let question = question.into();
    tokio::select! {
        biased;
        said = asking.answer(&question, Urgency::Request) => said.map(|said: Said| said.permits),
        () = async { point.answer(answer).await; std::future::pending().await } => unreachable!(),
    }
}

#[tokio::test]
async fn an_answer_counts_no_longer_than_it_may() {
    let (asking, point) = asking(bounds(Duration::from_millis(200)));
    assert_eq!(asked(&asking, &point, "q", YES).await, Ok(true));
    assert_eq!(asked(&asking, &point, "q", NO).await, Ok(true));
    assert_eq!(asked(&asking, &point, "r", NO).await, Ok(false));
    assert_eq!(point.asked(), 2, "each question is remembered by itself");
    tokio::time::sleep(Duration::from_millis(210)).await;
    assert_eq!(asked(&asking, &point, "q", NO).await, Ok(false));
    assert_eq!(asked(&asking, &point, "r", YES).await, Ok(true));
    assert_eq!((asking.count(Outcome::Good), asking.count(Outcome::Bad)), (2, 2));
    assert_eq!(asking.count(Outcome::Known), 1);
}

#[tokio::test]
async fn without_a_time_each_request_asks() {
    let (asking, point) = asking(bounds(Duration::ZERO));
    for answer in [YES, NO, YES] {
        assert_eq!(asked(&asking, &point, "q", answer).await, Ok(answer == YES));
    }
    assert_eq!(point.asked(), 3);
}

#[tokio::test]
async fn what_says_nothing_or_does_not_come_is_no_answer_and_is_not_remembered() {
    let (asking, point) = asking(bounds(Duration::from_secs(60)));
    assert_eq!(asked(&asking, &point, "q", LIE).await, Err(Unanswered::Failed));
    assert_eq!(asked(&asking, &point, "q", YES).await, Ok(true));
    let question = "r".into();
    let dropping = async {
        while point.0.lock().pop().is_none() {
            tokio::task::yield_now().await;
        }
    };
    let (said, ()) = tokio::join!(asking.answer(&question, Urgency::Request), dropping);
    assert_eq!(said, Err(Unanswered::Failed));
    assert_eq!(asking.count(Outcome::Failed), 2);
}

#[tokio::test]
async fn nobody_waits_longer_than_they_may_and_what_comes_late_serves_the_next() {
    let mut bounds = bounds(Duration::from_secs(60));
    bounds.wait_time_max = Duration::from_millis(100);
    let (asking, point) = asking(bounds);
    let (question, began) = ("q".into(), Instant::now());
    let late = asking.answer(&question, Urgency::Request).await;
    assert_eq!(late, Err(Unanswered::Late));
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    point.answer(YES).await;
    assert_eq!(asked(&asking, &point, "q", NO).await, Ok(true));
    assert_eq!(point.asked(), 1);
}

#[tokio::test]
async fn one_question_of_a_kind_is_open_and_a_bounded_number_of_all() {
    let (asking, point) = asking(bounds(Duration::from_secs(60)));
    let questions: [Arc<str>; 4] = ["q", "q", "r", "s"].map(Into::into);
    let ask = |number: usize| asking.answer(&questions[number], Urgency::Request);
    let answering = async {
        point.answer(YES).await;
        point.answer(YES).await;
    };
    let (first, second, third, fourth, ()) = tokio::join!(ask(0), ask(1), ask(2), ask(3), answering);
    let said = |answer: Result<Said, Unanswered>| answer.map(|said| said.permits);
    assert_eq!([said(first), said(second), said(third)], [Ok(true); 3]);
    assert_eq!(said(fourth), Err(Unanswered::Full));
    assert_eq!(point.asked(), 2);
    // What is open may take half of the places only.
    let background = asking.answer(&questions[3], Urgency::Background);
    let (open, _) = tokio::join!(
        async { tokio::time::timeout(Duration::from_millis(50), asking.answer(&"t".into(), Urgency::Request)).await },
        async {
            tokio::task::yield_now().await;
            assert_eq!(background.await, Err(Unanswered::Full));
        }
    );
    assert!(open.is_err(), "nobody has answered it");
}

#[tokio::test]
async fn what_was_asked_before_an_answer_would_count_is_asked_again() {
    let (asking, point) = asking(bounds(Duration::from_millis(50)));
    let question: Arc<str> = "q".into();
    let late = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        asking.answer(&question, Urgency::Request).await
    };
    let answering = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        point.answer(YES).await;
        point.answer(NO).await;
    };
    let (early, late, ()) = tokio::join!(asking.answer(&question, Urgency::Request), late, answering);
    assert_eq!(
        (early.map(|said| said.permits), late.map(|said| said.permits)),
        (Ok(true), Ok(false))
    );
    assert_eq!(point.asked(), 2);
}

#[tokio::test]
async fn who_keeps_failing_is_not_asked_for_a_while_and_then_tried() {
    let mut bounds = bounds(Duration::ZERO);
    bounds.breaker = BreakerSettings {
        failure_percent: 50,
        requests_min: 4,
        window: Duration::from_secs(60),
        open_time: Duration::from_millis(100),
        trials: 1,
    };
    let (asking, point) = asking(bounds);
    for _ in 0..4 {
        assert_eq!(asked(&asking, &point, "q", LIE).await, Err(Unanswered::Failed));
    }
    assert_eq!(asking.circuit(), Circuit::Open);
    assert_eq!(asked(&asking, &point, "q", YES).await, Err(Unanswered::CircuitOpen));
    assert_eq!((point.asked(), asking.count(Outcome::CircuitOpen)), (4, 1));
    tokio::time::sleep(Duration::from_millis(110)).await;
    assert_eq!(asking.circuit(), Circuit::HalfOpen);
    assert_eq!(asked(&asking, &point, "q", LIE).await, Err(Unanswered::Failed));
    assert_eq!(asked(&asking, &point, "q", YES).await, Err(Unanswered::CircuitOpen));
    tokio::time::sleep(Duration::from_millis(110)).await;
    assert_eq!(asked(&asking, &point, "q", NO).await, Ok(false), "a deny is an answer");
    assert_eq!(asking.circuit(), Circuit::Closed);
}

#[tokio::test]
async fn whoever_rejects_questions_works() {
    let mut bounds = bounds(Duration::ZERO);
    bounds.breaker.requests_min = 1;
    let (asking, point) = asking(bounds);
    for _ in 0..10 {
        let question = "q".into();
        let rejecting = async {
            loop {
                if let Some(reply) = point.0.lock().pop() {
                    return reply.answer(Answered::Rejected).is_err();
                }
                tokio::task::yield_now().await;
            }
        };
        let (said, failed) = tokio::join!(asking.answer(&question, Urgency::Request), rejecting);
        assert_eq!((said, failed), (Err(Unanswered::Failed), true));
    }
    assert_eq!(asking.circuit(), Circuit::Closed);
}
