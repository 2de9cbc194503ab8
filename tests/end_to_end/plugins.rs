//! Plugins, really built and really loaded.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

use score_test_support::{house, onsets, text, write_film, write_scale};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Plugins that try what a plugin may do, and may not.
const PROBES: [&str; 4] = [
    "probe",
    "probe_contradicting",
    "probe_namesake",
    "probe_rebuilt",
];

/// Cargo's folder of what is built; the plugins are built anew first, where they have changed.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = score_test_support::built();
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .current_dir(house())
            .args(["build", "--quiet", "--offline", "--locked"])
            // All of the workspace, as its tests have it: with fewer packages the features of their
            // libraries are others, and the engine is compiled again.
            .args(["--workspace", "--lib"])
            .args(PROBES.iter().flat_map(|probe| ["--example", *probe]))
            // Who measures how long tests take sets this, with which all would be compiled again.
            .env_remove("RUSTC_BOOTSTRAP")
            .env("CARGO_TARGET_DIR", folder.parent().unwrap());
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        let done = cargo.output().unwrap();
        assert!(done.status.success(), "{}", text(&done.stderr));
        folder.to_owned()
    })
}

fn library(name: &str) -> String {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    format!("{DLL_PREFIX}{name}{DLL_SUFFIX}")
}

/// Puts a library that was built into `folder`/plugins as `name`, in one go, as a linker and an
/// installer do.
fn put(folder: &Path, built_as: &Path, name: &str) {
    let plugins = folder.join("plugins");
    std::fs::create_dir_all(&plugins).unwrap();
    std::fs::copy(built_as, plugins.join("partial")).unwrap();
    std::fs::rename(plugins.join("partial"), plugins.join(library(name))).unwrap();
}

pub(crate) fn probe(name: &str) -> PathBuf {
    built().join("examples").join(library(name))
}

/// The program, of a user whose configuration lies in `folder`.
fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = score_test_support::program(folder, arguments);
    command.env("XDG_CONFIG_HOME", folder.join("config"));
    command
}

/// Runs it.
fn score(folder: &Path, arguments: &[&str]) -> Output {
    program(folder, arguments).output().unwrap()
}

/// A folder with the probe in its `plugins`, which the user has allowed.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &probe("probe"), "probe");
    allow(folder.path(), "probe");
    folder
}

/// Allows a library in `plugins` as it is now.
fn allow(folder: &Path, name: &str) {
    let file = format!("plugins/{}", library(name));
    let done = score(folder, &["plugins", "allow", &file]);
    assert!(done.status.success(), "{}", text(&done.stderr));
}

/// Compiles a library of its own from `source`.
fn compile(folder: &Path, name: &str, source: &str) {
    let file = folder.join(format!("{name}.rs"));
    std::fs::write(&file, source).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let done = Command::new(rustc)
        .args(["--edition", "2024", "--crate-type", "cdylib", "-o"])
        .arg(folder.join("plugins").join(library(name)))
        .arg(&file)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
}

/// A plugin's beginning, as it is in every version.
const OF_ANOTHER_ABI: &str = r#"
    #[repr(C)]
    pub struct Text(*const u8, usize);
    #[repr(C)]
    pub struct Header {
        magic: [u8; 8], version: u32, padding: u32, layout: u64, sdk: Text, plugin: Text, plugin_version: Text,
    }
    unsafe impl Sync for Header {}
    #[unsafe(no_mangle)]
    pub static SCORE_PLUGIN: Header = Header {
        magic: *b"SCOREPLG", version: 99, padding: 0, layout: 5,
        sdk: Text(b"7.6.5".as_ptr(), 5), plugin: Text(b"old".as_ptr(), 3), plugin_version: Text(b"2.0".as_ptr(), 3),
    };
"#;

