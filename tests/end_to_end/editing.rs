//! The patch's text is edited in the page: its mistakes are seen, it is saved with its comments,
//! wired and undone; and nobody edits it who may not.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use score_test_support::browser::{Browser, Page};
use score_test_support::page_client::Door;
use score_test_support::{Talking, program, text};

const LAPTOP: (u32, u32) = (1440, 900);
const PHONE: (u32, u32) = (390, 844);

/// A patch that needs no device and writes nothing.
const TONES: &str = r#"// Two tones.
Patch(
    format: 1,
    nodes: {
        // The lower one.
        "low":  tone(gain: -30, frequency: 110),
        "high": tone(gain: -40, frequency: 330), // quiet
        "mix":  mixer(),
    },
    wires: [
        "low -> mix", // the bass
    ],
)
"#;

/// A run that plays, and its page.
struct Stage {
    folder: tempfile::TempDir,
    run: Talking,
    address: String,
}

impl Stage {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("show.ron"), TONES).unwrap();
        let own = ["run", "show.ron", "--quiet", "--no-remote", "--page", "0"];
        let mut run = program(folder.path(), &[&own, more].concat());
        let run = Talking::start(run.env("XDG_CONFIG_HOME", folder.path().join("config")));
        let line = run.until("the page opens once at");
        let address = format!("http://{}", line.split("http://").nth(1).unwrap().trim());
        run.until("plays");
        Stage {
            folder,
            run,
            address,
        }
    }

    fn door(&self) -> Door {
        Door::of(&self.address)
    }

    fn patch(&self) -> PathBuf {
        self.folder.path().join("show.ron")
    }

    fn on_disk(&self) -> String {
        std::fs::read_to_string(self.patch()).unwrap()
    }

    /// Waits until this stands in the file.
    fn until_on_disk(&self, wanted: &str) {
        let begun = Instant::now();
        while !self.on_disk().contains(wanted) {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "{wanted}\n{}",
                self.on_disk()
            );
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

/// The page with its editor open.
fn editor(browser: &Browser, stage: &Stage) -> Page {
    let page = browser.open(&stage.address, LAPTOP);
    page.until("document.querySelectorAll('.node').length === 3");
    page.eval("window.refused = []; addEventListener('securitypolicyviolation', (event) => refused.push(event.violatedDirective + ' ' + event.blockedURI)); 1");
    page.until("!document.getElementById('edit').hidden");
    page.eval("document.getElementById('edit').click()");
    page.until("document.querySelector('.cm-content').textContent.includes('// Two tones.')");
    page.front();
    page
}

fn numbers(value: &Value) -> (f64, f64) {
    (value[0].as_f64().unwrap(), value[1].as_f64().unwrap())
}

/// Puts the cursor behind `mark` in the text.
fn cursor(page: &Page, mark: &str) {
    let place = format!(
        "(() => {{ const mark = {}; \
         const line = [...document.querySelectorAll('.cm-line')].find((line) => line.textContent.includes(mark)); \
         let left = line.textContent.indexOf(mark) + mark.length; \
         const walk = document.createTreeWalker(line, NodeFilter.SHOW_TEXT); \
         while (walk.nextNode()) {{ const node = walk.currentNode; \
         if (left <= node.length) {{ const range = document.createRange(); range.setStart(node, left - 1); range.setEnd(node, left); \
         const box = range.getBoundingClientRect(); return [box.right - 0.5, (box.top + box.bottom) / 2]; }} left -= node.length; }} }})()",
        json!(mark)
    );
    let at = numbers(&page.eval(&place));
    page.click(at);
    page.until("document.activeElement.classList.contains('cm-content')");
}

fn save(page: &Page) {
    page.press_with("s", 83, 2);
}

fn state(page: &Page, wanted: &str) {
    page.until(&format!(
        "document.querySelector('.edit-state').textContent.includes('{wanted}')"
    ));
}

/// Nothing was refused by the browser, and no script failed.
fn is_clean(page: &Page) {
    assert_eq!(page.eval("refused"), json!([]));
    assert_eq!(page.complaints(), Vec::<String>::new());
}

fn button(page: &Page, text: &str) {
    page.eval(&format!(
        "[...document.querySelectorAll('button')].find((one) => one.textContent === '{text}' && one.offsetParent).click()"
    ));
}

#[test]
fn a_mistake_is_seen_at_its_place_and_a_saved_text_keeps_its_comments() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let stage = Stage::new();
    let page = editor(&browser, &stage);
    // A mistake, as one types.
    cursor(&page, "gain: -30");
    let begun = Instant::now();
    page.write("0");
    page.until("document.querySelector('.cm-lintRange-error')?.textContent === '-300'");
    eprintln!("a mistake is seen after {:?}", begun.elapsed());
    page.until("document.querySelector('.edit-problems').textContent.includes('6:')");
    assert_eq!(
        stage.on_disk(),
        TONES,
        "nothing is written before it is saved"
    );
    page.press_with("Backspace", 8, 0);
    page.until("!document.querySelector('.cm-lintRange-error')");
    // A kind is completed, with what can be typed of it.
    cursor(&page, "mixer(),");
    page.press_with("Enter", 13, 0);
    page.write("\"soft\":rev");
    page.until("document.querySelector('.cm-tooltip-autocomplete [aria-selected]')?.textContent.includes('reverb')");
    std::thread::sleep(Duration::from_millis(200));
    page.press_with("Enter", 13, 0);
    page.until("document.querySelector('.cm-content').textContent.includes('reverb()')");
    page.write(",");
    page.until(
        "document.querySelector('.edit-problems').textContent.includes('nothing is wired into')",
    );
    // Saved as it is: laid out, with its comments. What plays goes on, and says why.
    save(&page);
    stage.until_on_disk("\"soft\": reverb(),");
    let saved = stage.on_disk();
    for comment in [
        "// Two tones.",
        "// The lower one.",
        "// quiet",
        "// the bass",
    ] {
        assert!(saved.contains(comment), "{saved}");
    }
    state(&page, "does not play; revision 1 keeps playing");
    page.until("document.getElementById('notice').textContent.includes('nothing is wired')");
    // Saved once more with the same mistake, it is refused once more, and that is said.
    cursor(&page, "Two tones.");
    page.write(" Still.");
    state(&page, "not saved");
    save(&page);
    stage.until_on_disk("Still.");
    state(&page, "does not play; revision 1 keeps playing");
    // Back to what played.
    button(&page, "Previous revision");
    page.until("!document.querySelector('.cm-content').textContent.includes('Still.')");
    button(&page, "Previous revision");
    page.until("!document.querySelector('.cm-content').textContent.includes('reverb')");
    cursor(&page, "frequency: 110");
    page.write("0");
    save(&page);
    state(&page, "plays as revision 2");
    assert_eq!(stage.on_disk(), TONES.replace("110", "1100"));
    is_clean(&page);
    drop(stage.run);
}

