//! The page of a run in a real browser: what plays is seen, turned, lost and found again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use score_test_support::browser::{Browser, Page};
use score_test_support::jack::Jack;
use score_test_support::{Talking, graphs, program, write_film, write_small_film};

const LAPTOP: (u32, u32) = (1440, 900);
const PHONE: (u32, u32) = (390, 844);

/// A patch that needs no device, with something of every type.
const SHOW: &str = r#"Patch(
    format: 1,
    transport: (tempo: 96, key: "D minor"),
    nodes: {
        "film":   video_file(path: "film.mp4", loop: true),
        "motion": motion(gain: 4),
        "light":  brightness(),
        "cuts":   cut_detector(),
        "code":   latent_random(dimension: 12, every: 0.2),
        "calm":   latent_smooth(half_life: 0.5),
        "tune":   scale_walk(octaves: 2),
        "bell":   tone(gain: -30, frequency: 330),
        "low":    tone(gain: -24, frequency: 110),
        "mix":    mixer(gains: [-6, -9]),
    },
    wires: [
        "film -> motion -> tune",
        "film -> light",
        "film -> cuts",
        "cuts.cut -> tune.accent",
        "code -> calm",
        "bell -> mix",
        "low -> mix",
    ],
    presets: {
        "calm":  {"calm.half_life": 2, "mix.gains": [-12, -18], "transport.tempo": 72},
        "storm": {"calm.half_life": 0.1, "mix.gains": [0, -3], "transport.tempo": 140},
    },
    cues: [
        (name: "dawn", set: {"bell.gain": -20}),
        (name: "night", preset: "calm", time: 2),
    ],
)
"#;

/// A run of the patch, with its page at one port for all its starts.
struct Stage {
    folder: tempfile::TempDir,
    run: Option<Talking>,
    /// Where it is heard; after the run, which ends before it.
    jack: Option<Jack>,
    /// Where the page is.
    base: String,
    /// The address that opens it once.
    address: String,
}

impl Stage {
    fn new(patch: &str) -> Self {
        Self::on(None, patch, write_small_film)
    }

    /// Plays the patch at this server of sound, with what `film` writes as film.mp4.
    fn on(jack: Option<Jack>, patch: &str, film: impl Fn(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        film(folder.path());
        std::fs::write(folder.path().join("show.ron"), patch).unwrap();
        let mut stage = Stage {
            folder,
            jack,
            run: None,
            base: String::new(),
            address: String::new(),
        };
        stage.start("0");
        stage
    }

    /// Starts the run, with its page at this port.
    fn start(&mut self, port: &str) {
        let arguments = ["run", "show.ron", "--quiet", "--no-remote", "--page", port];
        let mut run = match &self.jack {
            Some(jack) => jack.score(self.folder.path(), &arguments),
            None => program(self.folder.path(), &arguments),
        };
        let run = Talking::start(run.env("XDG_CONFIG_HOME", self.folder.path().join("config")));
        let line = run.until("the page opens once at");
        let address = line.split("http://").nth(1).unwrap().trim();
        self.address = format!("http://{address}");
        self.base = self.address.split("/enter").next().unwrap().to_owned();
        run.until("plays");
        self.run = Some(run);
    }

    fn port(&self) -> String {
        self.base.rsplit(':').next().unwrap().to_owned()
    }

    fn patch(&self) -> PathBuf {
        self.folder.path().join("show.ron")
    }
}

/// How a canvas looks, as a number that differs when its pixels do.
const LOOK: &str = "((canvas) => { const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data; let sum = 0; for (let at = 0; at < data.length; at += 1) sum = (sum * 31 + data[at]) | 0; return sum; })";

/// Whether what the card of a node shows changes.
fn moves(page: &Page, node: &str) {
    shows(page, &format!("[data-node=\"{node}\"] canvas"));
}

/// Whether what this canvas shows changes.
fn shows(page: &Page, canvas: &str) {
    let look = format!("{LOOK}(document.querySelector('{canvas}'))");
    let first = page.eval(&look);
    page.until(&format!("{look} !== {first}"));
}

/// The knob of a parameter in the part of the page of this class.
fn knob(part: &str, param: &str) -> String {
    format!("document.querySelector('.{part} [data-param=\"{param}\"]')")
}

/// Moves the slider of a knob as a hand does.
fn slide(page: &Page, knob: &str, to: u32) {
    page.eval(&format!(
        "(() => {{ const range = {knob}.querySelector('input[type=range]'); range.value = {to}; \
         range.dispatchEvent(new Event('input', {{ bubbles: true }})); }})()"
    ));
}

#[test]
fn what_plays_is_seen_and_turned_by_two_pages_that_agree() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let stage = Stage::new(SHOW);
    let page = browser.open(&stage.address, LAPTOP);
    page.until("document.querySelectorAll('.node').length === 10");
    // The secret does not stay in the address.
    assert_eq!(page.eval("location.pathname + location.hash"), "/");
    page.until("document.getElementById('link').dataset.state === 'live'");
    assert_eq!(
        page.eval("document.getElementById('patch').textContent"),
        "show.ron"
    );
    for node in ["film", "motion", "code", "calm", "tune"] {
        moves(&page, node);
    }
    page.until("document.querySelector('[data-node=film]').dataset.state === 'good'");
    page.until("document.getElementById('tempo').textContent === '96.0 bpm'");
    page.until("document.getElementById('key').textContent === 'D minor'");
    page.until("document.getElementById('revision').textContent === '1'");
    page.show_after(Duration::from_secs(4), "watch");

