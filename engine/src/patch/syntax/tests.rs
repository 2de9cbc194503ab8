use proptest::prelude::*;

use super::*;

#[test]
fn several_mistakes_are_all_found() {
    let Parsed { mistakes, .. } = parse(
        0,
        r#"Patch(
 a: ,
 b: 1..2,
 c: "ok",
 d: "open
 e: [1, 2
)"#,
    );
    assert_eq!(mistakes.len(), 4, "{mistakes:?}");
}

#[test]
fn comments_may_stand_anywhere() {
    let Parsed {
        tree,
        mistakes,
        comments,
        ..
    } = parse(
        0,
        "/* a /* nested */ */ P( // b\n x /* c */ : /* d */ 1, /* e */ ) // f",
    );
    assert_eq!(mistakes, []);
    assert!(matches!(tree.shape, Shape::Struct(_, fields) if fields.len() == 1));
    assert_eq!(comments.len(), 6);
}

/// The patches that ship.
fn shipped() -> Vec<String> {
    let graphs = concat!(env!("CARGO_MANIFEST_DIR"), "/../graphs");
    let files = std::fs::read_dir(graphs).unwrap().flatten();
    let patches = files
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|end| end == "ron"));
    patches
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}

/// The places of the characters of `text` among `wanted`, less those in comments.
fn places(text: &str, wanted: &str) -> Vec<usize> {
    let comments = parse(0, text).comments;
    let is_comment = |at: usize| comments.iter().any(|spot| spot.range().contains(&at));
    let all = text.char_indices().filter(|(_, c)| wanted.contains(*c));
    all.map(|(at, _)| at)
        .filter(|at| !is_comment(*at))
        .collect()
}

/// The lines, counted from 1, in which something is said to be wrong when the character at `at` is
/// left out; and what.
fn told_without(text: &str, at: usize) -> Vec<(usize, String)> {
    let mut broken = text.to_owned();
    broken.remove(at);
    let mistakes = parse(0, &broken).mistakes;
    let line = |mistake: &Mistake| broken[..mistake.spot.start].matches('\n').count() + 1;
    mistakes
        .iter()
        .map(|mistake| (line(mistake), mistake.message.clone()))
        .collect()
}

#[test]
fn a_missing_quote_gives_one_message_in_its_own_line() {
    for text in shipped() {
        for at in places(&text, "\"") {
            let line = text[..at].matches('\n').count() + 1;
            let told = told_without(&text, at);
            assert_eq!(told.len(), 1, "line {line}: {told:?} in\n{text}");
            assert_eq!(told[0].0, line, "{told:?} in\n{text}");
        }
    }
}

#[test]
fn a_missing_bracket_gives_one_message_at_its_own_place() {
    let mut all = 0;
    let mut near = 0;
    for text in shipped() {
        for at in places(&text, "()[]{}") {
            let in_text = text[..at].matches('"').count() % 2 == 1;
            if in_text {
                continue;
            }
            let line = text[..at].matches('\n').count() + 1;
            let told = told_without(&text, at);
            assert_eq!(told.len(), 1, "line {line}: {told:?} in\n{text}");
            all += 1;
            // A section that is never closed is told where it begins.
            let opens_above = text[..at]
                .rfind('\n')
                .is_some_and(|start| text[start..at].trim().is_empty());
            near += usize::from(opens_above || told[0].0.abs_diff(line) <= 1);
        }
    }
    assert!(all > 200);
    // Where brackets of one kind follow each other over several lines, which of them is missing can
    // only be guessed.
    assert!(near * 100 >= all * 99, "{near} of {all}");
}

#[test]
fn what_is_written_in_another_way_is_said_how_to_write() {
    for (text, wanted) in [
        ("(a: 0,25)", "decimals need a point: 0.25"),
        (
            "(a: 250ms, b: 1)",
            "`250ms` is not a length; write 0.25 or seconds(0.25)",
        ),
        ("(a: 2s)", "`2s` is not a length; write 2 or seconds(2)"),
        (
            "(a: 44100Hz)",
            "`44100Hz` is not a number; numbers are written without their unit: 44100",
        ),
        ("(a: 'film.mp4')", "text stands in double quotes"),
        ("(a: film.mp4, b: 1)", "text stands in double quotes"),
        ("(a: ../x/film.mp4, b: 1)", "text stands in double quotes"),
        ("(a: /dev/video0)", "text stands in double quotes"),
        (r#"[film -> eye, "b -> c"]"#, "text stands in double quotes"),
        ("", "the file is empty"),
        ("\u{feff} \n", "the file is empty"),
        (r#"(b: 1, a "x")"#, "expected `name: value`"),
        ("Patch\n format: 1)", "expected `(` behind `Patch`"),
        ("(a: [1 2])", "expected `,` between two items"),
    ] {
        let mistakes = parse(0, text).mistakes;
        assert_eq!(mistakes.len(), 1, "{text}: {mistakes:?}");
        assert_eq!(mistakes[0].message, wanted, "{text}");
    }
    // A list of two numbers is one, however it is set.
    assert_eq!(parse(0, "(a: [0,25], b: (4,4))").mistakes, []);
}

#[test]
fn mistakes_beyond_what_anybody_reads_are_counted() {
    let text = format!("({})", "a: 1..2,".repeat(1_000));
    let parsed = parse(0, &text);
    assert_eq!((parsed.mistakes.len(), parsed.untold), (50, 950));
}

#[test]
fn a_text_of_a_million_values_is_not_read_to_its_end() {
    let started = std::time::Instant::now();
    for text in [
        "[1,",
        r#"{"a":1,"#,
        "(a:1,",
        r#""a" "b"#,
        "\"a\n",
        "r#\"\n",
        "[",
        "(((",
        "/*",
        r#"a ""#,
        "0,1",
    ] {
        let parsed = parse(0, &text.repeat((1 << 20) / text.len()));
        assert!(
            !parsed.mistakes.is_empty() && parsed.mistakes.len() <= 50,
            "{text}"
        );
    }
    let took = started.elapsed();
    assert!(took.as_secs() < 60, "{took:?}");
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic_or_hang(text in "\\PC{0,200}") {
        let _ = parse(0, &text);
    }

    #[test]
    fn no_mix_of_brackets_makes_the_parser_panic_or_hang(text in "[\\[\\](){}\",:a1\\n/*#r-]{0,80}") {
        let _ = parse(0, &text);
    }

    #[test]
    fn what_ron_reads_is_read_without_complaint(numbers in proptest::collection::vec(-1e6f64..1e6, 0..5), text in "[a-z \\\\\"\\n]{0,12}") {
        #[derive(serde::Serialize)]
        struct Sample { numbers: Vec<f64>, text: String, nested: Option<(i64, bool)> }
        let sample = Sample { numbers, text: text.clone(), nested: None };
        let written = ron::ser::to_string_pretty(&sample, ron::ser::PrettyConfig::default()).unwrap();
        let Parsed { tree, mistakes, .. } = parse(0, &written);
        prop_assert_eq!(mistakes, vec![]);
        let Shape::Struct(_, fields) = tree.shape else { panic!("not a struct: {written}") };
        prop_assert_eq!(&fields[1].1.shape, &Shape::Text(text));
    }
}
