//! Reads the DAW's transport, and says what a run is to be told of it.

use clack_plugin::events::event_types::{TransportEvent, TransportFlags};
use score_link::daw::Place;

use crate::player::Player;
use crate::timeline::{News, Playhead, snapped};

/// How often a run is told where the playhead is, in nanoseconds.
const OFTEN: i64 = 200_000_000;

/// And at most while its tempo changes: a run changes its own in smaller steps.
const SOON: i64 = 20_000_000;

/// The share by which one block corrects when frames are: DAWs hand out blocks with jitter.
const CORRECTION: f64 = 1.0 / 32.0;

/// A difference in nanoseconds that is no jitter: the DAW was held up, or the device is another.
const HELD_UP: f64 = 100e6;

/// Times a loop is gone through in one block, at most.
const MOST_LOOPS: u32 = 16;

/// When frames are, on the clock that the run reads too.
#[derive(Debug)]
struct Stamps {
    /// Nanoseconds in a frame.
    per_frame: f64,
    /// When frame 0 was.
    origin: Option<f64>,
}

impl Stamps {
    /// When `frame` is, with which a block begins that the DAW hands out `now`.
    fn at(&mut self, now: i64, frame: u64) -> i64 {
        let since = frame as f64 * self.per_frame;
        let said = now as f64 - since;
        let origin = match self.origin {
            Some(origin) if (said - origin).abs() < HELD_UP => {
                origin + (said - origin) * CORRECTION
            }
            _ => said,
        };
        self.origin = Some(origin);
        (origin + since).round() as i64
    }
}

/// What was read of the DAW's transport, and told of it.
#[derive(Debug)]
pub(crate) struct Reading {
    stamps: Stamps,
    /// When the block begins that is read.
    begins: i64,
    /// The latest.
    latest: Option<Place>,
    /// What is to be told without delay.
    urgent: Option<Place>,
    /// What was told last.
    told: Option<Place>,
}

impl Reading {
    pub(crate) fn new(rate: f64) -> Self {
        Reading {
            stamps: Stamps {
                per_frame: 1e9 / rate,
                origin: None,
            },
            begins: 0,
            latest: None,
            urgent: None,
            told: None,
        }
    }

    /// A block begins `now` with this frame.
    pub(crate) fn begin(&mut self, now: i64, frame: u64) {
        self.begins = self.stamps.at(now, frame);
    }

    /// The DAW says where its playhead is `offset` frames into the block.
    pub(crate) fn hear(&mut self, player: &mut Player, offset: u32, transport: &TransportEvent) {
        self.place(player, offset, playhead(transport), metre(transport));
    }

    fn place(&mut self, player: &mut Player, offset: u32, now: Playhead, metre: (u16, u16)) {
        let at = self.begins + (f64::from(offset) * self.stamps.per_frame).round() as i64;
        let news = player.place(offset, at, now);
        let jumps = matches!(news, News::Starts | News::Jumps);
        let place = Place {
            at,
            // A run that begins just beyond a note's place does not play the note.
            beat: if jumps { snapped(now.beat) } else { now.beat },
            tempo: now.tempo,
            metre,
            plays: now.plays,
            jumps,
        };
        self.latest = Some(place);
        if place.jumps || news == News::Stops {
            self.urgent = Some(place);
        }
    }

    /// The playhead goes through its loop within a block of `frames`, where the DAW does not say so
    /// by an event.
    pub(crate) fn wrap(&mut self, player: &mut Player, frames: u32, transport: &TransportEvent) {
        let now = playhead(transport);
        if !now.plays || !transport.flags.contains(TransportFlags::IS_LOOP_ACTIVE) {
            return;
        }
        let start = transport.loop_start_beats.to_float();
        let end = transport.loop_end_beats.to_float();
        let per_frame = now.tempo / 60e9 * self.stamps.per_frame;
        let (mut offset, mut beat) = (0.0, now.beat);
        for _ in 0..MOST_LOOPS {
            let wraps = ((end - beat) / per_frame).ceil();
            // At the very end of the block the next one says it.
            if start >= end || beat >= end || offset + wraps >= f64::from(frames) {
                return;
            }
            offset += wraps;
            beat = start + (beat + wraps * per_frame - end);
            let wrapped = Playhead { beat, ..now };
            self.place(player, offset as u32, wrapped, metre(transport));
        }
    }

    /// What a run is to be told now.
    pub(crate) fn tell(&mut self) -> Option<Place> {
        let place = self.urgent.or_else(|| {
            let mut latest = self.latest?;
            latest.jumps = false;
            let told = self.told?;
            let is_other = told.tempo != latest.tempo || told.metre != latest.metre;
            let wait = if is_other { SOON } else { OFTEN };
            let since = latest.at.saturating_sub(told.at);
            // Back in time: the clock was read anew.
            (since >= wait || since < 0).then_some(latest)
        });
        place.or(self.latest.filter(|_| self.told.is_none()))
    }

    /// It has been told.
    pub(crate) fn has_told(&mut self, place: Place) {
        self.urgent = None;
        self.told = Some(place);
    }
}

/// Where the playhead is: one without a tempo or beats does not move.
fn playhead(transport: &TransportEvent) -> Playhead {
    let flags =
        TransportFlags::IS_PLAYING | TransportFlags::HAS_TEMPO | TransportFlags::HAS_BEATS_TIMELINE;
    let tempo = Some(transport.tempo).filter(|tempo| tempo.is_finite() && *tempo > 0.0);
    Playhead {
        beat: transport.song_pos_beats.to_float(),
        tempo: tempo.unwrap_or(120.0),
        plays: transport.flags.contains(flags) && tempo.is_some(),
    }
}

