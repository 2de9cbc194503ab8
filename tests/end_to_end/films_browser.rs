//! The page of films in a real browser: rendered, played, turned, compared.

use std::path::Path;
use std::time::Duration;

use score_test_support::browser::{Browser, Page};
use score_test_support::{Talking, ffmpeg, program, write_film};

const LAPTOP: (u32, u32) = (1440, 900);
const PHONE: (u32, u32) = (390, 844);

/// How long a render may take on a machine that does much else.
const RENDERS: Duration = Duration::from_secs(240);

/// A patch that is rendered in a moment, and chooses its chords by the seed.
const QUICK: &str = r#"// Plays chance to a film.
Patch(
    format: 1,
    transport: (tempo: 120),
    nodes: {
        "film":  video_file(path: "film.mp4", width: 64, height: 64),
        "light": brightness(),
        "code":  latent_random(dimension: 64, duration: 4),
        "tune":  music_decoder(),
        "lead":  synth(voice: glass),
        "mix":   mixer(gains: [-3]),
        "sound": audio_file(path: "film.wav"),
        "notes": midi_file(path: "film.mid", names: ["Melody"]),
        "movie": video_mux(film: "film.mp4", path: "scored.mp4"),
    },
    wires: ["film -> light -> lead.gain", "code -> tune -> lead -> mix -> sound", "tune -> notes", "mix -> movie"],
)
"#;

struct Stage {
    folder: tempfile::TempDir,
    _run: Talking,
    address: String,
}

impl Stage {
    fn new(write: impl Fn(&Path), arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let films = folder.path().join("films");
        std::fs::create_dir(&films).unwrap();
        write(&films);
        let mut program = program(&films, arguments);
        program.env("XDG_CONFIG_HOME", folder.path().join("config"));
        program.env("TMPDIR", folder.path());
        let run = Talking::start(&mut program);
        let line = run.until("the page opens once at");
        let address = line.split("http://").nth(1).unwrap().trim();
        Stage {
            folder,
            address: format!("http://{address}"),
            _run: run,
        }
    }

    fn base(&self) -> &str {
        self.address.split("/enter").next().unwrap()
    }
}

/// The state of the film, as the page asks for it.
fn results(page: &Page) -> usize {
    let count = page.eval("fetch('/film/0/state').then((answer) => answer.json()).then((state) => state.results.length)");
    count.as_u64().unwrap() as usize
}

