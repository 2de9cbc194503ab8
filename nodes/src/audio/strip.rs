//! What controllers do to a channel's sound: level, place between left and right, and pitch.

use score_engine::ChannelChange;

use super::within;

/// The controllers that are followed.
const DATA: u8 = 6;
const VOLUME: u8 = 7;
const PAN: u8 = 10;
const EXPRESSION: u8 = 11;
const FINE_DATA: u8 = 38;
const RESET: u8 = 121;

/// The four that choose a parameter for the data that follow: two for those that MIDI registers,
/// and two for others.
const PARAMETER: [u8; 4] = [100, 101, 98, 99];

/// The registered parameter that says how far pitch is bent.
const BEND_SPAN: (u8, u8) = (0, 0);

/// MIDI's usual volume, at which a voice is as loud as without any.
const USUAL_VOLUME: f32 = 100.0 / 127.0;

/// The middle between left and right, of 127.
const MIDDLE: f32 = 64.0 / 127.0;

/// How far pitch is bent at most unless a file says otherwise, in semitones.
const USUAL_SPAN: f32 = 2.0;

/// The time in which a level goes most of its way to another, in seconds: a jump would be heard as
/// a click.
const GLIDE: f32 = 0.004;

/// One channel.
#[derive(Clone, Debug)]
pub(crate) struct Strip {
    volume: f32,
    expression: f32,
    pan: f32,
    bend: f32,
    span: f32,
    parameter: (u8, u8),
    /// Gain of left and right as they are.
    now: [f32; 2],
    /// The share of its way that a gain goes in a frame.
    glide: f32,
}

/// The gain of left and right over some frames.
pub(crate) enum Gains {
    /// All along.
    Flat([f32; 2]),
    /// Frame by frame.
    Moving(Vec<[f32; 2]>),
}

impl Strip {
    /// A channel to which nothing was done, at `rate` frames a second.
    pub(crate) fn new(rate: u32) -> Self {
        Strip {
            volume: USUAL_VOLUME,
            expression: 1.0,
            pan: MIDDLE,
            bend: 0.0,
            span: USUAL_SPAN,
            parameter: (127, 127),
            now: [1.0; 2],
            glide: 1.0 - (-1.0 / (GLIDE * rate as f32)).exp(),
        }
    }

    /// Takes a change. Returns whether it is followed.
    pub(crate) fn change(&mut self, change: ChannelChange) -> bool {
        match change {
            ChannelChange::Bend { value, .. } => self.bend = within(value, (-1.0, 1.0), 0.0),
            ChannelChange::Controller { number, value, .. } => return self.control(number, value),
            ChannelChange::Program { .. } => return false,
        }
        true
    }

    fn control(&mut self, number: u8, value: f32) -> bool {
        let value = within(value, (0.0, 1.0), 0.0);
        let seven_bits = (value * 127.0).round();
        match number {
            VOLUME => self.volume = value,
            EXPRESSION => self.expression = value,
            PAN => self.pan = value,
            DATA if self.parameter == BEND_SPAN => self.span = seven_bits + self.span.fract(),
            FINE_DATA if self.parameter == BEND_SPAN => {
                self.span = self.span.trunc() + (seven_bits / 100.0).min(0.99);
            }
            number if number == PARAMETER[0] => self.parameter.0 = seven_bits as u8,
            number if number == PARAMETER[1] => self.parameter.1 = seven_bits as u8,
            number if PARAMETER.contains(&number) => self.parameter = (127, 127),
            RESET => {
                // Volume and pan stay, as MIDI's recommended practice 15 has it.
                (self.expression, self.bend, self.parameter) = (1.0, 0.0, (127, 127));
            }
            _ => return false,
        }
        true
    }

    /// The factor for a note's frequency.
    pub(crate) fn pitch(&self) -> f32 {
        (self.bend * self.span / 12.0).exp2()
    }

    fn aim(&self) -> [f32; 2] {
        // General MIDI has both squared.
        let level = (self.volume / USUAL_VOLUME * self.expression).powi(2);
        // A little past the middle on one side is the middle still: MIDI has no exact one.
        let aside = ((self.pan - MIDDLE) / (1.0 - MIDDLE)).clamp(-1.0, 1.0);
        [
            level * (1.0 - aside).min(1.0),
            level * (1.0 + aside).min(1.0),
        ]
    }

    /// Goes there at once, because nothing sounds.
    pub(crate) fn settle(&mut self) {
        self.now = self.aim();
    }

    /// The gains of the next `frames` frames.
    pub(crate) fn gains(&mut self, frames: usize) -> Gains {
        let aim = self.aim();
        if self.now == aim {
            return Gains::Flat(aim);
        }
        let glide = self.glide;
        let moving = (0..frames).map(|_| {
            for (now, aim) in self.now.iter_mut().zip(aim) {
                *now += (aim - *now) * glide;
                if (*now - aim).abs() < 1e-4 {
                    *now = aim;
                }
            }
            self.now
        });
        Gains::Moving(moving.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(number: u8, value: u8) -> ChannelChange {
        ChannelChange::Controller {
            channel: 0,
            number,
            value: f32::from(value) / 127.0,
        }
    }

    /// Where the gains of left and right come to after `changes`.
    fn gains(changes: &[ChannelChange]) -> [f32; 2] {
        let mut strip = Strip::new(48_000);
        assert!(changes.iter().all(|change| strip.change(*change)));
        strip.gains(48_000);
        match strip.gains(1) {
            Gains::Flat(gains) => gains,
            Gains::Moving(_) => panic!("still moving"),
        }
    }

    #[test]
    fn volume_expression_and_pan_set_the_gains() {
        assert_eq!(gains(&[]), [1.0, 1.0]);
        assert_eq!(gains(&[control(7, 100), control(10, 64)]), [1.0, 1.0]);
        let half = gains(&[control(7, 50)]);
        assert!((half[0] - 0.25).abs() < 1e-3 && half[0] == half[1]);
        assert_eq!(gains(&[control(11, 0)]), [0.0, 0.0]);
        assert_eq!(gains(&[control(10, 127)])[0], 0.0);
        assert_eq!(gains(&[control(10, 0)]), [1.0, 0.0]);
    }

    #[test]
    fn pitch_is_bent_by_two_semitones_or_what_the_file_says() {
        let mut strip = Strip::new(48_000);
        strip.change(ChannelChange::Bend {
            channel: 0,
            value: 1.0,
        });
        assert!((strip.pitch() - (2.0f32 / 12.0).exp2()).abs() < 1e-6);
        for (number, value) in [(101, 0), (100, 0), (6, 12), (38, 0)] {
            strip.change(control(number, value));
        }
        assert!((strip.pitch() - 2.0).abs() < 1e-6);
        strip.change(control(RESET, 0));
        assert_eq!(strip.pitch(), 1.0);
    }

    #[test]
    fn a_level_goes_over_without_a_jump() {
        let mut strip = Strip::new(48_000);
        strip.change(control(11, 0));
        let Gains::Moving(gains) = strip.gains(2_000) else {
            panic!("at once");
        };
        let steps = gains.windows(2).map(|pair| (pair[0][0] - pair[1][0]).abs());
        assert!(steps.fold(0.0, f32::max) < 0.01);
        assert_eq!(gains[1_999], [0.0, 0.0]);
    }

    #[test]
    fn what_is_not_followed_is_said() {
        let mut strip = Strip::new(48_000);
        assert!(!strip.change(control(1, 64)));
        assert!(!strip.change(ChannelChange::Program {
            channel: 0,
            number: 1
        }));
    }
}
