//! The score strip of the page: what plays is kept for pages that show it, and for no longer.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::Message;

use score_test_support::browser::Browser;
use score_test_support::page_client::{Door, Open};
use score_test_support::{Talking, program, write_film};

const LAPTOP: (u32, u32) = (1440, 900);

/// How long a machine that does much else may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two parts, chords, cuts and a picture; nothing needs a device or a model.
const SHOW: &str = r#"Patch(
    format: 1,
    transport: (tempo: 240, key: "A minor"),
    nodes: {
        "film":   video_file(path: "film.mp4", loop: true, width: 128, height: 72),
        "cuts":   cut_detector(confirm: 0),
        "much":   knob(value: 0.9),
        "tune":   scale_walk(),
        "high":   transpose(semitones: 12),
        "low":    scale_walk(tonic: 33, channel: 1),
        "chords": chords_in(chords: "| Am | F#m7b5 |"),
        "pad":    chord_pad(),
        "bells":  synth(voice: glass),
        "bass":   synth(voice: bass_guitar),
        "mix":    mixer(),
    },
    wires: [
        "film -> cuts",
        "much -> tune -> high -> bells -> mix",
        "much -> low -> bass -> mix",
        "chords -> pad",
    ],
)
"#;

struct Stage {
    folder: tempfile::TempDir,
    door: Door,
    base: String,
    _run: Talking,
}

impl Stage {
    fn new(patch: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_film(folder.path());
        std::fs::write(folder.path().join("show.ron"), patch).unwrap();
        let arguments = ["run", "show.ron", "--quiet", "--no-remote", "--page", "0"];
        let mut run = program(folder.path(), &arguments);
        let run = Talking::start(run.env("XDG_CONFIG_HOME", folder.path().join("config")));
        let door = Door::of(&run.until("the page opens once at"));
        run.until("plays");
        Stage {
            base: format!("http://{}", door.at),
            folder,
            door,
            _run: run,
        }
    }

    fn address(&self) -> String {
        format!("{}/enter#{}", self.base, self.door.secret)
    }
}

/// What a page was told of the strip.
#[derive(Default)]
struct Told {
    entries: Vec<Value>,
    parts: Vec<String>,
    words: Value,
    /// The stills that came: their numbers, whether large, and their widths.
    stills: Vec<(u32, bool, u16)>,
}

impl Told {
    /// Reads until it is `enough`.
    fn read(&mut self, open: &mut Open, enough: impl Fn(&Told) -> bool) {
        let begun = Instant::now();
        while !enough(self) {
            assert!(begun.elapsed() < PATIENCE, "{:?}", self.entries);
            match open.socket.read().unwrap() {
                Message::Text(text) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    let score = &message["score"];
                    self.entries
                        .extend(score["entries"].as_array().into_iter().flatten().cloned());
                    if score["words"].is_array() {
                        self.words = score["words"].clone();
                    }
                    if let Some(parts) = score["parts"].as_array() {
                        self.parts = parts
                            .iter()
                            .map(|part| part.as_str().unwrap().to_owned())
                            .collect();
                    }
                }
                Message::Binary(bytes) => {
                    let (name, rest) = bytes[1..].split_at(bytes[0].into());
                    let name = std::str::from_utf8(name).unwrap();
                    if let Some(number) = name.strip_prefix("still:") {
                        let width = u16::from_le_bytes([rest[1], rest[2]]);
                        self.stills
                            .push((number.parse().unwrap(), rest[0] == 1, width));
                    }
                }
                _ => {}
            }
        }
    }

    fn of(&self, what: &str) -> Vec<&Value> {
        self.entries
            .iter()
            .filter(|entry| entry[1] == what)
            .collect()
    }
}

