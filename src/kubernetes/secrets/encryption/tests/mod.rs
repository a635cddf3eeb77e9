//! Decrypting: values made here, and values that a real API server stored.

mod config;

use std::borrow::Cow;

use aes::{Aes128, Aes192, Aes256};
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{AesGcm, KeyInit as _};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cbc::cipher::{Array, BlockModeEncrypt as _, KeyIvInit as _, StreamCipher as _};
use poly1305::Poly1305;
use salsa20::XSalsa20;
use serde_json::Value;

pub(super) use config::config;

use super::*;

const KEY: &[u8] = b"/registry/secrets/shop/db";
const SECRET: &[u8] = b"0123456789abcdef0123456789ABCDEF";

/// A configuration with one key `k` made from the first bytes of [`SECRET`], for secrets.
fn one_key(provider: &str, len: usize) -> EncryptionConfig {
    let secret = BASE64_STANDARD.encode(&SECRET[..len]);
    config(&format!(
        "- resources: [secrets]\n  providers:\n  - {provider}: {{keys: [{{name: k, secret: {secret}}}]}}\n"
    ))
    .unwrap()
}

fn envelope(provider: &str, payload: &[u8]) -> Vec<u8> {
    [format!("k8s:enc:{provider}:v1:k:").as_bytes(), payload].concat()
}

/// AES-CBC of whole blocks, so that paddings of any kind can be tried.
fn cbc(len: usize, padded: &[u8]) -> Vec<u8> {
    let iv = [7; 16];
    let mut blocks = padded.to_vec();
    let whole = Array::slice_as_chunks_mut(&mut blocks).0;
    match len {
        16 => cbc::Encryptor::<Aes128>::new_from_slices(&SECRET[..16], &iv)
            .unwrap()
            .encrypt_blocks(whole),
        24 => cbc::Encryptor::<Aes192>::new_from_slices(&SECRET[..24], &iv)
            .unwrap()
            .encrypt_blocks(whole),
        _ => cbc::Encryptor::<Aes256>::new_from_slices(SECRET, &iv)
            .unwrap()
            .encrypt_blocks(whole),
    }
    envelope("aescbc", &[&iv[..], &blocks].concat())
}

fn padded(plain: &[u8]) -> Vec<u8> {
    let padding = 16 - plain.len() % 16;
    [plain, &vec![padding as u8; padding]].concat()
}

fn gcm(len: usize, plain: &[u8], etcd_key: &[u8]) -> Vec<u8> {
    let nonce = [9; 12];
    let message = Payload {
        msg: plain,
        aad: etcd_key,
    };
    let sealed = match len {
        16 => AesGcm::<Aes128, U12>::new_from_slice(&SECRET[..16])
            .unwrap()
            .encrypt(&nonce.into(), message),
        24 => AesGcm::<Aes192, U12>::new_from_slice(&SECRET[..24])
            .unwrap()
            .encrypt(&nonce.into(), message),
        _ => AesGcm::<Aes256, U12>::new_from_slice(SECRET)
            .unwrap()
            .encrypt(&nonce.into(), message),
    };
    envelope("aesgcm", &[&nonce[..], &sealed.unwrap()].concat())
}

fn secretbox(plain: &[u8]) -> Vec<u8> {
    let nonce = [3; 24];
    let mut stream = XSalsa20::new_from_slices(SECRET, &nonce).unwrap();
    let mut tag_key = [0; 32];
    stream.apply_keystream(&mut tag_key);
    let mut sealed = plain.to_vec();
    stream.apply_keystream(&mut sealed);
    let tag = Poly1305::new_from_slice(&tag_key)
        .unwrap()
        .compute_unpadded(&sealed);
    envelope("secretbox", &[&nonce[..], tag.as_slice(), &sealed].concat())
}

fn open(value: &[u8], config: &EncryptionConfig) -> Result<Vec<u8>, DecryptError> {
    decrypt(KEY, value, config, Some("secrets")).map(Cow::into_owned)
}

fn wrong_key(provider: Provider) -> DecryptError {
    let name = "k".to_owned();
    DecryptError::WrongKey { provider, name }
}

#[test]
fn every_cipher_and_key_length_opens_what_it_closed() {
    for plain in [&b""[..], b"k8s\0", &[5; 15], &[5; 16], &[5; 4097]] {
        for len in [16, 24, 32] {
            let config = one_key("aescbc", len);
            let object = [b"k8s\0", plain].concat();
            assert_eq!(open(&cbc(len, &padded(&object)), &config).unwrap(), object);
            let config = one_key("aesgcm", len);
            assert_eq!(open(&gcm(len, plain, KEY), &config).unwrap(), plain);
        }
        let config = one_key("secretbox", 32);
        assert_eq!(open(&secretbox(plain), &config).unwrap(), plain);
    }
}

