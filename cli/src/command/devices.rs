//! `score devices`

use std::io::Write;

use score_nodes::device::list::{Camera, Group, devices};

use crate::arguments::Devices;
use crate::failure::Failure;
use crate::terminal::out;

/// Width of the column with the text for the patch.
const WIDTH: usize = 44;

pub(crate) fn run(arguments: &Devices) -> Result<(), Failure> {
    let found = devices();
    let mut out = out();
    if arguments.json {
        let json = serde_json::to_string_pretty(&found).unwrap_or_default();
        writeln!(out, "{json}")?;
        return Ok(());
    }
    let sections = [
        (
            "Sound out, for audio_out",
            "device",
            "sound",
            &found.sound_outputs,
        ),
        (
            "Sound in, for audio_in",
            "device",
            "sound",
            &found.sound_inputs,
        ),
        (
            "MIDI out, for midi_out and midi_clock_out",
            "port",
            "MIDI",
            &found.midi_outputs,
        ),
        ("MIDI in, for midi_in", "port", "MIDI", &found.midi_inputs),
    ];
    for (number, (heading, param, what, groups)) in sections.into_iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{heading}")?;
        for group in groups {
            print(&mut out, param, what, group)?;
        }
    }
    writeln!(out, "\nCameras, for camera")?;
    if found.cameras.is_empty() {
        writeln!(out, "  no camera here")?;
    }
    for camera in &found.cameras {
        print_camera(&mut out, camera)?;
    }
    Ok(())
}

fn print_camera(out: &mut impl Write, camera: &Camera) -> Result<(), Failure> {
    let text = format!("device: {:?}", camera.id);
    let title = format!("{} at {}", camera.name, camera.path);
    writeln!(out, "  {text:<WIDTH$}  {title}")?;
    for format in &camera.formats {
        let text = format!("format: {:?}", format.name);
        writeln!(out, "    {text:<WIDTH$}{}", format.sizes.join(" "))?;
    }
    Ok(())
}

fn print(out: &mut impl Write, param: &str, what: &str, group: &Group) -> Result<(), Failure> {
    if !group.is_there {
        writeln!(out, "  no {} {what} here", group.system)?;
    }
    for device in &group.devices {
        let text = format!("{param}: {:?}", device.name);
        let line = format!("  {text:<WIDTH$}  {}", device.title);
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
