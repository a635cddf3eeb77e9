//! Peer URLs and the list of members, read and refused as etcd does. Source: Go's net/url, etcd v3.6.14
//! client/pkg/types/urls.go, urlsmap.go and server/config/config.go.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, ToSocketAddrs as _};

use crate::etcd::quote;

/// A URL that members can be reached under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PeerUrl {
    /// As etcd prints it.
    text: String,
    scheme: String,
    host: String,
}

/// The URLs of each member by name, sorted.
pub(super) type UrlsByName = BTreeMap<String, Vec<PeerUrl>>;

fn texts(urls: &[PeerUrl]) -> Vec<String> {
    urls.iter().map(|url| url.text.clone()).collect()
}

/// The texts of `urls`.
pub(super) fn strings(urls: &[PeerUrl]) -> Vec<String> {
    texts(urls)
}

/// Reads a list of URLs.
pub(super) fn parse_urls<'t>(
    list: impl IntoIterator<Item = &'t str>,
) -> Result<Vec<PeerUrl>, String> {
    let mut urls: Vec<PeerUrl> = list
        .into_iter()
        .map(|text| parse_peer_url(text.trim()))
        .collect::<Result<_, _>>()?;
    urls.sort();
    Ok(urls)
}

/// Reads `name=url,name=url`; a name that comes again adds URLs.
pub(super) fn parse_cluster(list: &str) -> Result<UrlsByName, String> {
    let mut raw: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for part in list.split(',').filter(|part| !part.is_empty()) {
        let (name, url) = part.split_once('=').unwrap_or((part, ""));
        raw.entry(name).or_default().push(url);
    }
    raw.into_iter()
        .map(|(name, urls)| Ok((name.to_owned(), parse_urls(urls)?)))
        .collect()
}

fn parse_peer_url(text: &str) -> Result<PeerUrl, String> {
    let parsed =
        go_parse(text).map_err(|why| format!("parse {}: {why}", quote(text.as_bytes())))?;
    match parsed.scheme.as_str() {
        "http" | "https" => {
            if !has_host_and_port(&parsed.host) {
                return Err(format!(
                    "URL address does not have the form \"host:port\": {text}"
                ));
            }
            if !parsed.path.is_empty() {
                return Err(format!("URL must not contain a path: {text}"));
            }
        }
        "unix" | "unixs" => {}
        _ => {
            return Err(format!(
                "URL scheme must be http, https, unix, or unixs: {text}"
            ));
        }
    }
    Ok(PeerUrl {
        text: format!("{}:{}", parsed.scheme, parsed.rest),
        scheme: parsed.scheme,
        host: parsed.host,
    })
}

/// What matters of a URL.
struct Parsed {
    scheme: String,
    /// Everything behind the colon of the scheme.
    rest: String,
    host: String,
    path: String,
}

fn go_parse(text: &str) -> Result<Parsed, String> {
    if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        return Err("net/url: invalid control character in URL".into());
    }
    let whole = text.split_once('#').map_or(text, |(before, _)| before);
    let (scheme, rest) = split_scheme(whole)?;
    let hierarchy = rest.split_once('?').map_or(rest, |(before, _)| before);
    let mut parsed = Parsed {
        scheme: scheme.to_ascii_lowercase(),
        rest: text
            .get(whole.len().saturating_sub(rest.len())..)
            .unwrap_or_default()
            .to_owned(),
        host: String::new(),
        path: String::new(),
    };
    if let Some(authority) = hierarchy.strip_prefix("//") {
        let end = authority.find('/').unwrap_or(authority.len());
        let (authority, path) = authority.split_at(end);
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        check_host(host)?;
        parsed.host = host.to_owned();
        parsed.path = path.to_owned();
    } else if hierarchy.starts_with('/') {
        parsed.path = hierarchy.to_owned();
    } else if scheme.is_empty() {
        let segment = hierarchy.split('/').next().unwrap_or_default();
        if segment.contains(':') {
            return Err("first path segment in URL cannot contain colon".into());
        }
        parsed.path = hierarchy.to_owned();
    }
    Ok(parsed)
}

/// The scheme, empty if there is none, and what follows its colon.
fn split_scheme(text: &str) -> Result<(&str, &str), String> {
    for (at, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at == 0 => return Err("missing protocol scheme".into()),
            ':' => {
                let (scheme, rest) = text.split_at(at);
                return Ok((scheme, rest.get(1..).unwrap_or_default()));
            }
            _ => break,
        }
    }
    Ok(("", text))
}