#[test]
fn a_plain_value_stays_as_it_is() {
    let config = one_key("aescbc", 16);
    for value in [&b"k8s\0..."[..], b"", b"{}"] {
        let opened = decrypt(KEY, value, &config, None).unwrap();
        assert!(matches!(opened, Cow::Borrowed(bytes) if bytes == value));
    }
}

#[test]
fn no_wrong_key_opens_a_value_of_aes_cbc() {
    // The padding fits by chance for about six of them; an API server would go on with garbage.
    let value = cbc(
        32,
        &padded(b"k8s\0\x0a\x0c\x0a\x02v1\x12\x06Secret\x12\x04\x0a\x02\x0a\0"),
    );
    let mut fits = 0;
    for number in 0..1500u32 {
        let mut secret = SECRET.to_vec();
        secret[4..8].copy_from_slice(&number.to_be_bytes());
        let text = BASE64_STANDARD.encode(&secret);
        let config = config(&format!(
            "- resources: [secrets]\n  providers:\n  - aescbc: {{keys: [{{name: k, secret: {text}}}]}}\n"
        ))
        .unwrap();
        let payload = &value[b"k8s:enc:aescbc:v1:k:".len()..];
        fits += u32::from(super::cipher::open(Provider::AesCbc, &secret, payload, KEY).is_ok());
        let error = open(&value, &config).unwrap_err();
        assert_eq!(error, wrong_key(Provider::AesCbc), "{number}");
    }
    assert!(fits > 0, "the keys show nothing");
}

#[test]
fn what_comes_out_of_aes_cbc_counts_if_it_begins_as_an_object() {
    let config = one_key("aescbc", 16);
    for plain in [
        &b"k8s\0"[..],
        b"{}",
        b" {\n \"kind\": \"Secret\"}",
        b"\xd9\xd9\xf7\xa0",
        // Damage behind the first block is not an error of the key.
        b"{\"kind\":\"Secret\"\xff\0",
    ] {
        assert_eq!(open(&cbc(16, &padded(plain)), &config).unwrap(), plain);
    }
    for plain in [
        &b""[..],
        b"garbage",
        b"{garbage",
        b"{\"\xff\"}",
        b"{\"\0\"}",
        b"[]",
        b"k8s\x01",
        b"k8s:enc:aescbc:v1:k:",
    ] {
        let error = open(&cbc(16, &padded(plain)), &config).unwrap_err();
        assert_eq!(error, wrong_key(Provider::AesCbc), "{plain:x?}");
    }
}

#[test]
fn a_name_that_looks_like_a_key_is_never_shown() {
    for secret in [&SECRET[..16], &SECRET[..24], SECRET] {
        let name = BASE64_STANDARD.encode(secret);
        for (provider, word) in [
            ("aescbc", "key1"),
            ("aesgcm", "c2hvcnQ="),
            ("secretbox", ""),
        ] {
            let error = config(&format!(
                "- resources: [secrets]\n  providers:\n  - {provider}: {{keys: [{{name: '{name}', secret: '{word}'}}]}}\n"
            ))
            .unwrap_err()
            .to_string();
            assert!(!error.contains(&name), "{error}");
            assert!(error.contains("are name and secret swapped?"), "{error}");
        }
        let stored = format!("k8s:enc:aescbc:v1:{name}:0123456789abcdef0123456789abcdef");
        let error = open(stored.as_bytes(), &one_key("aescbc", 16)).unwrap_err();
        assert!(!error.to_string().contains(&name), "{error}");
        let stored = format!("k8s:enc:kms:v1:{name}:x");
        let error = open(stored.as_bytes(), &one_key("aescbc", 16)).unwrap_err();
        assert!(!error.to_string().contains(&name), "{error}");
        assert!(!shown_name(name.as_bytes()).contains(&name));
    }
    for name in [
        "key1",
        "key-2026-11-27-of-vault",
        "prod",
        "k8s-encryption-key-2026-a",
    ] {
        assert_eq!(shown_name(name.as_bytes()), name);
    }
}

