//! How much of a text may stand in a JSON string as it is.

/// Bytes up to the first one that is a quote, a backslash or a control character.
#[inline]
pub(super) fn plain_len(text: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
    const BACKSLASHES: u64 = u64::from_ne_bytes([b'\\'; 8]);
    const SPACES: u64 = u64::from_ne_bytes([0x20; 8]);
    let mut len = 0usize;
    let (eights, rest) = text.as_chunks();
    for eight in eights {
        let word = u64::from_le_bytes(*eight);
        // The lowest byte whose high bit is left is one of those; above it some may be left in error.
        let below = |word: u64, limit: u64| word.wrapping_sub(limit) & !word;
        let control = below(word, SPACES);
        let quote = below(word ^ QUOTES, ONES);
        let backslash = below(word ^ BACKSLASHES, ONES);
        let found = (control | quote | backslash) & HIGH;
        if found != 0 {
            return len.saturating_add((found.trailing_zeros() >> 3) as usize);
        }
        len = len.saturating_add(8);
    }
    let is_plain = |byte: &&u8| !matches!(byte, b'"' | b'\\' | 0..0x20);
    len.saturating_add(rest.iter().take_while(is_plain).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_found_at_every_place() {
        for byte in 0..=255u8 {
            for before in 0..20 {
                let mut text = vec![b'a'; before];
                text.extend([byte, b'"', 0xff, 0x80, b'a', b'a', b'a', b'a', b'a']);
                let is_plain = byte >= 0x20 && byte != b'"' && byte != b'\\';
                assert_eq!(plain_len(&text), before + usize::from(is_plain));
            }
        }
        assert_eq!(plain_len(b"0123456789"), 10);
        assert_eq!(plain_len(b""), 0);
    }
}
