//! The walk over one message: fields are gathered from the wire, put into the order in which Go prints
//! them, and given to the sink.

use super::MAX_DEPTH;
use super::damage::{Damage, Step};
use super::rules::{has_parts, is_empty, is_on_wire, is_value, is_zero_field};
use super::sink::Sink;
use super::special::{self, IntOrString};
use crate::kubernetes::catalog::table::{Field, Kind, Message, MessageId, Shape, TABLE, Table};
use crate::kubernetes::encodings::decode_error::Broken;
use crate::kubernetes::encodings::format::Encoding;
use crate::kubernetes::time::GoDuration;
use crate::wire::{FieldValue, Fields};

/// A field met on the wire. The value is taken apart, as copying it whole was what took longest.
#[derive(Debug, Clone, Copy)]
struct WireField<'a> {
    bytes: &'a [u8],
    word: u64,
    /// The place of the field in the message.
    place: u16,
    wire_type: u8,
}

impl<'a> WireField<'a> {
    #[inline(always)]
    fn new(place: u16, value: FieldValue<'a>) -> Self {
        let (wire_type, word, bytes): (_, _, &[u8]) = match value {
            FieldValue::Varint(word) => (0, word, &[]),
            FieldValue::Fixed64(word) | FieldValue::Fixed32(word) => (1, word, &[]),
            FieldValue::Bytes(bytes) | FieldValue::Group(bytes) => (2, 0, bytes),
        };
        Self {
            bytes,
            word,
            place,
            wire_type,
        }
    }

    #[inline(always)]
    fn value(&self) -> FieldValue<'a> {
        match self.wire_type {
            0 => FieldValue::Varint(self.word),
            1 => FieldValue::Fixed64(self.word),
            _ => FieldValue::Bytes(self.bytes),
        }
    }
}

/// What is gathered of a message counts as memory beyond this.
const LARGE: usize = 1 << 20;

/// The values of one field of a message, at least one.
type Run<'r, 'a> = &'r [WireField<'a>];

/// A walk into a sink.
#[derive(Debug)]
pub(in crate::kubernetes) struct Walk<'s, S> {
    table: &'static Table,
    sink: &'s mut S,
    pub(in crate::kubernetes) damage: Damage,
    depth: usize,
}

impl<'s, S: Sink> Walk<'s, S> {
    pub(in crate::kubernetes) fn new(sink: &'s mut S) -> Self {
        Self {
            table: &TABLE,
            sink,
            damage: Damage::default(),
            depth: 0,
        }
    }

    /// Gives an object of a known kind, with its type in front.
    pub(in crate::kubernetes) fn object(
        &mut self,
        id: MessageId,
        bytes: &[u8],
        (api_version, kind): (&str, &str),
    ) {
        self.sink.begin_object();
        for (name, text) in [("kind", kind), ("apiVersion", api_version)] {
            if !text.is_empty() {
                self.sink.name(name);
                self.sink.string(text.as_bytes());
            }
        }
        self.fields(&mut Vec::with_capacity(64), id, bytes);
        self.sink.end_object();
    }

