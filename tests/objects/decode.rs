//! Single values from files and from standard input.

use std::io::Write as _;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::tool::{self, Outcome};
use crate::{AFTER, CONFIG, etcdsnap, unpacked};

/// The bytes of a value, as they are stored.
fn stored(dir: &std::path::Path, name: &str) -> Vec<u8> {
    let args = format!("get {AFTER} {name} -o raw");
    let output = tool::command(dir).args(args.split(' ')).output();
    let output = output.expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{name}");
    output.stdout
}

fn piped(dir: &std::path::Path, args: &str, input: &[u8]) -> Outcome {
    let mut command = tool::command(dir);
    let mut child = command
        .args(args.split(' '))
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input).expect("the program reads");
    drop(stdin);
    child.wait_with_output().expect("the program ends").into()
}

#[test]
fn a_value_is_decoded_from_bytes_hex_and_base64() {
    let dir = unpacked();
    let value = stored(dir.path(), "deploy/web -n shop");
    let expected = etcdsnap(dir.path(), &format!("get {AFTER} deploy/web -n shop"));
    // A value by itself does not know its revision.
    let expected: String = expected
        .stdout
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("  resourceVersion:"))
        .collect();
    let hex = etcdsnap(
        dir.path(),
        &format!("get {AFTER} deploy/web -n shop -o hex"),
    )
    .stdout;
    let base64 = STANDARD.encode(&value);
    let lines: Vec<&[u8]> = base64.as_bytes().chunks(76).collect();
    let with_end = [&value[..], b"\n"].concat();
    for (form, bytes) in [
        ("raw", value.clone()),
        ("raw with a line end", with_end),
        ("hex", hex.clone().into_bytes()),
        ("hex in capitals", hex.to_uppercase().into_bytes()),
        ("base64", base64.clone().into_bytes()),
        ("base64 in lines", lines.join(&b"\n"[..])),
    ] {
        std::fs::write(dir.path().join("value"), &bytes).expect("a temporary file");
        for outcome in [
            etcdsnap(dir.path(), "decode value"),
            piped(dir.path(), "decode", &bytes),
            piped(dir.path(), "decode -", &bytes),
        ] {
            assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""), "{form}");
            assert_eq!(outcome.stdout, expected, "{form}");
        }
    }
    let json = piped(dir.path(), "decode -o json", &value).stdout;
    assert!(
        json.starts_with("{\n    \"apiVersion\": \"apps/v1\""),
        "{json}"
    );
}

#[test]
fn an_encrypted_value_needs_its_key_in_both_senses() {
    let dir = unpacked();
    let value = stored(dir.path(), "secret/db -n payments");
    let decode = |args: &str| piped(dir.path(), &format!("decode{args}"), &value);
    let with_config =
        format!(" --etcd-key /registry/secrets/payments/db --encryption-config {CONFIG}");
    let outcome = decode(&with_config);
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    assert!(
        outcome.stdout.contains("password: <redacted 7 bytes"),
        "{}",
        outcome.stdout
    );
    let outcome = decode(&format!("{with_config} --show-secrets"));
    assert!(
        outcome.stdout.contains("password: Y2hhbmdlZA=="),
        "{}",
        outcome.stdout
    );
    // AES-GCM is bound to the key it is stored under.
    let token = stored(dir.path(), "/registry/vault.example.com/tokens/shop/t-1");
    let config = format!("decode --encryption-config {CONFIG}");
    let outcome = piped(dir.path(), &config, &token);
    assert_eq!((outcome.status, &*outcome.stdout), (Some(1), ""));
    assert!(outcome.stderr.contains("key-gcm"), "{}", outcome.stderr);
    let bound = format!("{config} --etcd-key /registry/vault.example.com/tokens/shop/t-1");
    assert_eq!(piped(dir.path(), &bound, &token).status, Some(0));
}

#[test]
fn what_is_no_value_is_refused() {
    let dir = unpacked();
    let outcome = piped(dir.path(), "decode", b"\xff\xfe\x00");
    assert_eq!((outcome.status, &*outcome.stdout), (Some(1), ""));
    assert!(
        outcome.stderr.starts_with("Error: -: neither an object"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_file_that_is_not_there_is_told_in_the_words_of_the_other_commands() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(dir.path().join("file"), "text").expect("a temporary file");
    for name in ["missing", "file/below"] {
        let decode = tool::run(dir.path(), ["decode", name]);
        let keys = tool::run(dir.path(), ["keys", name]);
        assert_eq!(decode.status, Some(2));
        assert_eq!(decode, keys, "{name}");
    }
    let decode = tool::run(dir.path(), ["decode", "missing"]);
    assert_eq!(
        decode.stderr,
        "Error: stat missing: no such file or directory\n"
    );
}
