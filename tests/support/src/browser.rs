//! A real browser without a window, driven by the DevTools protocol
//! (<https://chromedevtools.github.io/devtools-protocol/>).

use std::cell::RefCell;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// How long anything may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the program may be called.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// What is read and does not stand out from what lies behind it by 4.5 to 1.
const FAINT: &str = "(() => {
  const parse = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return { r, g, b, a }; };
  const over = (top, under) => ({ r: top.r * top.a + under.r * (1 - top.a), g: top.g * top.a + under.g * (1 - top.a), b: top.b * top.a + under.b * (1 - top.a), a: 1 });
  const light = ({ r, g, b }) => { const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4)); return 0.2126 * x + 0.7152 * y + 0.0722 * z; };
  const behind = (element) => { const layers = []; for (let at = element; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor)); return layers.reverse().reduce((under, top) => over(top, under), { r: 13, g: 15, b: 18, a: 1 }); };
  const faint = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.disabled || element.closest(':disabled, .skip, option')) continue;
    const under = behind(element);
    const [one, two] = [light(over(parse(getComputedStyle(element).color), under)), light(under)];
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < 4.5) faint.push(`${element.tagName} ${element.textContent.trim().slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return faint;
})()";

/// Chromium. It is ended with this value.
pub struct Browser {
    program: Child,
    wire: Rc<RefCell<Wire>>,
    _folder: tempfile::TempDir,
}

/// The connection to it.
struct Wire {
    socket: WebSocket<TcpStream>,
    number: u64,
    /// What was reported without being asked for: the session, and the message.
    reports: Vec<(String, Value)>,
}

/// An open page.
pub struct Page {
    wire: Rc<RefCell<Wire>>,
    session: String,
}

impl Browser {
    /// Starts it with nothing that it remembers; `None`, and a line that says so, where it is not
    /// installed.
    pub fn start() -> Option<Self> {
        let is_there = |name: &&&str| {
            let mut asks = Command::new(name);
            let asks = asks
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            asks.status().is_ok_and(|status| status.success())
        };
        let Some(name) = NAMES.iter().find(is_there) else {
            eprintln!("skipped: no Chromium is installed (apt install chromium)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let mut program = Command::new(name)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
            ])
            .args(["--no-first-run", "--disable-background-networking"])
            .args([
                "--disable-component-update",
                "--disable-sync",
                "--mute-audio",
            ])
            .args(["--disable-dev-shm-usage", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .arg("about:blank")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(program.stderr.take().unwrap()).lines();
        let door = loop {
            let line = lines.next().expect("Chromium starts").unwrap();
            if let Some(door) = line.strip_prefix("DevTools listening on ") {
                break door.to_owned();
            }
        };
        // What else it says is read, so that it never waits for somebody who reads.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let host = door
            .strip_prefix("ws://")
            .unwrap()
            .split('/')
            .next()
            .unwrap();
        let stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let (socket, _) = tungstenite::client(door.as_str(), stream).unwrap();
        let wire = Wire {
            socket,
            number: 0,
            reports: Vec::new(),
        };
        Some(Browser {
            program,
            wire: Rc::new(RefCell::new(wire)),
            _folder: folder,
        })
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.program.id()
    }

    /// Opens a page of this size in a window that shares its cookies with the others.
    pub fn open(&self, address: &str, (width, height): (u32, u32)) -> Page {
        let mut wire = self.wire.borrow_mut();
        let target = wire.ask(None, "Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = wire.ask(None, "Target.attachToTarget", attach);
        let session = session["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            wire.ask(Some(&session), domain, json!({}));
        }
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        wire.ask(Some(&session), "Emulation.setDeviceMetricsOverride", size);
        drop(wire);
        let page = Page {
            wire: self.wire.clone(),
            session,
        };
        page.go(address);
        page
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Wire {
    fn ask(&mut self, session: Option<&str>, method: &str, params: Value) -> Value {
        self.try_ask(session, method, params)
            .unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// What the browser answers, or what it says of why it does not.
    fn try_ask(
        &mut self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, Value> {
        self.number += 1;
        let mut message = json!({ "id": self.number, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        self.socket
            .send(Message::text(message.to_string()))
            .unwrap();
        loop {
            let message = self
                .socket
                .read()
                .unwrap_or_else(|error| panic!("{method}: {error}"));
            let Message::Text(text) = message else {
                continue;
            };
            let mut message: Value = serde_json::from_str(&text).unwrap();
            if message["id"] == self.number {
                let error = message["error"].take();
                if !error.is_null() {
                    return Err(error);
                }
                return Ok(message["result"].take());
            }
            let session = message["sessionId"].as_str().unwrap_or_default();
            let reports = [
                "Runtime.exceptionThrown",
                "Log.entryAdded",
                "Runtime.consoleAPICalled",
            ];
            if message["method"]
                .as_str()
                .is_some_and(|method| reports.contains(&method))
            {
                let session = session.to_owned();
                self.reports.push((session, message["params"].take()));
            }
        }
    }
}

impl Page {
    fn ask(&self, method: &str, params: Value) -> Value {
        self.wire
            .borrow_mut()
            .ask(Some(&self.session), method, params)
    }

    /// Goes to another address.
    pub fn go(&self, address: &str) {
        self.ask("Page.navigate", json!({ "url": address }));
    }

    /// What an expression comes to; a promise is waited for.
    pub fn eval(&self, expression: &str) -> Value {
        self.try_eval(expression)
            .unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// As [`Page::eval`]; an error where the page goes elsewhere meanwhile, as after a link with a
    /// secret.
    fn try_eval(&self, expression: &str) -> Result<Value, Value> {
        let asked =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut wire = self.wire.borrow_mut();
        let answer = wire.try_ask(Some(&self.session), "Runtime.evaluate", asked)?;
        let wrong = &answer["exceptionDetails"];
        assert!(wrong.is_null(), "{expression}: {wrong}");
        Ok(answer["result"]["value"].clone())
    }

    /// Waits until an expression, which may fail until then, is true.
    pub fn until(&self, expression: &str) {
        self.until_within(expression, PATIENCE);
    }

    /// As [`Page::until`], within a time.
    pub fn until_within(&self, expression: &str, within: Duration) {
        let begun = Instant::now();
        let safe = format!(
            "(() => {{ try {{ return Boolean({expression}) }} catch {{ return false }} }})()"
        );
        while self.try_eval(&safe) != Ok(true.into()) {
            let text = self.try_eval("document.body?.innerText.slice(0, 2000)");
            assert!(
                begun.elapsed() < within,
                "never: {expression}\n{text:?}\n{:?}",
                self.complaints()
            );
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Presses a key: a letter, or an arrow by its name.
    pub fn press(&self, key: &str) {
        let arrows = ["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"];
        let code = arrows
            .iter()
            .position(|arrow| *arrow == key)
            .map_or(0, |at| at + 37);
        for kind in ["keyDown", "keyUp"] {
            let text = if key.len() == 1 && kind == "keyDown" {
                key
            } else {
                ""
            };
            self.ask(
                "Input.dispatchKeyEvent",
                json!({ "type": kind, "key": key, "code": key, "text": text, "windowsVirtualKeyCode": code }),
            );
        }
    }

    /// Presses a key that is no letter, by its name and code, with modifiers: 1 for Alt, 2 for
    /// Control, 8 for Shift.
    pub fn press_with(&self, key: &str, code: u32, modifiers: u32) {
        for kind in ["rawKeyDown", "keyUp"] {
            self.ask(
                "Input.dispatchKeyEvent",
                json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers }),
            );
        }
    }

    /// Writes as a hand on the keyboard does.
    pub fn write(&self, text: &str) {
        for letter in text.chars() {
            self.press(&letter.to_string());
        }
    }

    /// Moves the mouse to a place and does something with its left button there: `mousePressed`,
    /// `mouseReleased` or `mouseMoved`.
    pub fn mouse(&self, what: &str, (x, y): (f64, f64)) {
        let buttons = if what == "mouseReleased" { 0 } else { 1 };
        self.ask(
            "Input.dispatchMouseEvent",
            json!({ "type": what, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1 }),
        );
    }

    /// Clicks at a place.
    pub fn click(&self, at: (f64, f64)) {
        for what in ["mousePressed", "mouseReleased"] {
            self.mouse(what, at);
        }
    }

    /// Drags from one place to another.
    pub fn drag(&self, from: (f64, f64), to: (f64, f64)) {
        self.mouse("mousePressed", from);
        let middle = ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0);
        for at in [middle, to] {
            self.mouse("mouseMoved", at);
        }
        self.mouse("mouseReleased", to);
    }

    /// Brings the page before the others of its window: one that is behind looks at nothing.
    pub fn front(&self) {
        self.ask("Page.bringToFront", json!({}));
    }

    /// What does not stand out from what lies behind it by 4.5 to 1, as WCAG AA wants of text: an
    /// empty list where all does.
    pub fn faint(&self) -> Value {
        self.eval(FAINT)
    }

    /// Writes what the page shows as a PNG file.
    pub fn screenshot(&self, path: &Path) {
        // A page behind another shows nothing that moves.
        self.front();
        std::thread::sleep(Duration::from_millis(1_500));
        let shot = self.ask("Page.captureScreenshot", json!({ "format": "png" }));
        std::fs::write(path, from_base64(shot["data"].as_str().unwrap())).unwrap();
    }

    /// Saves what the page shows where somebody looks at it: in the folder SCORE_SCREENSHOTS.
    pub fn show(&self, name: &str) {
        self.show_after(Duration::ZERO, name);
    }

    /// As [`Page::show`], after a time in which there comes more to look at.
    pub fn show_after(&self, time: Duration, name: &str) {
        if let Some(folder) = std::env::var_os("SCORE_SCREENSHOTS") {
            std::thread::sleep(time);
            self.screenshot(&Path::new(&folder).join(format!("{name}.png")));
        }
    }

    /// Errors of scripts, and what the browser refused.
    pub fn complaints(&self) -> Vec<String> {
        let wire = self.wire.borrow();
        let own = (wire.reports.iter()).filter(|(session, _)| *session == self.session);
        let is_wrong = |report: &&Value| {
            let level = report["entry"]["level"]
                .as_str()
                .or(report["type"].as_str());
            level.is_none_or(|level| level == "error")
        };
        let wrong = own.map(|(_, report)| report).filter(is_wrong);
        wrong.map(Value::to_string).collect()
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
