//! Where in a text a secret stands, told by its looks alone: tokens that say what they are, password hashes,
//! private keys, passwords in URLs and behind flags.

use std::ops::Range;

/// Fields of a kubeconfig, and of the plugins in it, that let somebody in.
pub(super) const KUBECONFIG_FIELDS: [&str; 7] = [
    "token",
    "password",
    "client-key-data",
    "client-secret",
    "id-token",
    "refresh-token",
    "access-token",
];

/// What the name beside a text says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Hint {
    /// Nothing.
    #[default]
    None,
    /// A token: by this name a bootstrap token is known.
    Token,
    /// A token behind a flag of a command: whatever looks like one is.
    TokenFlag,
    /// The same behind a flag that speaks of a uid too: a UUID is that.
    UidTokenFlag,
    /// A password behind a flag of a command.
    PasswordFlag,
    /// The secret half of an access key of AWS.
    AwsSecret,
}

impl Hint {
    /// What the name of a field, an environment variable or a flag says.
    pub(super) fn of_name(name: &str) -> Self {
        // Longer names are not names.
        let tail = name.len().saturating_sub(64);
        let name = name.get(tail..).unwrap_or(name).to_ascii_lowercase();
        let is = |end: &str| name.ends_with(end);
        if is("secret_access_key") || is("secretaccesskey") || is("secret-access-key") {
            Self::AwsSecret
        } else if is("token") || is("bootstrap") {
            Self::Token
        } else {
            Self::None
        }
    }

    /// What a flag says of the argument that follows it.
    pub(super) fn of_flag(text: &str) -> Self {
        match text.strip_prefix('-') {
            Some(name) if !name.contains(['=', ' ', '\n']) => flag(name.as_bytes()),
            _ => Self::None,
        }
    }
}

fn flag(name: &[u8]) -> Hint {
    let is = |word: &[u8]| {
        name.len() >= word.len()
            && name
                .get(name.len().saturating_sub(word.len())..)
                .is_some_and(|end| end.eq_ignore_ascii_case(word))
    };
    if is(b"token") {
        let mut parts = name.split(|b| !b.is_ascii_alphanumeric());
        let is_uid =
            |part: &[u8]| part.eq_ignore_ascii_case(b"uid") || part.eq_ignore_ascii_case(b"uuid");
        match parts.any(is_uid) {
            true => Hint::UidTokenFlag,
            false => Hint::TokenFlag,
        }
    } else if is(b"password") || is(b"passwd") || is(b"requirepass") {
        Hint::PasswordFlag
    } else {
        match is(b"secret-access-key") {
            true => Hint::AwsSecret,
            false => Hint::None,
        }
    }
}

/// Beginnings of tokens that are like nothing else, and how many characters follow at least.
const ISSUED: [(&[u8], usize); 21] = [
    (b"AGE-SECRET-KEY-1", 58),
    (b"dckr_oat_", 20),
    (b"dckr_pat_", 20),
    (b"dop_v1_", 64),
    (b"gho_", 36),
    (b"ghp_", 36),
    (b"ghr_", 36),
    (b"ghs_", 36),
    (b"ghu_", 36),
    (b"github_pat_", 22),
    (b"glpat-", 20),
    (b"hvb.", 24),
    (b"hvs.", 24),
    (b"npm_", 36),
    (b"pypi-AgEI", 50),
    (b"rk_live_", 24),
    (b"sk_live_", 24),
    (b"xapp-", 24),
    (b"xoxb-", 24),
    (b"xoxp-", 24),
    (b"K10", 64),
];

/// A text is searched once, from its beginning to its end; what a look ahead has passed over is not passed
/// over again.
pub(super) struct Search<'t> {
    text: &'t [u8],
    /// The end of the run of base64url in which a token was looked for last, and how often in it.
    token_run: (usize, u8),
    /// False where URLs and commands are examples.
    pub(super) with_commands: bool,
}

/// In one run of base64url a token is looked for so often, and so long is an argument of a command.
const MOST_TRIES: u8 = 8;
const LONGEST_ARGUMENT: usize = 4096;