#[test]
fn two_texts_are_shown_and_neither_is_lost() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let stage = Stage::new();
    let page = editor(&browser, &stage);
    cursor(&page, "gain: -30");
    page.write(".5");
    page.until("document.querySelector('.edit-state').textContent === 'not saved'");
    let theirs = TONES.replace("gain: -40", "gain: -41");
    std::fs::write(stage.patch(), &theirs).unwrap();
    state(&page, "saved by somebody else");
    save(&page);
    page.until("document.querySelectorAll('.edit-conflict .lines').length === 2");
    page.until("document.querySelector('.edit-conflict').textContent.includes('gain: -41')");
    assert_eq!(stage.on_disk(), theirs);
    button(&page, "Save mine over it");
    stage.until_on_disk("gain: -30.5");
    state(&page, "plays as revision 3");
    // Theirs, again.
    button(&page, "Previous revision");
    page.until("document.querySelector('.cm-content').textContent.includes('gain: -41')");
    // A text that nobody edits here follows the file.
    page.eval("1");
    save(&page);
    state(&page, "plays as revision 4");
    std::fs::write(stage.patch(), TONES.replace("330", "440")).unwrap();
    page.until("document.querySelector('.cm-content').textContent.includes('frequency: 440')");
    is_clean(&page);
}

/// Draws a wire by hand, from the side of one card to another.
fn draw_wire(page: &Page, from: &str, to: &str) {
    let places = format!(
        "(() => {{ const of = (id) => document.querySelector(`[data-node=${{id}}]`).getBoundingClientRect(); \
         const [a, b] = [of('{from}'), of('{to}')]; const down = document.getElementById('graph').dataset.direction === 'down'; \
         const from = down ? [a.left + a.width / 2, a.bottom - 4] : [a.right - 4, a.top + a.height / 2]; \
         return [from, [b.left + b.width / 2, b.top + b.height / 2]]; }})()",
    );
    let places = page.eval(&places);
    page.drag(numbers(&places[0]), numbers(&places[1]));
}

