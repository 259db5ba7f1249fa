use std::sync::atomic::AtomicUsize;

use portcullis_identity::jose::claims::Expected;
use portcullis_identity::jose::media_type::MediaType;

use super::*;

/// An authority that answers when it is told to.
#[derive(Clone, Default)]
struct Authority(Arc<Mutex<Vec<Reply>>>, Arc<AtomicUsize>);

impl Ask for Authority {
    fn ask(&self, _: &str, reply: Reply) {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.lock().push(reply);
    }
}

impl Authority {
    fn asked(&self) -> usize {
        self.1.load(Ordering::Relaxed)
    }

    /// Answers the question that waits.
    async fn answer(&self, octets: &str) {
        loop {
            let waiting = self.0.lock().pop();
            if let Some(reply) = waiting {
                let _said = reply.answer(octets.as_bytes());
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

const NOW: u64 = 1_700_000_000;
const GOOD: &str = r#"{"active":true,"aud":"a","sub":"alice"}"#;

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds).unwrap()
}

fn bounds(answer_time_max: Duration) -> AskingBounds {
    AskingBounds {
        answer_time_max,
        wait_time_max: Duration::from_secs(5),
        questions_max: 2,
    }
}

fn introspection(bounds: AskingBounds) -> (Introspection, Authority) {
    let authority = Authority::default();
    let expected = Expected::new("i", "a", MediaType::new("at+jwt")).introspected();
    let tokens = AccessTokens::new("main".into(), expected);
    let introspection = Introspection::new(tokens, Box::new(authority.clone()), bounds);
    (introspection, authority)
}

/// What is made of a token whose question, if there is one, is answered so.
async fn judged(introspection: &Introspection, authority: &Authority, token: &str, answer: &str) -> Verdict {
    tokio::select! {
        biased;
        verdict = introspection.identity(token, at(NOW)) => verdict,
        () = async { authority.answer(answer).await; std::future::pending().await } => unreachable!(),
    }
}

#[tokio::test]
async fn oauth_19_an_answer_counts_no_longer_than_it_may() {
    let (introspection, authority) = introspection(bounds(Duration::from_millis(200)));
    assert!(judged(&introspection, &authority, "t", GOOD).await.is_ok());
    assert!(judged(&introspection, &authority, "t", GOOD).await.is_ok());
    assert_eq!(authority.asked(), 1, "it is remembered");
    tokio::time::sleep(Duration::from_millis(210)).await;
    let revoked = judged(&introspection, &authority, "t", r#"{"active":false}"#).await;
    assert_eq!(revoked.unwrap_err(), Unbelieved::Refused(Refusal::Inactive));
    assert_eq!(authority.asked(), 2);
    // A bad token is not asked about again at once either.
    let again = judged(&introspection, &authority, "t", GOOD).await;
    assert_eq!(again.unwrap_err(), Unbelieved::Refused(Refusal::Inactive));
    tokio::time::sleep(Duration::from_millis(110)).await;
    assert!(judged(&introspection, &authority, "t", GOOD).await.is_ok());
    assert_eq!(authority.asked(), 3);
    assert_eq!(introspection.count(Outcome::Active), 2);
    assert_eq!(introspection.count(Outcome::Refused), 1);
    assert_eq!(introspection.count(Outcome::Known), 2);
}

#[tokio::test]
async fn oauth_19_an_answer_never_counts_beyond_the_token_s_end() {
    let (introspection, authority) = introspection(bounds(Duration::from_secs(60)));
    let ending = format!(r#"{{"active":true,"aud":"a","sub":"alice","exp":{}}}"#, NOW + 5);
    assert!(judged(&introspection, &authority, "t", &ending).await.is_ok());
    assert!(introspection.identity("t", at(NOW + 4)).await.is_ok());
    let asking = introspection.identity("t", at(NOW + 40));
    let answering = authority.answer(&ending);
    let (verdict, ()) = tokio::join!(asking, answering);
    assert_eq!(verdict.unwrap_err(), Unbelieved::Refused(Refusal::Expired));
    assert_eq!(authority.asked(), 2);
}

#[tokio::test]
async fn oauth_19_a_token_that_ends_while_its_issuer_is_asked_has_ended() {
    let (introspection, authority) = introspection(bounds(Duration::from_secs(60)));
    // Good for one more second, with the difference of clocks that is allowed.
    let ending = format!(r#"{{"active":true,"aud":"a","sub":"alice","exp":{}}}"#, NOW - 29);
    assert!(judged(&introspection, &authority, "t", &ending).await.is_ok());
    let late = async {
        tokio::time::sleep(Duration::from_millis(1100)).await;
        authority.answer(&ending).await;
    };
    let (verdict, ()) = tokio::join!(introspection.identity("u", at(NOW)), late);
    assert_eq!(verdict.unwrap_err(), Unbelieved::Refused(Refusal::Expired));
}

#[tokio::test]
async fn of_one_token_one_question_is_open() {
    let (introspection, authority) = introspection(bounds(Duration::from_secs(1)));
    let all = async {
        tokio::join!(
            introspection.identity("t", at(NOW)),
            introspection.identity("t", at(NOW)),
            introspection.identity("t", at(NOW))
        )
    };
    let ((first, second, third), ()) = tokio::join!(all, authority.answer(GOOD));
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert_eq!((authority.asked(), introspection.count(Outcome::Joined)), (1, 2));
}

/// An answer to a question from before the token may have been revoked.
#[tokio::test]
async fn oauth_19_who_comes_late_to_an_old_question_has_another_asked() {
    let (introspection, authority) = introspection(bounds(Duration::ZERO));
    let early = introspection.identity("t", at(NOW));
    let late = async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        introspection.identity("t", at(NOW)).await
    };
    let answers = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        authority.answer(GOOD).await;
        authority.answer(r#"{"active":false}"#).await;
    };
    let (early, late, ()) = tokio::join!(early, late, answers);
    assert!(early.is_ok());
    assert_eq!(late.unwrap_err(), Unbelieved::Refused(Refusal::Inactive));
    assert_eq!(authority.asked(), 2);
}

#[tokio::test]
async fn too_many_questions_and_no_answers_are_nobody_s_yes() {
    let (introspection, authority) = introspection(bounds(Duration::from_secs(1)));
    let more = async {
        // Two questions wait already.
        assert_eq!(
            introspection.identity("c", at(NOW)).await.unwrap_err(),
            Unbelieved::Unavailable
        );
        assert_eq!(authority.asked(), 2);
        authority.0.lock().clear();
    };
    let (first, second, ()) = tokio::join!(
        introspection.identity("a", at(NOW)),
        introspection.identity("b", at(NOW)),
        more
    );
    assert_eq!(first.unwrap_err(), Unbelieved::Unavailable);
    assert_eq!(second.unwrap_err(), Unbelieved::Unavailable);
    assert_eq!(introspection.count(Outcome::Failed), 2);
    assert_eq!(introspection.count(Outcome::Full), 1);
    // Nothing of that is remembered.
    assert!(judged(&introspection, &authority, "a", GOOD).await.is_ok());
    for says_nothing in [r#"{"active":"true"}"#, "{}", "<html>", ""] {
        let verdict = judged(&introspection, &authority, says_nothing, says_nothing).await;
        assert_eq!(verdict.unwrap_err(), Unbelieved::Unavailable, "{says_nothing}");
    }
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let (introspection, authority) = introspection(AskingBounds {
        wait_time_max: Duration::from_millis(50),
        ..bounds(Duration::from_secs(60))
    });
    let verdict = introspection.identity("t", at(NOW)).await;
    assert_eq!(verdict.unwrap_err(), Unbelieved::Unavailable);
    // The question is still open: it takes its place until it is answered or given up.
    authority.answer(GOOD).await;
    assert!(introspection.identity("t", at(NOW)).await.is_ok());
    assert_eq!(authority.asked(), 1);
}

#[tokio::test]
async fn a_flood_of_bad_tokens_takes_bounded_room_and_leaves_the_good_ones() {
    let (introspection, authority) = introspection(bounds(Duration::from_secs(60)));
    assert!(judged(&introspection, &authority, "good", GOOD).await.is_ok());
    for number in 0..BAD_HALF_MAX * 3 {
        let verdict = judged(
            &introspection,
            &authority,
            &format!("bad-{number}"),
            r#"{"active":false}"#,
        )
        .await;
        assert!(verdict.is_err());
    }
    let asked = authority.asked();
    assert!(
        judged(&introspection, &authority, "good", r#"{"active":false}"#)
            .await
            .is_ok()
    );
    assert_eq!(authority.asked(), asked, "it is still remembered");
    let known = introspection.0.known.lock();
    assert!(known.bad.len() <= 2 * BAD_HALF_MAX, "{}", known.bad.len());
    assert!(!known.open.has(&TokenDigest::of("good").unwrap()));
}
