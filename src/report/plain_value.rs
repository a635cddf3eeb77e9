//! Values that are not told field by field.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;

use crate::kubernetes::compare::difference::{FieldPath, Step};
use crate::ops::{FieldChange, PlainValue, PlainValues};

/// Values that are not told field by field, those that there are.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct JsonValues<'v> {
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<JsonPlainValue<'v>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<JsonPlainValue<'v>>,
}

/// One of `value`, `value_base64` and `hidden`.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonPlainValue<'v> {
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'v str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden: Option<&'v str>,
}

impl<'v> JsonValues<'v> {
    pub(super) fn of(values: &'v PlainValues) -> Option<Self> {
        let of_state = |value: &'v PlainValue| {
            let mut shown = JsonPlainValue::default();
            match value {
                PlainValue::Hidden(mark) => shown.hidden = Some(mark),
                PlainValue::Shown(bytes) => match std::str::from_utf8(bytes) {
                    Ok(text) => shown.value = Some(text),
                    Err(_) => shown.value_base64 = Some(STANDARD.encode(bytes)),
                },
            }
            shown
        };
        (*values != PlainValues::default()).then(|| Self {
            old: values.old.as_ref().map(of_state),
            new: values.new.as_ref().map(of_state),
        })
    }
}

/// Values that are not told field by field, as if each were one; bytes that are not text in base64.
pub(super) fn value_field(values: &PlainValues) -> Option<FieldChange> {
    let text = |value: &PlainValue| {
        Value::String(match value {
            PlainValue::Hidden(mark) => mark.clone(),
            PlainValue::Shown(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text.to_string(),
                Err(_) => format!("base64:{}", STANDARD.encode(bytes)),
            },
        })
    };
    let (old, new) = (values.old.as_ref(), values.new.as_ref());
    (old.is_some() || new.is_some()).then(|| FieldChange {
        path: FieldPath(vec![Step::Field("value".into())]),
        old: old.map(text),
        new: new.map(text),
    })
}