#[test]
fn a_configuration_that_begins_with_identity_encrypts_nothing() {
    let cbc = "{aescbc: {keys: [{name: k, secret: MDEyMzQ1Njc4OWFiY2RlZg==}]}}";
    let of = |providers: &str| {
        let text = format!("- resources: [secrets]\n  providers: [{providers}]\n");
        config(&text).unwrap().encrypts_anything()
    };
    assert!(!of("{identity: {}}"));
    assert!(!of(&format!("{{identity: {{}}}}, {cbc}")));
    assert!(of(&format!("{cbc}, {{identity: {{}}}}")));
}

#[test]
fn padding_is_checked_as_the_api_server_does() {
    let config = one_key("aescbc", 16);
    // Longer than a block is taken.
    let long = [&b"k8s\0"[..], &[1; 8], &[20; 20]].concat();
    let opened = open(&cbc(16, &long), &config).unwrap();
    assert_eq!(opened, [&b"k8s\0"[..], &[1; 8]].concat());
    for wrong in [
        [0; 16],
        [17; 16],
        [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3],
    ] {
        let error = open(&cbc(16, &wrong), &config).unwrap_err();
        assert_eq!(error, wrong_key(Provider::AesCbc));
    }
    // Nothing behind the IV, and no whole block.
    for payload in [&[0; 16][..], &[0; 15], &[0; 33], b""] {
        let value = envelope("aescbc", payload);
        assert_eq!(open(&value, &config), Err(DecryptError::Malformed));
    }
}