fn check_host(host: &str) -> Result<(), String> {
    let port = match host.strip_prefix('[') {
        Some(inside) => match inside.rsplit_once(']') {
            Some((_, port)) => port,
            None => return Err("missing ']' in host".into()),
        },
        None => host
            .rfind(':')
            .and_then(|at| host.get(at..))
            .unwrap_or_default(),
    };
    let digits = port.strip_prefix(':').unwrap_or_default();
    let is_port = port.is_empty() || port.starts_with(':');
    if !is_port || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "invalid port {} after host",
            quote(port.as_bytes())
        ));
    }
    for c in host.chars().filter(char::is_ascii) {
        let plain = c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:[]<>\"%".contains(c);
        if !plain {
            let shown = quote(c.to_string().as_bytes());
            return Err(format!("invalid character {shown} in host name"));
        }
    }
    Ok(())
}

/// Go's net.SplitHostPort.
fn has_host_and_port(host: &str) -> bool {
    let Some(colon) = host.rfind(':') else {
        return false;
    };
    match host.strip_prefix('[') {
        Some(_) => host.find(']').and_then(|at| at.checked_add(1)) == Some(colon),
        None => host.find(':') == Some(colon) && !host.contains(['[', ']']),
    }
}

fn by_name(cluster: &UrlsByName) -> String {
    let mut parts: Vec<String> = cluster
        .iter()
        .flat_map(|(name, urls)| urls.iter().map(move |url| format!("{name}={}", url.text)))
        .collect();
    parts.sort();
    parts.join(",")
}

/// Checks that `advertised` are the URLs that the cluster has for `name`.
pub(super) fn check_advertised(
    name: &str,
    advertised: &[PeerUrl],
    cluster: &UrlsByName,
) -> Result<(), String> {
    let own = cluster.get(name).ok_or_else(|| {
        format!(
            "couldn't find local name {} in the initial cluster configuration",
            quote(name.as_bytes())
        )
    })?;
    let Err(why) = same_urls(advertised, own) else {
        return Ok(());
    };
    let set = |urls: &[PeerUrl]| -> BTreeSet<String> { texts(urls).into_iter().collect() };
    let (advertised_set, own_set) = (set(advertised), set(own));
    let missing: Vec<String> = own_set
        .difference(&advertised_set)
        .map(|url| format!("{name}={url}"))
        .collect();
    let advertised_list = texts(advertised).join(",");
    if !missing.is_empty() {
        return Err(format!(
            "--initial-cluster has {} but missing from --initial-advertise-peer-urls={advertised_list} ({why})",
            missing.join(",")
        ));
    }
    let mapped = by_name(&BTreeMap::from([(name.to_owned(), advertised.to_vec())]));
    let missing: Vec<String> = advertised_set.difference(&own_set).cloned().collect();
    if !missing.is_empty() {
        return Err(format!(
            "--initial-advertise-peer-urls has {} but missing from --initial-cluster={mapped}",
            missing.join(",")
        ));
    }
    Err(format!(
        "failed to resolve {advertised_list} to match --initial-cluster={mapped} ({why})"
    ))
}

/// Whether both lists lead to the same places; names are looked up only when the texts differ.
fn same_urls(a: &[PeerUrl], b: &[PeerUrl]) -> Result<(), String> {
    if a.len() != b.len() {
        let list = |urls: &[PeerUrl]| {
            let quoted: Vec<String> = urls.iter().map(|url| quote(url.text.as_bytes())).collect();
            format!("[{}]", quoted.join(" "))
        };
        return Err(format!("len({}) != len({})", list(a), list(b)));
    }
    if a == b {
        return Ok(());
    }
    let resolved = |urls: &[PeerUrl]| -> Result<Vec<PeerUrl>, String> {
        let mut resolved: Vec<PeerUrl> = urls.iter().map(resolve).collect::<Result<_, _>>()?;
        resolved.sort();
        Ok(resolved)
    };
    let (a, b) = (resolved(a)?, resolved(b)?);
    match a.iter().zip(&b).find(|(a, b)| a != b) {
        None => Ok(()),
        Some((a, b)) => Err(format!(
            "resolved urls: {} != {}",
            quote(a.text.as_bytes()),
            quote(b.text.as_bytes())
        )),
    }
}

