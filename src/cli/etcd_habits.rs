//! Command lines as etcd's own tools take them: flags before the command, booleans with a value, numbers as Go reads
//! them, flags that mean nothing for a file, and commands that this program does not have.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

use crate::report::Format;

/// Commands that take the flags of etcdctl and etcdutl.
const TWINS: [&str; 5] = ["status", "hashkv", "restore", "snapshot", "version"];

/// Commands that kubectl has as well, whose switches take `=true` and `=false`.
const OF_KUBECTL: [&str; 4] = ["get", "objects", "describe", "export"];

/// Flags of etcdctl's and etcdutl's that take a value and mean nothing for a file: how to reach a server, how long to
/// wait for a lock.
const IGNORED_WITH_VALUE: [&str; 15] = [
    "cacert",
    "cert",
    "command-timeout",
    "dial-timeout",
    "discovery-srv",
    "discovery-srv-name",
    "endpoints",
    "keepalive-time",
    "keepalive-timeout",
    "key",
    "max-recv-bytes",
    "max-request-bytes",
    "password",
    "timeout",
    "user",
];

/// The same without a value.
const IGNORED: [&str; 5] = [
    "debug",
    "hex",
    "insecure-discovery",
    "insecure-skip-tls-verify",
    "insecure-transport",
];

/// Commands of etcdctl that talk to a server.
const ONLINE: [&str; 18] = [
    "alarm",
    "auth",
    "check",
    "compaction",
    "del",
    "downgrade",
    "elect",
    "endpoint",
    "lease",
    "lock",
    "make-mirror",
    "member",
    "move-leader",
    "put",
    "role",
    "txn",
    "user",
    "watch",
];

/// A boolean as Go's flags take it.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A number as Go's flags take it: also in hexadecimal, octal or binary, with underscores between digits.
pub(super) fn signed(text: &str) -> Result<i64, String> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = digits(rest)?;
    i64::from_str_radix(&format!("{sign}{digits}"), radix).map_err(|error| error.to_string())
}

/// The same without a sign.
pub(super) fn unsigned(text: &str) -> Result<u64, String> {
    let (radix, digits) = digits(text)?;
    u64::from_str_radix(&digits, radix).map_err(|error| error.to_string())
}

/// Radix and digits of a number in Go's notation.
fn digits(text: &str) -> Result<(u32, String), String> {
    let wrong = || format!("{text:?} is not a number");
    let prefix = text.get(..2).unwrap_or_default().to_ascii_lowercase();
    let (radix, rest) = match prefix.as_str() {
        "0x" => (16, text.get(2..)),
        "0o" => (8, text.get(2..)),
        "0b" => (2, text.get(2..)),
        _ if text.len() > 1 && text.starts_with('0') => (8, text.get(1..)),
        _ => (10, Some(text)),
    };
    let rest = rest.unwrap_or_default();
    // An underscore stands between digits, or between prefix and digits.
    let is_first = radix != 10;
    let odd = rest.is_empty()
        || rest.ends_with('_')
        || rest.contains("__")
        || rest.starts_with('_') && !is_first
        || !rest.chars().all(|c| c == '_' || c.is_digit(radix));
    match odd {
        true => Err(wrong()),
        false => Ok((radix, rest.replace('_', ""))),
    }
}

/// The command line as this program's own parser takes it, or why no such command exists here. Only the commands that
/// etcd's tools have as well are read in their way; of those of kubectl, the values of switches.
pub(super) fn translated(arguments: Vec<OsString>, cli: &Command) -> Result<Vec<OsString>, String> {
    let mut line = Line {
        rest: arguments.iter().skip(1).cloned().collect(),
        own: arguments.first().cloned().into_iter().collect(),
        moved: Vec::new(),
        cli,
    };
    line.rest.reverse();
    let first = line.word();
    if let Some(refusal) = first.as_deref().and_then(refusal) {
        return Err(refusal);
    }
    // Flags of etcd's tools stand before their commands only.
    let is_read = |word: &String| {
        let word = word.as_str();
        TWINS.contains(&word) || OF_KUBECTL.contains(&word) && line.moved.is_empty()
    };
    let Some(first) = first.filter(is_read) else {
        return Ok(arguments);
    };
    let mut words = vec![first];
    if words.first().is_some_and(|word| word == "snapshot")
        && let Some(second) = line.word()
    {
        if second == "save" {
            return Err(online("snapshot save"));
        }
        words.push(second);
    }
    let Line {
        mut own,
        mut moved,
        mut rest,
        ..
    } = line;
    if ignores_form(&words) {
        moved.extend(own.split_off(own.len().min(1)));
    }
    rest.reverse();
    let behind = moved.into_iter().chain(rest).collect();
    let mut translated = own;
    translated.extend(words.iter().map(OsString::from));
    translated.extend(in_our_way(behind, &words, cli));
    Ok(translated)
}

