//! What the name of a sound file says: `kick_60_v100_rr2.wav`.

/// The keys that a number in a name may be: lower ones are counters.
const KEYS: std::ops::RangeInclusive<u8> = 12..=127;

/// What a name says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// Every word, in small letters.
    pub(super) words: Vec<String>,
    /// Its key, MIDI's number.
    pub(super) key: Option<u8>,
    /// The highest velocity that it is for, 1 to 127.
    pub(super) velocity: Option<u8>,
    /// Its turn among sounds that are for the same.
    pub(super) turn: Option<u32>,
}

/// Reads a name without its ending. Of several keys the last counts.
pub(super) fn read(name: &str) -> Named {
    let mut named = Named::default();
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '#';
    for part in name.split(|letter: char| !is_part(letter)) {
        let part = part.to_lowercase();
        let number = |prefix: &str| part.strip_prefix(prefix)?.parse::<u32>().ok();
        if let Some(velocity) = number("v").filter(|velocity| (1..=127).contains(velocity)) {
            named.velocity = Some(velocity as u8);
        } else if let Some(turn) = number("rr") {
            named.turn = Some(turn);
        } else if let Some(key) = key(&part) {
            named.key = Some(key);
        } else if part.chars().any(char::is_alphabetic) {
            named.words.push(part);
        }
    }
    named
}

/// The key that a number or the name of a note means; C4 is middle C, 60.
pub(super) fn key(text: &str) -> Option<u8> {
    if text.starts_with(|letter: char| letter.is_ascii_digit()) {
        let key = text.parse().ok().filter(|_| !text.starts_with('0'));
        return key.filter(|key| KEYS.contains(key));
    }
    let mut letters = text.chars();
    let step = match letters.next()?.to_ascii_lowercase() {
        'c' => 0,
        'd' => 2,
        'e' => 4,
        'f' => 5,
        'g' => 7,
        'a' => 9,
        'b' => 11,
        _ => return None,
    };
    let rest = letters.as_str();
    let (aside, octave) = match (rest.strip_prefix('#'), rest.strip_prefix('b')) {
        (Some(rest), _) => (1, rest),
        (_, Some(rest)) => (-1, rest),
        _ => (0, rest),
    };
    // One digit, so that a word is no note.
    let octave: i32 = octave.parse().ok().filter(|_| octave.len() == 1)?;
    u8::try_from((octave + 1) * 12 + step + aside)
        .ok()
        .filter(|key| *key <= 127)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_key_velocity_turn_and_words() {
        let named = read("Kick_60_v100_rr2");
        assert_eq!(named.words, ["kick"]);
        assert_eq!(
            (named.key, named.velocity, named.turn),
            (Some(60), Some(100), Some(2))
        );
        let named = read("rain on-tin f#3 (soft)");
        assert_eq!(named.words, ["rain", "on", "tin", "soft"]);
        assert_eq!(
            (named.key, named.velocity, named.turn),
            (Some(54), None, None)
        );
    }

    #[test]
    fn notes_and_numbers_are_keys_and_counters_and_words_are_not() {
        let keys = ["c4", "C-1", "eb2", "b3", "g9", "60", "127"];
        let found = keys.map(key);
        let wanted = [
            Some(60),
            None,
            Some(39),
            Some(59),
            Some(127),
            Some(60),
            Some(127),
        ];
        assert_eq!(found, wanted);
        for text in [
            "2", "007", "128", "808", "bell", "a", "c44", "", "h3", "g#9", "é4",
        ] {
            assert_eq!(key(text), None, "{text}");
        }
        assert_eq!(read("tr_808_kick_36").key, Some(36));
        assert_eq!(read("v0_v128_rrx").velocity, None);
    }
}
