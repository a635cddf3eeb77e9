//! Texts that are secrets by their looks.

/// True if a text is, or has in it, what only a secret looks like.
pub(super) fn is_credential(text: &[u8]) -> bool {
    let trimmed = text.trim_ascii();
    is_token(trimmed) || is_bootstrap_token(trimmed) || has_bcrypt(text) || has_private_key(text)
}

/// A JSON Web Token: three parts in base64url, of which the first is a JSON object.
fn is_token(text: &[u8]) -> bool {
    let is_part = |part: &[u8]| {
        let is_digit = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        !part.is_empty() && part.iter().all(is_digit)
    };
    // `{"` in base64.
    text.starts_with(b"eyJ")
        && text.split(|b| *b == b'.').count() == 3
        && text.split(|b| *b == b'.').all(is_part)
}

/// `abcdef.0123456789abcdef`.
fn is_bootstrap_token(text: &[u8]) -> bool {
    let is_part = |part: &[u8]| {
        let is_digit = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        part.iter().all(is_digit)
    };
    text.len() == 23
        && text.get(6) == Some(&b'.')
        && text.get(..6).is_some_and(is_part)
        && text.get(7..).is_some_and(is_part)
}

/// `$2y$10$` and 53 more characters, anywhere.
fn has_bcrypt(text: &[u8]) -> bool {
    let is_digit = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/');
    text.windows(60).any(|window| match window {
        [
            b'$',
            b'2',
            b'a' | b'b' | b'y',
            b'$',
            tens,
            ones,
            b'$',
            rest @ ..,
        ] => tens.is_ascii_digit() && ones.is_ascii_digit() && rest.iter().all(is_digit),
        _ => false,
    })
}

/// `-----BEGIN … PRIVATE KEY-----`, anywhere.
fn has_private_key(text: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const END: &[u8] = b"PRIVATE KEY-----";
    // The longest name in use is `ENCRYPTED`; the window has room for twice that.
    text.windows(BEGIN.len()).enumerate().any(|(at, window)| {
        let rest = text.get(at..).unwrap_or_default();
        let head = rest.get(..BEGIN.len().saturating_add(36)).unwrap_or(rest);
        window == BEGIN && head.windows(END.len()).any(|window| window == END)
    })
}