    /// Gives a message as an object.
    fn message<'a>(&mut self, met: &mut Vec<WireField<'a>>, id: MessageId, bytes: &'a [u8]) {
        self.sink.begin_object();
        self.fields(met, id, bytes);
        self.sink.end_object();
    }

    /// Gives the fields of a message, into an object that is open. `met` is a stack that the messages
    /// around it share.
    fn fields<'a>(&mut self, met: &mut Vec<WireField<'a>>, id: MessageId, bytes: &'a [u8]) {
        let table = self.table;
        let Some(message) = table.message(id) else {
            return;
        };
        if self.depth >= MAX_DEPTH {
            self.damage.too_deep();
            return;
        }
        if self.sink.is_full() {
            return;
        }
        self.depth = self.depth.saturating_add(1);
        let base = met.len();
        self.gather(met, message, bytes);
        let end = met.len();
        let gathered = end
            .saturating_sub(base)
            .saturating_mul(size_of::<WireField<'_>>());
        if gathered > LARGE {
            self.sink.charge(gathered);
        }

        let mut always = message.always.iter().copied().peekable();
        let mut at = base;
        while let Some(place) = met.get(at).map(|met| met.place) {
            while let Some(absent) = always.next_if(|absent| *absent < place) {
                self.absent(met, message, absent);
            }
            always.next_if_eq(&place);
            let same = |other: &&WireField<'_>| other.place == place;
            let len = met.get(at..end).unwrap_or_default();
            let len = len.iter().take_while(same).count();
            if let Some(field) = message.at(place) {
                self.run(met, field, at, len);
            }
            at = at.saturating_add(len.max(1));
            if at >= end {
                break;
            }
        }
        for absent in always {
            self.absent(met, message, absent);
        }
        met.truncate(base);
        self.depth = self.depth.saturating_sub(1);
    }

    /// Puts the fields of a message on the stack, in the order in which they are printed.
    fn gather<'a>(&mut self, met: &mut Vec<WireField<'a>>, message: &Message, bytes: &'a [u8]) {
        let base = met.len();
        let mut is_ordered = true;
        let mut last = 0u16;
        let mut fields = Fields::of_kubernetes(bytes);
        loop {
            let before = fields.rest();
            let Some(field) = fields.next() else {
                break;
            };
            let Ok((number, value)) = field else {
                self.damage.malformed(Broken::Protobuf);
                break;
            };
            match message.by_number(number) {
                Some((place, field)) if is_on_wire(field, value) => {
                    is_ordered &= last <= place;
                    last = place;
                    met.push(WireField::new(place, value));
                }
                known => {
                    if known.is_some() {
                        // An API server passes over what it does not know, but not over this.
                        self.damage.malformed(Broken::WireType);
                    }
                    self.unknown(number, value, before, fields.rest());
                }
            }
        }
        if !is_ordered && let Some(own) = met.get_mut(base..) {
            // Stable: of several values of a field the order counts.
            own.sort_by_key(|met| met.place);
        }
    }

    #[cold]
    fn unknown(&mut self, number: u32, value: FieldValue<'_>, before: &[u8], rest: &[u8]) {
        let len = before.len().saturating_sub(rest.len());
        let field = before.get(..len).unwrap_or_default();
        let bytes = match value {
            FieldValue::Bytes(bytes) | FieldValue::Group(bytes) => bytes,
            FieldValue::Varint(_) | FieldValue::Fixed32(_) | FieldValue::Fixed64(_) => {
                // The value is what stands behind the tag.
                let mut fields = Fields::of_kubernetes(field);
                let _ = fields.varint();
                fields.rest()
            }
        };
        self.damage.unknown(number, value.wire_type(), bytes);
    }

    /// Gives a field of which nothing is stored.
    fn absent<'a>(&mut self, met: &mut Vec<WireField<'a>>, message: &'static Message, place: u16) {
        let Some(field) = message.at(place) else {
            return;
        };
        if let (true, Kind::Message(id)) = (field.is_inline(), field.kind) {
            self.fields(met, id, &[]);
            return;
        }
        self.sink.name(field.name);
        if field.is_pointer || field.is_wrapped || field.shape != Shape::One {
            self.sink.null();
            return;
        }
        match field.kind {
            Kind::Bytes => self.sink.null(),
            Kind::Bool => self.sink.bool(false),
            Kind::Int32 | Kind::Int64 | Kind::Double => self.sink.int(0),
            kind => self.payload(met, kind, &[]),
        }
    }

    /// Gives a field of which `len` values are on the stack from `at` on.
    fn run<'a>(
        &mut self,
        met: &mut Vec<WireField<'a>>,
        field: &'static Field,
        at: usize,
        len: usize,
    ) {
        match field.shape {
            Shape::One => self.one(met, field, at, len),
            Shape::List => self.list(met, field, at, len),
            Shape::Map => self.map(met, field, at, len),
        }
    }

    fn one<'a>(
        &mut self,
        met: &mut Vec<WireField<'a>>,
        field: &'static Field,
        at: usize,
        len: usize,
    ) {
        let last = at.saturating_add(len).saturating_sub(1);
        let Some(value) = met.get(last).map(WireField::value) else {
            return;
        };
        let merges = field.is_wrapped || matches!(field.kind, Kind::Message(_));
        if len > 1 && merges {
            // Several messages of one field are one message. Nobody writes that, so the copy is cheap.
            let run: Run<'_, 'a> = met.get(at..=last).unwrap_or_default();
            let parts = run.iter().map(|met| met.bytes);
            let joined = parts.collect::<Vec<_>>().concat();
            self.sink.charge(joined.len());
            self.single(&mut Vec::new(), field, FieldValue::Bytes(&joined));
        } else {
            self.single(met, field, value);
        }
    }

    fn single<'a>(
        &mut self,
        met: &mut Vec<WireField<'a>>,
        field: &'static Field,
        value: FieldValue<'a>,
    ) {
        if let (true, Kind::Message(id), FieldValue::Bytes(bytes)) =
            (field.is_inline(), field.kind, value)
        {
            self.fields(met, id, bytes);
            return;
        }
        if field.omit_empty && !field.is_pointer && is_empty(field, value) {
            return;
        }
        if field.omit_zero && is_zero_field(field, value) {
            return;
        }
        self.sink.name(field.name);
        let has_parts = has_parts(field.kind);
        if has_parts {
            self.damage.enter(Step::Field(field.name));
        }
        self.element(met, field, value);
        if has_parts {
            self.damage.leave();
        }
    }

    /// Gives one value of a field.
    fn element<'a>(
        &mut self,
        met: &mut Vec<WireField<'a>>,
        field: &'static Field,
        value: FieldValue<'a>,
    ) {
        match (field.kind, value) {
            (_, FieldValue::Bytes(bytes)) if field.is_wrapped => {
                self.wrapped(met, field.kind, bytes)
            }
            (kind, FieldValue::Bytes(bytes)) => self.payload(met, kind, bytes),
            (Kind::Bool, FieldValue::Varint(n)) => self.sink.bool(n != 0),
            (Kind::Int32, FieldValue::Varint(n)) => self.sink.int(special::int32(n).into()),
            (Kind::Int64, FieldValue::Varint(n)) => self.sink.int(n.cast_signed()),
            (Kind::Double, FieldValue::Fixed64(bits)) => self.double(f64::from_bits(bits)),
            // Nothing else passes `is_on_wire`.
            _ => self.sink.null(),
        }
    }

    fn double(&mut self, value: f64) {
        if value.is_finite() {
            self.sink.double(value);
        } else {
            self.damage.malformed(Broken::Number);
            self.sink.null();
        }
    }

    /// Gives the list inside a message that stands for a list.
    fn wrapped<'a>(&mut self, met: &mut Vec<WireField<'a>>, kind: Kind, bytes: &'a [u8]) {
        let mut is_open = false;
        for item in Fields::of_kubernetes(bytes) {
            match item {
                Ok((1, FieldValue::Bytes(bytes))) => {
                    if !std::mem::replace(&mut is_open, true) {
                        self.sink.begin_list();
                    }
                    self.payload(met, kind, bytes);
                }
                Ok((number, value)) => self.unknown(number, value, &[], &[]),
                Err(_) => self.damage.malformed(Broken::Protobuf),
            }
        }
        if is_open {
            self.sink.end_list();
        } else {
            self.sink.null();
        }
    }

    fn list<'a>(
        &mut self,
        met: &mut Vec<WireField<'a>>,
        field: &'static Field,
        at: usize,
        len: usize,
    ) {
        self.sink.name(field.name);
        self.damage.enter(Step::Field(field.name));
        self.sink.begin_list();
        for index in 0..len {
            let Some(value) = met.get(at.saturating_add(index)).map(WireField::value) else {
                break;
            };
            if self.sink.is_full() {
                break;
            }
            match (field.kind, value) {
                (
                    Kind::Bool | Kind::Int32 | Kind::Int64 | Kind::Double,
                    FieldValue::Bytes(bytes),
                ) => {
                    for value in special::packed(bytes, field.kind == Kind::Double) {
                        self.element(met, field, value);
                    }
                }
                _ if has_parts(field.kind) => {
                    self.damage.enter(Step::Element(index));
                    self.element(met, field, value);
                    self.damage.leave();
                }
                _ => self.element(met, field, value),
            }
        }
        self.sink.end_list();
        self.damage.leave();
    }

    fn map<'a>(
        &mut self,
        met: &mut Vec<WireField<'a>>,
        field: &'static Field,
        at: usize,
        len: usize,
    ) {
        let run: Run<'_, 'a> = met.get(at..at.saturating_add(len)).unwrap_or_default();
        let mut entries: Vec<(&'a [u8], Option<FieldValue<'a>>)> = Vec::with_capacity(len);
        for entry in run {
            let (mut key, mut value) = (&b""[..], None);
            for field in Fields::of_kubernetes(entry.bytes) {
                match field {
                    Ok((1, FieldValue::Bytes(bytes))) => key = bytes,
                    Ok((2, found)) => value = Some(found),
                    Ok(_) => {}
                    Err(_) => self.damage.malformed(Broken::Protobuf),
                }
            }
            entries.push((key, value));
        }
        let is_ordered = entries.is_sorted_by(|one, two| one.0 < two.0);
        if !is_ordered {
            entries.sort_by(|one, two| one.0.cmp(two.0));
        }
        self.sink.name(field.name);
        self.damage.enter(Step::Field(field.name));
        self.sink.begin_object();
        for (index, (key, value)) in entries.iter().enumerate() {
            // Of several entries with one key the last one counts.
            let next = entries.get(index.saturating_add(1));
            if next.is_some_and(|next| next.0 == *key) {
                continue;
            }
            self.sink.key(key);
            let value = value.filter(|value| is_value(field, *value));
            if has_parts(field.kind) {
                let key = String::from_utf8_lossy(key).into_owned();
                self.damage.enter(Step::Key(key));
                self.map_value(met, field, value);
                self.damage.leave();
            } else {
                self.map_value(met, field, value);
            }
        }
        self.sink.end_object();
        self.damage.leave();
    }

    fn map_value<'a>(
        &mut self,
        met: &mut Vec<WireField<'a>>,
        field: &'static Field,
        value: Option<FieldValue<'a>>,
    ) {
        match (value, field.kind) {
            (value, _) if field.is_wrapped => {
                let list = value.and_then(FieldValue::bytes).unwrap_or_default();
                if special::first_bytes(list).is_some() {
                    self.wrapped(met, field.kind, list);
                } else {
                    // In a map Go begins with a list that is not nil.
                    self.sink.begin_list();
                    self.sink.end_list();
                }
            }
            (Some(value), _) => self.element(met, field, value),
            (None, Kind::Bool) => self.sink.bool(false),
            (None, Kind::Int32 | Kind::Int64 | Kind::Double) => self.sink.int(0),
            (None, kind) => self.payload(met, kind, &[]),
        }
    }

    /// Gives a value that has a length on the wire; an empty one is also what an absent one is.
    fn payload<'a>(&mut self, met: &mut Vec<WireField<'a>>, kind: Kind, bytes: &'a [u8]) {
        if special::is_broken(kind, bytes) {
            self.damage.malformed(Broken::Protobuf);
        }
        match kind {
            Kind::String => self.sink.string(bytes),
            Kind::Message(id) => self.message(met, id, bytes),
            Kind::Bytes => self.sink.base64(bytes),
            Kind::Time | Kind::MicroTime => match special::moment(bytes, kind == Kind::MicroTime) {
                Some(moment) => self.sink.shown(&moment),
                None => self.sink.null(),
            },
            Kind::Duration => {
                let nanos = special::first_varint(bytes).cast_signed();
                self.sink.shown(&GoDuration(nanos));
            }
            Kind::Quantity => {
                let text = special::first_bytes(bytes).filter(|text| !text.is_empty());
                self.sink.string(text.unwrap_or(b"0"));
            }
            Kind::IntOrString => match special::int_or_string(bytes) {
                IntOrString::Int(int) => self.sink.int(int.into()),
                IntOrString::String(text) => self.sink.string(text),
                IntOrString::Neither => {
                    self.damage.malformed(Broken::NumberOrText);
                    self.sink.null();
                }
            },
            Kind::Raw => self.raw(special::first_bytes(bytes).unwrap_or_default()),
            Kind::SchemaOrList(id) | Kind::SchemaOrBool(id) | Kind::SchemaOrStrings(id) => {
                self.schema(met, kind, id, bytes);
            }
            Kind::Bool | Kind::Int32 | Kind::Int64 | Kind::Double => self.sink.null(),
        }
    }

    /// Gives JSON that is stored as such. What is none is kept as an unknown field.
    fn raw(&mut self, raw: &[u8]) {
        if raw.is_empty() {
            self.sink.null();
            return;
        }
        if Encoding::of(raw) == Encoding::Cbor {
            if self.sink.cbor(raw) {
                return;
            }
        } else if self.sink.json(raw) {
            return;
        }
        self.damage.malformed(Broken::RawPart);
        self.damage.unknown(1, 2, raw);
        self.sink.null();
    }

    /// Gives a schema or what may stand for one.
    fn schema<'a>(
        &mut self,
        met: &mut Vec<WireField<'a>>,
        kind: Kind,
        id: MessageId,
        bytes: &'a [u8],
    ) {
        let (mut allows, mut schema, mut is_open) = (false, None, false);
        for field in Fields::of_kubernetes(bytes) {
            match (kind, field) {
                (Kind::SchemaOrBool(_), Ok((1, FieldValue::Varint(n)))) => allows = n != 0,
                (Kind::SchemaOrBool(_), Ok((2, FieldValue::Bytes(bytes))))
                | (_, Ok((1, FieldValue::Bytes(bytes)))) => schema = Some(bytes),
                (
                    Kind::SchemaOrList(_) | Kind::SchemaOrStrings(_),
                    Ok((2, FieldValue::Bytes(item))),
                ) => {
                    if !std::mem::replace(&mut is_open, true) {
                        self.sink.begin_list();
                    }
                    if matches!(kind, Kind::SchemaOrStrings(_)) {
                        self.sink.string(item);
                    } else {
                        self.message(met, id, item);
                    }
                }
                (_, Ok((number, value))) => self.unknown(number, value, &[], &[]),
                (_, Err(_)) => self.damage.malformed(Broken::Protobuf),
            }
        }
        match (is_open, schema, kind) {
            (true, _, _) => self.sink.end_list(),
            (false, Some(schema), _) => self.message(met, id, schema),
            (false, None, Kind::SchemaOrBool(_)) => self.sink.bool(allows),
            (false, None, _) => self.sink.null(),
        }
    }
}
