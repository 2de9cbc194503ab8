//! Cuts in drawn films.

use std::path::PathBuf;

use score_engine::harness::{Harness, Outputs};
use score_engine::{Payload, PortType, Value};
use serde_json::json;

use super::super::test_pictures::{SIZE, controls, drawn, flat, picture};
use super::*;
use crate::video::ffmpeg::{Decoder, probe};

/// Scenes that ffmpeg draws at 25 pictures a second, with the number of pictures of each. The
/// colours of gradients are named, since ffmpeg draws them at random, whatever the seed.
const SCENES: [(&str, usize); 7] = [
    (
        "mandelbrot=size=64x64:start_scale=0.4:end_scale=0.02:end_pts=130",
        30,
    ),
    ("testsrc2=size=64x64", 17),
    (
        "life=size=64x64:mold=8:life_color=#ffe040:death_color=#102060:mold_color=#903020:seed=3:random_fill_ratio=0.2",
        40,
    ),
    (
        "gradients=size=64x64:nb_colors=4:c0=#e09080:c1=#30d040:c2=#4070a0:c3=#f0c040:seed=5:speed=0.03",
        25,
    ),
    ("sierpinski=size=64x64:seed=2", 22),
    ("smptehdbars=size=64x64", 12),
    (
        "gradients=size=64x64:nb_colors=3:c0=#a02020:c1=#2060c0:c2=#f0f0a0:seed=9:speed=0.05:type=radial",
        33,
    ),
];

type Film = Vec<(Time, Payload)>;

/// The scenes, each changed by `filter`, and the times of the cuts.
fn scenes(filter: &str) -> (Film, Vec<Time>) {
    let (mut film, mut cuts) = (Vec::new(), Vec::new());
    for (source, length) in SCENES {
        let drawn = drawn(&format!("{source}:rate=25,{filter}"), 25.0);
        cuts.push(time(film.len()));
        for (_, picture) in drawn.into_iter().take(length) {
            film.push((time(film.len()), picture));
        }
    }
    cuts.remove(0);
    (film, cuts)
}

fn time(frame: usize) -> Time {
    Time::from_nanos(frame as i64 * 40_000_000)
}

fn watch(params: Value, film: Film) -> Outputs {
    let last = film.last().map_or(Time::ZERO, |(time, _)| *time);
    let end = last + time(1);
    Harness::<CutDetector>::new(params)
        .feed("frames", PortType::Frame, film, end)
        .run()
        .unwrap()
}

fn cuts(outputs: &Outputs) -> Vec<Time> {
    outputs
        .packets("cut")
        .iter()
        .map(|packet| packet.time)
        .collect()
}

/// A filter that draws as many pictures as any scene needs.
const LENGTH: &str = "trim=end_frame=45";

#[test]
fn every_cut_between_drawn_scenes_is_reported_and_nothing_else() {
    let (film, wanted) = scenes(LENGTH);
    let outputs = watch(json!({}), film);
    assert_eq!(cuts(&outputs), wanted);
    for packet in outputs.packets("cut") {
        let event = packet.event().unwrap();
        assert_eq!(event.name, "cut");
        assert!(event.strength > 0.36 && event.strength <= 1.0);
    }
}

#[test]
fn a_shaking_camera_and_noise_are_not_cuts() {
    let (film, wanted) = scenes(&format!(
        "{LENGTH},scale=96:96,crop=64:64:x='16+14*sin(n*0.6)':y='16+14*cos(n*0.45)',noise=alls=12:allf=t"
    ));
    assert_eq!(cuts(&watch(json!({}), film)), wanted);
}

#[test]
fn a_flash_is_not_a_cut_if_as_many_pictures_must_confirm() {
    let film = |length: usize| {
        let still = drawn("testsrc2=size=64x64:rate=25,trim=end_frame=60", 25.0);
        let lit = still.into_iter().enumerate();
        let lit = lit.map(|(n, (time, still))| {
            let flash = n >= 20 && n < 20 + length;
            (time, if flash { flat([255; 3]) } else { still })
        });
        lit.collect::<Film>()
    };
    assert_eq!(cuts(&watch(json!({}), film(1))), []);
    assert_eq!(cuts(&watch(json!({}), film(3))), [time(20)]);
    assert_eq!(cuts(&watch(json!({ "confirm": 3 }), film(3))), []);
}

#[test]
fn fades_and_dissolves_are_not_hard_cuts() {
    let fades = "testsrc2=size=64x64:rate=25,trim=end_frame=100,fade=in:0:25,fade=out:75:25";
    assert_eq!(cuts(&watch(json!({}), drawn(fades, 25.0))), []);
}

#[test]
fn a_cut_is_reported_one_picture_late_at_most_and_at_once_unconfirmed() {
    let (film, wanted) = scenes(LENGTH);
    let end = time(film.len());
    for (confirm, late) in [(0, 0), (1, 1)] {
        let outputs = Harness::<CutDetector>::new(json!({ "confirm": confirm }))
            .feed("frames", PortType::Frame, film.clone(), end)
            .play_live()
            .unwrap();
        let sent: Vec<Time> = wanted.iter().map(|cut| *cut + time(late)).collect();
        assert_eq!(outputs.sent("cut"), sent, "confirm: {confirm}");
        let count = |name| outputs.counter(name);
        assert_eq!((count("cuts"), count("refused")), (wanted.len() as u64, 0));
    }
}

