//! One connection: questions in, answers out, on a socket that never waits.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use super::{
    frame::{self, Broken, Head},
    hpack,
    streams::{Stream, Streams},
};

/// Room that the client gives the server on every stream, and on the connection.
const ROOM: u32 = 1 << 30;
/// Bytes after which the room is given anew.
const ROOM_USED: u32 = 1 << 28;
const READ_BYTES: usize = 256 * 1024;
const CONNECT: Duration = Duration::from_secs(2);
/// Bytes of a gRPC message's head: compressed or not, length.
const MESSAGE_HEAD: usize = 5;
/// The longest message that is taken.
const MESSAGE_BYTES: usize = 64 << 20;
const INTERNAL: u32 = 13;
const UNAVAILABLE: u32 = 14;

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The status code of gRPC; 0 is OK.
    pub status: u32,
    /// What the server said with it.
    pub message: String,
}

/// Whoever waits for answers.
pub trait Answers<T> {
    /// A whole message came.
    fn message(&mut self, tag: &mut T, body: &[u8]);
    /// The call is over.
    fn end(&mut self, tag: T, end: &End);
}

/// A client connection without TLS; `T` is what the caller wants back with each answer.
#[derive(Debug)]
pub struct Connection<T> {
    socket: TcpStream,
    inbound: Vec<u8>,
    filled: usize,
    outbound: Vec<u8>,
    written: usize,
    streams: Streams<T>,
    /// Streams with a body that waits for room, oldest first.
    blocked: VecDeque<u32>,
    window: i64,
    stream_window: i64,
    frame_bytes: usize,
    stream_limit: usize,
    received: u32,
    block: Vec<u8>,
    block_of: Option<(u32, bool)>,
    /// The last block that said OK: most end with the same bytes.
    good_end: Vec<u8>,
    is_leaving: bool,
}

impl<T> Connection<T> {
    /// Connect and greet; the server's greeting is read with the first answers.
    pub fn open(address: SocketAddr) -> std::io::Result<Self> {
        let socket = TcpStream::connect_timeout(&address, CONNECT)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let mut outbound = frame::PREFACE.to_vec();
        let mut settings = Vec::new();
        for (name, value) in
            [(frame::HEADER_TABLE_SIZE, 0), (frame::ENABLE_PUSH, 0), (frame::INITIAL_WINDOW_SIZE, ROOM)]
        {
            settings.extend_from_slice(&u16::to_be_bytes(name));
            settings.extend_from_slice(&u32::to_be_bytes(value));
        }
        frame::write(&mut outbound, frame::SETTINGS, 0, 0, &settings);
        frame::write_window(&mut outbound, 0, ROOM);
        Ok(Self {
            socket,
            inbound: vec![0; READ_BYTES],
            filled: 0,
            outbound,
            written: 0,
            streams: Streams::new(),
            blocked: VecDeque::new(),
            window: frame::FIRST_WINDOW,
            stream_window: frame::FIRST_WINDOW,
            frame_bytes: frame::FRAME_BYTES,
            stream_limit: 100,
            received: 0,
            block: Vec::new(),
            block_of: None,
            good_end: Vec::new(),
            is_leaving: false,
        })
    }

    /// Whether another call may be opened now.
    pub fn has_room(&self) -> bool {
        !self.is_leaving && self.streams.open() < self.stream_limit && self.streams.has_ids()
    }

    /// Whether the server said goodbye, or the ids are used up: open another connection.
    pub fn is_leaving(&self) -> bool {
        self.is_leaving || !self.streams.has_ids()
    }

    /// Whether something waits for the socket to take it.
    pub fn wants_to_write(&self) -> bool {
        self.written < self.outbound.len()
    }

    /// Calls without an end.
    pub fn open_calls(&self) -> usize {
        self.streams.open()
    }

