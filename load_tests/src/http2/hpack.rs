//! Header blocks (RFC 7541): written once as literals, read only as far as `grpc-status` and `grpc-message` are needed.
//!
//! The client announces a header table of 0 bytes, so every block stands alone and needs no state.

use httlib_huffman::DecoderSpeed;

use super::frame::Broken;

/// What a block says of a call.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// `grpc-status`, where it is there and a number.
    pub(super) status: Option<u32>,
    /// `grpc-message`, percent-encoded as it came.
    pub(super) message: String,
}

/// The block of a gRPC request, every field a literal without indexing.
pub fn request_headers(authority: &str, path: &str) -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        write_string(&mut block, name);
        write_string(&mut block, value);
    }
    block
}

fn write_string(block: &mut Vec<u8>, text: &str) {
    match u8::try_from(text.len()) {
        Ok(length) if length < 127 => block.push(length),
        _ => {
            block.push(127);
            let mut rest = text.len() - 127;
            while rest >= 128 {
                block.push(u8::try_from(rest % 128).unwrap_or(0) | 128);
                rest /= 128;
            }
            block.push(u8::try_from(rest).unwrap_or(0));
        }
    }
    block.extend_from_slice(text.as_bytes());
}

/// Read a block.
pub(super) fn read(block: &[u8]) -> Result<Told, Broken> {
    let mut told = Told::default();
    let mut rest = block;
    while let Some(&first) = rest.first() {
        if first & 0x80 != 0 {
            indexed(integer(&mut rest, 7)?)?;
            continue;
        }
        if first & 0xe0 == 0x20 {
            integer(&mut rest, 5)?;
            continue;
        }
        let index = integer(&mut rest, if first & 0xc0 == 0x40 { 6 } else { 4 })?;
        let name = if index == 0 { string(&mut rest)? } else { indexed(index).map(|()| Vec::new())? };
        let value = string(&mut rest)?;
        match name.as_slice() {
            b"grpc-status" => {
                told.status = std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok())
            }
            b"grpc-message" => told.message = String::from_utf8_lossy(&value).into_owned(),
            _ => {}
        }
    }
    Ok(told)
}

/// A name of the static table; none of them is of use here.
fn indexed(index: usize) -> Result<(), Broken> {
    if (1..=61).contains(&index) {
        return Ok(());
    }
    Err(Broken("the server indexed a header field in a table that has no room".to_owned()))
}

fn integer(rest: &mut &[u8], bits: u32) -> Result<usize, Broken> {
    let limit = (1_usize << bits) - 1;
    let mut value = usize::from(take(rest)?) & limit;
    if value < limit {
        return Ok(value);
    }
    for shift in [0, 7, 14, 21] {
        let next = usize::from(take(rest)?);
        value += (next & 127) << shift;
        if next & 128 == 0 {
            return Ok(value);
        }
    }
    Err(cut())
}

fn string(rest: &mut &[u8]) -> Result<Vec<u8>, Broken> {
    let is_huffman = rest.first().is_some_and(|first| first & 0x80 != 0);
    let length = integer(rest, 7)?;
    let (text, after) = rest.split_at_checked(length).ok_or_else(cut)?;
    *rest = after;
    if !is_huffman {
        return Ok(text.to_vec());
    }
    let mut decoded = Vec::new();
    httlib_huffman::decode(text, &mut decoded, DecoderSpeed::FourBits)
        .map_err(|_| Broken("the server sent a header field that is no Huffman code".to_owned()))?;
    Ok(decoded)
}

fn take(rest: &mut &[u8]) -> Result<u8, Broken> {
    let (&first, after) = rest.split_first().ok_or_else(cut)?;
    *rest = after;
    Ok(first)
}

fn cut() -> Broken {
    Broken("the server sent a header block that is cut".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A literal without indexing, its strings Huffman-coded.
    fn huffman(name: &str, value: &str) -> Vec<u8> {
        let mut block = vec![0];
        for text in [name, value] {
            let mut coded = Vec::new();
            httlib_huffman::encode(text.as_bytes(), &mut coded).unwrap();
            block.push(0x80 | u8::try_from(coded.len()).unwrap());
            block.extend(coded);
        }
        block
    }

    #[test]
    fn the_status_is_read_plain_and_huffman_coded() {
        let mut plain = vec![0];
        write_string(&mut plain, "grpc-status");
        write_string(&mut plain, "14");
        assert_eq!(read(&plain).unwrap().status, Some(14));
        let mut block = vec![0x20, 0x88];
        block.extend(huffman("grpc-status", "8"));
        block.extend(huffman("grpc-message", "try again"));
        assert_eq!(read(&block).unwrap(), Told { status: Some(8), message: "try again".to_owned() });
    }

    #[test]
    fn a_block_cut_anywhere_is_refused_or_read_and_never_more() {
        let block = huffman("grpc-status", "0");
        for end in 1..block.len() {
            assert!(read(&block[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn a_field_of_the_dynamic_table_is_refused() {
        assert!(read(&[0x80 | 62]).is_err());
    }

    #[test]
    fn a_long_field_carries_its_length_in_several_bytes() {
        let path = "/".repeat(400);
        let block = request_headers("a", &path);
        assert_eq!(read(&block).unwrap(), Told::default());
    }
}