#[test]
fn a_wire_that_fits_several_inputs_asks_which_and_leads_into_the_one_that_is_chosen() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let stage = Stage::new();
    let page = editor(&browser, &stage);
    let squeezed = TONES
        .replace("mixer()", "compressor()")
        .replace("\"mix\"", "\"squeeze\"")
        .replace("-> mix\"", "-> squeeze\"");
    std::fs::write(stage.patch(), squeezed).unwrap();
    page.until("document.querySelector('[data-node=squeeze]') && document.querySelectorAll('.wire').length === 1");
    draw_wire(&page, "high", "squeeze");
    page.until("document.querySelectorAll('.edit-menu button').length === 2");
    page.eval("[...document.querySelectorAll('.edit-menu button')].at(-1).click()");
    page.until("!document.querySelector('.edit-menu')");
    stage.until_on_disk("-> squeeze.side_chain");
    is_clean(&page);
}

#[test]
fn wires_are_drawn_and_listed_and_an_echo_is_added_and_removed() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let stage = Stage::new();
    let page = editor(&browser, &stage);
    page.until("document.querySelectorAll('.wiring .node').length === 3");
    // By the list, which a keyboard reaches.
    page.eval("document.querySelector('[data-node=high]').click()");
    page.until("document.querySelector('.edit-node select').options.length > 1");
    page.eval(
        "(() => { const list = document.querySelector('.edit-node select'); \
         list.value = [...list.options].find((one) => one.textContent === 'mix.sounds').value; list.onchange(); })()",
    );
    button(&page, "Connect");
    stage.until_on_disk("\"high -> mix\",");
    state(&page, "plays as revision 2");
    assert!(stage.on_disk().contains("\"low -> mix\", // the bass"));
    // Taken away, and refused where the reader needs it.
    page.until("document.querySelectorAll('.edit-wires li').length === 1");
    button(&page, "remove");
    state(&page, "plays as revision 3");
    assert_eq!(stage.on_disk(), TONES);
    // By hand, from the side of one card to another.
    page.until("document.querySelectorAll('.wire').length === 1");
    draw_wire(&page, "high", "mix");
    stage.until_on_disk("\"high -> mix\",");
    state(&page, "plays as revision 4");
    // An echo, found by what it does, into the wire of the chosen node.
    page.until("document.querySelectorAll('.wire').length === 2");
    button(&page, "Add a node");
    page.until("document.querySelector('.edit-add input') === document.activeElement");
    page.eval("(() => { const find = document.querySelector('.edit-add input'); find.value = 'echo'; find.oninput(); })()");
    page.until("document.querySelector('.edit-add [data-kind=delay]')");
    page.eval("document.querySelector('.edit-add [data-kind=delay]').click()");
    page.eval(
        "(() => { const [id] = document.querySelectorAll('.edit-add form input'); id.value = 'echo'; \
         const into = document.querySelector('.edit-add form select'); \
         into.value = [...into.options].find((one) => one.textContent.startsWith('low.sound')).value; into.onchange(); })()",
    );
    button(&page, "Add");
    stage.until_on_disk("\"low -> echo -> mix\", // the bass");
    state(&page, "plays as revision 5");
    assert!(
        stage.on_disk().contains("\"echo\": delay(),"),
        "{}",
        stage.on_disk()
    );
    page.until("document.querySelectorAll('.node').length === 4");
    // It is the chosen one, though another was. And out of it.
    page.until("document.querySelector('[data-node=echo][aria-pressed=true]')");
    page.until("document.querySelector('.edit-node h2').textContent === 'echo'");
    button(&page, "Remove node");
    stage.until_on_disk("\"low -> mix\", // the bass");
    assert!(!stage.on_disk().contains("echo"));
    // What cannot be is refused with the reason, and nothing is written.
    state(&page, "plays as revision 6");
    let before = stage.on_disk();
    page.until("document.querySelectorAll('.node').length === 3");
    button(&page, "Add a node");
    page.eval("document.querySelector('.edit-add [data-kind=delay]').click()");
    page.eval("(() => { const all = document.querySelectorAll('.edit-add form select'); for (const one of all) { one.value = ''; one.onchange?.(); } })()");
    button(&page, "Add");
    page.until(
        "document.querySelector('.edit-add .why').textContent.includes('nothing is wired into')",
    );
    assert_eq!(stage.on_disk(), before);
    is_clean(&page);
}