/// What helps those whose arguments are wrong because they are etcdctl's or kubectl's, for a server.
pub(super) fn tip(arguments: &[OsString]) -> Option<&'static str> {
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    let has = |flags: &[&str]| {
        let name = |word: &&str| word.split('=').next().unwrap_or_default().to_owned();
        words
            .iter()
            .any(|word| flags.contains(&name(word).as_str()))
    };
    let is_get = words.contains(&"get");
    if has(&["--watch", "--watch-only", "--raw"]) {
        return Some(
            "a snapshot does not change, and no server is asked: this flag is kubectl's, for a live cluster",
        );
    }
    if has(&[
        "--context",
        "--kubeconfig",
        "--server",
        "--cluster",
        "--token",
        "--as",
    ]) {
        return Some("no server is asked: give the snapshot as FILE");
    }
    if is_get && has(&["--keys-only", "--count-only", "--from-key"]) {
        return Some("`etcdsnap keys FILE PREFIX` lists keys");
    }
    let is_of_server = is_get && (has(&["--endpoints"]) || words.len() < 4);
    is_of_server.then_some("get reads a file: `etcdsnap get FILE KEY`; `etcdctl get` asks a server")
}

fn refusal(command: &str) -> Option<String> {
    let message = match command {
        "defrag" => {
            "defrag rewrites a database in place, and this program never writes to its input; \
             `etcdsnap compact FILE --out NEW` writes a compact copy"
        }
        "migrate" => {
            "migrate rewrites a database in place, and this program never writes to its input; \
             use `etcdutl migrate` on a copy"
        }
        "backup" => {
            "backup copies a data directory with its log; use `etcdctl snapshot save`, \
             or copy the directory of a stopped member"
        }
        _ if ONLINE.contains(&command) => return Some(online(command)),
        _ => return None,
    };
    Some(message.to_owned())
}

fn online(command: &str) -> String {
    format!("{command} needs a running etcd, and this program reads files; use `etcdctl {command}`")
}

/// The flags before the command, and what follows them.
struct Line<'c> {
    /// What is still to be read, the next one last.
    rest: Vec<OsString>,
    /// What may stand before the command here, too.
    own: Vec<OsString>,
    /// Flags that have to stand behind it.
    moved: Vec<OsString>,
    cli: &'c Command,
}

impl Line<'_> {
    /// The next word that is not a flag or its value; `None` where there is none, or where a flag is not known.
    fn word(&mut self) -> Option<String> {
        while let Some(next) = self.rest.pop() {
            let Some(text) = next.to_str().map(str::to_owned) else {
                self.rest.push(next);
                return None;
            };
            if !text.starts_with('-') {
                return Some(text);
            }
            let Some((is_own, takes_value)) = self.kind(&text) else {
                self.rest.push(next);
                return None;
            };
            let value = takes_value.then(|| self.rest.pop()).flatten();
            let to = if is_own {
                &mut self.own
            } else {
                &mut self.moved
            };
            to.push(next);
            to.extend(value);
        }
        None
    }

    /// Whether a flag may stay where it is, and whether the next argument is its value.
    fn kind(&self, text: &str) -> Option<(bool, bool)> {
        if text.starts_with("-h=") || text.starts_with("--help=") {
            return Some((false, false));
        }
        if let Some(short) = text.strip_prefix('-').filter(|rest| !rest.starts_with('-')) {
            let letter = short.chars().next()?;
            if letter == 'd' {
                return Some((false, short.len() == 1));
            }
            let own = self
                .cli
                .get_arguments()
                .find(|arg| arg.get_short() == Some(letter))?;
            return Some((true, short.len() == 1 && takes_next(own)));
        }
        let (name, value) = long(text)?;
        let has_value = value.is_some();
        if let Some(own) = find(self.cli, name) {
            return Some((true, !has_value && takes_next(own)));
        }
        let takes_value = IGNORED_WITH_VALUE.contains(&name)
            || TWINS
                .iter()
                .filter_map(|twin| find(self.cli.find_subcommand(twin)?, name))
                .map(takes_next)
                .next()
                .or_else(|| IGNORED.contains(&name).then_some(false))?;
        Some((false, !has_value && takes_value))
    }
}

