//! What sounds on sixteen channels while keys and pedals move.

use std::collections::BTreeMap;

use score_engine::Note;

/// The controllers of the pedals that hold notes.
const SUSTAIN: u8 = 64;
const SOSTENUTO: u8 = 66;

/// A pedal is down from the middle of its way on.
const DOWN: u8 = 64;

/// Messages of a channel's mode: silence at once, every controller where it was, and, from here on,
/// every key up.
const ALL_SOUND_OFF: u8 = 120;
const RESET_CONTROLLERS: u8 = 121;
const ALL_NOTES_OFF: u8 = 123;

/// Keys and pedals of sixteen channels.
#[derive(Debug, Default)]
pub(crate) struct Keyboard([Channel; 16]);

#[derive(Debug, Default)]
struct Channel {
    /// The keys that sound.
    keys: BTreeMap<u8, Key>,
    sustain: bool,
    sostenuto: bool,
}

#[derive(Clone, Copy, Debug)]
struct Key {
    is_down: bool,
    /// The sostenuto pedal went down while the key was.
    is_caught: bool,
}

impl Channel {
    fn holds(&self, key: Key) -> bool {
        key.is_down || self.sustain || key.is_caught
    }

    /// Removes the keys that nothing holds.
    fn release(&mut self) -> Vec<u8> {
        let keys = std::mem::take(&mut self.keys);
        let (held, ended) = keys.into_iter().partition(|(_, key)| self.holds(*key));
        self.keys = held;
        let ended: BTreeMap<u8, Key> = ended;
        ended.into_keys().collect()
    }
}

impl Keyboard {
    fn channel(&mut self, channel: u8) -> &mut Channel {
        &mut self.0[usize::from(channel & 0x0F)]
    }

    /// A key goes down. Returns whether a note on it sounds, which ends first.
    pub(crate) fn down(&mut self, channel: u8, pitch: u8) -> bool {
        let keys = &mut self.channel(channel).keys;
        let before = keys.get(&pitch).copied();
        let key = Key {
            is_down: true,
            is_caught: before.is_some_and(|key| key.is_caught),
        };
        keys.insert(pitch, key);
        before.is_some()
    }

    /// A key comes up. Returns whether its note ends.
    pub(crate) fn up(&mut self, channel: u8, pitch: u8) -> bool {
        let channel = self.channel(channel);
        let Some(key) = channel.keys.get_mut(&pitch) else {
            return false;
        };
        key.is_down = false;
        let key = *key;
        if !channel.holds(key) {
            channel.keys.remove(&pitch);
        }
        !channel.holds(key)
    }

    /// A controller moves. Returns the notes that end.
    pub(crate) fn control(&mut self, channel: u8, number: u8, value: u8) -> Vec<Note> {
        let of = self.channel(channel);
        match number {
            SUSTAIN => of.sustain = value >= DOWN,
            SOSTENUTO => {
                let is_down = value >= DOWN;
                for key in of.keys.values_mut() {
                    let catches = is_down && !of.sostenuto && key.is_down;
                    key.is_caught = is_down && key.is_caught || catches;
                }
                of.sostenuto = is_down;
            }
            ALL_SOUND_OFF => return self.silence(Some(channel)),
            RESET_CONTROLLERS => {
                (of.sustain, of.sostenuto) = (false, false);
                of.keys.values_mut().for_each(|key| key.is_caught = false);
            }
            ALL_NOTES_OFF.. => of.keys.values_mut().for_each(|key| key.is_down = false),
            _ => return Vec::new(),
        }
        let ended = of.release().into_iter();
        ended.map(|pitch| Note::Off { channel, pitch }).collect()
    }

    /// Ends every note of one channel, or of all.
    pub(crate) fn silence(&mut self, of: Option<u8>) -> Vec<Note> {
        let channels = (0..).zip(&mut self.0);
        let wanted = channels.filter(|(channel, _)| of.is_none_or(|of| of == *channel));
        wanted
            .flat_map(|(channel, keys)| {
                let pitches = std::mem::take(&mut keys.keys).into_keys();
                pitches.map(move |pitch| Note::Off { channel, pitch })
            })
            .collect()
    }
}

/// Whether a controller only says when notes end, and so has done all it can once they do.
pub(crate) fn is_about_ends(number: u8) -> bool {
    matches!(
        number,
        SUSTAIN | SOSTENUTO | ALL_SOUND_OFF | ALL_NOTES_OFF..
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pitches(ends: &[Note]) -> Vec<u8> {
        ends.iter().map(Note::pitch).collect()
    }

    #[test]
    fn the_sustain_pedal_holds_what_is_played_until_it_comes_up() {
        let mut keyboard = Keyboard::default();
        keyboard.control(0, SUSTAIN, 127);
        assert!(!keyboard.down(0, 60));
        assert!(!keyboard.up(0, 60));
        assert!(!keyboard.down(0, 64));
        // The other channel has a pedal of its own.
        assert!(!keyboard.down(1, 60) && keyboard.up(1, 60));
        assert_eq!(pitches(&keyboard.control(0, SUSTAIN, 63)), [60]);
        assert!(keyboard.up(0, 64));
    }

    #[test]
    fn the_sostenuto_pedal_holds_only_the_keys_that_were_down() {
        let mut keyboard = Keyboard::default();
        keyboard.down(0, 48);
        keyboard.control(0, SOSTENUTO, 127);
        keyboard.down(0, 60);
        assert!(keyboard.up(0, 60));
        assert!(!keyboard.up(0, 48));
        // Held down twice is held down once.
        keyboard.control(0, SOSTENUTO, 100);
        assert_eq!(pitches(&keyboard.control(0, SOSTENUTO, 0)), [48]);
    }

    #[test]
    fn a_key_struck_again_under_the_pedal_ends_its_note_first() {
        let mut keyboard = Keyboard::default();
        keyboard.control(0, SUSTAIN, 127);
        keyboard.down(0, 60);
        keyboard.up(0, 60);
        assert!(keyboard.down(0, 60));
        assert!(!keyboard.up(0, 60));
        assert_eq!(pitches(&keyboard.control(0, SUSTAIN, 0)), [60]);
    }

    #[test]
    fn all_notes_off_leaves_what_the_pedal_holds_and_all_sound_off_nothing() {
        let mut keyboard = Keyboard::default();
        keyboard.down(0, 60);
        assert_eq!(pitches(&keyboard.control(0, ALL_NOTES_OFF, 0)), [60]);
        keyboard.control(0, SUSTAIN, 127);
        keyboard.down(0, 62);
        keyboard.down(3, 64);
        assert!(keyboard.control(0, ALL_NOTES_OFF, 0).is_empty());
        assert_eq!(pitches(&keyboard.control(0, ALL_SOUND_OFF, 0)), [62]);
        assert_eq!(pitches(&keyboard.silence(None)), [64]);
        keyboard.down(0, 65);
        keyboard.up(0, 65);
        assert_eq!(pitches(&keyboard.control(0, RESET_CONTROLLERS, 0)), [65]);
    }
}