#[test]
fn plugins_are_listed_from_their_bytes_and_one_of_another_abi_with_both_versions() {
    let folder = folder();
    let folder = folder.path();
    compile(folder, "other_abi", OF_ANOTHER_ABI);
    compile(folder, "no_plugin", "");
    put(folder, &probe("probe_contradicting"), "contradicting");
    std::fs::write(folder.join("plugins").join(library("text")), "no library").unwrap();
    let listed = text(&score(folder, &["plugins"]).stdout);
    let line = |name: &str| {
        let found = listed.lines().find(|line| line.contains(&library(name)));
        found.unwrap_or_else(|| panic!("no {name} in {listed}"))
    };
    let own = line("probe");
    assert!(
        own.starts_with("score-plugin 0.1.0  probe_shift, probe_pass")
            && own.ends_with("(allowed)"),
        "{listed}"
    );
    let other = line("other_abi");
    assert!(
        other.starts_with("refused") && other.contains("plugin ABI 99 (score-plugin 7.6.5)"),
        "{other}"
    );
    assert!(
        other.contains("plugin ABI 2 (score-plugin 0.1.0)"),
        "{other}"
    );
    assert!(
        line("contradicting")
            .contains("not allowed; if you trust it: score plugins allow plugins/")
    );
    assert!(line("no_plugin").contains("not a plugin of SCORE!"));
    assert!(line("text").contains("this file is not a plugin library"));

    // What only loading brings to light is told of a folder that is trusted, and of no library that
    // is no plugin.
    let nodes = score(folder, &["nodes", "--plugins", "plugins"]);
    assert!(text(&nodes.stdout).contains("probe_shift"));
    let told = text(&nodes.stderr);
    assert!(
        told.contains("ABI 99")
            && told.contains("from 0 to 5")
            && told.matches(" is refused").count() == 3,
        "{told}"
    );
}

#[test]
fn plugins_are_found_where_they_are_named_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let kinds = |arguments: &[&str], variables: &[(&str, &Path)]| {
        let mut command = program(folder.path(), &[&["nodes"], arguments].concat());
        command.env("XDG_DATA_HOME", folder.path().join("nothing"));
        command.envs(variables.iter().copied());
        text(&command.output().unwrap().stdout)
    };
    put(
        folder.path(),
        &built().join(library("edge_density")),
        "edge_density",
    );
    let elsewhere = tempfile::tempdir().unwrap();
    put(&elsewhere.path().join("score"), &probe("probe"), "probe");
    let there = elsewhere.path().join("score/plugins");

    let found = kinds(&[], &[]);
    assert!(!found.contains("edge_density") && !found.contains("probe_shift"));
    let named = ["--plugins", there.to_str().unwrap()];
    assert!(kinds(&named, &[]).contains("probe_shift"));
    assert!(kinds(&[], &[("SCORE_PLUGINS", &there)]).contains("probe_shift"));
    assert!(kinds(&[], &[("XDG_DATA_HOME", elsewhere.path())]).contains("probe_shift"));
    let none = kinds(&["--no-plugins"], &[("SCORE_PLUGINS", &there)]);
    assert!(none.contains("synth") && !none.contains("probe_shift"));
}

/// A library that writes a file as soon as it is loaded, as one that came with a stranger's patch
/// could.
fn plant(folder: &Path) -> PathBuf {
    let mark = folder.join("loaded");
    let source = r#"
        #[used]
        #[unsafe(link_section = ".init_array")]
        static RUN: extern "C" fn() = run;
        extern "C" fn run() {
            let _ = std::fs::write("MARK", "");
            // There is nothing behind its header.
            std::process::exit(3);
        }
    "#;
    std::fs::create_dir_all(folder.join("plugins")).unwrap();
    let source = source.replace("MARK", mark.to_str().unwrap()) + OF_ANOTHER_ABI;
    // Of this program's interface, as far as can be seen without loading it.
    let layout = format!(
        "version: {}, padding: 0, layout: {}",
        score_plugin::abi::VERSION,
        score_plugin::abi::LAYOUT
    );
    let source = source.replace("version: 99, padding: 0, layout: 5", &layout);
    let source = source + r#"#[unsafe(no_mangle)] pub static KIND: [u8; 4] = *b"evil";"#;
    compile(folder, "planted", &source);
    mark
}

