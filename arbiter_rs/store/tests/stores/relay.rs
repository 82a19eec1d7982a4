//! A line to Redis that can be cut in the middle of an answer, or held, once a commit was sent on it.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use parking_lot::{Condvar, Mutex};

const SCRIPT: &[u8] = b"EVALSHA";
const CHUNK: usize = 64 << 10;

/// What happens to the answers on the connection that the next script call is sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// So many bytes come back, and then the connection is gone.
    Cut(usize),
    /// Nothing comes back until it is let go on.
    Hold,
}

/// Hands everything on, both ways. Its threads end with the connections.
pub(crate) struct Relay {
    port: u16,
    next: Arc<Mutex<Option<Fault>>>,
    gate: Arc<Gate>,
}

/// Where held answers wait.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opens: Condvar,
}

impl Relay {
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay =
            Self { port: listener.local_addr().unwrap().port(), next: Arc::default(), gate: Arc::default() };
        let (next, gate) = (Arc::clone(&relay.next), Arc::clone(&relay.gate));
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let fault = Arc::new(Mutex::new(None));
                let asks = (near.try_clone().unwrap(), far.try_clone().unwrap());
                let (next, of_asks, gate) = (Arc::clone(&next), Arc::clone(&fault), Arc::clone(&gate));
                thread::spawn(move || ask(asks, &next, &of_asks));
                thread::spawn(move || answer((far, near), &fault, &gate));
            }
        });
        relay
    }

    /// The address of the store behind it, its values asked for by this client.
    pub(crate) fn address_of(&self, client: &str) -> String {
        format!("redis://127.0.0.1:{}?client={client}", self.port)
    }

    /// From the next script call on this happens on its connection.
    pub(crate) fn arm(&self, fault: Fault) {
        *self.next.lock() = Some(fault);
    }

    /// Whether the fault has not come yet.
    pub(crate) fn is_armed(&self) -> bool {
        self.next.lock().is_some()
    }

    /// Let held answers go on, those of all connections.
    pub(crate) fn release(&self) {
        *self.gate.is_open.lock() = true;
        self.gate.opens.notify_all();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.release();
    }
}

fn ask(
    (mut near, mut far): (TcpStream, TcpStream),
    next: &Mutex<Option<Fault>>,
    fault: &Mutex<Option<Fault>>,
) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(count @ 1..) = near.read(&mut chunk) {
        if chunk[..count].windows(SCRIPT.len()).any(|window| window == SCRIPT)
            && let Some(armed) = next.lock().take()
        {
            *fault.lock() = Some(armed);
        }
        if far.write_all(&chunk[..count]).is_err() {
            break;
        }
    }
    let _gone = far.shutdown(std::net::Shutdown::Both);
}

fn answer((mut far, mut near): (TcpStream, TcpStream), fault: &Mutex<Option<Fault>>, gate: &Gate) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(count @ 1..) = far.read(&mut chunk) {
        let fault = *fault.lock();
        let count = match fault {
            Some(Fault::Cut(bytes)) => bytes.min(count),
            Some(Fault::Hold) => {
                gate.opens.wait_while(&mut gate.is_open.lock(), |is_open| !*is_open);
                count
            }
            None => count,
        };
        if near.write_all(&chunk[..count]).is_err() || matches!(fault, Some(Fault::Cut(_))) {
            break;
        }
    }
    let _gone = near.shutdown(std::net::Shutdown::Both);
}
