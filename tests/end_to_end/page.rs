//! The page of a run answers its own pages and nobody else's: each thing that other programs got
//! wrong (docs/studio.md, "Who may do what") is a test.

use std::net::TcpStream;
use std::ops::Deref;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::Message;

use score_test_support::page_client::{Door, Open};
use score_test_support::{Talking, program, text};

/// How long a machine that does much else may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A patch that needs no device and writes nothing.
const HUM: &str = r#"Patch(
    format: 1,
    nodes: {
        // How loud it hums.
        "hum": tone(gain: -30),
        "code": latent_random(dimension: 3, every: 0.2),
    },
    presets: {"calm": {"hum.gain": -20}},
)
"#;

/// A run that plays, and its page.
struct Stage {
    folder: tempfile::TempDir,
    run: Talking,
    door: Door,
}

impl Deref for Stage {
    type Target = Door;

    fn deref(&self) -> &Door {
        &self.door
    }
}

impl Stage {
    fn new() -> Self {
        Self::with(&["--page", "0"])
    }

    fn with(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("show.ron"), HUM).unwrap();
        let arguments = [&["run", "show.ron", "--quiet", "--no-remote"], more].concat();
        let mut run = program(folder.path(), &arguments);
        let run = Talking::start(run.env("XDG_CONFIG_HOME", folder.path().join("config")));
        let door = Door::of(&run.until("the page opens once at"));
        run.until("plays");
        Stage { folder, run, door }
    }

    /// Waits until every node runs.
    fn until_healthy(&self) {
        let begun = Instant::now();
        while self.get("/health", "").status != 200 {
            assert!(
                begun.elapsed() < PATIENCE,
                "{}",
                self.get("/health", "").body
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn link(&self, right: &str, name: &str) -> String {
        let arguments = ["page", "link", right, "--name", name];
        let mut link = program(self.folder(), &arguments);
        let made = link
            .env("XDG_CONFIG_HOME", self.folder().join("config"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", text(&made.stderr));
        let made = text(&made.stdout);
        made.trim().split('#').nth(1).unwrap().to_owned()
    }
}

/// Sets the tone's level.
fn set(open: &mut Open, value: &str) -> Value {
    open.ask(&json!({ "set": { "values": [{ "node": "hum", "param": "gain", "value": value }] } }))
}

/// Waits until the page is told that the tone's level is this.
fn until_gain(open: &mut Open, gain: f64) {
    open.until(|message| {
        let mut values = message["values"].as_array().into_iter().flatten();
        values.any(|value| value["param"] == "gain" && value["value"] == gain)
    });
}

#[test]
fn a_one_time_address_lets_one_browser_in_and_the_next_is_printed() {
    let stage = Stage::new();
    assert_eq!(stage.get("/", "").status, 401);
    assert_eq!(stage.enter("0".repeat(64).as_str()).status, 403);
    let entered = stage.enter(&stage.secret);
    assert_eq!(entered.status, 200);
    assert!(
        entered.head.contains("httponly; samesite=strict"),
        "{}",
        entered.head
    );
    assert_eq!(stage.enter(&stage.secret).status, 403);
    let next = Door::of(&stage.run.until("the page opens in another browser at"));
    let cookie = stage.cookie(&next.secret);
    let page = stage.get("/", &cookie);
    assert_eq!(page.status, 200);
    assert!(page.body.contains("studio.js"));
    for path in ["/show", "/phone"] {
        assert_eq!(
            (stage.get(path, &cookie).status, stage.get(path, "").status),
            (200, 401)
        );
    }
    // Without a cookie nothing of the run is told.
    assert!(!stage.get("/", "").body.contains("show.ron"));
    assert_eq!(stage.get("/status", "").status, 401);
}

#[test]
fn requests_for_other_hosts_are_refused_as_dns_rebinding_sends_them() {
    let stage = Stage::new();
    stage.until_healthy();
    let port = stage.at.port();
    let asked = |host: &str| {
        let head = format!("GET /health HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
        stage.send(&head).status
    };
    for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
        assert_eq!(asked(&format!("Host: {host}\r\n")), 200, "{host}");
    }
    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "10.0.0.1",
        "[::2]",
        "",
    ] {
        assert_eq!(asked(&format!("Host: {host}:{port}\r\n")), 403, "{host}");
    }
    assert!([400, 403].contains(&asked("")));
    let twice = format!("Host: localhost:{port}\r\nHost: localhost:{port}\r\n");
    assert!([400, 403].contains(&asked(&twice)));
}

#[test]
fn another_pages_requests_are_refused_and_no_cors_header_is_sent() {
    let stage = Stage::new();
    let cookie = stage.cookie(&stage.secret);
    let port = stage.at.port();
    let own = format!("http://127.0.0.1:{port}");
    let foreign = [
        "null".to_owned(),
        "http://evil.example".to_owned(),
        format!("{own}.evil.example"),
        format!("{own}0"),
        format!("https://127.0.0.1:{port}"),
        format!("http://localhost:{port}"),
        "http://127.0.0.1".to_owned(),
        format!("{own}/"),
    ];
    for origin in &foreign {
        let origin = format!("Origin: {origin}\r\n{cookie}");
        assert_eq!(stage.get("/status", &origin).status, 403, "{origin}");
        let json = format!("{origin}Content-Type: application/json\r\n");
        assert_eq!(stage.post("/enter", &json, "{}").status, 403, "{origin}");
        assert_eq!(stage.knock(&origin).status, 403, "{origin}");
    }
    // A write or a socket that does not say from where it comes.
    let json = format!("{cookie}Content-Type: application/json\r\n");
    assert_eq!(stage.post("/enter", &json, "{}").status, 403);
    assert_eq!(stage.knock(&cookie).status, 403);
    // The right page, and no cookie.
    assert_eq!(stage.knock(&stage.own()).status, 401);
    let preflight = stage.send(&format!(
        "OPTIONS /enter HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://evil.example\r\n\
         Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n"
    ));
    assert_eq!(preflight.status, 403);
    for answer in [
        preflight,
        stage.get("/", &cookie),
        stage.get("/status", &format!("{cookie}{}", stage.own())),
    ] {
        assert!(!answer.head.contains("access-control"), "{}", answer.head);
    }
}

#[test]
fn only_json_is_read_and_only_the_one_thing_that_is_written() {
    let stage = Stage::new();
    let secret = json!({ "secret": stage.secret }).to_string();
    for kind in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: text/plain; a=application/json\r\n",
    ] {
        let headers = format!("{}{kind}", stage.own());
        assert_eq!(
            stage.post("/enter", &headers, &secret).status,
            415,
            "{kind}"
        );
    }
    let json = format!("{}Content-Type: application/json\r\n", stage.own());
    for body in [
        "",
        "[]",
        "{}",
        r#"{"secret":1}"#,
        r#"{"secret":"","right":"edit"}"#,
    ] {
        assert_eq!(stage.post("/enter", &json, body).status, 400, "{body}");
    }
    assert_eq!(stage.post("/enter", &json, &"x".repeat(10_000)).status, 413);
    for path in ["/", "/status", "/socket", "/style.css"] {
        assert!(
            [401, 404].contains(&stage.post(path, &json, "{}").status),
            "{path}"
        );
    }
    for method in ["PUT", "DELETE", "PATCH", "TRACE"] {
        let host = stage.at;
        let answer = stage.send(&format!(
            "{method} / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        ));
        assert_eq!(answer.status, 405, "{method}");
    }
}

#[test]
fn requests_name_nothing_in_the_file_system() {
    let stage = Stage::new();
    let cookie = stage.cookie(&stage.secret);
    for path in [
        "/..%2fshow.ron",
        "/../show.ron",
        "/%2e%2e/show.ron",
        "/show.ron",
        "/style.css/../../show.ron",
        "//etc/passwd",
        "/..%5cshow.ron",
        "/style.css%00",
        "/assets/style.css",
        "/file:///etc/passwd",
    ] {
        let answer = stage.get(path, &cookie);
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.body.contains("Patch("));
    }
    assert_eq!(stage.get("/style.css", "").status, 200);
    assert_eq!(
        stage
            .get(&format!("/{}", "x".repeat(1_000)), &cookie)
            .status,
        414
    );
}

#[test]
fn pages_run_no_script_but_their_own_and_are_shown_in_no_frame() {
    let stage = Stage::new();
    let cookie = stage.cookie(&stage.secret);
    let mut nonces = Vec::new();
    for path in ["/", "/show", "/phone", "/enter"] {
        let answer = stage.get(path, &cookie);
        let policy = answer
            .head
            .split("content-security-policy: ")
            .nth(1)
            .unwrap();
        let policy = policy.lines().next().unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"));
        assert!(!policy.contains("unsafe"), "{policy}");
        let nonce = policy.split("script-src 'nonce-").nth(1).unwrap();
        let nonce = nonce.split('\'').next().unwrap().to_owned();
        assert!(answer.body.contains(&format!("nonce=\"{nonce}\"")));
        assert!(!nonces.contains(&nonce));
        nonces.push(nonce);
    }
    for path in [
        "/",
        "/style.css",
        "/icon.svg",
        "/health",
        "/nothing",
        "/status",
    ] {
        let answer = stage.get(path, "");
        for header in [
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "cache-control: no-store",
            "default-src 'none'",
        ] {
            assert!(answer.head.contains(header), "{path}: {}", answer.head);
        }
    }
    assert!(
        stage
            .get("/studio.js", "")
            .head
            .contains("content-type: text/javascript")
    );
}

#[test]
fn who_may_only_see_turns_nothing_and_a_link_that_is_revoked_is_worth_nothing() {
    let stage = Stage::new();
    let see = stage.link("--see", "curator");
    let turn = stage.link("--turn", "artist");
    let (see, turn) = (stage.cookie(&see), stage.cookie(&turn));
    let mut sees = stage.open(&see);
    assert_eq!(
        sees.until(|told| !told["hello"].is_null())["hello"]["right"],
        "see"
    );
    assert_eq!(sees.ask(&json!("get"))["ok"][0]["id"], "transport");
    for request in [
        json!({ "set": { "values": [{ "node": "hum", "param": "gain", "value": "-9" }] } }),
        json!({ "release_all": {} }),
        json!({ "release": { "what": [{ "node": "hum" }] } }),
        json!({ "recall": { "preset": "calm" } }),
        json!({ "cue": { "cue": "one" } }),
        json!("go"),
        json!("stop_cues"),
        json!("tap"),
    ] {
        assert_eq!(
            sees.ask(&request)["errors"][0]["kind"],
            "right",
            "{request}"
        );
    }
    sees.send(&json!({ "black": { "is": true } }));
    sees.until(|told| told["errors"][0]["kind"] == "right");
    let mut turns = stage.open(&turn);
    assert!(set(&mut turns, "-9")["errors"].is_null());
    until_gain(&mut turns, -9.0);
    for (id, wish) in [
        (99, json!({ "write_back": { "id": 99, "what": [] } })),
        (98, json!({ "keep_preset": { "id": 98, "name": "dusk" } })),
    ] {
        turns.send(&wish);
        let answer = turns.until(|told| told["answer"] == id);
        assert_eq!(answer["errors"][0]["kind"], "right", "{wish}");
    }
    assert_eq!(
        std::fs::read_to_string(stage.folder().join("show.ron")).unwrap(),
        HUM
    );
    // An open page whose link is revoked is closed.
    let mut revoke = program(stage.folder(), &["page", "revoke", "artist"]);
    let done = revoke
        .env("XDG_CONFIG_HOME", stage.folder().join("config"))
        .status();
    assert!(done.unwrap().success());
    let begun = Instant::now();
    while turns.socket.read().is_ok() {
        assert!(begun.elapsed() < PATIENCE, "it stays open");
    }
    assert_eq!(stage.knock(&format!("{turn}{}", stage.own())).status, 401);
}

#[test]
fn values_that_are_turned_are_heard_by_all_pages_and_written_with_their_comments() {
    let stage = Stage::new();
    let cookie = stage.cookie(&stage.secret);
    let [mut one, mut other] = [stage.open(&cookie), stage.open(&cookie)];
    let plan = one.until(|told| !told["plan"].is_null());
    let hum = &plan["plan"]["nodes"][1];
    assert_eq!(
        (&hum["id"], &hum["outputs"][0]["type"]),
        (&json!("hum"), &json!("audio"))
    );
    assert_eq!(plan["plan"]["presets"][0]["name"], "calm");
    assert!(set(&mut one, "-25")["errors"].is_null());
    until_gain(&mut one, -25.0);
    until_gain(&mut other, -25.0);
    assert!(
        set(&mut other, "loud")["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("gain")
    );
    assert!(other.ask(&json!({ "recall": { "preset": "calm" } }))["errors"].is_null());
    until_gain(&mut one, -20.0);
    one.send(&json!({ "write_back": { "id": 99, "what": [{ "node": "hum", "param": "gain" }] } }));
    let answer = one.until(|told| told["answer"] == 99);
    assert_eq!(answer["ok"]["written"], json!(["hum.gain"]), "{answer}");
    let patch = std::fs::read_to_string(stage.folder().join("show.ron")).unwrap();
    assert_eq!(patch, HUM.replace("tone(gain: -30)", "tone(gain: -20)"));
    // Outputs are seen, and only those that are asked for.
    one.send(
        &json!({ "look": { "outputs": ["hum.sound", "code.latent", "no.thing", "hum", ""] } }),
    );
    for of in ["hum.sound", "code.latent"] {
        one.until(|told| {
            let mut seen = told["seen"].as_array().into_iter().flatten();
            seen.any(|seen| seen["of"] == of)
        });
    }
    // What does not play is said, and where it is wrong.
    std::fs::write(
        stage.folder().join("show.ron"),
        HUM.replace("gain: -30", "gian: -30"),
    )
    .unwrap();
    let told = other.until(|told| told["status"]["refusal"].is_string());
    assert!(
        told["status"]["refusal"]
            .as_str()
            .unwrap()
            .contains("show.ron:5:"),
        "{told}"
    );
}

#[test]
fn whoever_asks_too_much_or_too_slowly_loses_the_place_and_nobody_else_does() {
    let stage = Stage::new();
    let cookie = stage.cookie(&stage.secret);
    let mut open = stage.open(&cookie);
    let mut greedy = stage.open(&cookie);
    let wish = Message::text(json!({ "look": { "outputs": [] } }).to_string());
    let begun = Instant::now();
    while greedy.socket.send(wish.clone()).is_ok() {
        assert!(begun.elapsed() < PATIENCE, "nobody stops it");
    }
    let mut large = stage.open(&cookie);
    let _ = large.socket.send(Message::text("x".repeat(100_000)));
    let begun = Instant::now();
    while large.socket.read().is_ok() {
        assert!(begun.elapsed() < PATIENCE, "it stays open");
    }
    // Clients that say nothing, more than there are places.
    let slow: Vec<TcpStream> = (0..200)
        .map(|_| TcpStream::connect(stage.at).unwrap())
        .collect();
    stage.until_healthy();
    drop(slow);
    for nonsense in [
        "\0\u{1}\u{2}",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /%ff%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        let _ = stage.send(nonsense);
    }
    for nonsense in [
        "[",
        "{}",
        "null",
        r#"{"look":{"outputs":[1]}}"#,
        r#"{"ask":{"id":-1,"request":{}}}"#,
    ] {
        open.socket.send(Message::text(nonsense)).unwrap();
        open.until(|told| !told["errors"].is_null());
    }
    assert!(set(&mut open, "-11")["errors"].is_null());
    until_gain(&mut open, -11.0);
}

#[test]
fn health_says_that_the_saved_patch_would_not_play_while_the_old_one_does() {
    let stage = Stage::new();
    stage.until_healthy();
    let until_body = |what: &str, is_so: fn(&str) -> bool| {
        let begun = Instant::now();
        loop {
            let health = stage.get("/health", "");
            assert_eq!(health.status, 200, "{}", health.body);
            if is_so(&health.body) {
                return health.body;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {}", health.body);
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let save = |text: &str| std::fs::write(stage.folder().join("show.ron"), text).unwrap();
    save("Patch(format: 1, nodes: {\"hum\": tune()})");
    let said = until_body("it is refused", |body| body.contains("tune"));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!((lines[0], lines.len()), ("playing", 2), "{said}");
    assert!(
        lines[1].contains("not taken over: show.ron:1:") && lines[1].contains("after a restart"),
        "{said}"
    );
    save(HUM);
    until_body("it is mended", |body| body.trim() == "playing");
}

#[test]
fn health_is_a_word_and_a_code_and_metrics_are_for_prometheus() {
    let stage = Stage::new();
    stage.until_healthy();
    let health = stage.get("/health", "");
    assert_eq!((health.status, health.body.trim()), (200, "playing"));
    let metrics = stage.get("/metrics", "");
    assert!(
        metrics.head.contains("text/plain; version=0.0.4"),
        "{}",
        metrics.head
    );
    for line in [
        "score_health{state=\"playing\"} 1",
        "score_dropouts_total 0",
        "score_node_up{node=\"hum\",kind=\"tone\"} 1",
        "score_revision 1",
    ] {
        assert!(
            metrics.body.lines().any(|told| told == line),
            "{line}\n{}",
            metrics.body
        );
    }
    let secret = stage.link("--see", "monitor");
    let status = stage.get("/status", &format!("Authorization: Bearer {secret}\r\n"));
    let status: Value = serde_json::from_str(&status.body).unwrap();
    assert_eq!(
        (&status["health"], &status["patch"]),
        (&json!("playing"), &json!("show.ron"))
    );
    // A name of a proxy is not this computer itself.
    let proxied = Stage::with(&["--page", "0", "--page-host", "music.example"]);
    let asked = |path: &str, more: &str| {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: music.example\r\nConnection: close\r\n{more}\r\n"
        );
        proxied.send(&head).status
    };
    assert_eq!((asked("/health", ""), asked("/metrics", "")), (401, 401));
    proxied.until_healthy();
    let secret = proxied.link("--see", "monitor");
    assert_eq!(
        asked("/health", &format!("Authorization: Bearer {secret}\r\n")),
        200
    );
}

#[test]
fn a_port_that_is_taken_is_named_before_anything_plays() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("show.ron"), HUM).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let arguments = ["run", "show.ron", "--quiet", "--no-remote", "--page", &port];
    let done = program(folder.path(), &arguments).output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    let told = text(&done.stderr);
    assert!(
        told.contains(&format!("127.0.0.1:{port}")) && told.contains("--page"),
        "{told}"
    );
}
