//! What the library calls by the names of its jobs and options, as the command line calls it.

use std::borrow::Cow;

/// Longer ones first, where one begins with another.
const WORDS: [(&str, &str); 20] = [
    (
        "`restore` DIR with `skip_hash_check`",
        "etcdsnap restore DIR --skip-hash-check",
    ),
    (
        "`verify` DIR with `wal_dir` W",
        "etcdsnap verify DIR --wal-dir W",
    ),
    ("`compact`", "`etcdsnap compact FILE -o OUT`"),
    ("`diff`", "`etcdsnap diff`"),
    ("`restore`", "`etcdsnap restore`"),
    ("`verify`", "`etcdsnap verify`"),
    ("`all_members`", "--all-members"),
    ("`bump_revision`", "--bump-revision"),
    ("`encryption`", "--encryption-config"),
    ("`exact`", "--exact"),
    ("`force`", "--force"),
    ("`initial_cluster`", "--initial-cluster"),
    ("`mark_compacted`", "--mark-compacted"),
    ("`owner`", "--owner"),
    ("`quick`", "--quick"),
    ("`show_secrets`", "--show-secrets"),
    ("`skip_hash_check`", "--skip-hash-check"),
    ("`threads`", "--threads"),
    ("`values`", "--values"),
    ("`wal_dir`", "--wal-dir"),
];

/// A text of the library, with commands and flags for what it calls by names of its own.
pub fn worded(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    if text.contains('`') {
        for (name, word) in WORDS {
            if text.contains(name) {
                text = Cow::Owned(text.replace(name, word));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_library_become_flags_and_commands() {
        let text = "restore the database: `restore` DIR with `skip_hash_check`; `verify` tells what was proven";
        assert_eq!(
            worded(text),
            "restore the database: etcdsnap restore DIR --skip-hash-check; `etcdsnap verify` tells what was proven"
        );
        let other = "`etcdctl alarm disarm` and `etcdsnap verify` stay";
        assert_eq!(worded(other), other);
    }

    #[test]
    fn no_finding_keeps_a_name_of_the_library_or_has_a_flag_of_the_command_line() {
        for code in crate::codes::all() {
            for text in [code.title, code.cause, code.next_step] {
                assert!(!text.contains("etcdsnap "), "{}: {text}", code.id);
                let said = worded(text);
                assert!(
                    !said.contains("_check`") && !said.contains("_dir`"),
                    "{said}"
                );
            }
        }
    }
}