    // A node that is chosen shows its controls; a slider sets the value, in all pages.
    let phone = browser.open(&format!("{}/", stage.base), PHONE);
    phone.until("document.querySelectorAll('.node').length === 10");
    phone.show_after(Duration::from_secs(2), "phone_watch");
    page.eval("document.querySelector('[data-node=bell]').click()");
    // On the phone too it shows what it sends, though the controls were out of sight before.
    phone.front();
    phone.eval("document.querySelector('[data-node=film]').click()");
    shows(&phone, ".chosen canvas.frame");
    phone.eval("document.querySelector('[data-tab=turn]').click()");
    phone.eval("document.querySelector('.all details[data-node=bell] summary').click()");
    let gain = knob("chosen", "bell.gain");
    page.until(&format!("{gain}.dataset.source === 'text'"));
    page.until(&format!("{gain}.querySelector('.field').value === '-30'"));
    slide(&page, &gain, 900);
    page.until(&format!("{gain}.dataset.source === 'hand'"));
    let set = page.eval(&format!("{gain}.querySelector('.field').value"));
    let other = knob("all", "bell.gain");
    phone.until(&format!("{other}.querySelector('.field').value === {set}"));
    phone.until("document.querySelector('.held li')?.textContent.includes('bell.gain')");
    phone.show("phone_turn");
    // Typed, and refused with the reason where it is not taken.
    let typed = |text: &str| {
        phone.eval(&format!(
            "(() => {{ const field = {other}.querySelector('.field'); field.value = '{text}'; \
             field.dispatchEvent(new Event('change', {{ bubbles: true }})); }})()"
        ));
    };
    typed("-12");
    page.until(&format!("{gain}.querySelector('.field').value === '-12'"));
    typed("loud");
    phone.until(&format!(
        "{other}.querySelector('.why').textContent.includes('number')"
    ));
    phone.until(&format!("{other}.querySelector('.field').value === '-12'"));
    // Keys move a slider too.
    page.eval(&format!(
        "{gain}.querySelector('input[type=range]').focus()"
    ));
    page.front();
    page.press("ArrowLeft");
    page.until(&format!(
        "Number({gain}.querySelector('.field').value) < -12"
    ));
    let set = page.eval(&format!("{gain}.querySelector('.field').value"));
    phone.until(&format!(
        "{other}.querySelector('.field').value === '{}'",
        set.as_str().unwrap()
    ));
    // A preset, and the release of all.
    page.eval("[...document.querySelectorAll('.presets button')].find((one) => one.textContent === 'storm').click()");
    page.until("document.getElementById('tempo').textContent.startsWith('140')");
    phone.until("document.querySelectorAll('.held li').length === 4");
    page.show("turn");
    page.eval("[...document.querySelectorAll('.held button')].find((one) => one.textContent === 'Release all').click()");
    phone.until("document.querySelectorAll('.held li').length === 0");
    page.until(&format!("{gain}.querySelector('.field').value === '-30'"));

