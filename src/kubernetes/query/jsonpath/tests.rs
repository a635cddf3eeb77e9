use super::*;
use proptest::prelude::*;
use serde_json::json;

fn pods() -> Value {
    json!({
        "kind": "List",
        "items": [
            {"metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "x"}},
             "spec": {"n": 1, "list": [1, 2, 3, 4], "ok": true}},
            {"metadata": {"name": "b"}, "spec": {"n": 2.5, "list": [], "ok": false}},
            {"metadata": {"name": "c"}, "spec": {"n": 3, "none": null}},
        ],
    })
}

fn render(template: &str) -> Result<String, PathError> {
    Template::parse(template)?.render(&pods())
}

#[test]
fn templates_print_as_kubectl_prints_them() {
    for (template, expected) in [
        ("", ""),
        ("plain } text", "plain } text"),
        ("{.kind}", "List"),
        ("{$.kind}", "List"),
        ("{@.kind}-{ .kind }", "List-List"),
        ("{.items[*].metadata.name}", "a b c"),
        ("{.items[*]['metadata.name', 'spec.n']}", "a b c 1 2.5 3"),
        ("{['kind']}", "List"),
        (
            "{.items[0].metadata.labels.app\\.kubernetes\\.io/name}",
            "x",
        ),
        (
            "{.items[0].metadata.labels['app\\.kubernetes\\.io/name']}",
            "x",
        ),
        ("{.items[-1].metadata.name}", "c"),
        ("{.items[0:2].metadata.name}", "a b"),
        ("{.items[:-1].metadata.name}", "a b"),
        ("{.items[0].spec.list[0:4:2]}", "1 3"),
        ("{.items[0].spec.list[::3]}", "1 4"),
        ("{.items[0,2].metadata.name}", "a c"),
        ("{.items[0].spec.list}", "[1,2,3,4]"),
        ("{.items[*].spec.list[*]}", "1 2 3 4"),
        (
            "{.items[0].metadata}",
            r#"{"labels":{"app.kubernetes.io/name":"x"},"name":"a"}"#,
        ),
        ("{..name}", "a b c"),
        ("{.items[0].spec.*}", "[1,2,3,4] 1 true"),
        ("{.items[?(@.metadata.name==\"b\")].spec.n}", "2.5"),
        ("{.items[?(@.metadata.name!='b')].metadata.name}", "a c"),
        ("{.items[?(@.spec.n>1)].metadata.name}", "b c"),
        ("{.items[?(@.spec.n<=2.5)].metadata.name}", "a b"),
        ("{.items[?(@.spec.ok==true)].metadata.name}", "a"),
        ("{.items[?(@.metadata.labels)].metadata.name}", "a"),
        ("{.items[?(@.spec.list[0])].metadata.name}", "a"),
        ("{.items[?(@.metadata.name==')')].metadata.name}", ""),
        ("{.items[2].spec.none}", "null"),
        ("{.gone.further}", ""),
        ("{\"a\\tb\\u00e9\\101\"}{'it\\'s'}", "a\tbéAit's"),
        (
            "{range .items[*]}{.metadata.name}={.spec.n}{\"\\n\"}{end}",
            "a=1\nb=2.5\nc=3\n",
        ),
        (
            "{range .items[*]}[{range .spec.list[*]}{@},{end}]{end}.",
            "[1,2,3,4,][][].",
        ),
        ("{range .gone[*]}x{end}y", "y"),
        ("{range .items[*]}x", "xxx"),
        ("{1}", "1"),
        ("{true}", "true"),
        ("{.items[]}", &compact_json(&pods()["items"][0])),
    ] {
        assert_eq!(render(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn what_cannot_be_is_an_error_of_one_line() {
    for (template, message) in [
        ("{.a", "path: a brace is not closed"),
        ("{end}", "path: an end without a range"),
        (
            "{items}",
            "path: unknown word \"items\"; a field begins with a dot",
        ),
        ("{.a[0}", "path: a bracket is not closed"),
        ("{.a[x]}", "path: \"x\" is not an element, slice or 'key'"),
        (
            "{.a[1:2:3:4]}",
            "path: \"1:2:3:4\" is not an element, slice or 'key'",
        ),
        ("{\"a}", "path: a quoted text is not closed"),
        ("{\"\\q\"}", "path: unknown escape in the text \"\\\\q\""),
        (
            "{.a[?(@.b=1)]}",
            "path: unknown comparison \"=\" in a filter",
        ),
        ("{.a[?(@.b]}", "path: a filter is not closed with ')]'"),
        ("{....a}", "path: '....' goes down twice"),
        ("{#}", "path: unexpected character '#'"),
        ("{.items[7]}", "path: element 7 is outside of a list of 3"),
        ("{.items[2:1]}", "path: a slice begins at 2 and ends at 1"),
        ("{.items[::0]}", "path: the step of a slice is not above 0"),
        ("{.kind[0]}", "path: a text is not a list"),
        (
            "{.items[?(@.spec.n==\"1\")]}",
            "path: a filter compares values of different types, or no scalars",
        ),
        (
            "{.items[?(@.*==1)]}",
            "path: a filter can only compare one value with one",
        ),
    ] {
        let error = render(template).unwrap_err();
        assert_eq!(error.to_string(), message, "{template}");
    }
}

#[test]
fn one_path_may_be_written_in_three_ways() {
    let pods = pods();
    for text in [
        "{.items[1].metadata.name}",
        ".items[1].metadata.name",
        "items[1].metadata.name",
    ] {
        let path = Path::parse(text).expect(text);
        assert_eq!(path.find(&pods), Ok(vec![&json!("b")]));
        assert_eq!(path.render(&pods).as_deref(), Ok("b"));
    }
    assert_eq!(Path::parse(".gone").unwrap().find(&pods), Ok(vec![]));
    for text in ["", "{}x", "{.a}{.b}"] {
        assert!(Path::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_path_that_explodes_is_stopped() {
    let template = format!("{{{}}}", ".. .*".repeat(12));
    let value = (0..200).fold(json!(1), |inner, _| json!([inner]));
    let result = Template::parse(&template).and_then(|template| template.render(&value));
    assert_eq!(result, Err(PathError::TooMuch));
    let nested = format!("{{.a{}", "[?(@.a".repeat(10_000));
    assert!(Template::parse(&nested).is_err());
    assert!(Template::parse(&"{range .a}".repeat(10_000)).is_err());
}

proptest! {
    #[test]
    fn any_text_is_survived(text in "(\\{|\\}|\\.|\\[|\\]|\\?\\(|\\)|@|'|\"|\\\\|:|,|=|\\*|-|0|1|a|range |end| ){0,20}|\\PC{0,20}") {
        if let Ok(template) = Template::parse(&text) {
            let _ = template.render(&pods());
        }
        if let Ok(path) = Path::parse(&text) {
            let _ = path.find(&pods());
        }
    }
}
