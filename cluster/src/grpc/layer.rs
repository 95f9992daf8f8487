//! A layer around all services of a server: counts the bodies of calls and answers.

use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Request, Response};
use tonic::body::Body;
use tower::Service;

use super::GrpcCounts;
use super::counted::{CountedBody, Direction};

/// Counts the bodies of calls and answers.
#[derive(Clone, Debug)]
pub(super) struct Counted<S> {
    pub(super) inner: S,
    pub(super) counts: GrpcCounts,
}

impl<S> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<CountedBody>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let counts = self.counts.clone();
        let counted = |body| Body::new(CountedBody::new(body, Direction::In, &counts));
        let answer = self.inner.call(request.map(counted));
        Box::pin(async move {
            let answer = answer.await?;
            Ok(answer.map(|body| CountedBody::new(body, Direction::Out, &counts)))
        })
    }
}
