//! Finds MIDI ports by name and opens the system's.

use midir::{MidiIO, MidiInput, MidiInputConnection, MidiOutput, MidiOutputConnection};
use score_engine::{Check, NodeError};

use super::super::keeper::missing;
use super::super::sound_device::{Direction, best_match};

/// The name under which other programs see this one.
pub(crate) const CLIENT: &str = "score";

/// What the port with this number, from 0, of several is called that the program opens for one
/// purpose: those at JACK have names of their own.
pub(crate) fn numbered(own: &str, number: usize) -> String {
    match number {
        0 => own.to_owned(),
        number => format!("{own}_{}", number + 1),
    }
}

/// The system's own MIDI.
pub(crate) const SYSTEM: &str = if cfg!(target_os = "linux") {
    "ALSA"
} else if cfg!(target_os = "macos") {
    "CoreMIDI"
} else {
    "WinMM"
};

/// Whether a program can make ports of its own for others to connect to.
pub(crate) const HAS_VIRTUAL: bool = cfg!(unix);

/// What the parameter `port` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PortName {
    /// A port of the system whose name is, or contains, this.
    System(String),
    /// A virtual port that others connect to.
    Virtual,
    /// A port at JACK's server, connected to those whose names contain the text.
    Jack(Option<String>),
}

impl PortName {
    /// Reads the parameter.
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.trim();
        let (head, rest) = match text.split_once(':') {
            Some((head, rest)) => (head.trim(), rest.trim()),
            None => (text, ""),
        };
        if head.eq_ignore_ascii_case("JACK") {
            return PortName::Jack((!rest.is_empty()).then(|| rest.to_owned()));
        }
        if text.eq_ignore_ascii_case("virtual") {
            return PortName::Virtual;
        }
        match head.eq_ignore_ascii_case(SYSTEM) && !rest.is_empty() {
            true => PortName::System(rest.to_owned()),
            false => PortName::System(text.to_owned()),
        }
    }
}

/// Refuses the parameter `port` where it is empty, which would mean the first port that there is.
pub(crate) fn require_name(check: &mut Check<'_>, port: &str) {
    if port.trim().is_empty() {
        let help = Some("`score devices` lists them".to_owned());
        check.refuse("port", "the port has no name", help);
    }
}

/// The names of the system's ports; `None` where the system has no MIDI.
pub(crate) fn system_ports(direction: Direction) -> Option<Vec<String>> {
    Some(match direction {
        Direction::Output => names(named(&MidiOutput::new(CLIENT).ok()?)),
        Direction::Input => names(named(&MidiInput::new(CLIENT).ok()?)),
    })
}

fn names<P>(ports: Vec<(String, P)>) -> Vec<String> {
    ports.into_iter().map(|(name, _)| name).collect()
}

/// The ports that `client` can connect to, each with its name.
fn named<C: MidiIO>(client: &C) -> Vec<(String, C::Port)> {
    let ports = client.ports().into_iter();
    ports
        .filter_map(|port| Some((client.port_name(&port).ok()?, port)))
        .collect()
}

/// The port whose name is, or contains, `wanted`.
fn find<C: MidiIO>(client: &C, wanted: &str) -> Result<(String, C::Port), NodeError> {
    let ports = named(client);
    best_match(&ports, wanted, |(name, _)| (name, ""))
        .cloned()
        .ok_or_else(|| missing(format!("there is no MIDI port `{wanted}`")))
}

/// The error of a port that is there and does not open.
fn closed(name: &str, error: &dyn std::fmt::Display) -> NodeError {
    missing(format!("the MIDI port `{name}` does not open ({error})"))
}

/// The refusal where a system has no MIDI.
fn no_midi() -> NodeError {
    missing(format!("there is no {SYSTEM} MIDI on this computer"))
}

