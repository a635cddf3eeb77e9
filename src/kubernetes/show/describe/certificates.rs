//! Requests for certificates.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::events::events;
use super::text::{Text, long_time, put};
use super::{Now, Related, generic};
use crate::kubernetes::fields::{at, integer, is_set, items, some_text, text};
use crate::kubernetes::show::columns::shared::labels;
use crate::kubernetes::show::duration::human;

pub(super) fn signing_request(w: &mut Text, object: &Value, related: &Related, _: Now) {
    let Some(request) = Request::of(text(object, "spec.request")) else {
        return generic::describe(w, object, related);
    };
    put!(w, 0, "Name:\t{}\n", text(object, "metadata.name"));
    put!(w, 0, "Labels:\t{}\n", labels(at(object, "metadata.labels")));
    let annotations = labels(at(object, "metadata.annotations"));
    put!(w, 0, "Annotations:\t{annotations}\n");
    let created = long_time(text(object, "metadata.creationTimestamp"));
    put!(w, 0, "CreationTimestamp:\t{created}\n");
    put!(
        w,
        0,
        "Requesting User:\t{}\n",
        text(object, "spec.username")
    );
    if let Some(signer) = some_text(object, "spec.signerName") {
        put!(w, 0, "Signer:\t{signer}\n");
    }
    if is_set(object, "spec.expirationSeconds") {
        let duration = human(integer(object, "spec.expirationSeconds"));
        put!(w, 0, "Requested Duration:\t{duration}\n");
    }
    put!(w, 0, "Status:\t{}\n", status(object));
    put!(w, 0, "Subject:\n");
    let single = |kind: u8| {
        let mut of_kind = request.subject.iter().filter(|(of, _)| *of == kind);
        of_kind.next_back().map_or("", |(_, text)| text.as_str())
    };
    put!(w, 0, "\tCommon Name:\t{}\n", single(3));
    put!(w, 0, "\tSerial Number:\t{}\n", single(5));
    for (title, kind) in [
        ("Organization", 10),
        ("Organizational Unit", 11),
        ("Country", 6),
        ("Locality", 7),
        ("Province", 8),
        ("StreetAddress", 9),
        ("PostalCode", 17),
    ] {
        list(w, title, &request.subject, kind);
    }
    if !request.names.is_empty() {
        put!(w, 0, "Subject Alternative Names:\n");
        for (title, kind) in [
            ("DNS Names", DNS),
            ("Email Addresses", EMAIL),
            ("URIs", URI),
            ("IP Addresses", ADDRESS),
        ] {
            list(w, title, &request.names, kind);
        }
    }
    events(w, related.events.as_ref());
}

fn list(w: &mut Text, title: &str, all: &[(u8, String)], kind: u8) {
    let of_kind = all.iter().filter(|(of, _)| *of == kind);
    let of_kind: Vec<&str> = of_kind.map(|(_, text)| text.as_str()).collect();
    if !of_kind.is_empty() {
        put!(w, 0, "\t{title}:\t{}\n", of_kind.join("\n\t\t"));
    }
}

fn status(object: &Value) -> String {
    let conditions = items(object, "status.conditions");
    let has = |kind: &str| conditions.iter().any(|one| text(one, "type") == kind);
    let mut status = match (has("Denied"), has("Approved")) {
        (true, _) => "Denied".to_owned(),
        (false, true) => "Approved".to_owned(),
        (false, false) => "Pending".to_owned(),
    };
    if has("Failed") {
        status.push_str(",Failed");
    }
    if some_text(object, "status.certificate").is_some() {
        status.push_str(",Issued");
    }
    status
}

/// The tags of names in a certificate.
const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const URI: u8 = 0x86;
const ADDRESS: u8 = 0x87;
/// Tags of ASN.1.
const OCTETS: u8 = 0x04;
const OBJECT: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const ATTRIBUTES: u8 = 0xa0;
/// What the kinds of parts of a subject begin with (2.5.4), the request for extensions, and the other names.
const SUBJECT_PART: &[u8] = &[0x55, 0x04];
const EXTENSIONS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];
const OTHER_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

/// What a request for a certificate says of its owner.
#[derive(Debug, Default)]
struct Request {
    /// The last number of the kind of each part, and its text.
    subject: Vec<(u8, String)>,
    /// The tag of each other name, and its text.
    names: Vec<(u8, String)>,
}

impl Request {
    /// Reads PEM in base64.
    fn of(coded: &str) -> Option<Self> {
        let pem = STANDARD.decode(coded).ok()?;
        let pem = std::str::from_utf8(&pem).ok()?;
        let (_, body) = pem.split_once("-----BEGIN CERTIFICATE REQUEST-----")?;
        let (body, _) = body.split_once("-----END CERTIFICATE REQUEST-----")?;
        let body: String = body.split_ascii_whitespace().collect();
        Self::of_der(&STANDARD.decode(body).ok()?)
    }

