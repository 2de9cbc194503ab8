//! What a live run promises, measured on JACK's dummy driver.
//!
//!     cargo bench --package score --bench live -- WHAT [NUMBER]
//!
//! hits, phrases, steer, osc, taps, pages (of one page: minutes), palette, edits (how many), faults,
//! idle (seconds) or soak (minutes); `docs/performance.md` says what each prints.
#![allow(missing_docs, clippy::print_stdout)]

use score_test_support::proof::{
    cuts, edits, faults, osc, pages, palette, resources, steering, taps,
};
use score_test_support::{listener, witness};

/// Frames in a period of the server, as in a block of the run.
const PERIOD: u32 = 256;

/// Edits in one run.
const EDITS: usize = 1_000;

fn main() {
    if listener::listen_if_asked() || witness::watch_if_asked() || taps::play_if_asked() {
        return;
    }
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let what = words.first().map_or("", String::as_str);
    let number = words.get(1).and_then(|word| word.parse::<f64>().ok());
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load of the machine at the beginning: {}", load.trim());
    match what {
        "hits" => cuts::print_hits(PERIOD),
        "phrases" => {
            for name in ["live", "stream_live"] {
                cuts::print_phrases(name, PERIOD);
            }
        }
        "steer" => steering::print_steering(PERIOD),
        "osc" => osc::print_osc(PERIOD),
        "taps" => taps::print_taps(PERIOD),
        "pages" => match number {
            Some(minutes) => pages::print_long(minutes, PERIOD),
            None => pages::print_pages(PERIOD),
        },
        "palette" => palette::print_palette(),
        "edits" => {
            let mut left = number.unwrap_or(500.0) as usize;
            while left > 0 {
                edits::print_edits(left.min(EDITS), left as u64, PERIOD);
                left -= left.min(EDITS);
            }
        }
        "faults" => faults::print_faults(PERIOD),
        "idle" => resources::print_idle(number.unwrap_or(60.0)),
        "soak" => resources::print_soak(number.unwrap_or(30.0)),
        _ => println!(
            "say what: hits, phrases, steer, osc, taps, pages, palette, edits, faults, idle or soak"
        ),
    }
}
