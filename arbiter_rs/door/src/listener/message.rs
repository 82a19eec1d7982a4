//! Messages in their frames: a byte for compression, four for the length, the message.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use prost::Message;
use tonic::{
    Code, Status, Streaming,
    codec::{BufferSettings, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// The largest message taken: 10,000 requests of 6 KiB each. Answers are as large as their requests make them.
pub(super) const MAX_MESSAGE_BYTES: usize = 64 << 20;
/// What stands before a message.
pub(super) const HEAD_BYTES: usize = 5;

/// Read the one message of a call; mostly it came in one piece and is not copied.
pub(super) async fn read(request: Request<Incoming>) -> Result<Bytes, Status> {
    if let Some(encoding) = encoding(request.headers())? {
        let mut messages =
            Streaming::new_request(Raw, request.into_body(), Some(encoding), Some(MAX_MESSAGE_BYTES));
        return messages.message().await.map_err(too_large)?.ok_or_else(missing);
    }
    let mut body = request.into_body();
    let Some(first) = next(&mut body).await? else { return Err(missing()) };
    if body.is_end_stream() {
        return unframed(first);
    }
    let mut gathered = BytesMut::from(first);
    while let Some(piece) = next(&mut body).await? {
        if let Some(length) = length(&gathered) {
            check_length(length)?;
            gathered.reserve((HEAD_BYTES + length).saturating_sub(gathered.len()));
        }
        gathered.put(piece);
    }
    unframed(gathered.freeze())
}

async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Status> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Status::cancelled(error.to_string()))?;
        if let Ok(data) = frame.into_data()
            && !data.is_empty()
        {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

fn length(framed: &[u8]) -> Option<usize> {
    let [_, length @ ..] = framed.first_chunk::<HEAD_BYTES>()?;
    usize::try_from(u32::from_be_bytes(*length)).ok()
}

fn check_length(length: usize) -> Result<(), Status> {
    if length <= MAX_MESSAGE_BYTES {
        return Ok(());
    }
    Err(Status::resource_exhausted(format!(
        "the message has {length} bytes, at most {MAX_MESSAGE_BYTES} are taken: send it in parts"
    )))
}

fn unframed(mut framed: Bytes) -> Result<Bytes, Status> {
    let Some(length) = length(&framed) else { return Err(missing()) };
    check_length(length)?;
    if framed.first() != Some(&0) {
        return Err(Status::internal("the message is compressed and `grpc-encoding` does not say how"));
    }
    framed.advance(HEAD_BYTES);
    if framed.len() == length {
        Ok(framed)
    } else {
        Err(Status::internal("a call of this method has one message, and its length is that of its frame"))
    }
}

fn missing() -> Status {
    Status::internal("the call has no message")
}

/// Put the length before a message that was written after [`HEAD_BYTES`] bytes of room.
pub(super) fn framed(mut bytes: Vec<u8>) -> Bytes {
    let length = u32::try_from(bytes.len().saturating_sub(HEAD_BYTES)).unwrap_or(u32::MAX);
    if let Some([_, room @ ..]) = bytes.first_chunk_mut::<HEAD_BYTES>() {
        *room = length.to_be_bytes();
    }
    Bytes::from(bytes)
}

/// How the messages of a call are compressed, where they are.
pub(super) fn encoding(headers: &HeaderMap) -> Result<Option<CompressionEncoding>, Status> {
    let Some(encoding) = headers.get("grpc-encoding") else { return Ok(None) };
    match encoding.as_bytes() {
        b"identity" => Ok(None),
        b"gzip" => Ok(Some(CompressionEncoding::Gzip)),
        b"deflate" => Ok(Some(CompressionEncoding::Deflate)),
        _ => Err(Status::unimplemented("messages may be compressed by `gzip` or `deflate`")),
    }
}

/// Too large a message has the same status, however it came.
pub(super) fn too_large(status: Status) -> Status {
    if status.code() == Code::OutOfRange { Status::resource_exhausted(status.message()) } else { status }
}

/// The bytes of each message of a stream.
#[derive(Debug)]
pub(super) struct Raw;

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// Messages of a stream, each written once.
#[derive(Debug)]
pub(super) struct Written<M>(pub(super) std::marker::PhantomData<fn(M)>);

impl<M: Message> Encoder for Written<M> {
    type Item = M;
    type Error = Status;

    fn encode(&mut self, message: M, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(message.encoded_len());
        message.encode_raw(buffer);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(4 << 10, 16 << 10)
    }
}
