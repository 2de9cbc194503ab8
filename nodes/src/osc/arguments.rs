//! Values as the arguments of OSC's messages.

use rosc::{OscMessage, OscPacket, OscType};

/// The number that an argument is; never one that is not finite.
pub fn number(arg: &OscType) -> Option<f64> {
    let number = match arg {
        OscType::Int(number) => f64::from(*number),
        OscType::Float(number) => f64::from(*number),
        OscType::Double(number) => *number,
        OscType::Long(number) => *number as f64,
        OscType::Bool(is_on) => f64::from(u8::from(*is_on)),
        OscType::Inf => 1.0,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// Something that happened: its name and how strong it is.
pub fn event(name: String, strength: f32) -> Vec<OscType> {
    vec![OscType::String(name), OscType::Float(strength)]
}

/// A note: its channel, its pitch, and its velocity, 0 where it ends.
pub fn note(channel: u8, pitch: u8, velocity: f32) -> Vec<OscType> {
    let (channel, pitch) = (channel.into(), pitch.into());
    vec![
        OscType::Int(channel),
        OscType::Int(pitch),
        OscType::Float(velocity),
    ]
}

/// A message as the bytes of a packet.
pub fn packet(address: &str, args: Vec<OscType>) -> Option<Vec<u8>> {
    let message = OscMessage {
        addr: address.to_owned(),
        args,
    };
    rosc::encoder::encode(&OscPacket::Message(message)).ok()
}

/// About how much memory a message takes, in bytes.
pub fn size(message: &OscMessage) -> usize {
    message.addr.len() + message.args.iter().map(size_of_argument).sum::<usize>()
}

fn size_of_argument(arg: &OscType) -> usize {
    let beside = match arg {
        OscType::String(text) => text.len(),
        OscType::Blob(bytes) => bytes.len(),
        OscType::Array(array) => array.content.iter().map(size_of_argument).sum(),
        _ => 0,
    };
    size_of::<OscType>() + beside
}
