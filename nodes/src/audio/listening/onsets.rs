//! Where something begins in a sound.

use std::collections::VecDeque;

use score_engine::{
    AudioBlock, Build, Control, Descriptor, Event, Flow, InputPort, Io, Length, Node, NodeError,
    OutputPort, Params, Processor, Time, Transport,
};
use score_fourier::Transform;

use super::hearing::Hearing;
use super::level;

const SOUND: InputPort<AudioBlock> = InputPort::new(0, "sound", "the sound");
const ONSET: OutputPort<Event> = OutputPort::new(
    0,
    "onset",
    "`onset`, at the time at which something begins; its strength is how much",
);
const FLUX: OutputPort<Control> =
    OutputPort::new(1, "flux", "how much begins at each moment, 0 to 1");

/// Seconds of a window.
const WINDOW: f64 = 0.0213;

/// Windows begin a quarter of their length apart, and each is compared with the second before it.
const HOPS: usize = 4;
const BEFORE: usize = 2;

/// Bands of equal ratios, between these frequencies in Hz.
const BANDS: usize = 40;
const RANGE: (f64, f64) = (60.0, 16_000.0);

/// How strongly magnitudes are compressed: far more than a tenth of this, their ratio counts, far
/// less, their difference.
const COMPRESSION: f32 = 1_000.0;

/// The median of the flux is taken over this many seconds.
const USUAL: f64 = 0.6;

/// Windows in which the strongest is looked for, once the threshold is passed.
const RISE: u32 = 2;

/// The hops in which the beginning itself is looked for, and the parts of a hop.
const BACK: usize = 3;
const PARTS: usize = 4;

/// `onsets`.
#[derive(Clone, Params)]
pub(crate) struct Onsets {
    /// how far the flux must pass what it usually is; lower finds more
    #[param(live, range = 0.01..=4.0, span = 0.05..=1.5, log, default = 0.2)]
    threshold: f32,
    /// time between two onsets, at least
    #[param(live, range = 0.0..=60.0, span = 0.03..=2.0, log, default = Length::Seconds(0.06))]
    minimum_distance: Length,
    /// level below which there is silence
    #[param(live, range = -90.0..=0.0, span = -70.0..=-20.0, unit = "dBFS", default = -60.0)]
    floor: f64,
}

impl Node for Onsets {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("audio", "onsets", "Tells where something begins in a sound")
            .example(
                r#"nodes: {
                    "drum": audio_input_file(path: "song.wav"),
                    "hits": onsets(threshold: 0.3),
                    "stroke": accent(pitch: 39),
                    "kit": synth(voice: drum_kit),
                    "sound": audio_file(path: "clapped.wav"),
                },
                wires: ["drum -> hits", "hits.onset -> stroke -> kit -> sound"]"#,
            )
            .details(
                "Every stroke, plucked string or new note. Short spectra are compared with the ones 10 ms before: what has become \
                 louder, on a logarithmic scale and over bands of equal ratios, is the spectral flux (S. Dixon, \"Onset detection \
                 revisited\", 2006; vibrato is left out as by S. Böck and G. Widmer, 2013). An onset is where the flux passes its own median of \
                 the last 0.6 s by `threshold`, so that loud and soft music, and a noisy room, need no other settings. Soft beginnings, of \
                 bowed strings or a choir, are found less surely than struck ones.\n\n\
                 The event's time is that of the beginning itself, within some 5 ms; it is known 10 to 25 ms later. Live, \
                 what it starts sounds as soon as it is known. Strength 0.2 is just noticed, 0.9 a loud stroke into silence.",
            )
            .input(SOUND)
            .output(ONSET)
            .output(FLUX)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let rate = build.transport.sample_rate;
        let length = ((f64::from(rate) * WINDOW) as usize).max(64);
        let length = length.next_power_of_two();
        let hop = length / HOPS;
        Ok(Box::new(Detecting {
            rate,
            hop,
            hearing: Hearing::new(rate, length, hop),
            watch: Watch::new(rate, length),
            distance: self.distance(build.transport),
            found: Vec::new(),
        }))
    }
}