#[test]
fn cuts_keep_their_distance_and_one_in_the_last_picture_is_reported() {
    let red_and_blue = |n: usize| {
        flat(if (n / 5).is_multiple_of(2) {
            [220, 30, 30]
        } else {
            [30, 30, 220]
        })
    };
    let film: Film = (0..16).map(|n| (time(n), red_and_blue(n))).collect();
    let all = json!({ "minimum_distance": { "seconds": 0.1 } });
    // The scene before the last comes back; the pictures between are more than are remembered.
    assert_eq!(
        cuts(&watch(all, film.clone())),
        [time(5), time(10), time(15)]
    );
    assert_eq!(cuts(&watch(json!({}), film)), [time(5), time(15)]);
}

#[test]
fn every_picture_of_any_size_has_its_change_reported() {
    let film = vec![
        (time(0), flat([0; 3])),
        (
            time(1),
            Payload::Frame(Arc::new(Frame::rgb(0, 0, Vec::new()).unwrap())),
        ),
        (time(2), picture(vec![128; SIZE * SIZE * 3])),
        (time(2), picture(vec![9; SIZE * SIZE * 3])),
    ];
    let changes = controls(&watch(json!({}), film), "change");
    assert_eq!(changes.len(), 4);
    assert!(
        changes.iter().all(|change| (0.0..=1.0).contains(change)),
        "{changes:?}"
    );
}

#[test]
fn stills_of_any_length_have_their_cuts_and_flashes_have_none_at_any_rate() {
    let colours = [[220, 30, 30], [30, 30, 220], [220, 220, 30], [20, 160, 60]];
    for millis in [300, 1_000, 2_000, 60_000] {
        let at = |n: i64| Time::from_nanos(n * millis * 1_000_000);
        let film: Film = (0..8)
            .map(|n| (at(n), flat(colours[n as usize % 4])))
            .collect();
        let wanted: Vec<Time> = (1..8).map(at).collect();
        assert_eq!(cuts(&watch(json!({}), film)), wanted, "{millis} ms");
    }
    for rate in [8, 12, 24, 25, 30, 60, 120] {
        let at = |n: i64| Time::from_nanos(n * 1_000_000_000 / rate);
        // As long as one picture of 1/25 s, or the one picture of a slower film.
        let flash = (rate / 25).max(1);
        let colour = |n: i64| {
            if (rate..rate + flash).contains(&n) {
                3
            } else {
                0
            }
        };
        let film: Film = (0..rate * 3)
            .map(|n| (at(n), flat(colours[colour(n)])))
            .collect();
        assert_eq!(cuts(&watch(json!({}), film)), [], "{rate} Hz");
    }
}

#[test]
fn live_a_still_that_is_held_is_a_scene_before_the_next_picture_comes() {
    let film: Film = (0..4)
        .map(|n| {
            let colour = if n % 2 == 0 {
                [220, 30, 30]
            } else {
                [30, 30, 220]
            };
            (Time::from_nanos(n * 2_000_000_000), flat(colour))
        })
        .collect();
    let wanted: Vec<Time> = film[1..].iter().map(|(time, _)| *time).collect();
    let outputs = Harness::<CutDetector>::new(json!({}))
        .feed("frames", PortType::Frame, film, Time::from_seconds(8.0))
        .play_live()
        .unwrap();
    assert_eq!(cuts(&outputs), wanted);
    let held = Time::from_nanos(160_000_000);
    let sent: Vec<Time> = wanted.iter().map(|cut| *cut + held).collect();
    assert_eq!(outputs.sent("cut"), sent);
}

/// Prints where the cuts of a film are, for measuring precision and recall:
/// `SCORE_FILM=film.mp4 cargo test -p score-nodes --lib -- --ignored --nocapture
/// the_cuts_of_a_film`.
#[test]
#[ignore = "needs a film of one's own"]
fn the_cuts_of_a_film() {
    let film = std::env::var("SCORE_FILM").expect("SCORE_FILM names a film");
    let film = PathBuf::from(film);
    let probed = probe(&film, None).unwrap();
    let size = (SIZE as u32, SIZE as u32);
    let mut decoder = Decoder::start((&film, &probed), size, None, None, false).unwrap();
    let mut frames = Vec::new();
    while let Some((time, pixels)) = decoder.next().unwrap() {
        frames.push((time, picture(pixels)));
    }
    let times: Vec<Time> = frames.iter().map(|(time, _)| *time).collect();
    let outputs = watch(json!({}), frames);
    println!("{}: {} frames", film.display(), times.len());
    for packet in outputs.packets("cut") {
        let frame = times.iter().position(|time| *time == packet.time);
        println!(
            "cut {} {}",
            frame.unwrap(),
            packet.event().unwrap().strength
        );
    }
}