#[test]
fn a_phone_has_the_text_on_a_tab_of_its_own() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let stage = Stage::new();
    let page = browser.open(&stage.address, PHONE);
    page.until("document.querySelectorAll('.node').length === 3");
    page.until("!document.querySelector('[data-tab=edit]').hidden");
    page.eval("document.querySelector('[data-tab=edit]').click()");
    page.until("document.querySelector('.cm-content').textContent.includes('// Two tones.')");
    assert_eq!(
        page.eval("document.getElementById('watch').offsetParent"),
        Value::Null
    );
    page.eval("document.querySelector('[data-tab=turn]').click()");
    page.until("document.getElementById('turn').offsetParent && !document.getElementById('editor').offsetParent");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn nobody_edits_who_may_not_and_only_the_page_itself_asks() {
    let stage = Stage::new();
    let door = stage.door();
    let link = |right: &str| {
        let arguments = ["page", "link", right, "--name", &right[2..]];
        let mut link = program(stage.folder.path(), &arguments);
        let made = link
            .env("XDG_CONFIG_HOME", stage.folder.path().join("config"))
            .output()
            .unwrap();
        text(&made.stdout)
            .trim()
            .split('#')
            .nth(1)
            .unwrap()
            .to_owned()
    };
    let json = "Content-Type: application/json\r\n";
    let own = door.own();
    let editor = door.cookie(&door.secret);
    let post = |what: &str, headers: &str, body: &str| {
        door.post(&format!("/edit/{what}"), headers, body).status
    };
    let cookies = ["--see", "--turn"].map(|right| door.cookie(&link(right)));
    for what in ["open", "kinds", "check", "save", "graph", "earlier"] {
        assert_eq!(post(what, &format!("{own}{json}"), "{}"), 401, "{what}");
        for cookie in &cookies {
            assert_eq!(
                post(what, &format!("{own}{json}{cookie}"), "{}"),
                403,
                "{what} {cookie}"
            );
        }
        // Another page, or a program that does not say from where it asks.
        assert_eq!(post(what, &format!("{json}{editor}"), "{}"), 403, "{what}");
        assert_eq!(
            post(what, &format!("Origin: null\r\n{json}{editor}"), "{}"),
            403,
            "{what}"
        );
        assert_eq!(
            post(
                what,
                &format!("{own}Content-Type: text/plain\r\n{editor}"),
                "{}"
            ),
            415,
            "{what}"
        );
        // By a proxy, from wherever: not without --page-edit.
        let proxied = format!("{own}{json}{editor}X-Forwarded-For: 192.0.2.1\r\n");
        assert_eq!(post(what, &proxied, "{}"), 403, "{what}");
        assert_eq!(
            door.get(&format!("/edit/{what}"), &editor).status,
            404,
            "{what}"
        );
        std::thread::sleep(Duration::from_millis(300));
    }
    let all = format!("{own}{json}{editor}");
    assert_eq!(post("open", &all, "{}"), 200);
    assert_eq!(post("open", &all, r#"{"path":"/etc/passwd"}"#), 400);
    assert_eq!(
        post("save", &all, r#"{"file":"show.ron","hash":"","text":""}"#),
        400
    );
    assert_eq!(post("nothing", &all, "{}"), 404);
    let long = json!({ "page": 1, "texts": [{ "file": 0, "text": "x".repeat((1 << 20) - 40) }] });
    assert_eq!(post("check", &all, &long.to_string()), 413);
    let other = json!({ "file": 1, "hash": "", "text": TONES }).to_string();
    assert!(
        door.post("/edit/save", &all, &other)
            .body
            .contains("there is no such text")
    );
    assert_eq!(stage.on_disk(), TONES);
    let begun = Instant::now();
    let flood: Vec<u16> = (0..400)
        .map(|_| post("earlier", &all, r#"{"file":0,"hash":""}"#))
        .collect();
    if begun.elapsed() < Duration::from_secs(4) {
        assert!(flood.contains(&429));
    }
}

#[test]
fn who_is_allowed_edits_from_afar() {
    let stage = Stage::with(&["--page-edit"]);
    let door = stage.door();
    let cookie = door.cookie(&door.secret);
    let headers = format!(
        "{}Content-Type: application/json\r\n{cookie}X-Forwarded-For: 192.0.2.1\r\n",
        door.own()
    );
    assert_eq!(door.post("/edit/open", &headers, "{}").status, 200);
}