/// The name of a long flag, and the value that follows in the same argument.
fn long(text: &str) -> Option<(&str, Option<&str>)> {
    let flag = text.strip_prefix("--").filter(|flag| !flag.is_empty())?;
    Some(match flag.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (flag, None),
    })
}

/// Commands of etcd's tools that do not look at the form that is asked for, whatever it is called.
fn ignores_form(words: &[String]) -> bool {
    words
        .iter()
        .any(|word| word == "restore" || word == "version")
}

/// The long name of a short flag whose value has to be looked at, and the value.
fn short<'t>(command: &'t Command, text: &'t str) -> Option<(&'t str, Option<&'t str>)> {
    let value = |rest: &'t str| {
        let value = rest.strip_prefix('=').unwrap_or(rest);
        Some(value).filter(|value| !value.is_empty())
    };
    match text.strip_prefix("-w") {
        Some(rest) => Some(("write-out", value(rest))),
        None => match text.strip_prefix("-h=") {
            Some(rest) => Some(("help", value(rest))),
            None => short_switch(command, text),
        },
    }
}

/// The long name of a short switch with a value, and the value: of `-A=true`.
fn short_switch<'t>(command: &'t Command, text: &'t str) -> Option<(&'t str, Option<&'t str>)> {
    let (letter, value) = text.strip_prefix('-')?.split_once('=')?;
    let is_it = |arg: &&Arg| {
        let short = arg.get_short().map(String::from);
        matches!(arg.get_action(), ArgAction::SetTrue) && short.as_deref() == Some(letter)
    };
    let switch = command.get_arguments().find(is_it)?;
    Some((switch.get_long()?, Some(value)))
}

fn find<'c>(command: &'c Command, name: &str) -> Option<&'c Arg> {
    command
        .get_arguments()
        .find(|arg| arg.get_long() == Some(name))
}