impl Onsets {
    /// Frames between two onsets, at least.
    fn distance(&self, transport: &Transport) -> u64 {
        (self.minimum_distance.at(transport)).to_samples(transport.sample_rate)
    }
}

/// What one window shows.
enum Found {
    /// How much begins, at the frame after the window.
    Flux(u64, f32),
    /// Something began at a frame, with the flux that it had.
    Onset(u64, f32),
}

/// A flux as a number from 0 to 1.
fn strength(flux: f32) -> f32 {
    1.0 - (-flux).exp()
}

/// An onset whose strength is not known yet.
struct Candidate {
    /// The frame at which it began.
    frame: u64,
    flux: f32,
    /// Windows that are still waited for.
    left: u32,
}

/// Compares windows.
struct Watch {
    transform: Transform,
    hop: usize,
    /// The first and the last frequency of each band, as numbers of the spectrum.
    bands: Vec<(usize, usize)>,
    /// The bands of the latest windows, compressed, the oldest first.
    before: VecDeque<Vec<f32>>,
    /// The latest fluxes, in their order, and room to sort them.
    fluxes: VecDeque<f32>,
    usual: usize,
    sorted: Vec<f32>,
    candidate: Option<Candidate>,
    /// The frame of the latest onset.
    last: Option<u64>,
}

impl Watch {
    fn new(rate: u32, length: usize) -> Self {
        let hop = length / HOPS;
        Watch {
            transform: Transform::new(length),
            hop,
            bands: bands(rate, length),
            before: VecDeque::new(),
            fluxes: VecDeque::new(),
            usual: ((USUAL * f64::from(rate) / hop as f64) as usize).max(3),
            sorted: Vec::new(),
            candidate: None,
            last: None,
        }
    }

    /// Nothing that was heard counts any more.
    fn forget(&mut self) {
        self.before.clear();
        self.fluxes.clear();
        self.candidate = None;
    }

    /// Looks at the window before the frame `end`; nothing begins before the frame `began`.
    fn see(
        &mut self,
        (began, end): (u64, u64),
        window: &[f32],
        (params, distance): (&Onsets, u64),
        found: &mut Vec<Found>,
    ) -> Result<(), NodeError> {
        let flux = self.flux(window)?;
        let rises = flux > self.fluxes.back().copied().unwrap_or(0.0);
        let over = flux - self.median();
        self.fluxes.push_back(flux);
        if self.fluxes.len() > self.usual {
            self.fluxes.pop_front();
        }
        found.push(Found::Flux(end, strength(flux)));
        if let Some(candidate) = &mut self.candidate {
            candidate.left = candidate.left.saturating_sub(1);
            let falls = flux < candidate.flux;
            candidate.flux = candidate.flux.max(flux);
            if falls || candidate.left == 0 {
                self.decide(found);
            }
            return Ok(());
        }
        let latest = &window[window.len() - 2 * self.hop..];
        let squares: f32 = latest.iter().map(|sample| sample * sample).sum();
        let is_loud = f64::from(level(squares / latest.len() as f32)) >= params.floor;
        if over < params.threshold || !rises || !is_loud {
            return Ok(());
        }
        let frame = (end - self.since_beginning(window) as u64).max(began);
        if self
            .last
            .is_none_or(|last| frame >= last + distance.max(2 * self.hop as u64))
        {
            self.candidate = Some(Candidate {
                frame,
                flux,
                left: RISE,
            });
        }
        Ok(())
    }

    /// What is a candidate is an onset.
    fn decide(&mut self, found: &mut Vec<Found>) {
        if let Some(Candidate { frame, flux, .. }) = self.candidate.take() {
            self.last = Some(frame);
            found.push(Found::Onset(frame, strength(flux)));
        }
    }