/// A place in a text, and what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A secret.
    Secret(Range<usize>),
    /// Something in base64 that is long enough to hold one.
    Base64(Range<usize>),
}

impl<'t> Search<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self {
            text,
            token_run: (0, 0),
            with_commands: true,
        }
    }

    fn at(&self, index: usize) -> Option<u8> {
        self.text.get(index).copied()
    }

    fn from(&self, index: usize) -> &'t [u8] {
        self.text.get(index..).unwrap_or_default()
    }

    fn before(&self, index: usize) -> Option<u8> {
        index.checked_sub(1).and_then(|before| self.at(before))
    }

    /// Gives what is found to `each`, which says whether it is a secret; inside of one is not searched.
    pub(super) fn run(&mut self, mut each: impl FnMut(Found) -> bool) {
        let mut at = 0;
        let mut base64_end = 0;
        let mut narrow_end = 0;
        while let Some(byte) = self.at(at) {
            let starts_word = byte.is_ascii_alphanumeric()
                && !self.before(at).is_some_and(|b| is_word(b) || b == b'_');
            let mut secret = match byte {
                b'-' => self.private_key(at).or_else(|| self.argument(at)),
                b'$' => self.password_hash(at),
                b':' => self.password_in_url(at),
                b'e' => self.web_token(at),
                _ => None,
            };
            if secret.is_none() && starts_word {
                secret = self.issued(at).or_else(|| self.named(at));
            }
            if let Some(secret) = secret {
                let end = secret.end.max(at.saturating_add(1));
                if each(Found::Secret(secret)) {
                    at = end;
                    continue;
                }
            } else if at >= base64_end && is_base64(byte) && !self.before(at).is_some_and(is_base64)
            {
                let end = self.base64_end(at);
                base64_end = end;
                // Lines that are narrow may belong together; else each is looked at by itself.
                if at >= narrow_end {
                    narrow_end = self.narrow_base64_end(at).max(end);
                    if narrow_end > end
                        && narrow_end.saturating_sub(at) >= SHORTEST_BASE64
                        && each(Found::Base64(at..narrow_end))
                    {
                        at = narrow_end;
                        continue;
                    }
                }
                if end.saturating_sub(at) >= SHORTEST_BASE64 && each(Found::Base64(at..end)) {
                    at = end;
                    continue;
                }
            }
            at = at.saturating_add(1);
        }
    }

    /// `-----BEGIN … PRIVATE KEY-----` to its end, or to the end of the text.
    fn private_key(&self, at: usize) -> Option<Range<usize>> {
        const BEGIN: &[u8] = b"-----BEGIN ";
        let rest = self.from(at).strip_prefix(BEGIN)?;
        // The longest name in use is `ENCRYPTED`; there is room for much longer ones.
        let head = rest.get(..64).unwrap_or(rest);
        let line = head.split(|b| matches!(b, b'\n' | b'\\')).next()?;
        let name = position(line, b"-----").and_then(|end| line.get(..end))?;
        if !name.ends_with(b"PRIVATE KEY") && !name.ends_with(b"PRIVATE KEY BLOCK") {
            return None;
        }
        let body = at.saturating_add(BEGIN.len());
        let end = position(self.from(body), b"-----END ").and_then(|end| {
            let name = body.saturating_add(end).saturating_add(9);
            let close = self.from(name);
            let close = close.get(..80).unwrap_or(close);
            let dashes = position(close, b"-----")?;
            Some(name.saturating_add(dashes).saturating_add(5))
        });
        Some(at..end.unwrap_or(self.text.len()))
    }

    /// bcrypt's `$2y$10$` and 53 more characters; what crypt(3) and Argon2 write.
    fn password_hash(&self, at: usize) -> Option<Range<usize>> {
        let is_digit = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/');
        let rest = self.from(at);
        if let [
            b'$',
            b'2',
            b'a' | b'b' | b'x' | b'y',
            b'$',
            tens,
            ones,
            b'$',
            hash @ ..,
        ] = rest
            && tens.is_ascii_digit()
            && ones.is_ascii_digit()
            && hash.get(..53).is_some_and(|hash| hash.iter().all(is_digit))
        {
            return Some(at..at.saturating_add(60));
        }
        let long = [&b"$5$"[..], b"$6$", b"$y$", b"$argon2"];
        if !long.iter().any(|start| rest.starts_with(start)) {
            return None;
        }
        let is_part = |b: &u8| is_digit(b) || matches!(b, b'$' | b'=' | b',' | b'+');
        let len = rest.iter().take_while(|b| is_part(b)).count();
        (len >= 50).then(|| at..at.saturating_add(len))
    }

    /// A JSON Web Token: parts in base64url with points between, the first of them the head, an object.
    fn web_token(&mut self, at: usize) -> Option<Range<usize>> {
        let rest = self.from(at);
        if !begins_object(rest) {
            return None;
        }
        let head = match self.token_run {
            (end, tries) if at < end => {
                if tries >= MOST_TRIES {
                    return None;
                }
                self.token_run = (end, tries.saturating_add(1));
                end
            }
            _ => {
                let end = self.url_run(at);
                self.token_run = (end, 1);
                end
            }
        };
        let payload = self.behind_point(head)?;
        let payload_end = self.url_run(payload);
        let signature = self.behind_point(payload_end)?;
        let mut end = self.url_run(signature);
        if payload_end == payload || end == signature {
            return None;
        }
        // Other beginnings than `{"` are in words by chance.
        let is_object = rest.starts_with(b"eyJ") && begins_object(self.from(payload));
        if !is_object && !names_algorithm(self.text.get(at..head)?) {
            return None;
        }
        // Encrypted ones have five parts.
        while let Some(next) = self.behind_point(end) {
            let next_end = self.url_run(next);
            if next_end == next {
                break;
            }
            end = next_end;
        }
        Some(at..end)
    }

    fn behind_point(&self, index: usize) -> Option<usize> {
        (self.at(index) == Some(b'.')).then(|| index.saturating_add(1))
    }

    /// Where the run of base64url ends that begins at `at`.
    fn url_run(&self, at: usize) -> usize {
        let is_digit = |b: &u8| is_word(*b) || matches!(b, b'-' | b'_');
        let len = self.from(at).iter().take_while(|b| is_digit(b)).count();
        at.saturating_add(len)
    }

    /// The password of `scheme://user:password@host`.
    fn password_in_url(&self, at: usize) -> Option<Range<usize>> {
        let start = at.saturating_add(3);
        if !self.with_commands || !self.from(at).starts_with(b"://") {
            return None;
        }
        let ends = |b: &u8| {
            matches!(
                b,
                b'/' | b'?' | b'#' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\'
            ) || b.is_ascii_whitespace()
        };
        let authority = self.from(start);
        let len = authority.iter().position(ends).unwrap_or(authority.len());
        let authority = authority.get(..len)?;
        let mut sign = authority.iter().rposition(|b| *b == b'@')?;
        // `docker://nginx:1.25@sha256:…`: what stands before a digest is the tag of an image.
        if is_digest(authority.get(sign.saturating_add(1)..)?) {
            sign = authority.get(..sign)?.iter().rposition(|b| *b == b'@')?;
        }
        let user = authority.get(..sign)?;
        let colon = user.iter().position(|b| *b == b':')?;
        let password = user.get(colon.saturating_add(1)..)?;
        let range = start.saturating_add(colon).saturating_add(1)..start.saturating_add(sign);
        (!is_stand_in(password)).then_some(range)
    }

    /// `--password=…`, `--token …`: what follows the flag, in a command line.
    fn argument(&self, at: usize) -> Option<Range<usize>> {
        if !self.with_commands || self.before(at).is_some_and(|b| is_word(b) || b == b'-') {
            return None;
        }
        let name = self.from(at);
        let is_name = |b: &u8| is_word(*b) || matches!(b, b'-' | b'_' | b'.');
        let len = name.iter().take(80).take_while(|b| is_name(b)).count();
        let hint = flag(name.get(..len)?);
        if hint == Hint::None {
            return None;
        }
        let separator = at.saturating_add(len);
        let is_word_of_its_own = match self.at(separator) {
            Some(b'=') => false,
            Some(b' ') => true,
            _ => return None,
        };
        let mut start = separator.saturating_add(1);
        if matches!(self.at(start), Some(b'"' | b'\'')) {
            start = start.saturating_add(1);
        }
        let ends = |b: &u8| {
            b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'`' | b';' | b'\\' | b',')
        };
        let rest = self.from(start);
        let rest = rest.get(..LONGEST_ARGUMENT).unwrap_or(rest);
        let len = rest.iter().position(ends).unwrap_or(rest.len());
        let value = rest.get(..len)?;
        // "the --password flag": what follows is not a password but the rest of the sentence.
        let is_sentence = is_word_of_its_own
            && value
                .iter()
                .all(|b| b.is_ascii_lowercase() || matches!(b, b'.' | b','));
        (!is_sentence && is_named(value, hint)).then(|| start..start.saturating_add(len))
    }

    /// A token that tells by its beginning who issued it.
    fn issued(&self, at: usize) -> Option<Range<usize>> {
        let rest = self.from(at);
        let (start, least) = ISSUED
            .iter()
            .find(|(start, _)| rest.starts_with(start))
            .copied()?;
        let is_digit = |b: &u8| is_word(*b) || matches!(b, b'-' | b'_' | b'.' | b':');
        let tail = rest.get(start.len()..)?;
        let len = tail.iter().take_while(|b| is_digit(b)).count();
        // Of these the digits are hexadecimal, with the password behind them.
        if start == b"K10" {
            let is_hex = tail.get(..least)?.iter().all(u8::is_ascii_hexdigit);
            if !is_hex || !tail.get(least..)?.starts_with(b"::") {
                return None;
            }
        }
        (len >= least).then(|| at..at.saturating_add(start.len()).saturating_add(len))
    }

    /// A bootstrap token or a secret key that follows its name.
    fn named(&self, at: usize) -> Option<Range<usize>> {
        let rest = self.from(at);
        let end = |len: usize| {
            let next = rest.get(len);
            (!next.is_some_and(|b| is_word(*b) || matches!(b, b'-' | b'_' | b'.')))
                .then(|| at.saturating_add(len))
        };
        if rest.get(6) == Some(&b'.') && rest.get(..BOOTSTRAP).is_some_and(is_bootstrap_token) {
            let end = end(BOOTSTRAP)?;
            let is_token = self.hint_before(at) == Hint::Token
                && !(is_name_of_event(rest) && self.is_in_sentence(at));
            return is_token.then_some(at..end);
        }
        let is_digit = |b: &u8| is_word(*b) || matches!(b, b'/' | b'+');
        if rest.get(..AWS).is_some_and(|key| key.iter().all(is_digit))
            && !rest.get(AWS).is_some_and(is_digit)
            && self.hint_before(at) == Hint::AwsSecret
        {
            return Some(at..at.saturating_add(AWS));
        }
        None
    }

    /// True behind a word and a space, as opposed to `token: …`, `--token …` and the header `Bearer …`.
    fn is_in_sentence(&self, at: usize) -> bool {
        let before = self.text.get(at.saturating_sub(48)..at).unwrap_or_default();
        let words = before.trim_ascii_end();
        let word = words.rsplit(|b| b.is_ascii_whitespace()).next();
        let is_plain = |word: &[u8]| {
            word.iter().all(u8::is_ascii_alphabetic) && !word.eq_ignore_ascii_case(b"bearer")
        };
        words.len() < before.len() && word.is_some_and(is_plain)
    }

    /// What the word before a place says, with what may stand between.
    fn hint_before(&self, at: usize) -> Hint {
        let before = self.text.get(at.saturating_sub(48)..at).unwrap_or_default();
        let is_between = |b: &u8| matches!(b, b' ' | b'\t' | b'=' | b':' | b'"' | b'\'' | b'\\');
        let len = before
            .iter()
            .rposition(|b| !is_between(b))
            .map_or(0, |last| last.saturating_add(1));
        let word = before.get(..len).unwrap_or_default();
        let word = String::from_utf8_lossy(word);
        if word.to_ascii_lowercase().ends_with("bearer") {
            return Hint::Token;
        }
        Hint::of_name(&word)
    }

    /// Where the run of base64 ends that begins at `from`.
    fn base64_run(&self, from: usize) -> usize {
        let rest = self.from(from);
        let len = rest.iter().take_while(|b| is_base64(**b)).count();
        from.saturating_add(len)
    }

    /// Where the next line begins that is in base64, behind one that ends at `end` without padding.
    fn next_base64_line(&self, end: usize) -> Option<usize> {
        let rest = self.from(end);
        let is_space = |b: &&u8| matches!(b, b'\r' | b'\n' | b' ' | b'\t');
        let gap = match rest {
            [b'\\', b'n', ..] => 2,
            _ => rest.iter().take_while(is_space).count(),
        };
        let next = end.saturating_add(gap);
        (gap > 0 && self.at(next).is_some_and(is_base64)).then_some(next)
    }

    /// Where a text in base64 ends that begins at `at`, with the lines it is broken into.
    fn base64_end(&self, at: usize) -> usize {
        let mut line = at;
        let mut end = self.base64_run(at);
        // Lines of MIME have 76 characters, of PEM 64.
        while end.saturating_sub(line) >= 60 {
            let Some(next) = self.next_base64_line(end) else {
                break;
            };
            line = next;
            end = self.base64_run(next);
        }
        self.with_padding(end)
    }

    /// The same for lines that are shorter: all but the last are of one length.
    fn narrow_base64_end(&self, at: usize) -> usize {
        let mut end = self.base64_run(at);
        let width = end.saturating_sub(at);
        if !(8..60).contains(&width) {
            return end;
        }
        while let Some(next) = self.next_base64_line(end) {
            let gap = self.text.get(end..next).unwrap_or_default();
            let is_new_line = gap.contains(&b'\n') || gap.starts_with(b"\\n");
            let next_end = self.base64_run(next);
            let len = next_end.saturating_sub(next);
            if !is_new_line || len > width {
                break;
            }
            end = next_end;
            if len < width {
                break;
            }
        }
        self.with_padding(end)
    }

    fn with_padding(&self, end: usize) -> usize {
        let padding = self.from(end).iter().take_while(|b| **b == b'=').count();
        end.saturating_add(padding.min(2))
    }
}

