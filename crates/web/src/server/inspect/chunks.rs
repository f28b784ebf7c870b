//! The framing of a chunked body. Chunk extensions and trailers are refused: nothing here would read them,
//! and they are where readers of chunked bodies disagree.

use super::refusal::Refusal;

/// Where in a chunked body the next byte belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChunkScanner {
    /// In the size line: what it came to so far, and from how many digits.
    Size {
        size: u64,
        digits: u8,
    },
    SizeLineFeed {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataCarriageReturn,
    DataLineFeed,
    LastCarriageReturn,
    LastLineFeed,
    Done,
}

impl Default for ChunkScanner {
    fn default() -> Self {
        Self::Size { size: 0, digits: 0 }
    }
}

impl ChunkScanner {
    /// How many of `bytes` belong to this body.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Result<usize, Refusal> {
        let mut taken = 0;
        while taken < bytes.len() && *self != Self::Done {
            if let Self::Data { left } = *self {
                let step = left.min((bytes.len() - taken) as u64);
                taken += usize::try_from(step).unwrap_or(usize::MAX);
                *self =
                    if step == left { Self::DataCarriageReturn } else { Self::Data { left: left - step } };
            } else {
                *self = self.after(bytes[taken])?;
                taken += 1;
            }
        }
        Ok(taken)
    }

    fn after(self, byte: u8) -> Result<Self, Refusal> {
        match (self, byte) {
            (Self::Size { size, digits }, b'\r') if digits > 0 => Ok(Self::SizeLineFeed { size }),
            // Fifteen digits are a thousand terabytes, and cannot overflow.
            (Self::Size { size, digits }, _) if digits < 15 => match char::from(byte).to_digit(16) {
                Some(digit) => Ok(Self::Size { size: size * 16 + u64::from(digit), digits: digits + 1 }),
                None => Err(Refusal::BadTransferEncoding),
            },
            (Self::SizeLineFeed { size: 0 }, b'\n') => Ok(Self::LastCarriageReturn),
            (Self::SizeLineFeed { size }, b'\n') => Ok(Self::Data { left: size }),
            (Self::DataCarriageReturn, b'\r') => Ok(Self::DataLineFeed),
            (Self::DataLineFeed, b'\n') => Ok(Self::default()),
            (Self::LastCarriageReturn, b'\r') => Ok(Self::LastLineFeed),
            (Self::LastLineFeed, b'\n') => Ok(Self::Done),
            _ => Err(Refusal::BadTransferEncoding),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(body: &[u8]) -> Result<(usize, bool), Refusal> {
        let mut scanner = ChunkScanner::default();
        let taken = scanner.scan(body)?;
        Ok((taken, scanner == ChunkScanner::Done))
    }

    #[test]
    fn a_body_ends_with_the_empty_chunk() {
        assert_eq!(scan(b"5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\nGET"), Ok((30, true)));
        assert_eq!(scan(b"5\r\nhel"), Ok((6, false)));
        assert_eq!(scan(b"0\r\n\r\n"), Ok((5, true)));
    }

    #[test]
    fn every_cut_is_read_alike() {
        let body = b"1f\r\n0123456789012345678901234567890\r\n2\r\nab\r\n0\r\n\r\n";
        for cut in 0..body.len() {
            let mut scanner = ChunkScanner::default();
            assert_eq!(scanner.scan(&body[..cut]), Ok(cut));
            assert_eq!(scanner.scan(&body[cut..]), Ok(body.len() - cut));
            assert_eq!(scanner, ChunkScanner::Done);
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        let spellings: [&[u8]; 11] = [
            b"\r\n",
            b"5\nhello",
            b"5;a=b\r\nhello",
            b" 5\r\nhello",
            b"5 \r\nhello",
            b"0x5\r\nhello",
            b"-1\r\n",
            b"5\r\nhelloX",
            b"5\r\nhello\n0\r\n",
            b"0\r\nTrailer: a\r\n\r\n",
            b"1000000000000000\r\n",
        ];
        for body in spellings {
            let text = String::from_utf8_lossy(body);
            assert_eq!(scan(body), Err(Refusal::BadTransferEncoding), "{text:?}");
        }
    }
}