#[test]
fn a_page_that_opens_late_has_what_played_before_while_another_showed_the_strip() {
    let stage = Stage::new(SHOW);
    let cookie = stage.door.cookie(&stage.door.secret);
    let mut first = stage.door.open(&cookie);
    first.send(&json!({ "score": { "is": true } }));
    let mut told = Told::default();
    told.read(&mut first, |told| {
        let parts = [0, 1].map(|part| {
            told.of("note")
                .iter()
                .filter(|note| note[2] == part)
                .count()
        });
        parts.iter().all(|notes| *notes > 6)
            && told.of("chord").len() > 1
            && told.stills.len() > 1
            && told.of("bar").len() > 2
            && !told.of("cut").is_empty()
    });
    // The last node of a chain, and each part once.
    assert_eq!(told.parts, ["high", "low"]);
    let names: Vec<&str> = told
        .of("chord")
        .iter()
        .map(|chord| chord[2].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"Am") && names.contains(&"F#m7b5"),
        "{names:?}"
    );
    let bars: Vec<f64> = told
        .of("bar")
        .iter()
        .map(|bar| bar[0].as_f64().unwrap())
        .collect();
    assert!(
        bars.windows(2)
            .all(|pair| (pair[1] - pair[0] - 1.0).abs() < 0.2),
        "{bars:?}"
    );
    assert!(
        told.stills
            .iter()
            .all(|(_, large, width)| !large && *width == 64)
    );
    // A moment, large.
    let still = told.stills[0].0;
    first.send(&json!({ "enlarge": { "still": still } }));
    told.read(&mut first, |told| told.stills.contains(&(still, true, 128)));

    let mut late = stage.door.open(&cookie);
    late.send(&json!({ "score": { "is": true } }));
    let mut caught = Told::default();
    caught.read(&mut late, |caught| {
        !caught.entries.is_empty() && caught.stills.len() > 1
    });
    assert_eq!(
        caught.entries[..told.entries.len().min(10)],
        told.entries[..told.entries.len().min(10)]
    );
    assert_eq!(caught.stills[0].0, told.stills[0].0);

    // Nobody shows it any more: nothing is looked at. Then somebody does again.
    for open in [&mut first, &mut late] {
        open.send(&json!({ "score": { "is": false } }));
    }
    std::thread::sleep(Duration::from_secs(2));
    let mut again = stage.door.open(&cookie);
    again.send(&json!({ "score": { "is": true } }));
    let mut told = Told::default();
    told.read(&mut again, |told| {
        told.of("begin").len() > 1
            && told.of("note").last().is_some_and(|note| {
                note[0].as_f64() > told.of("begin").last().and_then(|begin| begin[0].as_f64())
            })
    });
    let pause = told.of("pause").last().unwrap()[0].as_f64().unwrap();
    let begin = told.of("begin").last().unwrap()[0].as_f64().unwrap();
    assert!(begin - pause > 1.0, "{pause} {begin}");
    let within = |entry: &&Value| {
        entry[0]
            .as_f64()
            .is_some_and(|time| time > pause + 0.7 && time < begin - 0.1)
    };
    assert_eq!(told.of("note").into_iter().filter(within).count(), 0);
}

/// One word that is wired by its name, and one that its node chooses; the others lead nowhere.
const WORDS: &str = r#"Patch(
    format: 1,
    nodes: {
        "film": video_file(path: "film.mp4", loop: true, width: 64, height: 64),
        "eye":  frame_encoder(),
        "tags": tags(),
        "crew": tags(word: "ship"),
        "tune": scale_walk(),
        "gate": gate(),
        "keys": synth(),
    },
    wires: [
        "film -> eye -> tags",
        "eye -> crew -> tune.density",
        "tags.person -> gate.open",
        "tune -> gate -> keys",
    ],
)
"#;

