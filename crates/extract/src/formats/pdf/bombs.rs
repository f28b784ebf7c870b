//! Refuses packed streams that unpack without measure, before a parser unpacks them whole.

use std::io::{Read, copy, sink};

use flate2::read::ZlibDecoder;

use crate::error::Failure;
use crate::limits::Limits;

/// Unpacks each Flate stream of a file into nothing, as far as the limit.
pub(super) fn refuse(bytes: &[u8], limits: &Limits) -> Result<(), Failure> {
    let limit = limits.max_expanded_bytes;
    let mut rest = bytes;
    while let Some(data) = next_stream(&mut rest) {
        // Only a stream that packs a thousandfold, deflate's most, can pass the limit.
        if (data.len() as u64).saturating_mul(1032) <= limit {
            return Ok(());
        }
        let unpacked = copy(&mut ZlibDecoder::new(data).take(limit + 1), &mut sink());
        if unpacked.is_ok_and(|size| size > limit) {
            return Err(Failure::Expands { limit });
        }
    }
    Ok(())
}

/// What follows the next `stream` keyword and looks like zlib data; advances `rest` behind the keyword.
fn next_stream<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    const KEYWORD: &[u8] = b"stream";
    loop {
        let at = rest.windows(KEYWORD.len()).position(|window| window == KEYWORD)?;
        *rest = &rest[at + KEYWORD.len()..];
        let data = rest.trim_ascii_start();
        if data.first().is_some_and(|byte| byte & 0x0F == 8)
            && rest.first().is_some_and(|byte| b"\r\n".contains(byte))
        {
            return Some(data);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    #[test]
    fn a_stream_that_unpacks_beyond_the_limit_is_refused() {
        let limits = Limits { max_expanded_bytes: 1 << 20, ..Limits::default() };
        let packed = |size: usize| {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&vec![0; size]).unwrap();
            [b"7 0 obj <<>> stream\n".as_slice(), &encoder.finish().unwrap(), b"\nendstream"].concat()
        };
        assert_eq!(refuse(&packed(1000), &limits), Ok(()));
        let bomb = [packed(1000), packed(2 << 20)].concat();
        assert_eq!(refuse(&bomb, &limits), Err(Failure::Expands { limit: 1 << 20 }));
    }
}
