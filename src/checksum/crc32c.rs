//! CRC-32C (Castagnoli): reflected, init and xorout all ones; the CRC of "123456789" is `e3069283`.
//!
//! The bytes go through the `crc-fast` crate. Joining two CRCs is done here, because a file has one CRC
//! per leaf to join and the crate's own joining costs several microseconds each.

use crc_fast::{CrcAlgorithm, Digest};

/// The reflected polynomial.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// Pieces of at least this length are hashed where they are: copying them would cost more.
const DIRECT: usize = 1024;
/// Short pieces are gathered up to this length and hashed in one call.
const GATHER: usize = 16 * 1024;

/// The CRC-32C of a run of bytes together with its length, which is what joining needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Crc {
    /// The checksum.
    pub value: u32,
    /// How many bytes it covers.
    pub len: u64,
}

impl Crc {
    /// The CRC of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            value: checksum(bytes),
            len: bytes.len() as u64,
        }
    }

    /// The CRC of these bytes followed by `next`'s bytes.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        Self {
            value: combine(self.value, next.value, next.len),
            len: self.len.saturating_add(next.len),
        }
    }
}

/// The CRC-32C of `bytes`.
pub fn checksum(bytes: &[u8]) -> u32 {
    // A 32-bit algorithm: the upper half is always zero.
    crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

/// CRC-32C over bytes that arrive in pieces of any length.
#[derive(Debug, Clone)]
pub struct Stream {
    state: Digest,
    gathered: Vec<u8>,
    len: u64,
}

impl Default for Stream {
    fn default() -> Self {
        Self::new()
    }
}

impl Stream {
    /// The CRC of nothing yet.
    pub fn new() -> Self {
        Self {
            state: Digest::new(CrcAlgorithm::Crc32Iscsi),
            gathered: Vec::new(),
            len: 0,
        }
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.len = self.len.saturating_add(bytes.len() as u64);
        if bytes.len() >= DIRECT {
            self.flush();
            self.state.update(bytes);
            return;
        }
        if self.gathered.len().saturating_add(bytes.len()) > GATHER {
            self.flush();
        }
        self.gathered.extend_from_slice(bytes);
    }

    /// The CRC of everything added; the stream starts afresh.
    pub fn take(&mut self) -> Crc {
        self.flush();
        let crc = Crc {
            value: self.state.finalize() as u32,
            len: self.len,
        };
        self.state.reset();
        self.len = 0;
        crc
    }

    fn flush(&mut self) {
        if !self.gathered.is_empty() {
            self.state.update(&self.gathered);
            self.gathered.clear();
        }
    }
}

/// The CRC of A followed by B, from both CRCs and the length of B.
///
/// A CRC is linear over GF(2): appending `n` zero bytes multiplies it by x^(8n) modulo the polynomial.
pub fn combine(first: u32, second: u32, second_len: u64) -> u32 {
    let near = (second_len % NEAR.len() as u64) as usize;
    let mut shifted = multiply(first, NEAR.get(near).copied().unwrap_or(ONE));
    let mut rest = second_len / NEAR.len() as u64;
    let mut level = 0;
    // Eight bits of the length at a time: one table of 256 powers per level.
    while rest != 0 {
        let digit = (rest & 0xff) as usize;
        if digit != 0 {
            let power = FAR.get(level).and_then(|table| table.get(digit));
            // Seven levels of 256 cover what is left of a u64.
            shifted = multiply(shifted, power.copied().unwrap_or(ONE));
        }
        rest >>= 8;
        level += 1;
    }
    shifted ^ second
}

/// In the reflected form bit 31 stands for x^0.
const ONE: u32 = 1 << 31;
/// x^8.
const BYTE: u32 = ONE >> 8;

/// `NEAR[n]` is x^(8n) modulo the polynomial: most records are shorter than this.
static NEAR: [u32; 4096] = powers(BYTE);

/// `FAR[l][d]` is x^(8 * 4096 * d * 256^l) modulo the polynomial.
static FAR: [[u32; 256]; 7] = {
    let mut tables = [[0; 256]; 7];
    let mut step = multiply(NEAR[4095], BYTE);
    let mut level = 0;
    while level < tables.len() {
        tables[level] = powers(step);
        step = multiply(tables[level][255], step);
        level += 1;
    }
    tables
};

/// The powers of `base`, from the 0th on.
const fn powers<const N: usize>(base: u32) -> [u32; N] {
    let mut table = [ONE; N];
    let mut at = 1;
    while at < N {
        table[at] = multiply(table[at - 1], base);
        at += 1;
    }
    table
}

/// What four bits that fall out at the end amount to modulo the polynomial.
const FALLEN: [u32; 16] = {
    let mut table = [0; 16];
    let mut bits = 0;
    while bits < 16 {
        let mut product = bits as u32;
        let mut step = 0;
        while step < 4 {
            product = times_x(product);
            step += 1;
        }
        table[bits] = product;
        bits += 1;
    }
    table
};

const fn times_x(a: u32) -> u32 {
    (a >> 1) ^ (POLYNOMIAL & 0u32.wrapping_sub(a & 1))
}

/// The product of two polynomials modulo the CRC polynomial, reflected form: four bits of `b` at a time.
const fn multiply(a: u32, b: u32) -> u32 {
    let (ax, axx) = (times_x(a), times_x(times_x(a)));
    let axxx = times_x(axx);
    // The products of `a` and every polynomial of degree three at most.
    let mut multiples = [0; 16];
    let mut bits = 1;
    while bits < 16 {
        multiples[bits] = (a & 0u32.wrapping_sub(bits as u32 >> 3))
            ^ (ax & 0u32.wrapping_sub(bits as u32 >> 2 & 1))
            ^ (axx & 0u32.wrapping_sub(bits as u32 >> 1 & 1))
            ^ (axxx & 0u32.wrapping_sub(bits as u32 & 1));
        bits += 1;
    }
    let mut product = 0u32;
    let mut rest = b;
    let mut step = 0;
    while step < 8 {
        product =
            (product >> 4) ^ FALLEN[(product & 15) as usize] ^ multiples[(rest & 15) as usize];
        rest >>= 4;
        step += 1;
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, one bit at a time.
    fn by_definition(bytes: &[u8]) -> u32 {
        let mut crc = !0u32;
        for b in bytes {
            crc ^= u32::from(*b);
            for _ in 0..8 {
                crc = if crc & 1 == 1 {
                    (crc >> 1) ^ POLYNOMIAL
                } else {
                    crc >> 1
                };
            }
        }
        !crc
    }

    #[test]
    fn the_check_value_of_castagnoli_comes_out() {
        assert_eq!(checksum(b"123456789"), 0xe306_9283);
        assert_eq!(by_definition(b"123456789"), 0xe306_9283);
        assert_eq!(checksum(b"key"), 1_084_519_789);
    }

    #[test]
    fn joining_works_for_very_long_second_parts() {
        // 2^40 zero bytes, by squaring: combine(crc(A), 0, n) twice must equal combine over 2n.
        let once = combine(combine(0x1234_5678, 0, 1 << 40), 0, 1 << 40);
        assert_eq!(once, combine(0x1234_5678, 0, 1 << 41));
        assert_eq!(combine(7, 9, 0), 7 ^ 9);
    }

    proptest! {
        #[test]
        fn pieces_of_any_length_give_the_crc_of_the_whole(
            pieces in proptest::collection::vec(
                proptest::collection::vec(any::<u8>(), 0..9000), 0..12)
        ) {
            let whole: Vec<u8> = pieces.concat();
            let mut stream = Stream::new();
            let mut joined = Crc::default();
            for piece in &pieces {
                stream.update(piece);
                joined = joined.then(Crc::of(piece));
            }
            let expected = Crc { value: by_definition(&whole), len: whole.len() as u64 };
            prop_assert_eq!(stream.take(), expected);
            prop_assert_eq!(joined, expected);
            prop_assert_eq!(stream.take(), Crc::default());
        }
    }
}