#[test]
#[cfg(target_os = "linux")]
fn a_library_beside_a_patch_is_loaded_by_no_command_without_consent() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mark = plant(folder);
    write_scale(&folder.join("scale.mid"));
    let plain = r#"Patch(format: 1, nodes: {"tune": midi_input_file(path: "scale.mid"),
                 "notes": midi_file(path: "out.mid")}, wires: ["tune -> notes"])"#;
    std::fs::write(folder.join("plain.ron"), plain).unwrap();
    let uses_it = plain.replace("midi_file", "evil");
    std::fs::write(folder.join("uses_it.ron"), uses_it).unwrap();
    let file = format!("plugins/{}", library("planted"));
    for arguments in [
        &["check", "plain.ron"][..],
        &["check", "uses_it.ron"],
        &["graph", "plain.ron"],
        &["render", "plain.ron"],
        &["render", "uses_it.ron"],
        &["run", "uses_it.ron", "--quiet"],
        &["nodes"],
        &["nodes", "evil"],
        &["plugins"],
        &["plugins", "plain.ron", "--json"],
        &["film", "scale.mid", "--patch", "uses_it.ron"],
        &["plugins", "allow", &file],
        // It is allowed now, and still nothing needs it.
        &["check", "plain.ron"],
        &["plugins"],
        &["nodes"],
        &["check", "uses_it.ron", "--no-plugins"],
    ] {
        score(folder, arguments);
        assert!(!mark.exists(), "{arguments:?} has loaded it");
    }
    score(folder, &["plugins", "revoke", &file]);
    score(folder, &["check", "uses_it.ron"]);
    assert!(!mark.exists(), "it was loaded after it was revoked");
    score(folder, &["plugins", "allow", &file]);
    score(folder, &["check", "uses_it.ron"]);
    assert!(
        mark.exists(),
        "it is not loaded though it is allowed and needed"
    );
}

#[test]
fn a_kind_that_wants_consent_says_the_one_command_to_type() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, &probe("probe"), "probe");
    put(folder, &built().join(library("jitter")), "jitter");
    write_scale(&folder.join("scale.mid"));
    write_shift(folder, 1);
    let check = || score(folder, &["check", "patch.ron"]);
    let refused = check();
    let told = text(&refused.stderr);
    let command = format!("score plugins allow plugins/{}", library("probe"));
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        told.contains("there is no node kind `probe_shift`")
            && told.contains("(score-plugin 0.1.0) beside the patch has this kind")
            && told.contains(&command)
            && !told.contains("jitter"),
        "{told}"
    );
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let allowed = text(&score(folder, &words).stdout);
    assert!(
        allowed.starts_with("allowed: score-plugin 0.1.0  probe_shift, "),
        "{allowed}"
    );
    assert!(check().status.success());
    let listed = text(&score(folder, &["plugins", "allowed"]).stdout);
    let hash = listed.split(' ').next().unwrap();
    assert!(
        hash.len() == 64 && listed.contains(&library("probe")),
        "{listed}"
    );

    // Another library under the same name is another library; the old one elsewhere is the same.
    put(folder, &probe("probe_rebuilt"), "probe");
    assert!(text(&check().stderr).contains(&command));
    put(folder, &probe("probe"), "elsewhere");
    assert!(check().status.success());
    let gone = text(&score(folder, &["plugins", "revoke", &hash[..8]]).stdout);
    assert!(
        gone.starts_with(&format!("no longer allowed: {hash}")),
        "{gone}"
    );
    assert!(!check().status.success());
    let again = score(folder, &["plugins", "revoke", &hash[..8]]);
    assert!(!again.status.success() && text(&again.stderr).contains("was not allowed"));
}

