//! Texts that some reader of YAML takes for something else, and documents made of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Each means something to one reader or another.
const WHOLE: &str = "\
<< = ~ null Null NULL nUll true True TRUE false False FALSE yes Yes YES no No NO on On ON off Off OFF y Y n N \
.nan .NaN .NAN .inf .Inf .INF +.inf -.inf -.Inf +.nan nan inf NaN Infinity \
0 00 01 07 08 -0 +0 1 -1 +1 12 1_000 _1 1_ __ _ +_ -_ -_1 0x 0x1F 0xg 0x_ 0X1f -0x1 0xffffffffffffffffffffffffffff \
0b 0b1 0b2 0b_ -0b1 0o 0o7 0o8 0o_ -0o7 017 0_7 0b12 0bad12 \
18446744073709551615 18446744073709551616 99999999999999999999999999 -9223372036854775808 -9223372036854775809 \
1. .1 1.5 -1.5 +1.5 1.e5 1e5 1E5 1e+5 1e-5 1e999 -1e999 1.5e999 1e 1e_ 1e1_0 .e5 . .. ... ._ ._5 -._ +.5 1_.5_ 1.2.3 \
10.0.0.1 1e5x 685230.15 6.8523015e+5 190:20:30 1:30 -1:30 1:60 1:2:3.5 1:30: 0:0 0:00.5 1_0:0 \
2020-01-01 2020-1-2 2020-13-45 2023-02-30 0000-00-00 2020-01 2020-01-01T00:00:00Z 2020-01-01t1:02:03z \
2020-01-01T00:00:00.000+01:00 2020-01-01T0:00:00-1 20200101 2001-12-14t21:59:43.10-05:00 \
- -- --- ---a ? ?a : :a :: a: a:b a:: # #a a# , ,a [ ] [a] { } {} {a: [] & &a * *a ! !a !!str !!int > >- | |2 ' '' \" \"\" \
% %a @ @a ` `a \\ \\n / < > << <<< << == =a !<tag> !local &anchor *alias %YAML {{ }} {{x}} ${x} $(x)";

/// These have spaces or cannot be seen.
const OTHER: &[&str] = &[
    "",
    " ",
    "  ",
    "\t",
    "\n",
    "\n\n",
    "\n\n\n",
    "\r",
    "\r\n",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "\u{a0}",
    "\u{0}",
    "\u{1}",
    "\u{7}",
    "\u{8}",
    "\u{b}",
    "\u{c}",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{80}",
    "\u{9b}",
    "\u{9f}",
    "\u{200b}",
    "\u{200e}",
    "\u{202e}",
    "\u{2066}",
    "\u{d7ff}",
    "\u{e000}",
    "\u{fffd}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{1f600}",
    "\u{10ffff}",
    "e\u{301}",
    "a b",
    " a",
    "a ",
    "a  b",
    "\ta",
    "a\t",
    "a\tb",
    "- a",
    "-\ta",
    "? a",
    "?\ta",
    ": a",
    "a: b",
    "a :b",
    "a : b",
    "a:\tb",
    "a #b",
    "a\t#b",
    "# a",
    "a\nb",
    "a\n",
    "a\n\n",
    "\na",
    "\n\na",
    " a\nb",
    "a\n b",
    "  a\n b\n",
    "a\n  b\n\n  c",
    "a \nb",
    "a\nb ",
    "a\n ",
    " \na",
    "\n a",
    "a\n\tb",
    "a\r\nb",
    "a\rb",
    "a\u{85}b",
    "a\u{2028}b",
    "a\u{2029} b",
    "a\n\u{2028}\nb",
    "a\u{feff}b",
    "\u{feff}a\nb",
    "- a\n- b",
    "a: b\nc: d",
    "---\na",
    "a\n---\nb",
    "a\n...\nb",
    "...\n",
    "# a\n# b",
    "%YAML 1.1\n---\n",
    "|\n a",
    ">\n a",
    "'a'\n\"b\"",
    "0x 1",
    "1 000",
    "2020-01-01 1:2:3",
    "2020-01-01 01:02:03",
    "2020-01-01 \t01:02:03 +1",
    "2020-01-01 first",
    "!!binary |",
    "<<: *a",
    "= =",
    "{ a: b }",
    "[a, b]",
    "a, b",
    "a]",
    "a}",
    "it's",
    "say \"it\"",
    "back\\slash\n",
];