/// Whether the argument after this flag is its value.
fn takes_next(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

/// Everything behind the command, but for the flags that mean nothing here; a switch stands there if it is on, without a
/// value.
fn in_our_way(behind: Vec<OsString>, words: &[String], cli: &Command) -> Vec<OsString> {
    let mut command = cli;
    for word in words {
        match command.find_subcommand(word) {
            Some(inner) => command = inner,
            None => break,
        }
    }
    let first = words.first().map(String::as_str).unwrap_or_default();
    let of_etcdctl = matches!(first, "snapshot" | "version");
    let takes_timeout = of_etcdctl || TWINS.contains(&first);
    // Each argument, with the name of the switch that it is.
    let mut kept: Vec<(Option<String>, OsString)> = Vec::new();
    let mut behind = behind.into_iter();
    while let Some(next) = behind.next() {
        let text = next.to_str().unwrap_or_default();
        if text == "--" {
            kept.push((None, next));
            kept.extend(behind.map(|word| (None, word)));
            break;
        }
        let is_discovery = of_etcdctl && text.starts_with("-d");
        let (name, value) = match long(text).or_else(|| short(command, text)) {
            Some(flag) => flag,
            None if is_discovery => (
                "discovery-srv",
                text.get(2..).filter(|rest| !rest.is_empty()),
            ),
            None => {
                kept.push((None, next));
                continue;
            }
        };
        let switched = value.map_or(Some(true), boolean);
        if name == "help"
            && let (Some(is_on), Some(_)) = (switched, value)
        {
            kept.extend(is_on.then(|| (None, "--help".into())));
            continue;
        }
        // These write nothing in a form, or not in all, and do not look at it.
        if name == "write-out" && ignores_form(words) {
            let form = match value {
                Some(form) => form.to_owned(),
                None => {
                    let word = behind.next().unwrap_or_default();
                    word.to_string_lossy().into_owned()
                }
            };
            if form.parse::<Format>().is_ok() {
                kept.push((None, format!("--write-out={form}").into()));
            }
            continue;
        }
        // An empty one is none.
        if matches!(name, "data-dir" | "wal-dir") && words.iter().any(|word| word == "restore") {
            let given = match value {
                Some(text) => Some(OsString::from(text)),
                None => behind.next(),
            };
            match given {
                Some(given) if given.is_empty() => {}
                Some(given) => {
                    kept.push((None, format!("--{name}").into()));
                    kept.push((None, given));
                }
                None => kept.push((None, next)),
            }
            continue;
        }
        let own = find(command, name).or_else(|| find(cli, name));
        match (own, switched) {
            (Some(own), Some(is_on)) if matches!(own.get_action(), ArgAction::SetTrue) => {
                // The last one counts.
                let name = Some(name.to_owned());
                kept.retain(|(earlier, _)| *earlier != name);
                if is_on {
                    let flag = own.get_long().unwrap_or_default();
                    kept.push((name, format!("--{flag}").into()));
                }
            }
            (Some(own), _) => {
                let value = (value.is_none() && takes_next(own))
                    .then(|| behind.next())
                    .flatten();
                kept.push((None, next));
                kept.extend(value.map(|value| (None, value)));
            }
            (None, _)
                if (of_etcdctl || takes_timeout && name == "timeout")
                    && IGNORED_WITH_VALUE.contains(&name) =>
            {
                if value.is_none() && behind.next().is_none() {
                    kept.push((None, next));
                }
            }
            (None, _) if of_etcdctl && IGNORED.contains(&name) => {}
            (None, _) => kept.push((None, next)),
        }
    }
    kept.into_iter().map(|(_, argument)| argument).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    fn line(text: &str) -> Result<String, String> {
        let arguments = text.split(' ').map(OsString::from).collect();
        let translated = translated(arguments, &Cli::command())?;
        let words = translated.iter().map(|word| word.to_string_lossy());
        Ok(words.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, number) in [
            ("0", Some(0)),
            ("4711", Some(4711)),
            ("+5", Some(5)),
            ("-5", Some(-5)),
            ("0x10", Some(16)),
            ("0X1f", Some(31)),
            ("0o17", Some(15)),
            ("017", Some(15)),
            ("0b101", Some(5)),
            ("1_000", Some(1000)),
            ("0x_10", Some(16)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("", None),
            ("-", None),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("0x", None),
            ("09", None),
            ("ten", None),
            ("1e3", None),
            ("é", None),
        ] {
            assert_eq!(signed(text).ok(), number, "{text:?}");
        }
        assert_eq!(unsigned("0xffffffffffffffff"), Ok(u64::MAX));
        assert!(unsigned("-1").is_err());
    }

    #[test]
    fn flags_before_the_command_are_put_behind_it() {
        for (theirs, ours) in [
            (
                "etcdutl --data-dir x snapshot restore s.db",
                "etcdutl snapshot restore --data-dir x s.db",
            ),
            (
                "etcdutl --data-dir=x snapshot --name m restore s.db --skip-hash-check=true",
                "etcdutl snapshot restore --data-dir x --name m s.db --skip-hash-check",
            ),
            ("etcdutl --rev=4 hashkv f", "etcdutl hashkv --rev=4 f"),
            ("etcdutl --rev 4 hashkv f", "etcdutl hashkv --rev 4 f"),
            (
                "etcdutl --mark-compacted --bump-revision 5 snapshot restore f",
                "etcdutl snapshot restore --mark-compacted --bump-revision 5 f",
            ),
            (
                "etcdutl -w json snapshot status f",
                "etcdutl -w json snapshot status f",
            ),
            (
                "etcdutl -wjson snapshot -w table status f",
                "etcdutl -wjson -w table snapshot status f",
            ),
        ] {
            assert_eq!(line(theirs).as_deref(), Ok(ours), "{theirs}");
        }
    }

    #[test]
    fn a_switch_takes_a_value_and_the_last_one_counts() {
        for (theirs, ours) in [
            ("--skip-hash-check=true f", "--skip-hash-check f"),
            ("f --skip-hash-check=false", "f"),
            ("f --skip-hash-check --skip-hash-check=F", "f"),
            (
                "f --plan=0 --plan=T --mark-compacted=1",
                "f --plan --mark-compacted",
            ),
            ("f --skip-hash-check=maybe", "f --skip-hash-check=maybe"),
            ("f --skip-hash-check true", "f --skip-hash-check true"),
            ("f --name --plan=false", "f --name --plan=false"),
            ("f -- --plan=false", "f -- --plan=false"),
        ] {
            let (theirs, ours) = (format!("e restore {theirs}"), format!("e restore {ours}"));
            assert_eq!(line(&theirs), Ok(ours), "{theirs}");
        }
        for (theirs, ours) in [
            ("e get f pods -A=true", "e get f pods --all-namespaces"),
            ("e get f pods -A=false -l=a=b", "e get f pods -l=a=b"),
            ("e objects f --no-headers=T", "e objects f --no-headers"),
        ] {
            assert_eq!(line(theirs).as_deref(), Ok(ours), "{theirs}");
        }
        for (theirs, ours) in [
            ("e --help=false hashkv f", "e hashkv f"),
            ("e snapshot status -h=false f", "e snapshot status f"),
            ("e hashkv f --help=true", "e hashkv f --help"),
            ("e snapshot restore f -w protobuf", "e snapshot restore f"),
            ("e -w xml snapshot restore f", "e snapshot restore f"),
            ("e restore f -wjson", "e restore f --write-out=json"),
            ("e version --write-out=xml", "e version"),
            ("e hashkv -w protobuf f", "e hashkv -w protobuf f"),
            ("e restore f --data-dir= --wal-dir=", "e restore f"),
            ("e restore f --data-dir=d", "e restore f --data-dir d"),
        ] {
            assert_eq!(line(theirs).as_deref(), Ok(ours), "{theirs}");
        }
        // Other commands are not etcd's.
        assert_eq!(
            line("e verify --quick=true f").as_deref(),
            Ok("e verify --quick=true f")
        );
    }

    #[test]
    fn flags_that_mean_nothing_for_a_file_are_taken_from_etcdctls_commands_only() {
        for (theirs, ours) in [
            (
                "etcdctl --endpoints=a --cacert b -d c snapshot status f --hex --debug=false",
                "etcdctl snapshot status f",
            ),
            (
                "etcdctl snapshot restore f --name --cert --key k",
                "etcdctl snapshot restore f --name --cert",
            ),
            ("etcdutl --timeout 3s hashkv f", "etcdutl hashkv f"),
            (
                "etcdctl snapshot status -- --hex",
                "etcdctl snapshot status -- --hex",
            ),
            ("etcdutl hashkv f --hex", "etcdutl hashkv f --hex"),
            ("etcdsnap get f --hex", "etcdsnap get f --hex"),
            ("etcdsnap --hex get f", "etcdsnap --hex get f"),
            (
                "etcdctl snapshot status f --cacert",
                "etcdctl snapshot status f --cacert",
            ),
        ] {
            assert_eq!(line(theirs).as_deref(), Ok(ours), "{theirs}");
        }
    }

    #[test]
    fn commands_that_are_not_here_name_what_to_use() {
        for (theirs, next) in [
            ("etcdutl defrag --data-dir x", "etcdsnap compact"),
            ("etcdutl --data-dir x defrag", "etcdsnap compact"),
            ("etcdutl migrate", "etcdutl migrate"),
            ("etcdctl snapshot save s.db", "etcdctl snapshot save"),
            ("etcdctl --endpoints a endpoint status", "etcdctl endpoint"),
            ("etcdctl put a b", "etcdctl put"),
        ] {
            let refused = line(theirs).unwrap_err();
            assert!(refused.contains(next), "{theirs}: {refused}");
        }
    }
}