    /// Ask a unary question: canned headers, one message with its gRPC head.
    pub fn ask(&mut self, headers: &[u8], message: &[u8], tag: T) {
        let id = self.open_stream(headers, tag);
        self.send(id, message, true);
    }

    /// Open a call whose messages follow; gives its id.
    pub fn open_stream(&mut self, headers: &[u8], tag: T) -> u32 {
        let window = self.stream_window;
        let (unsent, partial) = (Vec::new(), Vec::new());
        let id = self.streams.insert(Stream { tag, window, unsent, ends: false, partial, received: 0 });
        frame::write(&mut self.outbound, frame::HEADERS, frame::END_HEADERS, id, headers);
        id
    }

    /// What the caller gave with an open call.
    pub fn tag(&mut self, id: u32) -> Option<&mut T> {
        self.streams.get(id).map(|stream| &mut stream.tag)
    }

    /// Send a message on an open call; `ends` closes the caller's side.
    pub fn send(&mut self, id: u32, message: &[u8], ends: bool) {
        let Some(stream) = self.streams.get(id) else { return };
        let size = i64::try_from(message.len()).unwrap_or(i64::MAX);
        let fits = message.len() <= self.frame_bytes && size <= stream.window && size <= self.window;
        stream.ends |= ends;
        if fits && stream.unsent.is_empty() {
            stream.window -= size;
            self.window -= size;
            let flags = if ends { frame::END_STREAM } else { 0 };
            frame::write(&mut self.outbound, frame::DATA, flags, id, message);
            return;
        }
        if stream.unsent.is_empty() {
            self.blocked.push_back(id);
        }
        stream.unsent.extend_from_slice(message);
        self.send_blocked();
    }

    /// Send what there is room for of the bodies that wait, in turn.
    fn send_blocked(&mut self) {
        for _ in 0..self.blocked.len() {
            let Some(id) = self.blocked.pop_front() else { return };
            let Some(stream) = self.streams.get(id) else { continue };
            let mut sent = 0;
            loop {
                let room = usize::try_from(stream.window.min(self.window)).unwrap_or(0);
                let rest = stream.unsent.get(sent..).unwrap_or_default();
                let (now, after) = rest.split_at(rest.len().min(room).min(self.frame_bytes));
                if now.is_empty() {
                    break;
                }
                let size = i64::try_from(now.len()).unwrap_or(i64::MAX);
                let flags = if after.is_empty() && stream.ends { frame::END_STREAM } else { 0 };
                frame::write(&mut self.outbound, frame::DATA, flags, id, now);
                stream.window -= size;
                self.window -= size;
                sent += now.len();
            }
            stream.unsent.drain(..sent);
            if !stream.unsent.is_empty() {
                self.blocked.push_back(id);
            }
        }
    }