/// A scale through a kind `transpose` that has a parameter `by`, as the probe's and not the
/// program's own.
fn write_namesake(folder: &Path) {
    write_scales(&folder.join("scale.mid"));
    let patch = r#"Patch(format: 1, nodes: {
             "tune": midi_input_file(path: "scale.mid"), "higher": transpose(by: 1),
             "notes": midi_file(path: "out.mid")},
         wires: ["tune -> higher -> notes"])"#;
    std::fs::write(folder.join("patch.ron"), patch).unwrap();
    std::fs::write(
        folder.join("own.ron"),
        patch.replace("by: 1", "semitones: 1"),
    )
    .unwrap();
}

/// The lines that tell of a kind that is a plugin's and built in.
fn of_namesakes(told: &str) -> Vec<&str> {
    let lines = told.lines();
    lines
        .filter(|line| line.contains("`transpose` is a kind of the plugin"))
        .collect()
}

#[test]
fn a_plugins_kind_takes_the_place_of_a_built_in_one_with_one_warning() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_namesake(folder);
    put(folder, &probe("probe_namesake"), "namesake");
    let plugins = ["--plugins", "plugins"];
    let render = score(folder, &[&["render", "patch.ron"], &plugins[..]].concat());
    let told = text(&render.stderr);
    assert!(render.status.success(), "{told}");
    let warnings = of_namesakes(&told);
    assert_eq!(warnings.len(), 1, "{told}");
    assert!(warnings[0].contains("the plugin's is used"), "{told}");
    let lowest = onsets(&folder.join("out.mid"))
        .into_iter()
        .map(|(_, pitch)| pitch)
        .min();
    assert_eq!(lowest, Some(60 + 24 + 1), "two octaves are the plugin's");
    let own = score(
        folder,
        &["render", "own.ron", "--no-plugins", "--overwrite"],
    );
    let told = text(&own.stderr);
    assert!(
        own.status.success() && of_namesakes(&told).is_empty(),
        "{told}"
    );
    let lowest = onsets(&folder.join("out.mid"))
        .into_iter()
        .map(|(_, pitch)| pitch)
        .min();
    assert_eq!(lowest, Some(61));
    let listed = text(&score(folder, &[&["plugins"], &plugins[..]].concat()).stdout);
    assert!(
        listed.contains("in place of the built-in transpose"),
        "{listed}"
    );
    let described = text(&score(folder, &[&["nodes", "transpose"], &plugins[..]].concat()).stdout);
    assert!(
        described.contains("`by`") && !described.contains("`semitones`"),
        "{described}"
    );
}

#[test]
fn a_kind_beside_the_patch_takes_the_place_of_a_built_in_one_only_once_it_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_namesake(folder);
    put(folder, &probe("probe_namesake"), "namesake");
    let check = |patch: &str| score(folder, &["check", patch]);
    // It cannot be what the patch means, and says what to type.
    let refused = check("patch.ron");
    let told = text(&refused.stderr);
    let command = format!("score plugins allow plugins/{}", library("namesake"));
    assert_eq!(refused.status.code(), Some(1), "{told}");
    let warnings = of_namesakes(&told);
    assert!(
        warnings.len() == 1 && warnings[0].contains("the built-in is used"),
        "{told}"
    );
    assert!(warnings[0].contains(&command), "{told}");
    assert!(check("own.ron").status.success());

    allow(folder, "namesake");
    let own = check("own.ron");
    assert!(!own.status.success(), "{}", text(&own.stdout));
    assert!(check("patch.ron").status.success());
    let mut playing = Playing::start(folder);
    playing.until("plays", 1);
    // An edit tells of it no more.
    let patch = std::fs::read_to_string(folder.join("patch.ron")).unwrap();
    std::fs::write(folder.join("patch.ron"), patch.replace("by: 1", "by: 2")).unwrap();
    playing.until("got new values: higher", 1);
    let log = std::fs::read_to_string(&playing.log).unwrap();
    assert_eq!(of_namesakes(&log).len(), 1, "{log}");
    playing.end();
}