    fn of_der(bytes: &[u8]) -> Option<Self> {
        let (_, request) = element(&mut &*bytes, SEQUENCE)?;
        let (_, mut info) = element(&mut &*request, SEQUENCE)?;
        any(&mut info)?;
        let (_, mut subject) = element(&mut info, SEQUENCE)?;
        any(&mut info)?;
        let mut read = Self::default();
        while !subject.is_empty() {
            let (_, mut parts) = element(&mut subject, SET)?;
            while !parts.is_empty() {
                let (_, mut part) = element(&mut parts, SEQUENCE)?;
                let (_, kind) = element(&mut part, OBJECT)?;
                let (tag, value) = any(&mut part)?;
                if let [number] = kind.strip_prefix(SUBJECT_PART).unwrap_or_default() {
                    read.subject.push((*number, written(tag, value)));
                }
            }
        }
        let mut attributes = match info.is_empty() {
            true => info,
            false => element(&mut info, ATTRIBUTES)?.1,
        };
        while !attributes.is_empty() {
            let (_, mut attribute) = element(&mut attributes, SEQUENCE)?;
            let (_, kind) = element(&mut attribute, OBJECT)?;
            if kind == EXTENSIONS {
                let (_, values) = element(&mut attribute, SET)?;
                let (_, extensions) = element(&mut &*values, SEQUENCE)?;
                read.extensions(extensions)?;
            }
        }
        Some(read)
    }

    fn extensions(&mut self, mut extensions: &[u8]) -> Option<()> {
        while !extensions.is_empty() {
            let (_, mut extension) = element(&mut extensions, SEQUENCE)?;
            let (_, kind) = element(&mut extension, OBJECT)?;
            let (mut tag, mut value) = any(&mut extension)?;
            if tag != OCTETS {
                // Whether it is critical.
                (tag, value) = any(&mut extension)?;
            }
            if kind != OTHER_NAMES || tag != OCTETS {
                continue;
            }
            let (_, mut names) = element(&mut &*value, SEQUENCE)?;
            while !names.is_empty() {
                let (tag, name) = any(&mut names)?;
                let name = match (tag, name.len()) {
                    (ADDRESS, 4) => <[u8; 4]>::try_from(name)
                        .ok()
                        .map(|ip| std::net::Ipv4Addr::from(ip).to_string()),
                    (ADDRESS, 16) => <[u8; 16]>::try_from(name)
                        .ok()
                        .map(|ip| std::net::Ipv6Addr::from(ip).to_string()),
                    (EMAIL | DNS | URI, _) => Some(String::from_utf8_lossy(name).into_owned()),
                    _ => None,
                };
                self.names.extend(name.map(|name| (tag, name)));
            }
        }
        Some(())
    }
}

/// A text of one of ASN.1's kinds.
fn written(tag: u8, value: &[u8]) -> String {
    match tag {
        // Two bytes for each character.
        0x1e => {
            let units = value
                .chunks_exact(2)
                .filter_map(|pair| <[u8; 2]>::try_from(pair).ok());
            let units: Vec<u16> = units.map(u16::from_be_bytes).collect();
            String::from_utf16_lossy(&units)
        }
        _ => String::from_utf8_lossy(value).into_owned(),
    }
}

/// Takes an element of a certain kind.
fn element<'b>(bytes: &mut &'b [u8], wanted: u8) -> Option<(u8, &'b [u8])> {
    any(bytes).filter(|(tag, _)| *tag == wanted)
}

/// Takes an element of any kind: its tag and what is in it.
fn any<'b>(bytes: &mut &'b [u8]) -> Option<(u8, &'b [u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, mut rest) = rest.split_first()?;
    let mut len = usize::from(*first);
    if len >= 0x80 {
        // The number of bytes in which the length follows.
        let (digits, after) = rest.split_at_checked(len.wrapping_sub(0x80))?;
        if digits.len() > 4 {
            return None;
        }
        len = digits
            .iter()
            .fold(0usize, |len, byte| (len << 8) | usize::from(*byte));
        rest = after;
    }
    let (value, rest) = rest.split_at_checked(len)?;
    *bytes = rest;
    Some((*tag, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_is_cut_or_none_is_not_parsed() {
        let element = |tag: u8, value: &[u8]| [&[tag, value.len() as u8][..], value].concat();
        let part = element(OBJECT, &[0x55, 0x04, 3]);
        let part = element(SEQUENCE, &[part, element(0x0c, b"ann")].concat());
        let subject = element(SEQUENCE, &element(SET, &part));
        let info = [element(2, &[0]), subject, element(SEQUENCE, &[])].concat();
        let request = element(SEQUENCE, &element(SEQUENCE, &info));
        let read = Request::of_der(&request).expect("a request");
        assert_eq!(read.subject, [(3, "ann".to_owned())]);
        for end in 0..request.len() {
            assert!(Request::of_der(&request[..end]).is_none(), "{end}");
        }
        assert!(Request::of_der(&[SEQUENCE, 0x85, 1, 1, 1, 1, 1]).is_none());
        assert!(Request::of("LS0tLS0=").is_none());
    }
}
