//! The page of films: `score film FILM --page` and `score page FOLDER`, over HTTP.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use score_test_support::page_client::{Answer, Door};
use score_test_support::{Talking, ffmpeg, names, program, score, text, write_small_film};

/// How long a machine that does much else may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A patch that is rendered in a moment.
const QUICK: &str = r#"// Plays a scale to a film.
//
//     score film FILM --patch quick.ron
Patch(
    format: 1,
    transport: (tempo: 120),
    nodes: {
        "film":   video_file(path: "film.mp4", width: 64, height: 64),
        "motion": motion(gain: 4),
        "tune":   scale_walk(octaves: 2),
        "lead":   synth(voice: glass),
        "mix":    mixer(gains: [-3]),
        "sound":  audio_file(path: "film.wav"),
        "notes":  midi_file(path: "film.mid", names: ["Melody"]),
        "movie":  video_mux(film: "film.mp4", path: "scored.mp4"),
    },
    wires: ["film -> motion -> tune -> lead -> mix -> sound", "tune -> notes", "mix -> movie"],
)
"#;

/// A patch that plays for ten hours.
const LONG: &str = r#"Patch(
    format: 1,
    nodes: {
        "film":  video_file(path: "film.mp4", width: 64, height: 64),
        "walk":  latent_random(dimension: 64, duration: 36000),
        "light": brightness(),
        "tune":  music_decoder(),
        "piano": synth(),
        "sound": audio_file(path: "film.wav"),
        "notes": midi_file(path: "film.mid"),
    },
    wires: ["film -> light -> piano.gain", "walk -> tune -> notes", "tune -> piano -> sound"],
)
"#;

/// A page of films.
struct Stage {
    folder: tempfile::TempDir,
    run: Talking,
    door: Door,
    cookie: String,
}

impl Deref for Stage {
    type Target = Door;

    fn deref(&self) -> &Door {
        &self.door
    }
}

impl Stage {
    /// In a folder of a film and two patches.
    fn new(arguments: &[&str]) -> Self {
        Self::within(Self::prepared(), arguments)
    }