/// A film whose brightness goes through `nodes` and `wires` to a recorder.
fn patch(nodes: &str, wires: &str) -> String {
    format!(
        r#"Patch(format: 1, nodes: {{
             "film": video_file(path: "film.mp4", width: 32, height: 32, rate: 4),
             "light": brightness(), "record": recorder(path: "take.wav"), {nodes}}},
         wires: ["film -> light -> record.controls", {wires}])"#
    )
}

/// What was recorded of the recorder's wire `wire`.
fn recorded(folder: &Path, wire: u64) -> Vec<f64> {
    let text = std::fs::read_to_string(folder.join("take.jsonl")).unwrap();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter(|line| line["control"].as_u64() == Some(wire))
        .map(|line| line["value"].as_f64().unwrap())
        .collect()
}

#[test]
fn pictures_codes_and_a_type_of_the_plugins_own_go_through_its_nodes() {
    let folder = folder();
    let folder = folder.path();
    write_film(folder);
    let patch = patch(
        r#""pass": probe_pass(), "same": brightness(), "draw": probe_draw(), "trace": probe_trace(),
         "code": probe_code(weights: [1, -1, 2]), "calm": latent_smooth()"#,
        r#""film -> pass.frames", "pass.frames -> same -> record.controls",
         "light -> draw -> trace -> record.controls", "light -> code -> calm""#,
    );
    std::fs::write(folder.join("patch.ron"), patch).unwrap();
    let done = score(folder, &["render", "patch.ron"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let [light, same, traced] = [0, 1, 2].map(|wire| recorded(folder, wire));
    assert!(light.len() > 40 && light.iter().any(|value| *value > 0.1));
    assert_eq!(light, same);
    let four = light.iter().map(|value| value * 4.0);
    assert!(
        traced.len() == light.len()
            && four
                .zip(&traced)
                .all(|(four, sum)| (four - sum).abs() < 1e-5)
    );

    let graph = text(&score(folder, &["graph", "patch.ron"]).stdout);
    assert!(
        graph.contains("-- score-plugin.Curve -->") && graph.contains("-- Latent(3) -->"),
        "{graph}"
    );
}

#[test]
fn mistakes_with_a_plugins_node_are_told_as_of_any_node() {
    let folder = folder();
    let folder = folder.path();
    write_film(folder);
    let patch = patch(
        r#""a": probe_brokn(), "b": probe_broken(aftr: 3), "c": probe_broken(after: 5000),
         "d": probe_code(weights: [])"#,
        r#""light -> a", "light -> b", "light -> c", "light -> d""#,
    );
    std::fs::write(folder.join("patch.ron"), patch).unwrap();
    let done = score(folder, &["check", "patch.ron"]);
    let told = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1));
    for wanted in [
        "there is no node kind `probe_brokn`",
        "did you mean `probe_broken`?",
        "did you mean `after`?",
        "`after` must be a whole number from 0 to 1000, not 5000",
        "a code needs a weight",
        "write [1.0]",
    ] {
        assert!(told.contains(wanted), "{wanted} is not in:\n{told}");
    }
}

