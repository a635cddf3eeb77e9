//! Reading configurations.

use super::super::*;

/// A configuration with these entries of `resources`.
pub(in super::super) fn config(resources: &str) -> Result<EncryptionConfig, ConfigError> {
    let head = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n";
    EncryptionConfig::read(format!("{head}resources:\n{resources}").as_bytes())
}

fn error(resources: &str) -> String {
    config(resources).unwrap_err().to_string()
}

fn identity(names: &str) -> String {
    format!("- resources: [{names}]\n  providers: [{{identity: {{}}}}]\n")
}

const TWO: &str = "
- resources: [secrets, tokens.vault.example.com]
  providers:
  - aescbc: {keys: [{name: one, secret: MDEyMzQ1Njc4OWFiY2RlZg==}, {name: two, secret: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3}]}
  - kms: {name: vault, endpoint: 'unix:///x', apiVersion: v2}
  - identity: {}
- resources: [configmaps]
  providers:
  - secretbox: {keys: [{name: box, secret: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}]}
";

#[test]
fn groups_providers_and_keys_are_read_in_order() {
    let config = config(TWO).unwrap();
    assert_eq!(config.groups.len(), 2);
    let providers = config.providers_for("tokens.vault.example.com").unwrap();
    let ProviderEntry::Keys(Provider::AesCbc, keys) = providers[0] else {
        panic!("{providers:?}");
    };
    assert_eq!(keys[0].name, "one");
    assert_eq!(keys[0].secret, b"0123456789abcdef");
    assert_eq!(keys[1].secret.len(), 24);
    assert_eq!(
        *providers[1],
        ProviderEntry::Kms(KmsVersion::V2, "vault".to_owned())
    );
    assert_eq!(*providers[2], ProviderEntry::Identity);
    assert_eq!(config.providers_for("pods"), None);
}

#[test]
fn json_and_the_older_kind_are_read_too() {
    let json = br#"{"kind":"EncryptionConfig","apiVersion":"v1","resources":
            [{"resources":["secrets"],"providers":[{"identity":{}}]}]}"#;
    let config = EncryptionConfig::read(json).unwrap();
    assert_eq!(config.groups[0].providers, [ProviderEntry::Identity]);
}

#[test]
fn exact_names_go_before_wildcards_whatever_their_order() {
    let box_key = "- resources: [secrets]\n  providers: [{kms: {name: exact}}, {identity: {}}]\n";
    let config = config(&format!(
        "{box_key}{}{}{}",
        identity("'*.apps'"),
        "- resources: ['*.']\n  providers: [{kms: {name: core}}]\n",
        "- resources: ['*.*']\n  providers: [{kms: {name: any}}]\n"
    ))
    .unwrap();
    let first = |resource: &str| config.providers_for(resource).unwrap()[0].clone();
    let kms = |name: &str| ProviderEntry::Kms(KmsVersion::V1, name.to_owned());
    assert_eq!(first("secrets"), kms("exact"));
    assert_eq!(first("configmaps"), kms("core"));
    assert_eq!(first("deployments.apps"), ProviderEntry::Identity);
    assert_eq!(first("secrets.example.com"), kms("any"));
}

#[test]
fn entries_that_name_the_same_resource_are_joined() {
    let kms = "- resources: [secrets]\n  providers: [{kms: {name: a}}]\n";
    let config = config(&format!("{kms}{}", identity("secrets"))).unwrap();
    assert_eq!(config.providers_for("secrets").unwrap().len(), 2);
}

#[test]
fn what_the_api_server_refuses_is_refused_with_its_place() {
    let keys = |keys: &str| {
        error(&format!(
            "- resources: [secrets]\n  providers:\n  - identity: {{}}\n  - secretbox: {{keys: {keys}}}\n"
        ))
    };
    let place = "resources[0].providers[1].secretbox.keys";
    assert_eq!(keys("[]"), format!("{place}: nothing in it"));
    assert_eq!(keys("[{secret: QUJD}]"), format!("{place}[0]: no name"));
    assert_eq!(
        keys("[{name: a}]"),
        format!("{place}[0] (key \"a\"): no secret")
    );
    assert_eq!(
        keys("[{name: a, secret: hunter2}]"),
        format!("{place}[0] (key \"a\"): the secret is not base64")
    );
    assert_eq!(
        keys("[{name: a, secret: MDEyMzQ1Njc4OWFiY2RlZg==}]"),
        format!("{place}[0] (key \"a\"): the secret has 16 bytes, must have 32")
    );
    assert_eq!(
        keys("[{name: 1, secret: QUJD}]"),
        format!("{place}[0].name: not a text")
    );
    assert_eq!(
        error(&format!("{}{}", identity("'*.*'"), identity("secrets"))),
        "resources[1].resources[0]: \"secrets\" is masked by an earlier \"*.*\""
    );
    assert_eq!(
        error("- resources: [secrets]\n  providers: [{identity: {}, kms: {name: a}}]\n"),
        "resources[0].providers[0]: both kms and identity, each needs an entry of its own"
    );
    assert_eq!(
        error("- resources: [secrets]\n  providers: [{identity: }]\n"),
        "resources[0].providers[0]: none of kms, aesgcm, aescbc, secretbox, identity"
    );
    assert_eq!(
        error("- providers: [{identity: {}}]\n"),
        "resources[0].resources: nothing in it"
    );
    assert_eq!(
        error("- resources: [a]\n  providers: [{kms: {name: 'a:b', apiVersion: v2}}]\n"),
        "resources[0].providers[0].kms: a colon in name \"a:b\""
    );
    assert_eq!(
        EncryptionConfig::read(b"kind: Pod\napiVersion: v1\n")
            .unwrap_err()
            .to_string(),
        "kind \"Pod\" of apiVersion \"v1\" is not an EncryptionConfiguration"
    );
    assert!(EncryptionConfig::read(&vec![b' '; (1 << 20) + 1]).is_err());
}

#[test]
fn secrets_are_shown_by_no_one() {
    let config = config(TWO).unwrap();
    assert!(!format!("{config:?}").contains("0123"));
    assert!(!format!("{config:?}").contains("48, 49"));
}