    /// Write what the socket takes; true where nothing is left.
    pub fn flush(&mut self) -> Result<bool, Broken> {
        while let Some(rest) = self.outbound.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.socket.write(rest) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Broken(format!("the connection was lost: {error}"))),
            }
        }
        self.outbound.clear();
        self.written = 0;
        Ok(true)
    }

    /// Read what is there and hand on every answer that is whole.
    pub fn receive(&mut self, answers: &mut impl Answers<T>) -> Result<(), Broken> {
        let mut inbound = std::mem::take(&mut self.inbound);
        let outcome = self.read_frames(&mut inbound, answers);
        self.inbound = inbound;
        outcome
    }

    fn read_frames(&mut self, inbound: &mut [u8], answers: &mut impl Answers<T>) -> Result<(), Broken> {
        let room = inbound.get_mut(self.filled..).unwrap_or_default();
        match self.socket.read(room) {
            Ok(0) => return Err(Broken("the server closed the connection".to_owned())),
            Ok(count) => self.filled += count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(());
            }
            Err(error) => return Err(Broken(format!("the connection was lost: {error}"))),
        }
        let mut rest = inbound.get(..self.filled).unwrap_or_default();
        while let Some(head) = Head::read(rest) {
            if head.length > frame::FRAME_BYTES {
                return Err(Broken(format!("the server sent a frame of {} bytes", head.length)));
            }
            let Some(payload) = rest.get(frame::HEAD_BYTES..frame::HEAD_BYTES + head.length) else { break };
            self.take_frame(head, payload, answers)?;
            rest = rest.get(frame::HEAD_BYTES + head.length..).unwrap_or_default();
        }
        let left = rest.len();
        inbound.copy_within(self.filled - left..self.filled, 0);
        self.filled = left;
        Ok(())
    }

    fn take_frame(
        &mut self,
        head: Head,
        payload: &[u8],
        answers: &mut impl Answers<T>,
    ) -> Result<(), Broken> {
        match head.kind {
            frame::DATA => self.take_data(head, payload, answers),
            frame::HEADERS if head.has(frame::END_HEADERS) => {
                self.take_block(head.stream, head.has(frame::END_STREAM), head.unpadded(payload)?, answers)
            }
            frame::HEADERS => {
                self.block = head.unpadded(payload)?.to_vec();
                self.block_of = Some((head.stream, head.has(frame::END_STREAM)));
                Ok(())
            }
            frame::CONTINUATION => self.take_continuation(head, payload, answers),
            frame::RST_STREAM => {
                let end = end_of_reset(frame::number(payload)?);
                self.end_call(head.stream, &end, answers);
                Ok(())
            }
            frame::SETTINGS if !head.has(frame::ACK) => self.take_settings(payload),
            frame::PING if !head.has(frame::ACK) => {
                frame::write(&mut self.outbound, frame::PING, frame::ACK, 0, payload);
                Ok(())
            }
            frame::GOAWAY => {
                self.is_leaving = true;
                let last = frame::number(payload)? & 0x7fff_ffff;
                let end = End { status: UNAVAILABLE, message: "the server is going away".to_owned() };
                self.streams.remove_after(last).into_iter().for_each(|stream| answers.end(stream.tag, &end));
                Ok(())
            }
            frame::WINDOW_UPDATE => {
                let bytes = i64::from(frame::number(payload)? & 0x7fff_ffff);
                if head.stream == 0 {
                    self.window += bytes;
                } else if let Some(stream) = self.streams.get(head.stream) {
                    stream.window += bytes;
                }
                self.send_blocked();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn take_continuation(
        &mut self,
        head: Head,
        payload: &[u8],
        answers: &mut impl Answers<T>,
    ) -> Result<(), Broken> {
        let Some((stream, ends)) = self.block_of.filter(|(stream, _)| *stream == head.stream) else {
            return Err(Broken("the server continued a header block that it had not begun".to_owned()));
        };
        self.block.extend_from_slice(payload);
        if self.block.len() > READ_BYTES {
            return Err(Broken("the server sent a header block without end".to_owned()));
        }
        if !head.has(frame::END_HEADERS) {
            return Ok(());
        }
        self.block_of = None;
        let block = std::mem::take(&mut self.block);
        self.take_block(stream, ends, &block, answers)
    }

    fn take_settings(&mut self, payload: &[u8]) -> Result<(), Broken> {
        for (name, value) in frame::settings(payload)? {
            match name {
                frame::MAX_CONCURRENT_STREAMS => {
                    self.stream_limit = usize::try_from(value).unwrap_or(usize::MAX)
                }
                frame::MAX_FRAME_SIZE => {
                    self.frame_bytes = usize::try_from(value).unwrap_or(frame::FRAME_BYTES)
                }
                frame::INITIAL_WINDOW_SIZE => {
                    let change = i64::from(value) - self.stream_window;
                    self.stream_window += change;
                    self.streams.each().for_each(|(_, stream)| stream.window += change);
                }
                _ => {}
            }
        }
        frame::write(&mut self.outbound, frame::SETTINGS, frame::ACK, 0, &[]);
        self.send_blocked();
        Ok(())
    }

    fn take_data(&mut self, head: Head, payload: &[u8], answers: &mut impl Answers<T>) -> Result<(), Broken> {
        let size = u32::try_from(head.length).unwrap_or(u32::MAX);
        self.received = self.received.saturating_add(size);
        if self.received > ROOM_USED {
            frame::write_window(&mut self.outbound, 0, std::mem::take(&mut self.received));
        }
        let data = head.unpadded(payload)?;
        let Some(stream) = self.streams.get(head.stream) else { return Ok(()) };
        stream.received = stream.received.saturating_add(size);
        if stream.received > ROOM_USED {
            frame::write_window(&mut self.outbound, head.stream, std::mem::take(&mut stream.received));
        }
        if stream.partial.is_empty() {
            let rest = messages(data, &mut stream.tag, answers)?;
            stream.partial.extend_from_slice(rest);
        } else {
            stream.partial.extend_from_slice(data);
            let partial = std::mem::take(&mut stream.partial);
            stream.partial = messages(&partial, &mut stream.tag, answers)?.to_vec();
        }
        if head.has(frame::END_STREAM) {
            self.end_call(head.stream, &internal("the server ended a call without a status"), answers);
        }
        Ok(())
    }

    fn take_block(
        &mut self,
        id: u32,
        ends: bool,
        block: &[u8],
        answers: &mut impl Answers<T>,
    ) -> Result<(), Broken> {
        if !ends {
            return Ok(());
        }
        if !self.good_end.is_empty() && block == self.good_end {
            self.end_call(id, &End { status: 0, message: String::new() }, answers);
            return Ok(());
        }
        let told = hpack::read(block)?;
        let end = told.status.map_or_else(
            || internal("the server ended a call without `grpc-status`"),
            |status| End { status, message: told.message },
        );
        if end.status == 0 {
            self.good_end = block.to_vec();
        }
        self.end_call(id, &end, answers);
        Ok(())
    }

    fn end_call(&mut self, id: u32, end: &End, answers: &mut impl Answers<T>) {
        if let Some(stream) = self.streams.remove(id) {
            if !stream.unsent.is_empty() {
                // The server answered before it had read everything: it must not wait for the rest.
                frame::write(&mut self.outbound, frame::RST_STREAM, 0, id, &8_u32.to_be_bytes());
            }
            answers.end(stream.tag, end);
        }
    }

    /// End every open call with this status, as the connection is no more.
    pub fn abandon(mut self, status: u32, why: &Broken, answers: &mut impl Answers<T>) {
        let end = End { status, message: why.0.clone() };
        self.streams.remove_after(0).into_iter().for_each(|stream| answers.end(stream.tag, &end));
    }
}

impl<T> AsFd for Connection<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Hand on every whole message; gives what is left.
fn messages<'a, T>(data: &'a [u8], tag: &mut T, answers: &mut impl Answers<T>) -> Result<&'a [u8], Broken> {
    let mut rest = data;
    while let Some(&[compressed, length @ ..]) = rest.first_chunk::<MESSAGE_HEAD>() {
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if compressed != 0 || length > MESSAGE_BYTES {
            return Err(Broken(
                "the server sent a message that is compressed or longer than 64 MiB".to_owned(),
            ));
        }
        let Some(body) = rest.get(MESSAGE_HEAD..MESSAGE_HEAD + length) else { break };
        answers.message(tag, body);
        rest = rest.get(MESSAGE_HEAD + length..).unwrap_or_default();
    }
    Ok(rest)
}

fn internal(message: &str) -> End {
    End { status: INTERNAL, message: message.to_owned() }
}

/// RFC 9113 codes as gRPC statuses.
fn end_of_reset(code: u32) -> End {
    let status = match code {
        7 => UNAVAILABLE,
        8 => 1,
        11 => 8,
        12 => 7,
        _ => INTERNAL,
    };
    End { status, message: format!("the server reset the stream with code {code}") }
}
