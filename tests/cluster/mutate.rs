//! Random changes of objects. Many of them are nonsense, which the API server refuses; what it takes is an incident.

use serde_json::{Map, Value, json};

use crate::random::Random;

/// Texts that are read wrongly when they are not quoted, escaped or encoded as they should be.
const TEXTS: [&str; 14] = [
    "on",
    "off",
    "null",
    "1e3",
    "0x1F",
    "~",
    "",
    " ",
    "a: b # c",
    "line 1\nline 2\n",
    "it's \"quoted\" \\ $HOME `id`",
    "雪 ü \u{1F600} \u{2028}",
    "---\n",
    "9007199254740993",
];

/// Changes some fields of an object, but nothing by which it is known.
pub(crate) fn mutate(object: &Value, random: &mut Random) -> Value {
    let mut object = object.clone();
    for _ in 0..=random.below(3) {
        if random.below(3) == 0 {
            change_metadata(&mut object, random);
        } else {
            change_content(&mut object, random);
        }
    }
    object
}

/// Changes labels, annotations or finalizers, which every kind has and may change.
pub(crate) fn change_metadata(object: &mut Value, random: &mut Random) {
    let key = format!("example.com/random-{}", random.below(4));
    let metadata = &mut object["metadata"];
    match random.below(6) {
        0 | 1 => metadata["annotations"][key] = json!(*random.one_of(&TEXTS)),
        2 => metadata["labels"][key] = json!(["on", "off", "1", "", "A_b.c"][random.below(5)]),
        3 => remove_any(&mut metadata["labels"], random),
        4 => remove_any(&mut metadata["annotations"], random),
        _ => match metadata["finalizers"].as_array_mut() {
            Some(finalizers) => finalizers.clear(),
            None => metadata["finalizers"] = json!(["example.com/random"]),
        },
    }
    // What an index made out of a missing member.
    for field in ["labels", "annotations"] {
        if metadata[field].is_null() {
            metadata.as_object_mut().map(|map| map.remove(field));
        }
    }
}

fn remove_any(map: &mut Value, random: &mut Random) {
    if let Some(map) = map.as_object_mut().filter(|map| !map.is_empty()) {
        let keys: Vec<String> = map.keys().cloned().collect();
        map.remove(random.one_of(&keys));
    }
}

fn change_content(object: &mut Value, random: &mut Random) {
    let Some(map) = object.as_object_mut() else {
        return;
    };
    let own = ["apiVersion", "kind", "metadata", "status"];
    let mut parts: Vec<(&String, &mut Value)> = map.iter_mut().collect();
    parts.retain(|(key, _)| !own.contains(&key.as_str()));
    if parts.is_empty() {
        return;
    }
    let chosen = random.below(parts.len());
    let (_, part) = parts.swap_remove(chosen);
    change(part, random);
}

/// Walks down at random, and changes what is there where the walk ends.
fn change(value: &mut Value, random: &mut Random) {
    match value {
        Value::Object(map) if !map.is_empty() && random.below(5) != 0 => {
            let keys: Vec<String> = map.keys().cloned().collect();
            let key = random.one_of(&keys);
            change(&mut map[key.as_str()], random);
        }
        Value::Array(list) if !list.is_empty() && random.below(3) != 0 => {
            let index = random.below(list.len());
            change(&mut list[index], random);
        }
        Value::Object(map) => change_map(map, random),
        Value::Array(list) => change_list(list, random),
        Value::String(text) => match random.below(3) {
            0 => text.push('x'),
            1 => text.push_str("-2"),
            _ => *text = (*random.one_of(&TEXTS)).to_owned(),
        },
        Value::Number(number) => {
            *value = json!(number.as_i64().unwrap_or(0) + [1, -1, 7][random.below(3)]);
        }
        Value::Bool(truth) => *truth = !*truth,
        Value::Null => *value = json!("not null"),
    }
}

fn change_map(map: &mut Map<String, Value>, random: &mut Random) {
    let keys: Vec<String> = map.keys().cloned().collect();
    if keys.is_empty() || random.below(2) == 0 {
        map.insert(
            format!("random.{}", random.below(9)),
            json!(*random.one_of(&TEXTS)),
        );
    } else {
        map.remove(random.one_of(&keys));
    }
}

fn change_list(list: &mut Vec<Value>, random: &mut Random) {
    if list.is_empty() {
        return;
    }
    let index = random.below(list.len());
    match random.below(4) {
        0 => {
            list.remove(index);
        }
        1 => {
            let mut copy = list[index].clone();
            match &mut copy {
                Value::String(text) => text.push('2'),
                Value::Object(map) => {
                    if let Some(Value::String(name)) = map.get_mut("name") {
                        name.push('2');
                    }
                }
                _ => {}
            }
            let at = random.below(list.len() + 1);
            list.insert(at, copy);
        }
        2 => {
            let other = random.below(list.len());
            list.swap(index, other);
        }
        _ => change(&mut list[index], random),
    }
}
