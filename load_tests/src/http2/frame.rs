//! Frames of HTTP/2 (RFC 9113), as far as a gRPC client reads and writes them.

use std::fmt;

/// Bytes of the head of a frame.
pub(super) const HEAD_BYTES: usize = 9;
/// The largest payload that either side may send without asking.
pub(super) const FRAME_BYTES: usize = 16_384;
/// Window of a stream and of the connection before anybody says otherwise.
pub(super) const FIRST_WINDOW: i64 = 65_535;
/// What the client opens every connection with, before its SETTINGS.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const ACK: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;

pub(super) const HEADER_TABLE_SIZE: u16 = 1;
pub(super) const ENABLE_PUSH: u16 = 2;
pub(super) const MAX_CONCURRENT_STREAMS: u16 = 3;
pub(super) const INITIAL_WINDOW_SIZE: u16 = 4;
pub(super) const MAX_FRAME_SIZE: u16 = 5;

/// Why a connection cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken(pub String);

impl fmt::Display for Broken {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

/// The first nine bytes of a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) length: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl Head {
    /// The head at the start of these bytes; none where fewer than nine are there.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, kind, flags, s @ ..] = *bytes.first_chunk::<HEAD_BYTES>()?;
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        Some(Self { length, kind, flags, stream: u32::from_be_bytes(s) & 0x7fff_ffff })
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The payload of DATA or HEADERS without padding and priority.
    pub(super) fn unpadded<'a>(&self, payload: &'a [u8]) -> Result<&'a [u8], Broken> {
        let mut rest = payload;
        let mut padding = 0;
        if self.has(PADDED) {
            let (&first, after) = rest.split_first().ok_or_else(too_short)?;
            (padding, rest) = (usize::from(first), after);
        }
        if self.kind == HEADERS && self.has(PRIORITY) {
            rest = rest.get(5..).ok_or_else(too_short)?;
        }
        rest.len().checked_sub(padding).and_then(|kept| rest.get(..kept)).ok_or_else(too_short)
    }
}

/// Append one frame.
pub(super) fn write(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    write_head(out, kind, flags, stream, payload.len());
    out.extend_from_slice(payload);
}

/// Append the head of a frame whose payload the caller appends.
pub(super) fn write_head(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, length: usize) {
    let [.., a, b, c] = length.to_be_bytes();
    let [s0, s1, s2, s3] = stream.to_be_bytes();
    out.extend_from_slice(&[a, b, c, kind, flags, s0, s1, s2, s3]);
}

/// Append a WINDOW_UPDATE.
pub(super) fn write_window(out: &mut Vec<u8>, stream: u32, bytes: u32) {
    write(out, WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes());
}

/// The big-endian number at the start of a payload.
pub(super) fn number(payload: &[u8]) -> Result<u32, Broken> {
    payload.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes)).ok_or_else(too_short)
}

/// The settings of a payload, in order.
pub(super) fn settings(payload: &[u8]) -> Result<impl Iterator<Item = (u16, u32)>, Broken> {
    let (each, rest) = payload.as_chunks::<6>();
    if !rest.is_empty() {
        return Err(too_short());
    }
    Ok(each.iter().map(|&[a, b, v @ ..]| (u16::from_be_bytes([a, b]), u32::from_be_bytes(v))))
}

pub(super) fn too_short() -> Broken {
    Broken("the server sent a frame that is shorter than its kind".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let mut out = Vec::new();
        write(&mut out, DATA, END_STREAM, 7, b"abc");
        let head = Head::read(&out).unwrap();
        assert_eq!((head.length, head.kind, head.stream), (3, DATA, 7));
        assert!(head.has(END_STREAM));
        assert_eq!(head.unpadded(&out[HEAD_BYTES..]).unwrap(), b"abc");
        assert!(Head::read(&out[..8]).is_none());
    }

    #[test]
    fn padding_longer_than_the_payload_breaks_the_connection_and_nothing_else() {
        let head = Head { length: 3, kind: DATA, flags: PADDED, stream: 1 };
        assert_eq!(head.unpadded(&[1, b'a', 0]).unwrap(), b"a");
        assert!(head.unpadded(&[9, b'a', 0]).is_err());
        assert!(head.unpadded(&[]).is_err());
    }

    #[test]
    fn settings_that_are_cut_are_refused() {
        let payload = [0, 4, 0, 0, 0, 9];
        assert_eq!(settings(&payload).unwrap().collect::<Vec<_>>(), [(INITIAL_WINDOW_SIZE, 9)]);
        assert!(settings(&payload[..5]).is_err());
    }
}