    // Written into the patch, whose comments and layout stay.
    // Another value than the file has, which would be no new revision.
    slide(&page, &gain, 300);
    page.until(&format!("{gain}.dataset.source === 'hand'"));
    let set = page.eval(&format!("{gain}.querySelector('.field').value"));
    page.eval("[...document.querySelectorAll('.held button')].find((one) => one.textContent === 'Write into patch').click()");
    page.until(&format!("{gain}.dataset.source === 'text'"));
    let says = "document.querySelector('.wrote').textContent";
    page.until(&format!("{says} === 'Written into show.ron, revision 2.'"));
    let text = std::fs::read_to_string(stage.patch()).unwrap();
    let written = format!("gain: {},", set.as_str().unwrap());
    assert!(text.contains(&written), "{written}\n{text}");

    // Kept as a preset, which stands there at once; before one is replaced the page asks.
    let keep = "(() => { document.querySelector('.keep input').value = 'dusk'; document.querySelector('.keep form').requestSubmit(); })()";
    let dusk = "[...document.querySelectorAll('.presets button')].find((one) => one.textContent === 'dusk')";
    let is_told = "!document.querySelector('.keep .note').hidden";
    slide(&page, &gain, 400);
    page.until("!document.querySelector('.keep').hidden");
    page.eval(keep);
    page.until(is_told);
    page.until(&format!("Boolean({dusk})"));
    phone.until(&format!("Boolean({dusk})"));
    page.until(&format!("{gain}.dataset.source === 'hand'"));
    page.eval(keep);
    page.until("!document.querySelector('.asks').hidden");
    page.eval("document.querySelector('.asks button').click()");
    page.until(is_told);
    page.eval(&format!("{dusk}.click()"));
    page.until(&format!("{dusk}.getAttribute('aria-pressed') === 'true'"));
    let text = std::fs::read_to_string(stage.patch()).unwrap();
    assert_eq!(text.matches("\"dusk\":").count(), 1, "{text}");

    for open in [&page, &phone] {
        assert_eq!(open.complaints(), Vec::<String>::new());
    }
}

#[test]
fn trouble_stands_at_its_node_and_a_lost_server_is_said_and_found_again() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let broken = SHOW
        .replace(
            "\"low\":    tone(gain: -24, frequency: 110)",
            "\"low\":    audio_in(device: \"nowhere\")",
        )
        .replace(
            "mixer(gains: [-6, -9]),",
            "mixer(gain: -60), \"out\": audio_out(),",
        )
        .replace("\"low -> mix\",", "\"low -> mix -> out\",");
    let mut stage = Stage::new(&broken);
    let page = browser.open(&stage.address, LAPTOP);
    page.until("document.querySelector('[data-node=low]').dataset.state === 'wait' || document.querySelector('[data-node=low]').dataset.state === 'bad'");
    page.until("document.querySelector('[data-node=low] .message').textContent.length > 10");
    page.eval("document.querySelector('[data-node=low]').click()");
    page.until("document.querySelector('.chosen .message').textContent.length > 10");
    // What holds the sound back is said where it is turned up, and what leads nowhere.
    page.until("document.querySelector('[data-node=mix] .message').textContent.includes('mix.gain at -60 dB')");
    page.eval("document.querySelector('[data-node=mix]').click()");
    page.until("document.querySelector('.chosen .message').textContent.includes('Turn it up')");
    page.until("document.querySelector('[data-node=tune] .state').textContent === 'not wired'");
    page.until("document.getElementById('sound').textContent !== '–'");
    page.show("trouble");
    assert_eq!(page.faint(), serde_json::json!([]));
    // A mistake in the saved patch is said with its place.
    std::fs::write(
        stage.patch(),
        broken.replace("motion(gain: 4)", "motion(gian: 4)"),
    )
    .unwrap();
    page.until("document.getElementById('notice').textContent.includes('show.ron:6:')");
    page.show("refused");
    std::fs::write(stage.patch(), SHOW).unwrap();
    page.until("document.getElementById('notice').hidden");
    page.until("document.querySelector('[data-node=low]').dataset.state === 'good'");
    page.until("document.getElementById('revision').textContent === '2'");

    let port = stage.port();
    drop(stage.run.take());
    page.until_within(
        "!document.getElementById('notice').hidden",
        Duration::from_secs(10),
    );
    page.until("document.getElementById('notice').textContent.includes('connection is lost')");
    page.until("document.body.classList.contains('stale')");
    page.show("lost");
    stage.start(&port);
    page.until(
        "document.getElementById('notice').hidden && !document.body.classList.contains('stale')",
    );
    page.until("document.getElementById('link').dataset.state === 'live'");
    moves(&page, "film");
}