fn metre(transport: &TransportEvent) -> (u16, u16) {
    let has = (transport.flags).contains(TransportFlags::HAS_TIME_SIGNATURE);
    let (beats, unit) = (
        transport.time_signature_numerator,
        transport.time_signature_denominator,
    );
    // Nobody is told of one that is none: 0 of something is no metre to a run.
    if has { (beats, unit) } else { (0, 0) }
}

#[cfg(test)]
mod tests {
    use clack_plugin::events::EventHeader;
    use clack_plugin::utils::FixedPoint;

    use super::*;

    const RATE: f64 = 48_000.0;

    fn transport(beat: f64, tempo: f64, more: TransportFlags) -> TransportEvent {
        let flags = TransportFlags::HAS_TEMPO
            | TransportFlags::HAS_BEATS_TIMELINE
            | TransportFlags::HAS_TIME_SIGNATURE
            | more;
        let none = FixedPoint::from_int(0);
        TransportEvent {
            header: EventHeader::new_core(0, clack_plugin::events::EventFlags::empty()),
            flags,
            song_pos_beats: beat.into(),
            song_pos_seconds: none,
            tempo,
            tempo_inc: 0.0,
            loop_start_beats: FixedPoint::from_int(2),
            loop_end_beats: FixedPoint::from_int(3),
            loop_start_seconds: none,
            loop_end_seconds: none,
            bar_start: none,
            bar_number: 0,
            time_signature_numerator: 7,
            time_signature_denominator: 8,
        }
    }

    /// Blocks of 480 frames, ten milliseconds each, of which the DAW says this. Gives what a run is
    /// told.
    fn told(transports: impl IntoIterator<Item = TransportEvent>) -> Vec<Place> {
        let mut reading = Reading::new(RATE);
        let mut player = Player::new(RATE, 0);
        let mut told = Vec::new();
        for (now, transport) in (1_i64..).zip(transports) {
            reading.begin(now * 10_000_000, player.head());
            reading.hear(&mut player, 0, &transport);
            reading.wrap(&mut player, 480, &transport);
            if let Some(place) = reading.tell() {
                reading.has_told(place);
                told.push(place);
            }
            player.play(480, |_, _| {});
        }
        told
    }

    const PLAYS: TransportFlags = TransportFlags::IS_PLAYING;

    #[test]
    fn a_start_and_a_stop_are_told_at_once_and_what_goes_on_five_times_a_second() {
        let stands = transport(1.0, 120.0, TransportFlags::empty());
        let plays = (0..101).map(|block| transport(1.0 + f64::from(block) * 0.02, 120.0, PLAYS));
        let blocks = [stands; 3].into_iter().chain(plays).chain([stands; 3]);
        let told = told(blocks);
        let plays: Vec<bool> = told.iter().map(|place| place.plays).collect();
        assert_eq!(plays, [false, true, true, true, true, true, true, false]);
        assert!(told[1].jumps && told[2..].iter().all(|place| !place.jumps));
        assert_eq!((told[1].at, told[1].beat), (40_000_000, 1.0));
        assert_eq!(told[1].metre, (7, 8));
        for place in &told[1..7] {
            let seconds = (place.at - told[1].at) as f64 / 1e9;
            assert!((place.beat - 1.0 - 2.0 * seconds).abs() < 1e-6, "{place:?}");
        }
    }

    #[test]
    fn a_loop_within_a_block_is_gone_through_at_its_frame() {
        let loops = PLAYS | TransportFlags::IS_LOOP_ACTIVE;
        // A block is .02 quarter notes; the loop ends at 3, after a quarter of the third.
        let beats = [2.955, 2.975, 2.995, 2.015, 2.035];
        let told = told(beats.map(|beat| transport(beat, 120.0, loops)));
        assert_eq!(told.len(), 2, "{told:?}");
        let place = told[1];
        assert!(place.jumps && (place.beat - 2.0).abs() < 1e-6);
        assert_eq!(place.at, 30_000_000 + 2_500_000);
    }

    #[test]
    fn a_transport_without_beats_or_with_an_absurd_tempo_does_not_play() {
        let mut strange = transport(1.0, 120.0, PLAYS);
        strange.flags.remove(TransportFlags::HAS_BEATS_TIMELINE);
        assert!(!playhead(&strange).plays);
        for tempo in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(!playhead(&transport(1.0, tempo, PLAYS)).plays);
        }
    }

    #[test]
    fn jitter_of_blocks_is_smoothed_and_a_pause_is_not() {
        let mut stamps = Stamps {
            per_frame: 1e9 / RATE,
            origin: None,
        };
        let mut worst = 0;
        for block in 0_i64..2_000 {
            // Blocks of 10 ms come two at a time.
            let now = block / 2 * 20_000_000;
            let at = stamps.at(now, block as u64 * 480);
            if block > 200 {
                worst = worst.max((at - block * 10_000_000 + 5_000_000).abs());
            }
        }
        assert!(worst < 500_000, "{worst}");
        let later = stamps.at(60_000_000_000, 2_000 * 480);
        assert_eq!(later, 60_000_000_000);
    }
}
