//! The words of Redis' protocol (RESP 2) that the fast path writes and reads.

use redis::Value;

/// The longest string in a reply: as long as Redis has any.
const MAX_BULK_BYTES: usize = 512 << 20;
/// The most elements of a list in a reply.
const MAX_ELEMENTS: usize = 1 << 20;
/// Lists in lists.
const MAX_DEPTH: usize = 4;
/// The longest line in front of a reply, or a reply in itself.
const MAX_LINE_BYTES: usize = 64 << 10;

/// Something that Redis does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What begins a command of so many words.
pub(crate) fn write_header(out: &mut Vec<u8>, words: usize) {
    write_number(out, b'*', words);
}

/// One word of a command.
pub(crate) fn write_word(out: &mut Vec<u8>, word: &[u8]) {
    write_number(out, b'$', word.len());
    out.extend_from_slice(word);
    out.extend_from_slice(b"\r\n");
}

/// A whole command.
pub(crate) fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + words.iter().map(|word| word.len() + 16).sum::<usize>());
    write_header(&mut out, words.len());
    words.iter().for_each(|word| write_word(&mut out, word));
    out
}

fn write_number(out: &mut Vec<u8>, kind: u8, number: usize) {
    let mut digits = [0; 20];
    let mut rest = number;
    let mut used = 0;
    for place in digits.iter_mut().rev() {
        *place = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    out.push(kind);
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
    out.extend_from_slice(b"\r\n");
}

/// The reply at the start of what was read, and how many bytes it took; None where it is not all there yet.
pub(crate) fn read(input: &[u8]) -> Result<Option<(Value, usize)>, Malformed> {
    let mut reader = Reader { input, at: 0 };
    Ok(reader.value(MAX_DEPTH)?.map(|value| (value, reader.at)))
}

struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Option<Value>, Malformed> {
        let start = self.at;
        let Some(line) = self.line()? else { return Ok(None) };
        let (kind, text) = line.split_first().ok_or(Malformed)?;
        match kind {
            b':' => Ok(Some(Value::Int(number(text)?))),
            b'$' => self.string(text),
            b'*' => self.list(text, depth),
            b'+' | b'-' => {
                let line = self.input.get(start..self.at).unwrap_or_default();
                redis::parse_redis_value(line).map(Some).map_err(|_| Malformed)
            }
            _ => Err(Malformed),
        }
    }

    fn string(&mut self, length: &[u8]) -> Result<Option<Value>, Malformed> {
        let Some(length) = size(length, MAX_BULK_BYTES)? else { return Ok(Some(Value::Nil)) };
        let Some(bytes) = self.input.get(self.at..self.at + length + 2) else { return Ok(None) };
        let (bytes, end) = bytes.split_at_checked(length).ok_or(Malformed)?;
        if end != b"\r\n" {
            return Err(Malformed);
        }
        self.at += length + 2;
        Ok(Some(Value::BulkString(bytes.to_vec())))
    }

    fn list(&mut self, length: &[u8], depth: usize) -> Result<Option<Value>, Malformed> {
        let Some(length) = size(length, MAX_ELEMENTS)? else { return Ok(Some(Value::Nil)) };
        let depth = depth.checked_sub(1).ok_or(Malformed)?;
        let mut values = Vec::new();
        for _ in 0..length {
            let Some(value) = self.value(depth)? else { return Ok(None) };
            values.push(value);
        }
        Ok(Some(Value::Array(values)))
    }

    fn line(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let Some(length) = rest.iter().take(MAX_LINE_BYTES).position(|byte| *byte == b'\n') else {
            return if rest.len() < MAX_LINE_BYTES { Ok(None) } else { Err(Malformed) };
        };
        self.at += length + 1;
        let line = rest.get(..length).and_then(|line| line.strip_suffix(b"\r"));
        line.map(Some).ok_or(Malformed)
    }
}

fn number(digits: &[u8]) -> Result<i64, Malformed> {
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or(Malformed)
}

/// How long something is; None where Redis says that there is nothing.
fn size(digits: &[u8], maximum: usize) -> Result<Option<usize>, Malformed> {
    match number(digits)? {
        -1 => Ok(None),
        length => usize::try_from(length).ok().filter(|length| *length <= maximum).map(Some).ok_or(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_its_words_with_their_lengths() {
        assert_eq!(command(&[b"GET", b"k\r\n"]), b"*2\r\n$3\r\nGET\r\n$3\r\nk\r\n\r\n");
        let mut out = Vec::new();
        [0, 9, 10, 1_234_567_890].into_iter().for_each(|number| write_header(&mut out, number));
        assert_eq!(out, b"*0\r\n*9\r\n*10\r\n*1234567890\r\n");
    }

    #[test]
    fn replies_are_read_alike_by_the_library_however_they_are_cut() {
        let replies: [&[u8]; 11] = [
            b":1\r\n",
            b":-42\r\n",
            b"$-1\r\n",
            b"$0\r\n\r\n",
            b"$4\r\na\r\nb\r\n",
            b"*-1\r\n",
            b"*0\r\n",
            b"*3\r\n:1\r\n$2\r\nab\r\n-WRONGTYPE not a string\r\n",
            b"+OK\r\n",
            b"+PONG\r\n",
            b"-NOSCRIPT No matching script\r\n",
        ];
        for reply in replies {
            let mut input = reply.to_vec();
            input.extend_from_slice(b":7");
            let (value, length) = read(&input).unwrap().unwrap();
            assert_eq!(length, reply.len());
            assert_eq!(value, redis::parse_redis_value(reply).unwrap());
            for cut in 0..reply.len() {
                assert_eq!(read(&reply[..cut]), Ok(None), "{reply:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn what_redis_does_not_say_is_malformed() {
        let endless = vec![b'+'; MAX_LINE_BYTES];
        let deep = b"*1\r\n".repeat(MAX_DEPTH + 1);
        for input in [
            b"HTTP/1.1 400 Bad Request\r\n".as_slice(),
            b"\r\n",
            b":one\r\n",
            b":1\n",
            b"$-2\r\n",
            b"$9999999999\r\n",
            b"$1\r\nabc\r\n",
            b"*9999999999\r\n",
            &endless,
            &deep,
        ] {
            assert_eq!(read(input), Err(Malformed), "{:?}", String::from_utf8_lossy(input));
        }
    }
}