/// Pieces that are put together at random.
const PIECES: &[&str] = &[
    "a",
    "b",
    "Z",
    "0",
    "1",
    "7",
    "9",
    "_",
    "e",
    "x",
    "o",
    "-",
    "+",
    ".",
    ":",
    ",",
    "#",
    "?",
    "!",
    "&",
    "*",
    "|",
    ">",
    "<",
    "=",
    "'",
    "\"",
    "%",
    "@",
    "`",
    "[",
    "]",
    "{",
    "}",
    "~",
    "/",
    "\\",
    " ",
    " ",
    "  ",
    "\t",
    "\n",
    "\n",
    "\r",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\u{0}",
    "\u{1b}",
    "\u{7f}",
    "\u{9b}",
    "\u{a0}",
    "\u{e9}",
    "\u{202e}",
    "\u{ffff}",
    "\u{1f600}",
    "word",
    "---",
    "...",
    ": ",
    " #",
    "- ",
    "true",
    "null",
];

/// Numbers without meaning, the same ones every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let end = u64::try_from(end).unwrap();
        usize::try_from((self.0 >> 33) % end).unwrap()
    }

    fn text(&mut self, most: usize) -> String {
        let len = self.below(most) + 1;
        (0..len).map(|_| PIECES[self.below(PIECES.len())]).collect()
    }
}

/// Some thousand texts.
pub(crate) fn texts() -> BTreeSet<String> {
    let mut texts: BTreeSet<String> = WHOLE
        .split(' ')
        .chain(OTHER.iter().copied())
        .map(String::from)
        .collect();
    let short: Vec<String> = texts.iter().cloned().collect();
    for text in &short {
        for around in [" ", "\n", "x", ":", "-", "\u{85}"] {
            texts.insert(format!("{around}{text}"));
            texts.insert(format!("{text}{around}"));
        }
        // Long enough to be folded, there or soon.
        let words = "word ".repeat(16);
        texts.insert(format!("{words}{text} {text} {words}"));
        texts.insert(format!("{words}  {text}"));
        texts.insert(format!("{text}\n{words}{words}\n{text}"));
        texts.insert(format!("{}{text}", "k".repeat(127)));
        texts.insert(format!("{text}{}", "k".repeat(129)));
    }
    let mut dice = Dice(11);
    for _ in 0..3000 {
        texts.insert(dice.text(6));
        texts.insert(dice.text(40));
    }
    texts
}

/// Each text as value, key and item, at several depths.
pub(crate) fn documents() -> Vec<Value> {
    let mut documents = Vec::new();
    for text in texts() {
        let mut inner = json!({"list": [text, [text, [text]], {"a": text}, "end"], "text": text});
        inner[&text] = json!([text]);
        let mut document = json!({"a": text, "list": [text, text], "inner": inner, "z": "end"});
        document[&text] = json!({&text: text});
        documents.push(document);
        documents.push(Value::String(text));
    }
    let nested = (0..40).fold(json!("a: b\nc"), |inside, depth| match depth % 3 {
        0 => json!([inside]),
        1 => json!({"<<": inside}),
        _ => json!([[], {}, inside, "=", "x"]),
    });
    documents.push(nested);
    let numbers = json!([
        0,
        -1,
        1.5,
        1e21,
        1e-7,
        5e-324,
        i64::MIN,
        u64::MAX,
        null,
        true,
        false
    ]);
    documents.push(numbers);
    documents
}