/// `abcdef.0123456789abcdef`.
const BOOTSTRAP: usize = 23;
const AWS: usize = 40;
const SHORTEST_BASE64: usize = 24;

/// True for a text that is as a whole what the name beside it says.
pub(super) fn is_named(text: &[u8], hint: Hint) -> bool {
    let text = text.trim_ascii();
    match hint {
        Hint::None => false,
        Hint::Token => text.len() == BOOTSTRAP && is_bootstrap_token(text),
        Hint::TokenFlag => {
            let is_digit = |b: &u8| is_word(*b) || matches!(b, b'-' | b'_' | b'.' | b':' | b'+');
            text.len() >= 8
                && text.iter().all(is_digit)
                && text.iter().any(u8::is_ascii_digit)
                && text.iter().any(u8::is_ascii_alphabetic)
        }
        Hint::UidTokenFlag => is_named(text, Hint::TokenFlag) && !is_uuid(text),
        Hint::PasswordFlag => !is_stand_in(text) && !matches!(text.first(), Some(b'-' | b'/')),
        Hint::AwsSecret => {
            let is_digit = |b: &u8| is_word(*b) || matches!(b, b'/' | b'+');
            text.len() == AWS && text.iter().all(is_digit)
        }
    }
}

fn is_bootstrap_token(text: &[u8]) -> bool {
    let is_part = |part: &[u8]| {
        let is_digit = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        part.iter().all(is_digit)
    };
    text.get(6) == Some(&b'.')
        && text.get(..6).is_some_and(is_part)
        && text.get(7..).is_some_and(is_part)
}