#[test]
fn a_film_is_rendered_played_and_rendered_again_as_another_tune() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let stage = Stage::new(
        write_film,
        &["film", "film.mp4", "--style", "playful", "--page", "0"],
    );
    let page = browser.open(&stage.address, LAPTOP);
    // Progress is seen, and what is done just now.
    page.until("document.querySelector('#render b').textContent.endsWith('%')");
    page.until("document.querySelector('#render .doing').textContent.length > 4");
    page.until_within(
        "document.querySelector('#render progress').value > 0.05",
        RENDERS,
    );
    page.show("film_renders");
    assert_eq!(
        page.eval("document.getElementById('turn-style').value"),
        "playful"
    );
    page.until_within(
        "document.querySelectorAll('.made li').length === 1",
        RENDERS,
    );
    // The film plays with its sound.
    page.until("document.getElementById('video').readyState >= 3");
    // As a hand starts it: a browser plays no sound before somebody has done something.
    page.front();
    page.eval("document.querySelector('.roll').focus()");
    page.press(" ");
    page.until("document.getElementById('video').currentTime > 1.2");
    page.until("document.getElementById('video').webkitAudioDecodedByteCount > 1000");
    page.until("document.getElementById('video').videoWidth === 320");
    page.press(" ");
    page.until("document.getElementById('video').paused");
    // The strip has the notes of all parts, and the head stands where the film does.
    page.until("document.querySelectorAll('.key li').length >= 3");
    let coloured = "(() => { const canvas = document.querySelector('.roll canvas'); const { data } = canvas.getContext('2d').getImageData(0, 70, canvas.width, 150); let count = 0; for (let at = 0; at < data.length; at += 4) if (data[at] + data[at + 1] + data[at + 2] > 300) count += 1; return count; })()";
    page.until(&format!("{coloured} > 500"));
    // So has what the film shows in words, for eyes and for ears.
    page.until_within(
        "document.querySelector('.said').textContent.includes('outdoors: 0:')",
        RENDERS,
    );
    page.until("document.querySelector('.roll').clientHeight > 262");
    page.until(
        "document.querySelector('.roll').getAttribute('aria-valuetext').includes('outdoors')",
    );
    let head =
        "new DOMMatrix(getComputedStyle(document.querySelector('.roll .head')).transform).m41";
    page.until(&format!("Math.abs({head} / document.querySelector('.roll').clientWidth - document.getElementById('video').currentTime / 12) < 0.02"));
    let click = "(() => { const roll = document.querySelector('.roll'); const box = roll.getBoundingClientRect(); \
         roll.dispatchEvent(new MouseEvent('click', { clientX: box.left + box.width * 0.75, clientY: box.top + 100, bubbles: true })); })()";
    page.eval(click);
    page.until("Math.abs(document.getElementById('video').currentTime - 9) < 0.3");
    page.until("document.getElementById('bar-number').textContent !== '–'");
    page.until("document.getElementById('key').textContent.includes(' ')");
    page.show_after(Duration::from_secs(2), "film");
    assert_eq!(page.faint(), serde_json::json!([]));

    // Of less of the film more is seen, and the strip is as wide as before.
    let wide = page.eval("document.querySelector('.roll').clientWidth");
    page.eval("[1, 2, 3].forEach(() => document.querySelector('.zoom button:last-child').click())");
    page.until("document.querySelector('.roll').scrollLeft > 1000");
    assert_eq!(
        page.eval("document.querySelector('.roll').clientWidth"),
        wide
    );
    page.show_after(Duration::from_secs(1), "film_near");
    page.eval("document.querySelectorAll('.zoom button')[1].click()");

    // Another tune is another .mid; it is shown at the same place of the film.
    page.eval("[...document.querySelectorAll('#turning button')].find((one) => one.textContent === 'Another tune').click()");
    page.until_within(
        "document.querySelectorAll('.made li').length === 2",
        RENDERS,
    );
    page.until(
        "document.querySelectorAll('.made button')[1].getAttribute('aria-pressed') === 'true'",
    );
    page.until("Math.abs(document.getElementById('video').currentTime - 9) < 0.3");
    let notes = "Promise.all([0, 1].map(async (id) => { const state = await (await fetch('/film/0/state')).json(); \
         const at = state.results[id].files.findIndex(({ what }) => what === 'notes'); \
         const bytes = new Uint8Array(await (await fetch(`/result/${id}/file/${at}`)).arrayBuffer()); \
         return [bytes.length, bytes.reduce((sum, byte) => (sum * 31 + byte) | 0, 7)].join(); }))";
    let notes = page.eval(notes);
    assert_ne!(notes[0], notes[1]);
    // The first is still there to compare.
    page.eval("document.querySelectorAll('.made button')[0].click()");
    page.until("document.getElementById('video').getAttribute('src') === '/result/0/play'");
    page.until("document.getElementById('video').readyState >= 2");
    page.until("document.querySelectorAll('.had a').length > 8");
    // Kept, and measured.
    page.eval("[...document.querySelectorAll('#results button')].find((one) => one.textContent === 'Keep').click()");
    page.until("document.querySelector('#results .note').textContent.includes('film-scored.mid')");
    assert!(stage.folder.path().join("films/film-scored.mp4").is_file());
    page.eval("[...document.querySelectorAll('#results button')].find((one) => one.textContent === 'Does it follow?').click()");
    page.until_within(
        "document.querySelectorAll('#results tbody tr').length > 2",
        RENDERS,
    );
    page.show("film_measured");
    assert_eq!(page.faint(), serde_json::json!([]));

    let phone = browser.open(&format!("{}/", stage.base()), PHONE);
    phone.until("document.querySelectorAll('.made li').length === 2");
    phone.until("document.getElementById('video').readyState >= 2");
    phone.until("document.documentElement.scrollWidth <= innerWidth");
    phone.show_after(Duration::from_secs(1), "phone_film");
    phone.eval("scrollTo(0, document.getElementById('side').offsetTop - 240)");
    phone.show("phone_film_turn");
    phone.eval("scrollTo(0, document.body.scrollHeight)");
    phone.show("phone_film_results");
    assert_eq!(phone.faint(), serde_json::json!([]));
    for open in [&page, &phone] {
        assert_eq!(open.complaints(), Vec::<String>::new());
    }
}

