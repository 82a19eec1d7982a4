//! Servers that break the connection, say goodbye, or use what of HTTP/2 tonic does not.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use repit_load::http2::{Answers, Connection, End, request_headers};

#[derive(Default)]
struct Heard {
    messages: Vec<Vec<u8>>,
    ends: Vec<(u32, End)>,
}

impl Answers<u32> for Heard {
    fn message(&mut self, _: &mut u32, body: &[u8]) {
        self.messages.push(body.to_vec());
    }

    fn end(&mut self, tag: u32, end: &End) {
        self.ends.push((tag, end.clone()));
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, _, _, _, _, a, b, c] = (payload.len() as u64).to_be_bytes();
    [&[a, b, c, kind, flags], stream.to_be_bytes().as_slice(), payload].concat()
}

fn literal(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).unwrap();
    [&[0, length(name)], name.as_bytes(), &[length(value)], value.as_bytes()].concat()
}

/// A server that reads the preface and answers these bytes, then what it read until the client went away.
fn scripted(said: Vec<u8>) -> (SocketAddr, thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let heard = thread::spawn(move || {
        let (mut socket, _): (TcpStream, _) = listener.accept().unwrap();
        socket.write_all(&said).unwrap();
        let mut heard = Vec::new();
        let _ = socket.read_to_end(&mut heard);
        heard
    });
    (address, heard)
}

/// Ask so many questions of a scripted server; what was heard until all ended or the connection broke.
fn ask(said: Vec<u8>, questions: u32) -> (Heard, Option<String>, Vec<u8>) {
    let (address, server) = scripted(said);
    let mut connection = Connection::open(address).unwrap();
    let headers = request_headers("a", "/b/c");
    for tag in 0..questions {
        connection.ask(&headers, &[0, 0, 0, 0, 1, 9], tag);
    }
    let mut heard = Heard::default();
    let mut broken = None;
    while connection.open_calls() > 0 && broken.is_none() {
        connection.flush().unwrap();
        broken = connection.receive(&mut heard).err().map(|broken| broken.0);
        thread::yield_now();
    }
    let _ = connection.flush();
    drop(connection);
    (heard, broken, server.join().unwrap())
}

#[test]
fn an_answer_cut_into_frames_padding_and_continuations_is_whole() {
    let block = [literal("grpc-status", "0"), literal("x", &"y".repeat(100))].concat();
    let said = [
        frame(4, 0, 0, &[]),
        frame(6, 0, 0, b"8 bytes!"),
        frame(1, 4, 1, &[0x88]),
        // A message of six bytes in two padded frames.
        frame(0, 8, 1, &[2, 0, 0, 0, 0, 6, b'a', b'b', 0, 0]),
        frame(0, 0, 1, b"cdef"),
        frame(1, 1, 1, &block[..10]),
        frame(9, 0, 1, &block[10..50]),
        frame(9, 4, 1, &block[50..]),
    ];
    let (heard, broken, sent) = ask(said.concat(), 1);
    assert_eq!((heard.messages, broken), (vec![b"abcdef".to_vec()], None));
    assert_eq!(heard.ends, [(0, End { status: 0, message: String::new() })]);
    let pong = frame(6, 1, 0, b"8 bytes!");
    assert!(sent.windows(pong.len()).any(|window| window == pong), "a ping is answered with its own bytes");
}

#[test]
fn a_server_that_says_goodbye_answers_what_it_took_and_the_rest_has_failed() {
    let said = [
        frame(4, 0, 0, &[]),
        frame(7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]),
        frame(1, 4 | 1, 1, &literal("grpc-status", "0")),
    ];
    let (heard, ..) = ask(said.concat(), 2);
    let statuses: Vec<(u32, u32)> = heard.ends.iter().map(|(tag, end)| (*tag, end.status)).collect();
    assert_eq!(statuses, [(1, 14), (0, 0)]);
}

#[test]
fn a_stream_that_is_reset_or_ends_without_a_status_has_failed() {
    let said = [frame(4, 0, 0, &[]), frame(3, 0, 1, &[0, 0, 0, 7]), frame(0, 1, 3, &[])];
    let (heard, ..) = ask(said.concat(), 2);
    let statuses: Vec<u32> = heard.ends.iter().map(|(_, end)| end.status).collect();
    assert_eq!(statuses, [14, 13]);
}

#[test]
fn bytes_that_are_no_http_2_break_the_connection_and_nothing_else() {
    for said in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        frame(4, 0, 0, &[1, 2, 3]),
        frame(1, 5, 1, &[0x80 | 90]),
    ] {
        let (heard, broken, _) = ask(said, 1);
        assert!(broken.is_some());
        assert!(heard.messages.is_empty());
    }
}