/// True for what may be the name of an event: that of an object, and the time in nanoseconds, in hexadecimal, from
/// 2018 to 2042. Tokens are made of all letters and digits, or are hexadecimal as a whole.
fn is_name_of_event(text: &[u8]) -> bool {
    let name = text.get(..6).unwrap_or_default();
    let time = text.get(7..BOOTSTRAP).unwrap_or_default();
    let is_hex = |text: &[u8]| text.iter().all(u8::is_ascii_hexdigit);
    let is_coded = is_hex(name) && name.iter().any(u8::is_ascii_digit);
    is_hex(time) && matches!(time, [b'1', b'5'..=b'9' | b'a'..=b'f', ..]) && !is_coded
}

/// `4f0bdc41-3fb1-4a5b-93b6-08a5d3cf0b15`.
fn is_uuid(text: &[u8]) -> bool {
    let lens = text.split(|b| *b == b'-').map(<[u8]>::len);
    lens.eq([8, 4, 4, 4, 12]) && text.iter().all(|b| *b == b'-' || b.is_ascii_hexdigit())
}

/// True for the digest of an image, `sha256:` and hexadecimal digits, which may be cut short. A port has five digits
/// at most.
fn is_digest(text: &[u8]) -> bool {
    let Some(colon) = text.iter().position(|b| *b == b':') else {
        return false;
    };
    let algorithm = text.get(..colon).unwrap_or_default();
    let is_part = |b: &u8| is_word(*b) || matches!(b, b'+' | b'.' | b'_' | b'-');
    let is_known = [&b"sha256"[..], b"sha384", b"sha512", b"blake3"].contains(&algorithm);
    let least = if is_known { 6 } else { 32 };
    let digits = text.get(colon.saturating_add(1)..).unwrap_or_default();
    let len = digits.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    !algorithm.is_empty() && algorithm.iter().all(is_part) && len >= least
}