    /// By how much the bands have grown, on the mean.
    fn flux(&mut self, window: &[f32]) -> Result<f32, NodeError> {
        let magnitudes = self.transform.magnitudes(window)?;
        let band = |(first, last): &(usize, usize)| {
            let band = &magnitudes[*first..=*last];
            (COMPRESSION * band.iter().sum::<f32>() / band.len() as f32).ln_1p()
        };
        let mut now: Vec<f32> = match self.before.len() > BEFORE {
            true => self.before.pop_front().unwrap_or_default(),
            false => Vec::new(),
        };
        now.clear();
        now.extend(self.bands.iter().map(band));
        let before = self.before.len().checked_sub(BEFORE);
        let before = before.and_then(|index| self.before.get(index));
        // A tone that moves into the next band was there already.
        let was = |index: usize| {
            let before = before?;
            let from = index.saturating_sub(1);
            let near = before.get(from..(index + 2).min(before.len()))?;
            Some(near.iter().copied().fold(0.0, f32::max))
        };
        let growth = now.iter().enumerate();
        let growth = growth.map(|(index, now)| (now - was(index).unwrap_or(0.0)).max(0.0));
        let flux = growth.sum::<f32>() / now.len().max(1) as f32;
        self.before.push_back(now);
        Ok(flux)
    }

    /// What the flux usually is.
    fn median(&mut self) -> f32 {
        self.sorted.clear();
        self.sorted.extend(&self.fluxes);
        self.sorted.sort_by(f32::total_cmp);
        self.sorted
            .get(self.sorted.len() / 2)
            .copied()
            .unwrap_or(0.0)
    }

    /// How many frames before the end of the window the sound rises most.
    fn since_beginning(&self, window: &[f32]) -> usize {
        let part = (self.hop / PARTS).max(1);
        let count = BACK * PARTS;
        let size = |index: usize| {
            // Parts are counted from the end, and the one before the first is needed too.
            let from = window.len().saturating_sub((count + 2 - index) * part);
            let part = &window[from..(from + part).min(window.len())];
            let squares: f32 = part.iter().map(|sample| sample * sample).sum();
            squares.sqrt()
        };
        let rise = |index: usize| size(index) - size(index - 1).max(size(index - 2));
        let best = (2..count + 2).max_by(|one, other| rise(*one).total_cmp(&rise(*other)));
        (count + 2 - best.unwrap_or(2)) * part
    }
}

/// The bands of a spectrum; each has a frequency at least, and none has two bands.
fn bands(rate: u32, length: usize) -> Vec<(usize, usize)> {
    let (lowest, highest) = (RANGE.0, RANGE.1.min(0.45 * f64::from(rate)));
    let ratio = (highest / lowest).max(1.0);
    let edge = |number: usize| {
        let frequency = lowest * ratio.powf(number as f64 / BANDS as f64);
        (frequency * length as f64 / f64::from(rate.max(1))).round() as usize
    };
    let mut bands = Vec::new();
    let mut next = edge(0).max(1);
    for number in 1..=BANDS {
        let last = edge(number).min(length / 2);
        if last >= next {
            bands.push((next, last));
            next = last + 1;
        }
    }
    bands
}

struct Detecting {
    rate: u32,
    hop: usize,
    hearing: Hearing,
    watch: Watch,
    distance: u64,
    /// What the latest block's windows showed.
    found: Vec<Found>,
}

impl Processor<Onsets> for Detecting {
    fn process(&mut self, params: &Onsets, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            self.look(params, input.packet.time, input.read(SOUND)?)?;
            self.tell(io)?;
        }
        if self.hearing.stops(io).is_some() {
            self.watch.decide(&mut self.found);
            self.tell(io)?;
            self.watch.forget();
        }
        Ok(match (&self.watch.candidate, self.hearing.look_again()) {
            (Some(_), Some(time)) => Flow::WakeAt(time),
            _ => Flow::Continue,
        })
    }

    fn finish(&mut self, _params: &Onsets, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.watch.decide(&mut self.found);
        self.tell(io)
    }

    fn earliest_pending(&self) -> Option<Time> {
        // As far back as a window's beginning, its candidate, and the part of a hop that has come.
        let back = (BACK + RISE as usize + 2) * self.hop;
        let earliest = self.hearing.at()?.saturating_sub(back as u64);
        Some(Time::from_samples(
            earliest.max(self.hearing.began()),
            self.rate,
        ))
    }

    fn changed(&mut self, params: &Onsets, transport: &Transport) -> Result<(), NodeError> {
        self.distance = params.distance(transport);
        Ok(())
    }
}

