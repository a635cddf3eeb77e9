//! Reads the text of the table. It is our own, but a line that cannot be read is passed over and counted
//! all the same: a table with a gap still decodes the other kinds.

use std::collections::HashMap;

use super::ListType;
use super::{Field, Kind, ListInfo, Message, MessageId, Shape, Table};

/// The table, and how many lines were not understood.
pub(super) fn parse(text: &'static str) -> (Table, usize) {
    let mut table = Table {
        messages: Vec::new(),
        kinds: HashMap::default(),
        object_meta: None,
    };
    let mut odd_lines = 0usize;
    let mut name = None;
    let mut fields = Vec::new();
    for line in text.lines() {
        let is_understood = match line.split_at_checked(2) {
            Some(("# ", _)) => true,
            Some(("M ", next)) => {
                finish(&mut table, name.replace(next), &mut fields);
                true
            }
            Some(("K ", rest)) => {
                finish(&mut table, name.take(), &mut fields);
                add_kind(&mut table, rest).is_some()
            }
            _ => field(line).map(|field| fields.push(field)).is_some(),
        };
        odd_lines = odd_lines.saturating_add(usize::from(!is_understood));
    }
    finish(&mut table, name, &mut fields);
    (table, odd_lines)
}

fn finish(table: &mut Table, name: Option<&'static str>, fields: &mut Vec<Field>) {
    let Some(name) = name else {
        return;
    };
    if name == "meta/v1.ObjectMeta" {
        table.object_meta = u16::try_from(table.messages.len()).ok().map(MessageId);
    }
    let message = Message::new(name, std::mem::take(fields));
    table.messages.push(message);
}

fn add_kind(table: &mut Table, line: &'static str) -> Option<()> {
    let mut words = line.split(' ');
    let group = words
        .next()
        .map(|group| if group == "-" { "" } else { group })?;
    let (version, kind) = (words.next()?, words.next()?);
    let message = message_id(words.next()?)?;
    let versions = table.kinds.entry(kind).or_default();
    versions.push((group, version, message));
    Some(())
}

fn message_id(text: &str) -> Option<MessageId> {
    text.parse().ok().map(MessageId)
}

fn field(line: &'static str) -> Option<Field> {
    let mut words = line.split(' ');
    let number = words.next()?.parse().ok().filter(|n| *n < 1 << 12)?;
    let name = words
        .next()
        .map(|name| if name == "-" { "" } else { name })?;
    let code = words.next()?;
    let (shape, code) = if let Some(code) = code.strip_prefix('[') {
        (Shape::List, code)
    } else if let Some(code) = code.strip_prefix('{') {
        (Shape::Map, code)
    } else {
        (Shape::One, code)
    };
    let (is_wrapped, code) = code
        .strip_prefix('W')
        .map_or((false, code), |code| (true, code));
    let flags = words.next()?;
    let mut list = ListInfo {
        list_type: None,
        keys: Vec::new(),
        patch_key: None,
    };
    for word in words {
        match word {
            "a" => list.list_type = Some(ListType::Atomic),
            "s" => list.list_type = Some(ListType::Set),
            _ => {
                if let Some(keys) = word.strip_prefix("m:") {
                    list.list_type = Some(ListType::Map);
                    list.keys = keys.split(',').collect();
                } else {
                    list.patch_key = Some(word.strip_prefix('~')?);
                }
            }
        }
    }
    Some(Field {
        number,
        name,
        kind: kind(code)?,
        shape,
        is_wrapped,
        is_pointer: flags.contains('p'),
        omit_empty: flags.contains('o'),
        omit_zero: flags.contains('z'),
        is_removed: flags.contains('r'),
        list: (shape == Shape::List).then(|| Box::new(list)),
    })
}

fn kind(code: &str) -> Option<Kind> {
    let schema = |rest: &str| message_id(rest);
    Some(match code {
        "s" => Kind::String,
        "b" => Kind::Bool,
        "i" => Kind::Int32,
        "l" => Kind::Int64,
        "d" => Kind::Double,
        "y" => Kind::Bytes,
        "t" => Kind::Time,
        "T" => Kind::MicroTime,
        "D" => Kind::Duration,
        "q" => Kind::Quantity,
        "x" => Kind::IntOrString,
        "r" => Kind::Raw,
        _ => match code.split_at_checked(1)? {
            ("A", rest) => Kind::SchemaOrList(schema(rest)?),
            ("B", rest) => Kind::SchemaOrBool(schema(rest)?),
            ("S", rest) => Kind::SchemaOrStrings(schema(rest)?),
            _ => Kind::Message(message_id(code)?),
        },
    })
}