/// What stands for a password in templates and examples.
fn is_stand_in(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 9] = [
        b"pass",
        b"passwd",
        b"password",
        b"pwd",
        b"secret",
        b"token",
        b"true",
        b"false",
        b"redacted",
    ];
    matches!(text.first(), None | Some(b'$' | b'{' | b'<' | b'%' | b'['))
        || WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
        || text.iter().all(|b| matches!(b, b'*' | b'x' | b'X' | b'.'))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn is_base64(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// `{"`, `{ "`, and an object that is written on several lines or with tabs, in base64.
fn begins_object(text: &[u8]) -> bool {
    let beginnings = [&b"eyJ"[..], b"eyAi", b"eyAg", b"ewo", b"ew0", b"ewk"];
    beginnings.iter().any(|start| text.starts_with(start))
}

/// True if a head in base64url names an algorithm, as that of a token must.
fn names_algorithm(head: &[u8]) -> bool {
    decode_base64(head).is_some_and(|head| position(&head, b"\"alg\"").is_some())
}

/// The bytes of base64 in either alphabet, with or without padding and line ends.
pub(super) fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    use base64::Engine as _;
    use base64::alphabet::STANDARD;
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::RequireNone)
            .with_decode_allow_trailing_bits(true),
    );
    let mut digits = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'-' => digits.push(b'+'),
            b'_' => digits.push(b'/'),
            // A line end as JSON writes it.
            b'\\' => drop(bytes.next()),
            _ if is_base64(byte) => digits.push(byte),
            _ => {}
        }
    }
    // One digit alone is not a byte.
    if digits.len() % 4 == 1 {
        digits.pop();
    }
    ENGINE.decode(digits).ok()
}

/// True for a private key in DER: PKCS #1, PKCS #8 or SEC 1. Certificates and requests begin otherwise.
pub(super) fn is_der_key(bytes: &[u8]) -> bool {
    let body = match bytes {
        [0x30, 0x82, _, _, body @ ..] | [0x30, 0x81, _, body @ ..] => body,
        [0x30, len, body @ ..] if *len < 0x80 => body,
        _ => return false,
    };
    matches!(
        body,
        [2, 1, 0, 0x30, _, 6, ..] | [2, 1, 0, 2, 0x81 | 0x82, ..] | [2, 1, 1, 4, 0x1c..=0x42, ..]
    )
}

/// Where `part` begins in `text`.
pub(super) fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, part)
}