#[test]
fn the_words_that_something_is_wired_to_are_told_no_more_than_five_times_a_second() {
    let stage = Stage::new(WORDS);
    let cookie = stage.door.cookie(&stage.door.secret);
    let mut page = stage.door.open(&cookie);
    page.send(&json!({ "score": { "is": true } }));
    let mut told = Told::default();
    told.read(&mut page, |told| told.of("words").len() > 10);
    assert_eq!(told.words, json!(["person", "crew"]));
    let looks = told.of("words");
    let times: Vec<f64> = looks.iter().map(|look| look[0].as_f64().unwrap()).collect();
    assert!(
        times.windows(2).all(|pair| pair[1] - pair[0] > 0.199),
        "{times:?}"
    );
    for look in looks {
        for word in look[2].as_array().unwrap() {
            assert!(word[0].as_u64().unwrap() < 2, "{look}");
            assert!((0.0..=1.0).contains(&word[1].as_f64().unwrap()), "{look}");
        }
    }
}

/// How many pixels of a canvas are close to a colour, in a part of its width.
fn coloured(canvas: &str, [r, g, b]: [u8; 3], from: f64, to: f64) -> String {
    format!(
        "(() => {{ const canvas = document.querySelector('{canvas}'); \
         const {{ width, height }} = canvas; const left = Math.round(width * {from}); \
         const {{ data }} = canvas.getContext('2d').getImageData(left, 0, Math.round(width * {to}) - left, height); \
         let count = 0; for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 90 && \
         Math.hypot(data[at] - {r}, data[at + 1] - {g}, data[at + 2] - {b}) < 60) count += 1; return count; }})()"
    )
}

const GREEN: [u8; 3] = [0x79, 0xd6, 0x9a];
const BLUE: [u8; 3] = [0x7f, 0xb2, 0xff];

#[test]
fn the_strip_runs_under_the_graph_shows_a_moment_folds_and_is_projected() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let stage = Stage::new(SHOW);
    let page = browser.open(&stage.address(), LAPTOP);
    page.until("document.querySelectorAll('#strip .legend li').length === 2");
    assert_eq!(
        page.eval("[...document.querySelectorAll('#strip .legend li')].map((one) => one.textContent).join()"),
        "high,low"
    );
    let canvas = "#strip-body canvas";
    for colour in [GREEN, BLUE] {
        page.until(&format!("{} > 30", coloured(canvas, colour, 0.5, 1.0)));
    }
    std::thread::sleep(Duration::from_secs(6));
    if let Some(folder) = std::env::var_os("SCORE_SCREENSHOTS") {
        page.screenshot(&std::path::Path::new(&folder).join("strip.png"));
    }
    // A moment some seconds ago.
    page.eval(&format!(
        "(() => {{ const canvas = document.querySelector('{canvas}'); const box = canvas.getBoundingClientRect(); \
         canvas.dispatchEvent(new MouseEvent('click', {{ bubbles: true, clientX: box.left + box.width * 0.95, clientY: box.top + 90 }})); }})()"
    ));
    page.until("document.querySelector('.moment').open");
    page.until("document.querySelector('.moment .what').textContent.includes('bar ')");
    page.until("!document.querySelector('.moment canvas').hidden && document.querySelector('.moment canvas').width > 300");
    if let Some(folder) = std::env::var_os("SCORE_SCREENSHOTS") {
        page.screenshot(&std::path::Path::new(&folder).join("moment.png"));
    }
    page.eval("document.querySelector('.moment button').click()");
    page.until("!document.querySelector('.moment').open");
    // A page that opens late has the notes from before.
    let late = browser.open(&format!("{}/", stage.base), LAPTOP);
    late.until(&format!("{} > 20", coloured(canvas, GREEN, 0.5, 0.92)));
    // Folded, and it stays so.
    page.front();
    page.eval("document.querySelector('#strip .fold').click()");
    page.until("document.getElementById('strip-body').hidden");
    // Until the page is another.
    page.eval("window.isOld = true; location.reload()");
    page.until("!window.isOld && document.querySelectorAll('.node').length > 5 && document.getElementById('strip-body').hidden");
    page.eval("document.querySelector('#strip .fold').click()");
    let projected = browser.open(&format!("{}/show?of=score", stage.base), LAPTOP);
    for colour in [GREEN, BLUE] {
        projected.until(&format!("{} > 60", coloured("#picture", colour, 0.5, 1.0)));
    }
    if let Some(folder) = std::env::var_os("SCORE_SCREENSHOTS") {
        projected.screenshot(&std::path::Path::new(&folder).join("show_score.png"));
    }
    for open in [&page, &late, &projected] {
        assert_eq!(open.complaints(), Vec::<String>::new());
    }
}