#[test]
fn the_show_is_a_picture_alone_and_black_on_demand() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let stage = Stage::new(SHOW);
    let page = browser.open(&stage.address, LAPTOP);
    page.until("document.getElementById('link').dataset.state === 'live'");
    let projected = browser.open(&format!("{}/show", stage.base), LAPTOP);
    let bright = "(() => { const canvas = document.getElementById('picture'); const { data } = canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height / 2, 300, 100); return data.reduce((sum, value, at) => at % 4 < 3 ? sum + value : sum, 0); })()";
    projected.until(&format!("{bright} > 1000"));
    projected.show_after(Duration::from_secs(3), "show");
    page.eval("document.getElementById('black').click()");
    projected.until(&format!("{bright} === 0"));
    page.until("document.getElementById('black').getAttribute('aria-pressed') === 'true'");
    page.eval("document.getElementById('black').click()");
    projected.until(&format!("{bright} > 1000"));
    // B in the show is the same black as the page's button.
    let pressed = "document.getElementById('black').getAttribute('aria-pressed')";
    projected.press("b");
    projected.until(&format!("{bright} === 0"));
    page.until(&format!("{pressed} === 'true'"));
    page.eval("document.getElementById('black').click()");
    projected.until(&format!("{bright} > 1000"));
    page.until(&format!("{pressed} === 'false'"));
    page.eval("document.getElementById('black').click()");
    let says = "document.getElementById('what').textContent";
    projected.until(&format!("{says}.includes('Black on the studio page')"));
    projected.press("b");
    projected.until(&format!("{bright} > 1000"));
    page.until(&format!("{pressed} === 'false'"));
    projected.press("b");
    projected.until(&format!("{bright} === 0"));
    // GO calls one cue after another.
    page.until("document.querySelector('.go').textContent === 'GO: dawn'");
    page.eval("document.querySelector('.go').click()");
    page.until("document.querySelector('.cues [aria-pressed=true]')?.textContent === 'dawn'");
    page.until("document.querySelector('.go').textContent === 'GO: night'");
    page.until("document.querySelector('.held li')?.textContent.includes('bell.gain')");
    page.show("cues");
    let phone = browser.open(&format!("{}/phone", stage.base), PHONE);
    phone.until("document.getElementById('word').textContent === 'Playing'");
    phone.show("phone_health");
    for open in [&page, &projected, &phone] {
        assert_eq!(open.complaints(), Vec::<String>::new());
    }
}

