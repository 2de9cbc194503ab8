//! How long `teach` takes for a latent of 64 components with 200 examples of eight knobs, and to
//! learn them when it begins.
//!
//!     cargo bench --package score-nodes --bench teach
//!
//! At most 0.2 ms a latent are wanted. What the render of the same latents takes without `teach` is
//! taken off.
#![allow(clippy::unwrap_used, missing_docs, clippy::print_stdout)]

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use score_engine::{Run, Settings, Source, check};

const EXAMPLES: usize = 200;
const COMPONENTS: usize = 64;
const LATENTS: u32 = 20_000;
const ROUNDS: usize = 7;

fn main() {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load of the machine at the beginning: {}", load.trim());
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("taught")).unwrap();
    std::fs::write(folder.path().join("taught/examples.ron"), examples()).unwrap();
    let (mut steps, mut learning) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let few =
            rendered(folder.path(), true, 1).saturating_sub(rendered(folder.path(), false, 1));
        let with = rendered(folder.path(), true, LATENTS).saturating_sub(few);
        let step = with.saturating_sub(rendered(folder.path(), false, LATENTS)) / LATENTS;
        steps.push(step);
        learning.push(few);
    }
    print("a latent", &mut steps);
    print("learning all", &mut learning);
}

/// What a render of so many latents takes.
fn rendered(folder: &Path, is_taught: bool, latents: u32) -> Duration {
    let taught = match is_taught {
        true => r#""taught": teach(folder: "taught"),"#,
        false => r#""taught": latent_smooth(),"#,
    };
    let seconds = f64::from(latents) / 1000.0;
    let text = format!(
        r#"Patch(format: 1, nodes: {{
            "walk": latent_random(dimension: {COMPONENTS}, every: 0.001, duration: {seconds}), {taught}
        }}, wires: ["walk -> taught"])"#
    );
    let source = Source::text("bench.ron", &text, folder.to_owned());
    let settings = Settings::default();
    let graph = check(&source, &[], &score_nodes::registry(), &settings).unwrap();
    let begin = Instant::now();
    Run::start(graph, &settings).unwrap().wait().unwrap();
    begin.elapsed()
}

/// Examples whose latents and knobs are drawn by chance.
fn examples() -> String {
    let mut state = 1_u32;
    let mut drawn = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    let mut text = "Examples(format: 1, examples: [".to_owned();
    for id in 1..=EXAMPLES {
        let values: Vec<String> = { "abcdefgh".chars() }
            .map(|knob| format!("\"{knob}\": {:.4}", drawn()))
            .collect();
        let latent: Vec<String> = (0..COMPONENTS)
            .map(|_| format!("{:.4}", (drawn() - 0.5) * 3.46))
            .collect();
        let (values, latent) = (values.join(", "), latent.join(", "));
        let _ = write!(
            text,
            "(id: {id}, values: {{{values}}}, latent: [{latent}]),"
        );
    }
    text.push_str("])");
    text
}

fn print(what: &str, times: &mut [Duration]) {
    times.sort();
    let middle = times[times.len() / 2].as_secs_f64() * 1e3;
    let most = times[times.len() - 1].as_secs_f64() * 1e3;
    println!("{what}: {middle:.4} ms (median of {ROUNDS} renders), {most:.4} ms at most");
}
