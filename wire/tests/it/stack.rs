//! Where an error was raised, by the stacks in `tests/stacks`, which the client for JavaScript reads in its own tests.

use log_center_wire::Record;
use log_center_wire::stack::origin;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::Path;

struct Stack {
    name: String,
    message: String,
    text: String,
    /// `None`: the stack has no frame with a file.
    place: Option<(String, u32)>,
}

fn stacks() -> Vec<Stack> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stacks");
    let mut stacks = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let form = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let cases: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        stacks.extend(cases.iter().map(|case| stack(&form, case)));
    }
    stacks
}

fn stack(form: &str, case: &Value) -> Stack {
    let lines: Vec<&str> =
        case["stack"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    let line = || u32::try_from(case["line"].as_u64().unwrap()).unwrap();
    Stack {
        name: format!("{form}: {}", case["name"].as_str().unwrap()),
        message: case["message"].as_str().unwrap_or_default().to_owned(),
        text: lines.join("\n"),
        place: case["file"].as_str().map(|file| (file.to_owned(), line())),
    }
}

fn owned(place: Option<(std::borrow::Cow<'_, str>, u32)>) -> Option<(String, u32)> {
    place.map(|(file, line)| (file.into_owned(), line))
}

#[test]
fn the_place_of_an_error_is_read_from_its_stack() {
    let stacks = stacks();
    assert!(stacks.len() > 200);
    let wrong: Vec<String> = stacks
        .iter()
        .filter_map(|stack| {
            let found = owned(origin(&stack.text, &stack.message));
            (found != stack.place).then(|| format!("{}: {found:?}, expected {:?}", stack.name, stack.place))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), stacks.len(), wrong.join("\n"));
}

#[test]
fn a_record_gets_the_place_of_its_stack() {
    for stack in stacks() {
        let line = json!({"name": "a", "level": 50, "time": 0, "msg": "m",
            "err": {"type": "E", "message": stack.message, "stack": stack.text}})
        .to_string();
        let err = Record::decode(line.as_bytes()).unwrap().err.unwrap();
        let expected = stack.place.unwrap_or_else(|| ("unknown".to_owned(), 0));
        assert_eq!((err.file_path.into_owned(), err.line_number), expected, "{}", stack.name);
    }
}

#[test]
fn the_middle_of_a_very_long_stack_is_not_read() {
    let filler = "        a line that tells nothing\n".repeat(20_000);
    let v8 = format!("Error: m\n    at f (/srv/first.js:1:1)\n{filler}    at g (/srv/last.js:2:2)\n");
    assert_eq!(origin(&v8, ""), Some(("/srv/first.js".into(), 1)));
    let python =
        format!("  File \"/srv/first.py\", line 1, in f\n{filler}  File \"/srv/last.py\", line 2, in g\n");
    assert_eq!(origin(&python, ""), Some(("/srv/last.py".into(), 2)));
    let one_line = "é".repeat(400_000);
    assert_eq!(origin(&one_line, ""), None);
}

/// Each of these takes minutes if the time is not linear in the length.
#[test]
fn hostile_stacks_take_no_time() {
    const PIECES: [&str; 26] = [
        "(",
        ")",
        "at (",
        " (",
        "eval at ",
        "eval at a (",
        "1",
        ":1",
        "@",
        "@http",
        "[\"",
        " > ",
        " line 1",
        "/",
        "../",
        "#0 (1",
        "---> ",
        " in ",
        ") in ",
        " ",
        "|",
        "\u{1b}[",
        "a.dart ",
        "\r",
        "é",
        "File \"",
    ];
    for start in [
        "",
        "at ",
        "    at a (",
        "#0 ",
        "File \"",
        "Line 1 of ",
        "Error thrown at line 1, column ",
        "(a) ",
        "from ",
        "a@",
    ] {
        for piece in PIECES {
            for end in ["", ")", ":1:1", ":1:1)", "\nStack trace:\n"] {
                let stack = format!("{start}{}{end}", piece.repeat(10_000 / piece.len()));
                _ = origin(&stack, "a\nb");
            }
            let lines = format!("{start}{piece}\n").repeat(1_000);
            _ = origin(&lines, &format!("{piece}\n{start}"));
        }
    }
}

proptest! {
    #[test]
    fn no_stack_panics(stack in "[ -~\\n\\r\\té(){}\\[\\]:@/\\\\0-9|+\u{1b}\u{2500}]{0,300}", message in ".{0,20}") {
        _ = origin(&stack, &message);
    }

    /// A stack that lost its beginning, its end, or some of its characters.
    #[test]
    fn a_damaged_stack_gives_a_file_that_stands_in_it(
        index in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(), gone in any::<prop::sample::Index>(),
    ) {
        let stacks = stacks();
        let stack = index.get(&stacks);
        let mut chars: Vec<char> = stack.text.chars().collect();
        let length = chars.len();
        chars.rotate_left(cut.index(length + 1));
        chars.truncate(gone.index(length + 1));
        let damaged: String = chars.into_iter().collect();
        if let Some((file, _)) = origin(&damaged, &stack.message) {
            prop_assert!(!file.is_empty());
            let coloured = damaged.contains(char::from(0x1b));
            prop_assert!(coloured || damaged.contains(&*file));
        }
    }
}