    fn prepared() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let films = folder.path().join("films");
        std::fs::create_dir(&films).unwrap();
        for made in ["config", "tmp"] {
            std::fs::create_dir(folder.path().join(made)).unwrap();
        }
        ffmpeg(
            &films,
            "-f lavfi -i testsrc2=size=128x72:rate=12:duration=4 -c:v libx264 -pix_fmt yuv420p film.mp4",
        );
        std::fs::write(films.join("quick.ron"), QUICK).unwrap();
        std::fs::write(films.join("long.ron"), LONG).unwrap();
        folder
    }

    fn within(folder: tempfile::TempDir, arguments: &[&str]) -> Self {
        let mut program = command(folder.path(), arguments);
        let run = Talking::start(&mut program);
        let door = Door::of(&run.until("the page opens once at"));
        let cookie = door.cookie(&door.secret);
        Stage {
            folder,
            run,
            door,
            cookie,
        }
    }

    /// Where the user's films lie.
    fn films(&self) -> PathBuf {
        self.folder.path().join("films")
    }

    /// The folders of pages, where results lie until they are kept. ONNX Runtime puts a file of its
    /// own beside them.
    fn temporary(&self) -> Vec<String> {
        let mut all = names(&self.folder.path().join("tmp"));
        all.retain(|name| name.starts_with("score-page-"));
        all
    }

    fn look(&self, path: &str) -> Answer {
        self.get(path, &self.cookie)
    }

    fn read(&self, path: &str) -> Value {
        let answer = self.look(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    fn wish(&self, path: &str, body: &Value) -> Answer {
        let (cookie, own) = (&self.cookie, self.own());
        let headers = format!("{cookie}{own}Content-Type: application/json\r\n");
        self.post(path, &headers, &body.to_string())
    }

    /// Waits until the state of a film is so.
    fn until(&self, film: usize, mut is_it: impl FnMut(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let state = self.read(&format!("/film/{film}/state"));
            if is_it(&state) {
                return state;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "it does not come to it: {state:#}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until so many results are there, and nothing goes on.
    fn until_made(&self, film: usize, count: usize) -> Value {
        self.until(film, |state| {
            assert!(state["failed"].is_null(), "{state:#}");
            state["now"].is_null() && state["results"].as_array().unwrap().len() == count
        })
    }

    /// The bytes of a file of a result.
    fn file(&self, result: &Value, what: &str) -> Vec<u8> {
        let files = result["files"].as_array().unwrap();
        let at = files.iter().position(|file| file["what"] == what);
        let at = at.unwrap_or_else(|| panic!("no {what}: {result:#}"));
        let path = format!("/result/{}/file/{at}", result["id"]);
        let (status, head, bytes) = self.bytes(&path, "");
        assert_eq!(status, 200);
        assert!(head.contains("content-disposition: attachment"), "{head}");
        assert_eq!(bytes.len() as u64, files[at]["bytes"]);
        bytes
    }

    /// What is answered, byte by byte.
    fn bytes(&self, path: &str, headers: &str) -> (u16, String, Vec<u8>) {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (host, cookie) = (self.at, &self.cookie);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{cookie}{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let head = text(&answer[..end]).to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head, answer[end + 4..].to_vec())
    }
}

fn command(folder: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = program(&folder.join("films"), arguments);
    command.env("XDG_CONFIG_HOME", folder.join("config"));
    command.env("TMPDIR", folder.join("tmp"));
    command
}

const FILM: [&str; 6] = ["film", "film.mp4", "--patch", "quick.ron", "--page", "0"];

#[test]
fn a_film_is_rendered_turned_compared_and_kept_and_nothing_is_replaced() {
    let mut stage = Stage::new(&FILM);
    let before = names(&stage.films());
    let mut seen = Vec::new();
    let state = stage.until(0, |state| {
        if let Some(done) = state["now"]["done"].as_f64() {
            seen.push(done);
        }
        !state["results"].as_array().unwrap().is_empty()
    });
    assert!(seen.windows(2).all(|two| two[0] <= two[1]), "{seen:?}");
    let first = state["results"][0].clone();
    assert_eq!(
        (&state["name"], &first["picture"]),
        (&json!("film.mp4"), &json!(true))
    );
    let what: Vec<_> = first["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| &file["what"])
        .collect();
    for wanted in ["film", "sound", "stem", "notes"] {
        assert!(what.contains(&&json!(wanted)), "{wanted}: {what:?}");
    }
    // The score is that of the file: notes with names, in seconds.
    let score = stage.read("/result/0/score");
    let part = &score["parts"][0];
    assert_eq!(
        (&part["name"], &score["tempo"]),
        (&json!("Melody"), &json!(120.0))
    );
    let notes = part["notes"].as_array().unwrap();
    assert!(notes.len() > 4, "{score}");
    assert!(notes.iter().all(|note| note[0].as_f64() < note[1].as_f64()));
    assert!(
        (score["seconds"].as_f64().unwrap() - 4.0).abs() < 0.2,
        "{score}"
    );

    // Another tempo gives other notes; the first result stays.
    let slower = json!({ "tempo": "80" });
    assert_eq!(stage.wish("/film/0/render", &slower).status, 200);
    let state = stage.until_made(0, 2);
    let second = &state["results"][1];
    assert_eq!(second["values"]["tempo"], "80");
    let (fast, slow) = (stage.file(&first, "notes"), stage.file(second, "notes"));
    assert!(fast.starts_with(b"MThd") && slow.starts_with(b"MThd") && fast != slow);
    assert_eq!(stage.read("/result/1/score")["tempo"], 80.0);
    assert!(stage.file(&first, "sound").starts_with(b"RIFF"));
    // Once nothing else is to be done, what the film shows is known in words.
    stage.until(0, |state| state["tags"] == true);
    let tags = stage.read("/film/0/tags");
    let times = tags["times"].as_array().unwrap().len();
    assert!((14..=17).contains(&times), "four looks a second: {times}");
    assert_eq!(tags["scenes"], json!([[0.0, 1]]));
    assert_eq!(tags["likely"], 0.5);
    let said = tags["tags"].as_array().unwrap().iter();
    let long = |word: &Value| word["values"].as_array().unwrap().len();
    assert!(said.map(long).all(|long| long == times), "{tags}");

    // Until something is kept, the user's folder is as it was. Then it has what `score film` writes,
    // under the next free number.
    assert_eq!(names(&stage.films()), before);
    std::fs::write(stage.films().join("film-scored.mid"), "mine").unwrap();
    let kept: Value = serde_json::from_str(&stage.wish("/result/1/keep", &json!({})).body).unwrap();
    let wanted = [
        "film-scored-2.wav",
        "film-scored-2.mid",
        "film-scored-2.mp4",
    ];
    assert_eq!(kept["kept"], json!(wanted));
    assert!(std::fs::read(stage.films().join("film-scored-2.mid")).unwrap() == slow);
    stage.wish("/result/0/keep", &json!({}));
    assert!(std::fs::read(stage.films().join("film-scored-3.mid")).unwrap() == fast);
    let mine = std::fs::read_to_string(stage.films().join("film-scored.mid")).unwrap();
    assert_eq!(mine, "mine");
    assert_eq!(names(&stage.films()).len(), before.len() + 1 + 6);
    assert_eq!(stage.temporary().len(), 1);
    stage.run.signal("INT");
    assert!(stage.run.wait(PATIENCE).success());
    assert_eq!(stage.temporary(), Vec::<String>::new());
}

#[test]
fn a_word_of_ones_own_that_lies_beside_the_film_is_the_first_that_its_page_shows() {
    let folder = Stage::prepared();
    let films = folder.path().join("films");
    // What the film shows, and something else.
    for (name, source) in [("bars", "testsrc2"), ("curves", "mandelbrot")] {
        std::fs::create_dir(films.join(name)).unwrap();
        ffmpeg(
            &films,
            &format!("-f lavfi -i {source}=size=128x72:rate=2 -frames:v 10 {name}/%02d.png"),
        );
    }
    let taught = score(&films, &["tag", "--new", "bars", "bars", "curves"]);
    assert!(taught.status.success(), "{}", text(&taught.stderr));
    let stage = Stage::within(folder, &FILM);
    stage.until(0, |state| state["tags"] == true);
    let words = stage.read("/film/0/tags");
    let first = &words["tags"][0];
    assert_eq!(first["name"], "bars", "{words}");
    let looks = words["times"].as_array().unwrap().len();
    assert_eq!(first["values"].as_array().unwrap().len(), looks);
}

#[test]
fn the_film_is_sent_in_the_parts_that_a_browser_asks_for() {
    let stage = Stage::new(&FILM);
    stage.until_made(0, 1);
    let (status, head, whole) = stage.bytes("/result/0/play", "");
    assert_eq!(status, 200);
    assert!(
        head.contains("content-type: video/mp4") && head.contains("accept-ranges: bytes"),
        "{head}"
    );
    let (status, head, part) = stage.bytes("/result/0/play", "Range: bytes=100-299\r\n");
    assert_eq!((status, part.len()), (206, 200));
    assert!(
        head.contains(&format!("content-range: bytes 100-299/{}", whole.len())),
        "{head}"
    );
    assert!(part == whole[100..300]);
    let (status, _, part) = stage.bytes("/result/0/play", "Range: bytes=-50\r\n");
    assert!(status == 206 && part == whole[whole.len() - 50..]);
    let (status, head, _) = stage.bytes("/result/0/play", "Range: bytes=999999999-\r\n");
    assert_eq!(status, 416, "{head}");
    let (status, _, all) = stage.bytes("/result/0/play", "Range: bytes=9-2,x\r\n");
    assert!(status == 200 && all == whole);
    let still = stage.until(0, |state| !state["stills"].is_null());
    let number = &still["stills"]["there"][0];
    let (status, head, picture) = stage.bytes(&format!("/film/0/still/{number}"), "");
    assert_eq!(status, 200);
    assert!(head.contains("image/jpeg") && picture.starts_with(&[0xff, 0xd8]));
}

#[test]
fn whoever_has_no_right_sees_nothing_and_whoever_may_see_renders_nothing() {
    let stage = Stage::new(&FILM);
    stage.until_made(0, 1);
    let paths = [
        "/film/0/state",
        "/film/0/still/0",
        "/film/0/tags",
        "/result/0/score",
        "/result/0/play",
        "/result/0/file/0",
    ];
    for path in paths {
        assert_eq!(stage.get(path, "").status, 401, "{path}");
        let foreign = format!("{}Origin: http://evil.example\r\n", stage.cookie);
        assert_eq!(stage.get(path, &foreign).status, 403, "{path}");
    }
    assert_eq!(
        (stage.get("/", "").status, stage.look("/").status),
        (401, 200)
    );
    let wishes = [
        "/film/0/render",
        "/film/0/cancel",
        "/result/0/keep",
        "/result/0/measure",
    ];
    let mut link = command(
        stage.folder.path(),
        &["page", "link", "--see", "--name", "curator"],
    );
    let made = link.output().unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let secret = text(&made.stdout);
    let see = stage.door.cookie(secret.trim().split('#').nth(1).unwrap());
    let json = "Content-Type: application/json\r\n";
    for path in wishes {
        let (own, edits) = (stage.own(), &stage.cookie);
        assert_eq!(
            stage.post(path, &format!("{own}{json}"), "{}").status,
            401,
            "{path}"
        );
        assert_eq!(
            stage.post(path, &format!("{see}{own}{json}"), "{}").status,
            403,
            "{path}"
        );
        assert_eq!(
            stage.post(path, &format!("{edits}{json}"), "{}").status,
            403,
            "{path}"
        );
        let foreign = format!("{edits}Origin: null\r\n{json}");
        assert_eq!(stage.post(path, &foreign, "{}").status, 403, "{path}");
        let plain = format!("{edits}{own}Content-Type: text/plain\r\n");
        assert_eq!(stage.post(path, &plain, "{}").status, 415, "{path}");
        let odd = format!("{edits}{own}{json}");
        for body in ["", "{", r#"{"path":"/etc/passwd"}"#, r#"{"seed":1}"#] {
            assert_eq!(stage.post(path, &odd, body).status, 400, "{path} {body}");
        }
    }
    let seen = stage.get("/film/0/state", &see);
    assert_eq!(seen.status, 200);
    for values in [
        json!({ "seed": "1 --overwrite" }),
        json!({ "tempo": "" }),
        json!({ "style": "../film" }),
        json!({ "key": "x".repeat(65) }),
    ] {
        assert_eq!(
            stage.wish("/film/0/render", &values).status,
            400,
            "{values}"
        );
    }
    // What is wrong with a value is said by the render.
    assert_eq!(
        stage
            .wish("/film/0/render", &json!({ "key": "H dur" }))
            .status,
        200
    );
    let state = stage.until(0, |state| !state["failed"].is_null());
    assert!(
        state["failed"]["message"]
            .as_str()
            .unwrap()
            .contains("H dur"),
        "{state:#}"
    );
    assert_eq!(state["results"].as_array().unwrap().len(), 1);
}

#[test]
fn requests_name_numbers_and_a_page_plays_nothing_from_elsewhere() {
    let stage = Stage::new(&FILM);
    stage.until_made(0, 1);
    for path in [
        "/film/1",
        "/film/1/state",
        "/film/0/still/9999",
        "/result/7/play",
        "/result/0/file/99",
        "/result/0/file/../../film.mp4",
        "/result/0/file/%2e%2e",
        "/..%2ffilm.mp4",
        "/film.mp4",
        "/film/0/../../film.mp4",
        "/films",
        "/films/list/x",
        "/status",
        "/socket",
        "//etc/passwd",
    ] {
        assert_eq!(stage.look(path).status, 404, "{path}");
    }
    let page = stage.look("/");
    let policy = page.head.split("content-security-policy: ").nth(1).unwrap();
    let policy = policy.lines().next().unwrap();
    assert!(
        policy.starts_with("default-src 'none';") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert!(policy.contains("media-src 'self'"), "{policy}");
    let locked = stage.get("/", "");
    assert!(!locked.head.contains("media-src") && !locked.body.contains("film.mp4"));
    for path in ["/result/0/file/0", "/result/0/play", "/film/0/state"] {
        let head = stage.bytes(path, "").1;
        for header in [
            "nosniff",
            "x-frame-options: deny",
            "default-src 'none'; frame-ancestors 'none'",
        ] {
            assert!(head.contains(header), "{path}: {head}");
        }
    }
    // Another host's name is refused as on the page of a run.
    let asked = stage.send("GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert_eq!(asked.status, 403);
}

#[test]
fn a_render_is_cancelled_by_another_and_ends_with_the_page_however_that_ends() {
    let arguments = ["film", "film.mp4", "--patch", "long.ron", "--page", "0"];
    let mut stage = Stage::new(&arguments);
    let before = names(&stage.films());
    let works = |state: &Value| state["now"]["here"] == true && state["now"]["ends"] == false;
    // Waits until a render writes its files, and gives the folders of all.
    let is_writing = |stage: &Stage| {
        let begun = Instant::now();
        let of_page = stage.folder.path().join("tmp").join(&stage.temporary()[0]);
        loop {
            let renders: Vec<String> = (there(&of_page).into_iter())
                .filter(|name| name.bytes().all(|one| one.is_ascii_digit()))
                .collect();
            let mut written = renders
                .iter()
                .flat_map(|render| there(&of_page.join(render)));
            if written.any(|name| name.ends_with(".partial")) {
                return renders;
            }
            assert!(begun.elapsed() < PATIENCE, "nothing is written");
            std::thread::sleep(Duration::from_millis(30));
        }
    };
    stage.until(0, works);
    assert_eq!(is_writing(&stage), ["0"]);
    // Another one takes its place, and what it had written is gone.
    assert_eq!(
        stage
            .wish("/film/0/render", &json!({ "tempo": "90" }))
            .status,
        200
    );
    stage.until(0, |state| {
        works(state) && state["now"]["values"]["tempo"] == "90"
    });
    assert_eq!(is_writing(&stage), ["1"]);
    assert_eq!(stage.wish("/film/0/cancel", &json!({})).status, 200);
    let state = stage.until(0, |state| state["now"].is_null());
    assert_eq!(
        (&state["results"], &state["failed"]),
        (&json!([]), &json!(null))
    );
    // It ends with the page.
    stage.wish("/film/0/render", &json!({}));
    stage.until(0, works);
    assert_eq!(is_writing(&stage), ["2"]);
    let workers = children(stage.run.id());
    // One renders; another may still draw stills.
    assert!(!workers.is_empty());
    stage.run.signal("TERM");
    assert!(stage.run.wait(Duration::from_secs(20)).success());
    assert_eq!(
        (names(&stage.films()), stage.temporary()),
        (before.clone(), Vec::new())
    );
    assert!(!workers.iter().any(|worker| is_alive(*worker)));

    // And when the page is killed; the next page clears away what was left.
    let Stage { folder, .. } = stage;
    let mut killed = Stage::within(folder, &arguments);
    killed.until(0, works);
    is_writing(&killed);
    let workers = children(killed.run.id());
    killed.run.signal("KILL");
    killed.run.wait(PATIENCE);
    let begun = Instant::now();
    while workers.iter().any(|worker| is_alive(*worker)) {
        assert!(begun.elapsed() < Duration::from_secs(20), "it renders on");
        std::thread::sleep(Duration::from_millis(30));
    }
    assert_eq!(names(&killed.films()), before);
    let left = killed.temporary();
    assert_eq!(left.len(), 1, "{left:?}");
    let Stage { folder, .. } = killed;
    let next = Stage::within(folder, &FILM);
    let now = next.temporary();
    assert!(now.len() == 1 && now != left, "{now:?}");
}

/// What lies in a folder that may go meanwhile.
fn there(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.collect()
}

/// The processes that another has started.
fn children(of: u32) -> Vec<u32> {
    let listed = std::process::Command::new("ps")
        .args(["-o", "pid=", "--ppid", &of.to_string()])
        .output()
        .unwrap();
    text(&listed.stdout)
        .split_whitespace()
        .map(|id| id.parse().unwrap())
        .collect()
}

fn is_alive(process: u32) -> bool {
    let state = std::process::Command::new("ps")
        .args(["-o", "stat=", "-p", &process.to_string()])
        .output()
        .unwrap();
    let state = text(&state.stdout);
    !state.trim().is_empty() && !state.starts_with('Z')
}

#[cfg(unix)]
#[test]
fn a_folder_shows_its_films_and_patches_and_nothing_that_lies_outside() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let films = folder.path().join("films");
    for made in ["films/deep", "config", "tmp", "secret"] {
        std::fs::create_dir_all(folder.path().join(made)).unwrap();
    }
    write_small_film(&films.join("deep"));
    write_small_film(&folder.path().join("secret"));
    let secret = folder.path().join("secret");
    symlink(secret.join("film.mp4"), films.join("link.mp4")).unwrap();
    symlink(&secret, films.join("way")).unwrap();
    std::fs::write(films.join("quick.ron"), QUICK).unwrap();
    std::fs::write(films.join("keys.ron"), "// hunter2").unwrap();
    let stage = Stage::within(folder, &["page", "--port", "0"]);
    let page = stage.look("/");
    assert!(page.body.contains("films.js") && !page.head.contains("media-src"));
    let list = stage.read("/films/list");
    assert_eq!(
        list["films"],
        json!([{ "film": 0, "name": "deep/film.mp4" }])
    );
    let patches = list["patches"].as_array().unwrap();
    assert_eq!(patches[1]["name"], "quick.ron");
    assert_eq!(patches[1]["command"], "score film FILM --patch quick.ron");
    assert!(patches[1]["about"].as_str().unwrap().contains("scale"));
    assert!(!list.to_string().contains("hunter2"));
    let built_in = list["built_in"].as_array().unwrap();
    assert!(built_in.len() > 20 && built_in.iter().any(|one| one["name"] == "layers"));
    // Nothing is rendered before somebody wants it; a film that is gone is said to be.
    let state = stage.read("/film/0/state");
    assert_eq!(
        (&state["now"], &state["results"]),
        (&json!(null), &json!([]))
    );
    assert!(state["choices"]["styles"].as_array().unwrap().len() > 4);
    std::fs::rename(stage.films().join("deep"), stage.films().join("gone")).unwrap();
    assert_eq!(stage.wish("/film/0/render", &json!({})).status, 404);
    assert_eq!(stage.wish("/film/1/render", &json!({})).status, 404);
    // The list is made again after a second, and not for each who asks.
    let begun = Instant::now();
    while stage.read("/films/list")["films"][0]["name"] != "gone/film.mp4" {
        assert!(begun.elapsed() < PATIENCE, "the old list stays");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_cannot_be_shown_is_said_before_a_page_opens() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("films")).unwrap();
    for (arguments, wanted) in [
        (&["film", "no.mp4", "--page", "0"][..], "no.mp4"),
        (&["page", "nowhere", "--port", "0"][..], "nowhere"),
        (&["film", "a.mp4", "--page", "--json"][..], "--json"),
        (&["film", "a.mp4", "--open"][..], "--page"),
    ] {
        let done = command(folder.path(), arguments).output().unwrap();
        assert!(!done.status.success());
        let said = text(&done.stderr) + &text(&done.stdout);
        assert!(said.contains(wanted), "{arguments:?}: {said}");
    }
}