#[test]
fn a_film_that_browsers_do_not_play_is_shown_in_small_and_found_in_its_folder() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let write = |folder: &Path| {
        let film = "-f lavfi -i testsrc2=size=160x90:rate=12:duration=4 -c:v mpeg4 -q:v 5";
        ffmpeg(folder, &format!("{film} old.avi"));
        std::fs::write(folder.join("quick.ron"), QUICK).unwrap();
    };
    let stage = Stage::new(write, &["page", "--port", "0"]);
    let list = browser.open(&stage.address, LAPTOP);
    list.until("document.querySelectorAll('.list a').length === 1");
    list.show("films");
    assert_eq!(list.faint(), serde_json::json!([]));
    let phone = browser.open(&format!("{}/", stage.base()), PHONE);
    phone.until("document.querySelectorAll('.list article').length > 20");
    phone.until("document.documentElement.scrollWidth <= innerWidth");
    phone.show("phone_films");
    // A page in the background loads no film.
    list.front();
    list.eval("(() => { const find = document.getElementById('find'); find.value = 'quick'; find.dispatchEvent(new Event('input')); })()");
    list.until(
        "[...document.querySelectorAll('.list > li')].filter((item) => !item.hidden).length === 1",
    );
    list.eval("(() => { const find = document.getElementById('find'); find.value = ''; find.dispatchEvent(new Event('input')); })()");
    list.eval("document.querySelector('.list a').click()");
    list.until("location.pathname === '/film/0' && document.getElementById('film').textContent === 'old.avi'");
    list.until("document.getElementById('nothing').textContent.includes('render it')");
    assert_eq!(results(&list), 0);
    list.show("film_before");
    // A wrong value is said where it was typed, and mended.
    let type_key = |field: &str, value: &str| {
        list.eval(&format!(
            "(() => {{ document.getElementById('turn-{field}').value = '{value}'; document.querySelector('#turning form').requestSubmit(); }})()"
        ));
    };
    type_key("tempo", "100000");
    list.until("document.querySelector('#render .why').textContent.includes('100000')");
    list.show("film_refused");
    type_key("tempo", "126");
    list.until_within(
        "document.querySelectorAll('.made li').length === 1",
        RENDERS,
    );
    list.until("document.getElementById('video').readyState >= 3");
    list.until("document.getElementById('video').videoHeight === 90");
    list.until("document.querySelector('#results').textContent.includes('small copy')");
    list.until("document.getElementById('tempo').textContent === '126 bpm'");
    let complaints = list.complaints();
    assert!(
        complaints.iter().all(|line| line.contains("400")),
        "{complaints:?}"
    );
}

/// Not a test: makes the book's picture of the page of films, in the folder SCORE_SCREENSHOTS, from
/// the film SCORE_FILM (`make pictures`).
#[test]
#[ignore = "makes pictures"]
fn pictures_of_the_page_of_films() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let write = |folder: &Path| match std::env::var_os("SCORE_FILM") {
        Some(film) => drop(std::fs::copy(film, folder.join("holiday.mp4")).unwrap()),
        None => {
            write_film(folder);
            std::fs::rename(folder.join("film.mp4"), folder.join("holiday.mp4")).unwrap();
        }
    };
    let stage = Stage::new(write, &["film", "holiday.mp4", "--page", "0"]);
    let page = browser.open(&stage.address, LAPTOP);
    page.until_within(
        "document.querySelectorAll('.made li').length === 1",
        RENDERS,
    );
    page.eval("(() => { document.getElementById('turn-style').value = 'noir'; document.querySelector('#turning form').requestSubmit(); })()");
    page.until_within(
        "document.querySelectorAll('.made li').length === 2",
        RENDERS,
    );
    page.until("document.getElementById('video').readyState >= 3");
    page.eval("document.getElementById('video').currentTime = document.getElementById('video').duration * 0.4");
    page.until("!document.getElementById('video').seeking");
    page.eval("[...document.querySelectorAll('#results button')].find((one) => one.textContent === 'Keep').click()");
    page.until(
        "document.querySelector('#results .note').textContent.includes('holiday-scored.mid')",
    );
    std::thread::sleep(Duration::from_secs(2));
    page.show("studio_film");
}