#[test]
fn an_error_and_a_panic_of_a_plugin_end_a_render_and_name_the_node() {
    let folder = folder();
    let folder = folder.path();
    write_film(folder);
    let render = |parameters: &str| {
        let broken = format!(r#""broken": probe_broken({parameters})"#);
        let patch = patch(&broken, r#""light -> broken -> record.controls""#);
        std::fs::write(folder.join("patch.ron"), patch).unwrap();
        let done = score(folder, &["render", "patch.ron"]);
        assert_eq!(done.status.code(), Some(1));
        assert!(!folder.join("take.jsonl").exists());
        text(&done.stderr)
    };
    let panic = render("panics: true");
    assert!(
        panic.contains("`broken`") && panic.contains("the probe broke"),
        "{panic}"
    );
    let error = render("panics: false");
    assert!(
        error.contains("the probe gave up") && error.contains("feed it less"),
        "{error}"
    );
    let unbuilt = render("builds: false");
    assert!(
        unbuilt.contains("there is no such thing") && unbuilt.contains("buy one"),
        "{unbuilt}"
    );
}

/// A patch that plays, with its log.
struct Playing {
    child: Child,
    log: PathBuf,
}

impl Playing {
    fn start(folder: &Path) -> Self {
        let arguments = ["run", "patch.ron", "--quiet", "--log-file", "log.txt"];
        let child = program(folder, &arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        Playing {
            child,
            log: folder.join("log.txt"),
        }
    }

    /// Waits until the log has `wanted` so many times.
    fn until(&mut self, wanted: &str, times: usize) {
        let started = Instant::now();
        loop {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            if log.matches(wanted).count() >= times {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && started.elapsed() < PATIENCE,
                "no `{wanted}` in:\n{log}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it as Ctrl-C does.
    fn end(mut self) {
        let kill = ["-c", r#"kill -INT "$0""#, &self.child.id().to_string()];
        Command::new("sh").args(kill).status().unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The scale of [`write_scale`] fifteen times: a minute.
fn write_scales(path: &Path) {
    write_scale(path);
    let bytes = std::fs::read(path).unwrap();
    let mut smf = midly::Smf::parse(&bytes).unwrap();
    let end = smf.tracks[0].pop().unwrap();
    smf.tracks[0] = smf.tracks[0].repeat(15);
    smf.tracks[0].push(end);
    smf.save(path).unwrap();
}

/// A minute of music through the probe's `shift` into a MIDI file.
fn write_shift(folder: &Path, by: u8) {
    let patch = format!(
        r#"Patch(format: 1, nodes: {{
             "tune": midi_input_file(path: "scale.mid"), "shift": probe_shift(by: {by}),
             "notes": midi_file(path: "out.mid")}},
         wires: ["tune -> shift -> notes"])"#
    );
    std::fs::write(folder.join("patch.ron"), patch).unwrap();
}

#[test]
fn a_plugin_that_was_rebuilt_and_allowed_plays_on_in_the_running_patch() {
    let folder = folder();
    let folder = folder.path();
    write_scales(&folder.join("scale.mid"));
    write_shift(folder, 0);
    let mut playing = Playing::start(folder);
    playing.until("plays", 1);

    // What cannot be loaded leaves the old one playing, and says so.
    compile(folder, "probe_of_another_abi", OF_ANOTHER_ABI);
    let other = folder.join("plugins").join(library("probe_of_another_abi"));
    put(folder, &other, "probe");
    playing.until(
        "what it was before stays in use: it was built for plugin ABI 99",
        1,
    );

    // A value that is live reaches the running node; nothing begins anew.
    write_shift(folder, 1);
    playing.until("got new values: shift", 1);

    put(folder, &probe("probe_rebuilt"), "probe");
    playing.until(
        "what it was before stays in use: nobody has allowed what is in this file",
        1,
    );
    allow(folder, "probe");
    playing.until("is loaded again, version", 1);
    playing.until("the edit plays; began: shift", 1);
    // Two more notes of half a second.
    std::thread::sleep(Duration::from_millis(1200));
    playing.end();
    let pitches: Vec<u8> = onsets(&folder.join("out.mid"))
        .iter()
        .map(|(_, pitch)| *pitch)
        .collect();
    let is_rebuilt = |pitch: &u8| *pitch >= 73;
    let scale = [60, 62, 64, 65, 67, 69, 71, 72];
    assert!(
        pitches.iter().any(|pitch| scale.contains(pitch)),
        "{pitches:?}"
    );
    let rebuilt: Vec<&u8> = pitches.iter().filter(|pitch| is_rebuilt(pitch)).collect();
    assert!(
        !rebuilt.is_empty() && rebuilt.iter().all(|pitch| scale.contains(&(**pitch - 13))),
        "{pitches:?}"
    );
    assert!(is_rebuilt(pitches.last().unwrap()), "{pitches:?}");
}

#[test]
fn a_plugin_that_panics_live_begins_anew_while_the_rest_plays_on() {
    let folder = folder();
    let folder = folder.path();
    write_film(folder);
    let patch = patch(
        r#""broken": probe_broken(after: 1)"#,
        r#""light -> broken -> record.controls""#,
    );
    std::fs::write(folder.join("patch.ron"), patch).unwrap();
    let mut playing = Playing::start(folder);
    playing.until("the probe broke; it restarts", 2);
    playing.end();
    let [light, through] = [0, 1].map(|wire| recorded(folder, wire));
    assert!(
        light.len() > through.len() && through.len() >= 2,
        "{light:?} {through:?}"
    );
}

#[test]
fn the_examples_patches_run_with_the_examples_plugins() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder);
    let plugins = built().to_str().unwrap();
    for name in ["edge_density", "jitter", "scale_quantiser"] {
        let patch = house()
            .join("nodes/plugins")
            .join(name)
            .join(format!("{name}.ron"));
        let mut arguments = vec!["render", patch.to_str().unwrap(), "--plugins", plugins];
        let film = format!("film.path={}", folder.join("film.mp4").display());
        let take = format!("record.path={}", folder.join("take.wav").display());
        let [sound, notes] = [("sound", "wav"), ("notes", "mid")].map(|(node, end)| {
            format!(
                "{node}.path={}",
                folder.join(format!("{name}.{end}")).display()
            )
        });
        let sets = match name {
            "edge_density" => [&film, &take],
            _ => [&sound, &notes],
        };
        sets.iter().for_each(|set| arguments.extend(["--set", set]));
        let done = score(folder, &arguments);
        assert!(done.status.success(), "{name}: {}", text(&done.stderr));
    }
    // The test card of the first scene has more edges than the gradient of the last.
    let density = recorded(folder, 0);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let third = density.len() / 3;
    assert!(
        mean(&density[..third]) > 2.0 * mean(&density[2 * third..]),
        "{density:?}"
    );
    let steps = [2, 5, 7, 9, 0];
    let notes = onsets(&folder.join("scale_quantiser.mid"));
    assert!(
        !notes.is_empty() && notes.iter().all(|(_, pitch)| steps.contains(&(pitch % 12))),
        "{notes:?}"
    );
}

#[test]
fn a_new_plugin_builds_passes_its_own_test_and_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let begun = score(folder, &["plugin", "new", "my_echo"]);
    assert!(begun.status.success(), "{}", text(&begun.stderr));
    assert!(text(&begun.stdout).contains("score plugin test"));
    let again = score(folder, &["plugin", "new", "my_echo"]);
    assert!(
        !again.status.success() && text(&again.stderr).contains("there is a `my_echo` already")
    );
    for (wrong, why) in [
        ("Echo", "cannot be called"),
        ("synth", "already"),
        ("fn", "cannot be called"),
    ] {
        let refused = score(folder, &["plugin", "new", wrong]);
        assert!(
            !refused.status.success() && text(&refused.stderr).contains(why),
            "{wrong}"
        );
        assert!(!folder.join(wrong).exists());
    }

    // As the newcomer's, but with the packages that this computer has, without lines for a
    // debugger, and what is built kept for the next time.
    let crate_folder = folder.join("my_echo");
    std::fs::copy(house().join("Cargo.lock"), crate_folder.join("Cargo.lock")).unwrap();
    let target = built().parent().unwrap().join("new_plugin");
    let run = |command: &mut Command| {
        let done = command
            .env("CARGO_TARGET_DIR", &target)
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env_remove("RUSTC_BOOTSTRAP")
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}{}",
            text(&done.stdout),
            text(&done.stderr)
        );
        text(&done.stdout)
    };
    let tested = run(&mut program(&crate_folder, &["plugin", "test"]));
    assert!(
        tested.contains("a_note_goes_up_by_an_octave_and_ends_where_it_began ... ok"),
        "{tested}"
    );
    run(Command::new(env!("CARGO"))
        .arg("build")
        .current_dir(&crate_folder));
    let plugins = target.join("debug");
    let checked = run(&mut program(
        &crate_folder,
        &[
            "check",
            "my_echo.ron",
            "--plugins",
            plugins.to_str().unwrap(),
        ],
    ));
    assert!(checked.contains("my_echo.ron: fine"), "{checked}");
}

/// A value that a live parameter takes, other than its default, as it is typed.
fn another(param: &Value) -> String {
    let kind = &param["param_type"];
    let number = |kind: &Value| {
        let least = kind["min"].as_f64().unwrap();
        let most = kind["max"].as_f64().unwrap();
        (least + (most - least) * 0.25, least)
    };
    match kind {
        Value::String(flag) if flag == "Flag" => "true".to_owned(),
        Value::String(_) => "other".to_owned(),
        kind if kind.get("Number").is_some() => number(&kind["Number"]).0.to_string(),
        kind if kind.get("Length").is_some() => number(&kind["Length"]).0.to_string(),
        kind if kind.get("Integer").is_some() => format!("{}", number(&kind["Integer"]).0.floor()),
        kind if kind.get("Choice").is_some() => {
            let words = kind["Choice"].as_array().unwrap();
            words.last().unwrap().as_str().unwrap().to_owned()
        }
        other => panic!("{other}"),
    }
}

#[test]
fn every_live_parameter_of_the_example_plugins_is_taken_while_they_run() {
    let folder = tempfile::tempdir().unwrap();
    let (film, sockets) = (
        folder.path().join("film.mp4"),
        folder.path().join("sockets"),
    );
    write_film(folder.path());
    assert!(film.exists());
    for name in ["edge_density", "jitter", "scale_quantiser"] {
        put(folder.path(), &built().join(library(name)), name);
        allow(folder.path(), name);
    }
    std::fs::write(
        folder.path().join("show.ron"),
        r#"Patch(
            format: 1,
            nodes: {
                "film": video_file(path: "film.mp4", width: 64, height: 64, loop: true),
                "edges": edge_density(),
                "tune": accent(),
                "cuts": cut_detector(),
                "human": jitter(),
                "quantiser": scale_quantiser(),
                "piano": synth(),
            },
            wires: ["film -> edges", "film -> cuts -> tune -> human -> quantiser -> piano", "edges -> piano.gain"],
        )"#,
    )
    .unwrap();
    let log = folder.path().join("log.txt");
    let arguments = ["run", "show.ron", "--quiet", "--log-file", "log.txt"];
    let mut run = program(folder.path(), &arguments);
    let _run = score_test_support::Talking::start(run.env("SCORE_RUNTIME_DIR", &sockets));
    let begun = Instant::now();
    while !std::fs::read_to_string(&log).is_ok_and(|log| log.contains("plays")) {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
    let told = |arguments: &[&str]| {
        let mut command = program(folder.path(), arguments);
        let done = command.env("SCORE_RUNTIME_DIR", &sockets).output().unwrap();
        assert!(
            done.status.success(),
            "{arguments:?}: {}",
            text(&done.stderr)
        );
        text(&done.stdout)
    };
    let mut set = 0;
    for (id, kind) in [
        ("edges", "edge_density"),
        ("human", "jitter"),
        ("quantiser", "scale_quantiser"),
    ] {
        let declared: Value = serde_json::from_str(&told(&["nodes", kind, "--json"])).unwrap();
        for param in declared["params"].as_array().unwrap() {
            if param["change"] != "Live" {
                continue;
            }
            let target = format!("{id}.{}", param["name"].as_str().unwrap());
            told(&["set", &format!("{target}={}", another(param))]);
            let begun = Instant::now();
            loop {
                let now: Value = serde_json::from_str(&told(&["get", &target, "--json"])).unwrap();
                if now["source"] == "hand" {
                    break;
                }
                assert!(begun.elapsed() < PATIENCE, "{target}: {now}");
            }
            set += 1;
        }
    }
    assert!(set >= 5, "{set}");
    // What a processor refuses is logged.
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(!log.contains("keeps its old value"), "{log}");
}