#[test]
fn sixty_nodes_can_be_read_and_none_covers_another() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let (mut nodes, mut wires) = (String::new(), String::new());
    for chain in 0..20 {
        let more = format!(
            "\"code_{chain}\": latent_random(dimension: 3, every: 0.5), \"calm_{chain}\": latent_smooth(), \
             \"calmer_{chain}\": latent_smooth(), "
        );
        nodes.push_str(&more);
        wires.push_str(&format!(
            "\"code_{chain} -> calm_{chain} -> calmer_{chain}\", "
        ));
    }
    let stage = Stage::new(&format!(
        "Patch(format: 1, nodes: {{{nodes}}}, wires: [{wires}])"
    ));
    let page = browser.open(&stage.address, LAPTOP);
    page.until("document.querySelectorAll('.node').length === 60");
    page.until("document.querySelector('[data-node=calmer_19]').dataset.state === 'good'");
    let read = page.eval(
        "(() => { const boxes = [...document.querySelectorAll('.node')].map((node) => node.getBoundingClientRect()); \
         const covered = boxes.filter((one, at) => boxes.slice(0, at).some((other) => one.left < other.right - 1 && \
         other.left < one.right - 1 && one.top < other.bottom - 1 && other.top < one.bottom - 1)).length; \
         const scale = boxes[0].width / document.querySelector('.node').offsetWidth; \
         const names = [...document.querySelectorAll('.node .id')]; \
         const cut = names.filter((name) => name.scrollWidth > name.clientWidth).length; \
         const size = parseFloat(getComputedStyle(names[0]).fontSize) * scale; return [covered, cut, size]; })()",
    );
    assert_eq!((&read[0], &read[1]), (&0.into(), &0.into()), "{read}");
    assert!(read[2].as_f64().unwrap() >= 10.0, "{read}");
    page.show("sixty");
    // Fit shows all of them.
    page.eval("document.getElementById('fit').click()");
    page.until(
        "(() => { const all = document.getElementById('scroll'); \
         return all.scrollWidth <= all.clientWidth && all.scrollHeight <= all.clientHeight; })()",
    );
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn a_wide_film_is_wide_on_its_card_though_its_pictures_are_sent_square() {
    let Some(browser) = Browser::start() else {
        return;
    };
    // 64 × 64, of a film of 16 : 9.
    let patch = r#"Patch(
        format: 1,
        nodes: {
            "film": video_file(path: "film.mp4", loop: true, rate: 8),
            "soft": blur(),
            "part": crop(output_width: 40, output_height: 40),
        },
        wires: ["film -> soft -> part"],
    )"#;
    let stage = Stage::on(None, patch, write_film);
    let page = browser.open(&stage.address, LAPTOP);
    page.until("document.querySelectorAll('.node').length === 3");
    for (node, shape) in [("film", 16.0 / 9.0), ("soft", 16.0 / 9.0), ("part", 1.0)] {
        let card = format!("[data-node={node}] canvas");
        page.until(&format!("Math.abs({DRAWN}('{card}') - {shape}) < 0.1"));
    }
    page.eval("document.querySelector('[data-node=film]').click()");
    page.until(&format!(
        "Math.abs({DRAWN}('.chosen canvas.frame') - 16 / 9) < 0.05"
    ));
    assert_eq!(page.complaints(), Vec::<String>::new());
}

/// How wide what a canvas shows is for its height.
const DRAWN: &str = "((name) => { const canvas = document.querySelector(name); \
    const { width, height } = canvas; const [xs, ys] = [new Set(), new Set()]; \
    const { data } = canvas.getContext('2d').getImageData(0, 0, width, height); \
    for (let at = 0; at < width * height; at += 1) if (data[at * 4 + 3] > 127) { xs.add(at % width); ys.add(Math.floor(at / width)); } \
    return xs.size / ys.size; })";