/// Opens the port for sending that `name` means. Returns the port's own name too.
///
/// # Errors
/// It is not there, or does not open.
pub(crate) fn open_output(
    name: &PortName,
    own: &str,
) -> Result<(String, MidiOutputConnection), NodeError> {
    let client = MidiOutput::new(CLIENT).map_err(|_| no_midi())?;
    let PortName::System(wanted) = name else {
        return own_output(client, own);
    };
    let (name, port) = find(&client, wanted)?;
    let connection = client
        .connect(&port, own)
        .map_err(|error| closed(&name, &error))?;
    Ok((name, connection))
}

/// What is done with each message that comes in.
pub(crate) type Receive = Box<dyn FnMut(&[u8]) + Send>;

/// Opens the port for listening that `name` means. Returns the port's own name too.
///
/// # Errors
/// As [`open_output`].
pub(crate) fn open_input(
    name: &PortName,
    own: &str,
    mut receive: Receive,
) -> Result<(String, MidiInputConnection<()>), NodeError> {
    let client = MidiInput::new(CLIENT).map_err(|_| no_midi())?;
    let PortName::System(wanted) = name else {
        return own_input(client, own, receive);
    };
    let (name, port) = find(&client, wanted)?;
    let connection = client
        .connect(&port, own, move |_, bytes, ()| receive(bytes), ())
        .map_err(|error| closed(&name, &error))?;
    Ok((name, connection))
}

#[cfg(unix)]
fn own_output(client: MidiOutput, own: &str) -> Result<(String, MidiOutputConnection), NodeError> {
    use midir::os::unix::VirtualOutput;
    let connection = client
        .create_virtual(own)
        .map_err(|error| missing(format!("a virtual MIDI port cannot be made ({error})")))?;
    Ok((format!("{CLIENT}:{own}"), connection))
}

#[cfg(unix)]
fn own_input(
    client: MidiInput,
    own: &str,
    mut receive: Receive,
) -> Result<(String, MidiInputConnection<()>), NodeError> {
    use midir::os::unix::VirtualInput;
    let connection = client
        .create_virtual(own, move |_, bytes, ()| receive(bytes), ())
        .map_err(|error| missing(format!("a virtual MIDI port cannot be made ({error})")))?;
    Ok((format!("{CLIENT}:{own}"), connection))
}

#[cfg(not(unix))]
fn own_output(_: MidiOutput, _: &str) -> Result<(String, MidiOutputConnection), NodeError> {
    Err(missing("this system has no virtual MIDI ports"))
}

#[cfg(not(unix))]
fn own_input(
    _: MidiInput,
    _: &str,
    _: Receive,
) -> Result<(String, MidiInputConnection<()>), NodeError> {
    Err(missing("this system has no virtual MIDI ports"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use score_engine::{Settings, Source};

    use super::*;

    #[test]
    fn a_port_without_a_name_is_refused_by_every_kind_that_opens_one() {
        for kind in ["midi_in", "midi_out", "midi_clock_out"] {
            let text = format!(r#"Patch(format: 1, nodes: {{"a": {kind}(port: " ")}}, wires: [])"#);
            let source = Source::text("p.ron", &text, PathBuf::new());
            let graph = score_engine::check(&source, &[], &crate::registry(), &Settings::default());
            let problems = format!("{:?}", graph.err());
            assert!(
                problems.contains("the port has no name"),
                "{kind}: {problems}"
            );
        }
    }

    #[test]
    fn every_way_to_name_a_port_is_understood() {
        let system = |name: &str| PortName::System(name.to_owned());
        assert_eq!(PortName::parse("JACK"), PortName::Jack(None));
        let synth = Some("fluidsynth:midi_00".to_owned());
        assert_eq!(
            PortName::parse("jack: fluidsynth:midi_00"),
            PortName::Jack(synth)
        );
        assert_eq!(PortName::parse("virtual"), PortName::Virtual);
        assert_eq!(PortName::parse("Midi Through"), system("Midi Through"));
        let full = format!("{SYSTEM}: Keystation:Keystation 49 20:0");
        assert_eq!(
            PortName::parse(&full),
            system("Keystation:Keystation 49 20:0")
        );
        assert_eq!(PortName::parse("Key:x"), system("Key:x"));
    }
}