impl Detecting {
    /// Looks at the windows that end in a block.
    fn look(&mut self, params: &Onsets, time: Time, block: &AudioBlock) -> Result<(), NodeError> {
        let (watch, found) = (&mut self.watch, &mut self.found);
        let limits = (params, self.distance);
        let mut failed = None;
        let began = self.hearing.began();
        let mut windows: Vec<(u64, Vec<f32>)> = Vec::new();
        self.hearing.hear(time, block, |end, window| {
            windows.push((end, window.to_vec()))
        });
        if self.hearing.began() != began {
            // After a long gap nothing that was heard counts.
            watch.decide(found);
            watch.forget();
        }
        let began = self.hearing.began();
        for (end, window) in windows {
            if let Err(error) = watch.see((began, end), &window, limits, found) {
                failed = Some(error);
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn tell(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        for found in self.found.drain(..) {
            match found {
                Found::Flux(frame, flux) => {
                    io.send(FLUX, Time::from_samples(frame, self.rate), flux)?;
                }
                Found::Onset(frame, strength) => {
                    let event = Event {
                        name: "onset".to_owned(),
                        strength,
                    };
                    io.send(ONSET, Time::from_samples(frame, self.rate), event)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use score_engine::{PortType, Transport};
    use serde_json::{Value, json};

    use super::*;
    use crate::audio::test_sound::{at, block, blocks, noise, tone};

    fn harness(params: Value, sound: &[f32]) -> Harness<Onsets> {
        let end = Time::from_samples(sound.len() as u64, 48_000);
        Harness::new(params).feed("sound", PortType::Audio, blocks(sound), end)
    }

    /// The time in seconds and the strength of each onset.
    fn onsets(outputs: &Outputs) -> Vec<(f64, f32)> {
        let packets = outputs.packets("onset").iter();
        packets
            .map(|packet| (packet.time.seconds(), packet.event().unwrap().strength))
            .collect()
    }

    fn found(params: Value, sound: &[f32]) -> Vec<(f64, f32)> {
        onsets(&harness(params, sound).run().unwrap())
    }

    /// Where the clicks of the tests are, in frames: on no grid.
    const CLICKS: [usize; 6] = [9_731, 20_011, 31_357, 40_000, 55_123, 70_707];

    #[track_caller]
    fn require(found: &[(f64, f32)], wanted: &[usize]) {
        assert_eq!(found.len(), wanted.len(), "{found:?}");
        for ((time, _), frame) in found.iter().zip(wanted) {
            let late = time - *frame as f64 / 48_000.0;
            assert!(late.abs() < 0.01, "{late} s at {frame}: {found:?}");
        }
    }

    #[test]
    fn clicks_are_found_within_ten_milliseconds() {
        for level in [0.9, 0.1] {
            let mut sound = vec![0.0; 96_000];
            for click in CLICKS {
                sound[click] = level;
            }
            require(&found(json!({ "threshold": 0.1 }), &sound), &CLICKS);
        }
    }

    #[test]
    fn plucked_tones_are_found_in_noise_and_louder_ones_are_stronger() {
        let mut sound = noise(0.005, 96_000);
        for (number, click) in CLICKS.into_iter().enumerate() {
            let level = 0.1 + 0.12 * number as f32;
            let pluck = tone(196.0 + 50.0 * number as f64, level, 96_000 - click);
            for (n, sample) in pluck.into_iter().enumerate() {
                sound[click + n] += sample * (-(n as f32) / 4_000.0).exp();
            }
        }
        let found = found(json!({}), &sound);
        require(&found, &CLICKS);
        assert!(
            found
                .iter()
                .all(|(_, strength)| (0.1..=1.0).contains(strength))
        );
    }

    #[test]
    fn steady_sound_has_no_onset_but_its_beginning() {
        let vibrato: Vec<f32> = (0..96_000)
            .map(|n| {
                let time = n as f32 / 48_000.0;
                let turn = 440.0 * time + 1.2 * (std::f32::consts::TAU * 5.0 * time).sin();
                0.4 * (std::f32::consts::TAU * turn).sin()
            })
            .collect();
        for sound in [noise(0.3, 96_000), noise(0.01, 96_000), vibrato] {
            let found = found(json!({}), &sound);
            assert!(
                found.len() <= 1 && found.iter().all(|(time, _)| *time < 0.02),
                "{found:?}"
            );
        }
        assert_eq!(found(json!({}), &[0.0; 48_000]), []);
        assert_eq!(found(json!({ "floor": -20 }), &noise(0.01, 48_000)), []);
    }

    #[test]
    fn two_onsets_are_at_least_so_far_apart() {
        let mut sound = vec![0.0; 96_000];
        (1..9).for_each(|n| sound[n * 4_800] = 0.9);
        assert_eq!(found(json!({}), &sound).len(), 8);
        let apart = json!({ "minimum_distance": { "seconds": 0.25 } });
        assert_eq!(found(apart, &sound).len(), 3);
    }

    #[test]
    fn the_events_are_the_same_however_the_sound_is_cut_into_blocks() {
        let mut sound = noise(0.01, 48_000);
        CLICKS[..3].iter().for_each(|click| sound[*click] = 0.9);
        let cut = |size: usize| {
            let blocks = sound.chunks(size).enumerate();
            let blocks = blocks.map(|(n, part)| {
                let time = Time::from_samples((n * size) as u64, 48_000);
                (time, block(1, part))
            });
            let transport = Transport {
                block: size as u32,
                ..Transport::default()
            };
            let outputs = Harness::<Onsets>::new(json!({}))
                .transport(transport)
                .feed("sound", PortType::Audio, blocks.collect(), at(1.0))
                .run();
            onsets(&outputs.unwrap())
        };
        assert_eq!(cut(512), cut(64));
        assert_eq!(cut(512), cut(1_000));
    }

    #[test]
    fn live_it_finds_what_it_finds_offline_and_tells_within_30_milliseconds() {
        let mut sound = noise(0.005, 96_000);
        CLICKS.iter().for_each(|click| sound[*click] = 0.9);
        let live = harness(json!({}), &sound).play_live().unwrap();
        assert_eq!(onsets(&live), found(json!({}), &sound));
        assert_eq!(live.packets("onset").len(), CLICKS.len());
        let packets = live.packets("onset").iter().zip(live.sent("onset"));
        // The harness gives blocks at their beginning, a block earlier than they would come.
        let block = 512.0 / 48_000.0;
        for (packet, sent) in packets {
            let late = (*sent - packet.time).seconds() + block;
            assert!((0.0..0.03).contains(&late), "{late}");
        }
        let steered = harness(json!({}), &sound)
            .set_live(at(0.5), "floor", 0.0)
            .play_live();
        assert_eq!(onsets(&steered.unwrap()).len(), 2);
    }

    #[test]
    fn what_is_not_a_number_does_not_stop_it() {
        let mut sound = noise(0.005, 96_000);
        sound[2_000] = f32::NAN;
        sound[2_500] = f32::INFINITY;
        sound[3_000] = f32::MAX;
        sound[70_707] = 0.9;
        let found = found(json!({}), &sound);
        let last = found[found.len() - 1];
        assert!((last.0 - 70_707.0 / 48_000.0).abs() < 0.01, "{found:?}");
        assert!(
            found
                .iter()
                .all(|(_, strength)| (0.0..=1.0).contains(strength))
        );
    }
}