#[test]
fn a_name_of_24_letters_is_read_on_its_card_and_a_longer_one_at_the_focus() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let usual = "melody_of_the_old_scenes";
    let long = "melody_of_the_old_scenes_in_the_film_of_the_other_house";
    let stage = Stage::new(&format!(
        "Patch(format: 1, nodes: {{\"{usual}\": knob(), \"{long}\": knob()}})"
    ));
    let page = browser.open(&stage.address, LAPTOP);
    page.until("document.querySelectorAll('.node').length === 2");
    let name = |id: &str| format!("document.querySelector('[data-node={id}] .id')");
    let is_whole = |id: &str| format!("{0}.scrollWidth <= {0}.clientWidth", name(id));
    page.until(&is_whole(usual));
    assert_eq!(page.eval(&is_whole(long)), false);
    for id in [usual, long] {
        for said in ["title", "aria-label"] {
            let says = format!(
                "document.querySelector('[data-node={id}]').getAttribute('{said}').startsWith('{id}')"
            );
            assert_eq!(page.eval(&says), true, "{says}");
        }
    }
    // By keyboard.
    page.front();
    page.press_with("Tab", 9, 0);
    page.eval(&format!(
        "document.querySelector('[data-node={long}]').focus()"
    ));
    page.until(&is_whole(long));
    // On a phone it has as many lines as it needs.
    let phone = browser.open(&format!("{}/", stage.base), PHONE);
    phone.until("document.querySelectorAll('.node').length === 2");
    phone.until(&format!("{} && {}", is_whole(usual), is_whole(long)));
    for open in [&page, &phone] {
        assert_eq!(open.complaints(), Vec::<String>::new());
    }
}

/// Not a test: makes the book's pictures of the page, in the folder SCORE_SCREENSHOTS, from the film
/// SCORE_FILM (`make pictures`).
#[test]
#[ignore = "makes pictures"]
fn pictures_of_the_page() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let live = std::fs::read_to_string(graphs().join("live.ron")).unwrap();
    // As large as a projector wants it.
    let live = live.replace("loop: true", "loop: true, width: 640, height: 360");
    let live = live.replace("    wires: [", PRESETS);
    // A sound device without hardware; without that, none.
    let jack = Jack::start(256);
    let live = match &jack {
        Some(_) => live.replace("audio_out()", "audio_out(device: \"JACK\")"),
        None => live
            .replace("        \"sound\":        audio_out(),\n", "")
            .replace(" -> mix -> sound\"", " -> mix\""),
    };
    let film = |folder: &Path| match std::env::var_os("SCORE_FILM") {
        Some(film) => drop(std::fs::copy(film, folder.join("film.mp4")).unwrap()),
        None => write_film(folder),
    };
    let stage = Stage::on(jack, &live, film);
    let page = browser.open(&stage.address, LAPTOP);
    page.until("document.querySelectorAll('.node').length > 20");
    page.until("document.querySelectorAll('.presets button').length === 2");
    std::thread::sleep(Duration::from_secs(15));
    page.eval("[...document.querySelectorAll('.presets button')].find((one) => one.textContent === 'calm').click()");
    page.until("document.querySelectorAll('.held li').length === 3");
    std::thread::sleep(Duration::from_secs(2));
    page.show("studio");
    // What the projector gets.
    let projected = browser.open(&format!("{}/show", stage.base), LAPTOP);
    projected.front();
    std::thread::sleep(Duration::from_secs(4));
    projected.show("studio_show");
    page.front();
    page.eval("document.getElementById('edit').click()");
    page.until("document.querySelector('.cm-content')?.textContent.includes('Patch(')");
    page.eval("document.querySelector('[data-node=calm]').click()");
    page.until("document.querySelector('.edit-node').textContent.includes('calm')");
    page.show("studio_edit");
    let phone = browser.open(&format!("{}/", stage.base), PHONE);
    phone.until("document.querySelectorAll('.node').length > 20");
    std::thread::sleep(Duration::from_secs(4));
    phone.show("studio_phone");
}

const PRESETS: &str = r#"    presets: {
        "calm":  {"calm.half_life": 2, "tune.temperature": 0.2, "transport.tempo": 88},
        "storm": {"calm.half_life": 0.1, "tune.temperature": 0.9, "transport.tempo": 132},
    },
    wires: ["#;