fn resolve(url: &PeerUrl) -> Result<PeerUrl, String> {
    let (host, _) = url.host.rsplit_once(':').unwrap_or((&url.host, ""));
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let stays =
        url.scheme.starts_with("unix") || host == "localhost" || bare.parse::<IpAddr>().is_ok();
    if stays {
        return Ok(url.clone());
    }
    let mut found = url
        .host
        .to_socket_addrs()
        .map_err(|error| format!("lookup {host}: {error}"))?;
    let address = found
        .next()
        .ok_or_else(|| format!("lookup {host}: no such host"))?;
    Ok(PeerUrl {
        text: url.text.replacen(&url.host, &address.to_string(), 1),
        scheme: url.scheme.clone(),
        host: address.to_string(),
    })
}

/// Checks that no URL belongs to two members, or to one twice.
pub(super) fn check_duplicates(cluster: &UrlsByName) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for url in cluster.values().flatten() {
        if !seen.insert(&url.text) {
            return Err(format!(
                "initial cluster {} has duplicate url",
                by_name(cluster)
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        parse_urls([url]).unwrap_err()
    }

    #[test]
    fn urls_are_refused_in_the_words_of_etcd() {
        for (url, text) in [
            (
                "127.0.0.1:2380",
                "parse \"127.0.0.1:2380\": first path segment in URL cannot contain colon",
            ),
            (
                "localhost:2380",
                "URL scheme must be http, https, unix, or unixs: localhost:2380",
            ),
            (
                "http://127.0.0.1",
                "URL address does not have the form \"host:port\": http://127.0.0.1",
            ),
            (
                "http://::1:2380",
                "URL address does not have the form \"host:port\": http://::1:2380",
            ),
            ("http://h:1/", "URL must not contain a path: http://h:1/"),
            (
                "ftp://h:1",
                "URL scheme must be http, https, unix, or unixs: ftp://h:1",
            ),
            ("", "URL scheme must be http, https, unix, or unixs: "),
            (
                "http://h:port",
                "parse \"http://h:port\": invalid port \":port\" after host",
            ),
            (
                "http://a b:1",
                "parse \"http://a b:1\": invalid character \" \" in host name",
            ),
            (":1", "parse \":1\": missing protocol scheme"),
        ] {
            assert_eq!(refused(url), text);
        }
    }

    #[test]
    fn urls_are_trimmed_and_sorted_and_schemes_lowered() {
        let urls = parse_urls([" HTTP://b:1", "http://a:1 ", "https://[::1]:2"]).unwrap();
        assert_eq!(
            strings(&urls),
            ["http://a:1", "http://b:1", "https://[::1]:2"]
        );
    }

    #[test]
    fn a_name_that_comes_again_adds_urls() {
        let cluster = parse_cluster("a=http://h:2,,b=http://h:3,a=http://h:1").unwrap();
        assert_eq!(strings(&cluster["a"]), ["http://h:1", "http://h:2"]);
        assert_eq!(cluster.len(), 2);
        check_duplicates(&cluster).unwrap();
        let twice = parse_cluster("a=http://h:2,b=http://h:2").unwrap();
        assert_eq!(
            check_duplicates(&twice).unwrap_err(),
            "initial cluster a=http://h:2,b=http://h:2 has duplicate url"
        );
    }

    #[test]
    fn advertised_urls_must_be_those_of_the_cluster() {
        let check = |name: &str, advertised: &str, cluster: &str| {
            let advertised = parse_urls(advertised.split(',')).unwrap();
            check_advertised(name, &advertised, &parse_cluster(cluster).unwrap())
        };
        let own = "default=http://127.0.0.1:2390";
        assert_eq!(check("default", "http://127.0.0.1:2390", own), Ok(()));
        assert_eq!(
            check("x", "http://127.0.0.1:2390", own).unwrap_err(),
            "couldn't find local name \"x\" in the initial cluster configuration"
        );
        assert_eq!(
            check("default", "http://127.0.0.1:2391", own).unwrap_err(),
            "--initial-cluster has default=http://127.0.0.1:2390 but missing from \
             --initial-advertise-peer-urls=http://127.0.0.1:2391 \
             (resolved urls: \"http://127.0.0.1:2391\" != \"http://127.0.0.1:2390\")"
        );
        assert_eq!(
            check("default", "http://127.0.0.1:2390,http://127.0.0.1:1", own).unwrap_err(),
            "--initial-advertise-peer-urls has http://127.0.0.1:1 but missing from \
             --initial-cluster=default=http://127.0.0.1:1,default=http://127.0.0.1:2390"
        );
    }
}
