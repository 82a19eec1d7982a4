//! Bodies of answers.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header::CONTENT_TYPE};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use prost::Message;
use tonic::{Code, Status};

use crate::status::Refusal;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer.
#[derive(Debug, Default)]
pub(super) enum Body {
    /// One message in its frame, then `OK`.
    Message(Bytes),
    /// `OK` alone is left to say.
    Ok,
    /// Nothing is left to say.
    #[default]
    Ended,
    /// Messages as they come.
    Streamed(tonic::body::Body),
    /// What the control plane answers, untouched.
    Forwarded(Incoming),
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let body = self.get_mut();
        match body {
            Self::Message(frame) => {
                let frame = std::mem::take(frame);
                *body = Self::Ok;
                Poll::Ready(Some(Ok(Frame::data(frame))))
            }
            Self::Ok => {
                *body = Self::Ended;
                let mut trailers = HeaderMap::with_capacity(1);
                trailers.insert("grpc-status", HeaderValue::from_static("0"));
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            Self::Ended => Poll::Ready(None),
            Self::Streamed(inner) => Pin::new(inner).poll_frame(context).map_err(BoxError::from),
            Self::Forwarded(inner) => Pin::new(inner).poll_frame(context).map_err(BoxError::from),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Message(_) | Self::Ok => false,
            Self::Ended => true,
            Self::Streamed(inner) => inner.is_end_stream(),
            Self::Forwarded(inner) => inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Forwarded(inner) => inner.size_hint(),
            Self::Message(_) | Self::Ok | Self::Ended | Self::Streamed(_) => SizeHint::default(),
        }
    }
}

/// An answer with this body.
pub(super) fn response(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// An answer that is an error.
pub(super) fn refused(status: Status) -> Response<Body> {
    status.into_http()
}

impl From<Refusal> for Status {
    fn from(Refusal(status): Refusal) -> Self {
        let details = status.encode_to_vec();
        Self::with_details(Code::from(status.code), status.message, details.into())
    }
}