#[test]
fn a_value_moved_to_another_key_does_not_open_with_aes_gcm() {
    let config = one_key("aesgcm", 32);
    let value = gcm(32, b"x", b"/registry/secrets/other/db");
    assert_eq!(open(&value, &config), Err(wrong_key(Provider::AesGcm)));
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed_where_values_are_authenticated() {
    for (value, config, provider) in [
        (
            gcm(32, b"some text", KEY),
            one_key("aesgcm", 32),
            Provider::AesGcm,
        ),
        (
            secretbox(b"some text"),
            one_key("secretbox", 32),
            Provider::SecretBox,
        ),
    ] {
        let front = value.len() - Envelope::parse(&value).unwrap().unwrap().payload.len();
        for at in front..value.len() {
            let mut flipped = value.clone();
            flipped[at] ^= 1;
            assert_eq!(open(&flipped, &config), Err(wrong_key(provider)));
        }
        for len in 0..value.len() {
            if !is_encrypted(&value[..len]) {
                continue;
            }
            assert!(open(&value[..len], &config).is_err(), "{len}");
        }
    }
}

#[test]
fn a_key_of_the_same_name_is_looked_for_further_down() {
    let right = BASE64_STANDARD.encode(&SECRET[..16]);
    let wrong = BASE64_STANDARD.encode([1; 16]);
    let config = config(&format!(
        "- resources: [secrets]
  providers:
  - aesgcm: {{keys: [{{name: k, secret: {wrong}}}, {{name: kk, secret: {wrong}}}]}}
  - identity: {{}}
  - aesgcm: {{keys: [{{name: k, secret: {right}}}]}}
"
    ))
    .unwrap();
    assert_eq!(open(&gcm(16, b"x", KEY), &config).unwrap(), b"x");
}

#[test]
fn a_name_may_hold_a_colon() {
    let secret = BASE64_STANDARD.encode(SECRET);
    let config = config(&format!(
        "- resources: [secrets]\n  providers: [{{secretbox: {{keys: [{{name: 'a:b', secret: {secret}}}]}}}}]\n"
    ))
    .unwrap();
    let value = secretbox(b"x");
    let value = [b"k8s:enc:secretbox:v1:a:b:", &value[23..]].concat();
    assert_eq!(open(&value, &config).unwrap(), b"x");
}

#[test]
fn missing_keys_plugins_and_unknown_ways_are_told_apart() {
    let config = one_key("aescbc", 16);
    let no_key = |provider| DecryptError::NoKey {
        provider,
        name: "k".to_owned(),
    };
    assert_eq!(
        open(&gcm(16, b"x", KEY), &config),
        Err(no_key(Provider::AesGcm))
    );
    assert_eq!(
        open(b"k8s:enc:kms:v2:vault:\x0a\x01x", &config),
        Err(DecryptError::Kms {
            version: KmsVersion::V2,
            name: "vault".to_owned()
        })
    );
    assert_eq!(
        open(b"k8s:enc:aescbc:v2:k:x", &config),
        Err(DecryptError::UnknownProvider("aescbc:v2".to_owned()))
    );
    assert_eq!(open(b"k8s:enc:", &config), Err(DecryptError::Malformed));
}

#[test]
fn a_resource_without_an_entry_is_tried_with_every_key() {
    let config = one_key("secretbox", 32);
    let value = secretbox(b"x");
    for (key, resource) in [
        (&b"/registry/configmaps/a/b"[..], Some("configmaps")),
        (b"/some/other/prefix/secrets/a/b", None),
        (b"\xff", None),
    ] {
        assert_eq!(
            decrypt(key, &value, &config, resource).unwrap().as_ref(),
            b"x"
        );
    }
}

#[test]
fn a_named_resource_gets_its_own_keys_only() {
    let secret = BASE64_STANDARD.encode(SECRET);
    let config = config(&format!(
        "- resources: [secrets]\n  providers: [{{identity: {{}}}}]
- resources: [configmaps]\n  providers: [{{secretbox: {{keys: [{{name: k, secret: {secret}}}]}}}}]\n"
    ))
    .unwrap();
    let value = secretbox(b"x");
    assert!(matches!(
        open(&value, &config),
        Err(DecryptError::NoKey { .. })
    ));
    assert_eq!(decrypt(KEY, &value, &config, None).unwrap().as_ref(), b"x");
}

#[test]
fn resources_are_guessed_from_keys() {
    for (key, resource) in [
        ("/registry/secrets/ns/name", Some("secrets")),
        ("/registry/minions/node", Some("minions")),
        (
            "/registry/vault.example.com/tokens/ns/name",
            Some("tokens.vault.example.com"),
        ),
        ("/kubernetes.io/secrets/ns/name", Some("secrets")),
        ("/registry/secrets", None),
        ("/registry/a.b/c", None),
        ("compact_rev_key", None),
    ] {
        assert_eq!(resource_of(key.as_bytes()).as_deref(), resource, "{key}");
    }
}

/// Values as an API server stored them: key, provider, value, and what the plain value contains.
fn stored() -> Vec<(String, String, Vec<u8>, Vec<String>)> {
    let text = include_str!("../../../../../testdata/kubernetes/encrypted/values.json");
    let list: Vec<Value> = serde_json::from_str(text).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    list.iter()
        .map(|entry| {
            (
                text(&entry["key"]),
                text(&entry["provider"]),
                BASE64_STANDARD.decode(text(&entry["value"])).unwrap(),
                entry["contains"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(text)
                    .collect(),
            )
        })
        .collect()
}

fn real_config() -> EncryptionConfig {
    let bytes =
        include_bytes!("../../../../../testdata/kubernetes/encrypted/encryption-config.yaml");
    EncryptionConfig::read(bytes).unwrap()
}

#[test]
fn values_of_a_real_api_server_open() {
    let config = real_config();
    let mut providers = Vec::new();
    for (key, provider, value, contains) in stored() {
        let resource = resource_of(key.as_bytes()).unwrap();
        for resource in [None, Some(resource.as_str())] {
            let plain = decrypt(key.as_bytes(), &value, &config, resource).unwrap();
            let start: &[u8] = if resource_of(key.as_bytes()).unwrap() == "secrets" {
                b"k8s\0"
            } else {
                b"\xd9\xd9\xf7"
            };
            assert!(plain.starts_with(start), "{key}");
            for text in &contains {
                let mut windows = plain.windows(text.len());
                assert!(windows.any(|window| window == text.as_bytes()), "{text}");
            }
        }
        providers.push(provider);
    }
    providers.dedup();
    assert_eq!(providers, ["aescbc", "secretbox", "aesgcm"]);
}

#[test]
fn values_of_a_real_api_server_stay_shut_without_their_key() {
    let config = config("- resources: ['*.*']\n  providers: [{identity: {}}]\n").unwrap();
    for (key, provider, value, _) in stored() {
        let error = decrypt(key.as_bytes(), &value, &config, None).unwrap_err();
        assert!(
            matches!(error, DecryptError::NoKey { provider: p, .. } if p.name() == provider),
            "{error}"
        );
    }
}

#[test]
fn real_values_stand_as_the_rotation_left_them() {
    let config = real_config();
    for (key, provider, value, _) in stored() {
        let resource = resource_of(key.as_bytes()).unwrap();
        let expected = match provider.as_str() {
            "aescbc" => Standing::OldKey,
            _ => Standing::Current,
        };
        let stored = Stored::of(&value).unwrap();
        assert_eq!(standing(&resource, stored, &config), expected, "{key}");
    }
}