#[test]
fn a_named_value_is_one_knob_for_all_that_use_it_and_is_written_in_its_line() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let patch = r#"Patch(
    format: 1,
    // What a hand reaches for.
    let: (
        level: -20, // of both
        tempo: 96,
        other: use(level),
    ),
    transport: (tempo: use(tempo)),
    nodes: {
        "left":  tone(gain: use(level)),
        "right": tone(gain: use(other), frequency: 330),
        "mix":   mixer(gains: [use(level), 0]),
    },
    wires: ["left -> mix", "right -> mix"],
)
"#;
    let stage = Stage::new(patch);
    let page = browser.open(&stage.address(), LAPTOP);
    let knob = |name: &str| format!("document.querySelector('.lets [data-param=\"let.{name}\"]')");
    page.until("document.querySelectorAll('.lets .knob').length === 2");
    let level = knob("level");
    page.until(&format!("{level}.querySelector('.field').value === '-20'"));
    page.until(&format!("{level}.textContent.includes('elsewhere')"));
    let type_in = |value: &str| {
        page.eval(&format!(
            "(() => {{ const field = {level}.querySelector('.field'); field.value = '{value}'; \
             field.dispatchEvent(new Event('change', {{ bubbles: true }})); }})()"
        ));
    };
    type_in("-9");
    page.until(&format!("{level}.dataset.source === 'hand'"));
    page.until("document.querySelectorAll('.held li').length === 1");
    page.until("document.querySelector('.held li').textContent.includes('level')");
    let other = browser.open(&format!("{}/", stage.base), LAPTOP);
    other.until(&format!("{level}.querySelector('.field').value === '-9'"));
    // Both are released together.
    other.eval("document.querySelector('.held li .free').click()");
    other.until(&format!("{level}.dataset.source === 'text'"));
    page.front();
    page.until("document.querySelectorAll('.held li').length === 0");
    type_in("-9");
    page.until("document.querySelectorAll('.held li').length === 1");
    page.eval("[...document.querySelectorAll('.held button')].find((one) => one.textContent === 'Write into patch').click()");
    page.until(&format!(
        "{level}.dataset.source === 'text' && {level}.querySelector('.field').value === '-9'"
    ));
    let text = std::fs::read_to_string(stage.folder.path().join("show.ron")).unwrap();
    assert_eq!(text, patch.replace("level: -20,", "level: -9,"));
    // Without a MIDI port the page says so.
    page.eval("document.querySelector('.named [data-param=\"transport.tempo\"] .learn').click()");
    page.until("document.querySelector('.named [data-param=\"transport.tempo\"] .learning').textContent.includes('no MIDI input')");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

/// The figure is in docs/performance.md; here it may be ten times as long.
#[test]
fn the_first_view_comes_soon() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let stage = Stage::new(SHOW);
    let first = browser.open(&stage.address(), LAPTOP);
    first.until("document.querySelectorAll('.node').length > 5");
    let page = browser.open(&format!("{}/", stage.base), LAPTOP);
    page.until("performance.getEntriesByName('first view').length > 0");
    let paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime";
    page.until(&format!("{paint} > 0"));
    let [view, paint] = [
        "performance.getEntriesByName('first view')[0].startTime",
        paint,
    ]
    .map(|figure| page.eval(figure).as_f64().unwrap());
    println!("first paint {paint:.0} ms, the graph {view:.0} ms after the address was opened");
    assert!(view < 10_000.0 && paint < 10_000.0, "{paint} ms, {view} ms");
}
