//! What tests of forwarding share: a thread's runtime, requests, and bodies as text.

use std::future::Future;
use std::time::Duration;

use http::{Method, Request, Response};
use http_body_util::BodyExt;
use tokio::task::LocalSet;

use crate::body::{BodyError, RequestBody, ResponseBody};

/// How long a test may take.
const TEST_TIME_MAX: Duration = Duration::from_secs(30);

/// Runs a test as a worker runs: on one thread, with tasks of its own.
pub(super) fn local(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let bounded = async { tokio::time::timeout(TEST_TIME_MAX, test).await.expect("the test hangs") };
    LocalSet::new().block_on(&runtime, bounded);
}

pub(super) fn get() -> Request<RequestBody> {
    ask(Method::GET, RequestBody::Empty)
}

pub(super) fn ask(method: Method, body: RequestBody) -> Request<RequestBody> {
    Request::builder().method(method).uri("/a?b=c").body(body).unwrap()
}

/// The body of an answer, to its end.
pub(super) async fn text(response: Response<ResponseBody>) -> Result<String, BodyError> {
    let bytes = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}
