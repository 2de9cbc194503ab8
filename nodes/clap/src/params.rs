//! The two parameters that the DAW sees: which part is played, and how the plug-in is doing.

use std::ffi::CStr;
use std::fmt::Write;

use clack_extensions::params::{ParamDisplayWriter, ParamInfo, ParamInfoFlags, ParamInfoWriter};
use clack_plugin::events::UnknownEvent;
use clack_plugin::events::spaces::CoreEventSpace;
use clack_plugin::utils::ClapId;
use score_link::daw::PARTS;

/// The part that is played: 0 is all.
pub(crate) const PART: ClapId = ClapId::new(1);

/// How the plug-in is doing.
pub(crate) const STATE: ClapId = ClapId::new(2);

/// The part that stands for every one: what a new plug-in plays, so that something is heard whatever the patch calls its
/// parts.
pub(crate) const ALL: u8 = 0;

/// How the plug-in is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// There is no run.
    #[default]
    NoRun,
    /// A run follows.
    Connected,
    /// A run follows, and its notes come too late.
    Late,
}

impl State {
    const ALL: [(State, &'static str); 3] = [
        (State::NoRun, "no run"),
        (State::Connected, "connected"),
        (State::Late, "notes come late"),
    ];

    /// As the parameter's value.
    pub(crate) fn value(self) -> u32 {
        let place = Self::ALL.iter().position(|(state, _)| *state == self);
        place
            .and_then(|place| u32::try_from(place).ok())
            .unwrap_or(0)
    }
}

/// The part that a value chooses.
pub(crate) fn part(value: f64) -> u8 {
    value.clamp(0.0, f64::from(PARTS)) as u8
}

/// The part that an event chooses, if it is one that does.
pub(crate) fn chosen(event: &UnknownEvent) -> Option<u8> {
    match event.as_core_event()? {
        CoreEventSpace::ParamValue(value) if value.param_id() == Some(PART) => {
            Some(part(value.value()))
        }
        _ => None,
    }
}

/// How many there are.
pub(crate) const COUNT: u32 = 2;

/// Describes them to the DAW.
pub(crate) fn describe(index: u32, info: &mut ParamInfoWriter<'_>) {
    let listed = ParamInfoFlags::IS_STEPPED | ParamInfoFlags::IS_ENUM;
    match index {
        0 => info.set(&ParamInfo {
            id: PART,
            flags: listed | ParamInfoFlags::IS_AUTOMATABLE,
            cookie: Default::default(),
            name: b"Part",
            module: b"",
            min_value: 0.0,
            max_value: f64::from(PARTS),
            default_value: f64::from(ALL),
        }),
        1 => info.set(&ParamInfo {
            id: STATE,
            flags: listed | ParamInfoFlags::IS_READONLY,
            cookie: Default::default(),
            name: b"State",
            module: b"",
            min_value: 0.0,
            max_value: (State::ALL.len() - 1) as f64,
            default_value: 0.0,
        }),
        _ => {}
    }
}

/// A value in words.
pub(crate) fn write(id: ClapId, value: f64, to: &mut ParamDisplayWriter<'_>) -> std::fmt::Result {
    match id {
        PART => match part(value) {
            ALL => to.write_str("all"),
            part => write!(to, "{part}"),
        },
        STATE => {
            let state = State::ALL.get(value.max(0.0) as usize);
            to.write_str(state.ok_or(std::fmt::Error)?.1)
        }
        _ => Err(std::fmt::Error),
    }
}

/// The value of words.
pub(crate) fn read(id: ClapId, text: &CStr) -> Option<f64> {
    let text = text.to_str().ok()?.trim();
    match id {
        PART if text.eq_ignore_ascii_case("all") => Some(f64::from(ALL)),
        PART => (text.parse::<u8>().ok())
            .filter(|part| *part <= PARTS)
            .map(f64::from),
        STATE => {
            let place = State::ALL.iter().position(|(_, words)| *words == text);
            place.map(|place| place as f64)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_out_of_range_is_the_nearest_part() {
        for (value, expected) in [(-1.0, 0), (0.9, 0), (3.0, 3), (99.0, 16), (f64::NAN, 0)] {
            assert_eq!(part(value), expected, "{value}");
        }
    }

    #[test]
    fn words_are_read_and_others_refused() {
        assert_eq!(read(PART, c" 7 "), Some(7.0));
        assert_eq!(read(PART, c"All"), Some(0.0));
        assert_eq!(read(STATE, c"connected"), Some(1.0));
        for text in [c"", c"17", c"-1", c"piano"] {
            assert_eq!(read(PART, text), None);
        }
    }

    #[test]
    fn each_state_has_a_value_of_its_own() {
        let values = [State::NoRun, State::Connected, State::Late].map(State::value);
        assert_eq!(values, [0, 1, 2]);
    }
}
