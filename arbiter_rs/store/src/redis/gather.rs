//! Commits of several parties as one call of the commit script.

use tokio::sync::oneshot;

use super::{line::Answer, resp};

/// Parties of one call at most: while a script runs, Redis does nothing else.
const MAX_PARTIES: usize = 32;
/// Bytes of one call, beyond which no further party is added.
const MAX_BYTES: usize = 64 << 10;

/// What one party adds to a call: words as they are written, its keys first.
#[derive(Debug)]
pub(crate) struct Part {
    words: Vec<u8>,
    /// Where the arguments begin.
    split: usize,
    keys: usize,
    arguments: usize,
}

impl Part {
    /// A party's keys and arguments, as `commit.lua` asks for them.
    pub(crate) fn new(keys: &[&str], arguments: &[&[u8]]) -> Self {
        let all = keys.iter().map(|key| key.len()).chain(arguments.iter().map(|argument| argument.len()));
        let mut words = Vec::with_capacity(all.map(|length| length + 10).sum());
        keys.iter().for_each(|key| resp::write_word(&mut words, key.as_bytes()));
        let split = words.len();
        arguments.iter().for_each(|argument| resp::write_word(&mut words, argument));
        Self { words, split, keys: keys.len(), arguments: arguments.len() }
    }
}

/// The call that is being put together.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    parts: Vec<Part>,
    askers: Vec<oneshot::Sender<Answer>>,
    bytes: usize,
}

impl Gathered {
    /// Whether the part can be added.
    pub(super) fn has_room_for(&self, part: &Part) -> bool {
        self.parts.len() < MAX_PARTIES && self.bytes + part.words.len() <= MAX_BYTES
    }

    /// Add a party.
    pub(super) fn add(&mut self, part: Part, asker: oneshot::Sender<Answer>) {
        self.bytes += part.words.len();
        self.parts.push(part);
        self.askers.push(asker);
    }

    /// Write the call, and begin anew; returns who asked, in the order of the answers, nobody where there is no call.
    pub(super) fn write(&mut self, script: &str, out: &mut Vec<u8>) -> Vec<oneshot::Sender<Answer>> {
        let parts = std::mem::take(&mut self.parts);
        self.bytes = 0;
        if !parts.is_empty() {
            let keys: usize = parts.iter().map(|part| part.keys).sum();
            let arguments: usize = parts.iter().map(|part| part.arguments).sum();
            resp::write_header(out, 3 + keys + arguments);
            resp::write_word(out, b"EVALSHA");
            resp::write_word(out, script.as_bytes());
            resp::write_word(out, keys.to_string().as_bytes());
            for part in &parts {
                out.extend_from_slice(part.words.get(..part.split).unwrap_or_default());
            }
            for part in &parts {
                out.extend_from_slice(part.words.get(part.split..).unwrap_or_default());
            }
        }
        std::mem::take(&mut self.askers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parties_of_one_call_have_all_keys_first() {
        let mut gathered = Gathered::default();
        let (asker, _answer) = oneshot::channel();
        gathered.add(Part::new(&["k1", "l1"], &[b"a"]), asker);
        let (asker, _answer) = oneshot::channel();
        gathered.add(Part::new(&["k2", "l2"], &[b"b", b"c"]), asker);
        let mut out = Vec::new();
        assert_eq!(gathered.write("sha", &mut out).len(), 2);
        let words: [&[u8]; 10] = [b"EVALSHA", b"sha", b"4", b"k1", b"l1", b"k2", b"l2", b"a", b"b", b"c"];
        assert_eq!(out, resp::command(&words));
        out.clear();
        assert!(gathered.write("sha", &mut out).is_empty());
        assert!(out.is_empty());
    }

    #[test]
    fn a_call_has_a_maximum_of_parties_and_of_bytes() {
        let mut gathered = Gathered::default();
        let part = || Part::new(&["k"], &[b"a"]);
        for _ in 0..MAX_PARTIES {
            assert!(gathered.has_room_for(&part()));
            gathered.add(part(), oneshot::channel().0);
        }
        assert!(!gathered.has_room_for(&part()));
        let mut gathered = Gathered::default();
        gathered.add(Part::new(&["k"], &[&vec![0; MAX_BYTES]]), oneshot::channel().0);
        assert!(!gathered.has_room_for(&part()));
    }
}
