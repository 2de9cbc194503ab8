//! What sound devices and MIDI ports there are, each with the text that names it in a patch.

use serde::Serialize;

use super::keeper::silence;
use super::midi::jack_ports;
use super::midi::port::{HAS_VIRTUAL, SYSTEM, system_ports};
use super::sound_device::{Direction, devices_of};
pub use crate::video::{Camera, CameraFormat, cameras};

/// One device or port.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// What a patch calls it: the value of `device` or `port`.
    pub name: String,
    /// What the system says of it; may be empty.
    pub title: String,
}

/// The devices of one sort at one of the system's ways to them.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// `ALSA`, `JACK`…
    pub system: String,
    /// Whether it is there at all; a server may not run.
    pub is_there: bool,
    /// Its devices.
    pub devices: Vec<Listed>,
}

/// Everything there is.
#[derive(Clone, Debug, Serialize)]
pub struct Devices {
    /// For `audio_out`.
    pub sound_outputs: Vec<Group>,
    /// For `audio_in`.
    pub sound_inputs: Vec<Group>,
    /// For `midi_out` and `midi_clock_out`.
    pub midi_outputs: Vec<Group>,
    /// For `midi_in`.
    pub midi_inputs: Vec<Group>,
    /// For `camera`.
    pub cameras: Vec<Camera>,
}

/// Lists what there is. What is missing is listed as missing; nothing fails, and no server is
/// started.
pub fn devices() -> Devices {
    let _silence = silence();
    Devices {
        sound_outputs: sound(Direction::Output),
        sound_inputs: sound(Direction::Input),
        midi_outputs: midi(Direction::Output),
        midi_inputs: midi(Direction::Input),
        cameras: cameras(),
    }
}

fn sound(direction: Direction) -> Vec<Group> {
    cpal::ALL_HOSTS
        .iter()
        .map(|host| {
            let devices: Vec<Listed> = devices_of(*host, direction)
                .into_iter()
                .map(|(name, title, _)| Listed { name, title })
                .collect();
            Group {
                system: host.name().to_owned(),
                is_there: !devices.is_empty(),
                devices,
            }
        })
        .collect()
}

pub(super) fn midi(direction: Direction) -> Vec<Group> {
    let group = |system: &str, ports: Option<Vec<String>>, own: &str| {
        let is_there = ports.is_some();
        let listed = |name: String| Listed {
            name,
            title: String::new(),
        };
        let mut devices: Vec<Listed> = ports
            .into_iter()
            .flatten()
            .map(|port| listed(format!("{system}: {port}")))
            .collect();
        if is_there && !own.is_empty() {
            devices.push(Listed {
                name: own.to_owned(),
                title: "a port of the node's own, for others to join".to_owned(),
            });
        }
        Group {
            system: system.to_owned(),
            is_there,
            devices,
        }
    };
    let own = if HAS_VIRTUAL { "virtual" } else { "" };
    vec![
        group(SYSTEM, system_ports(direction), own),
        group("JACK", jack_ports(direction), "JACK"),
    ]
}
