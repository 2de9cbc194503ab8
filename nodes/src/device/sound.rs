//! Opens streams of sound on devices.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{
    BufferSize, Data, Device, Error, ErrorKind, FromSample, InputCallbackInfo, OutputCallbackInfo,
    SampleFormat, SizedSample, Stream, StreamConfig, SupportedBufferSize,
    SupportedStreamConfigRange,
};
use score_engine::{Check, NodeError, Resource};

use super::jack_server::Ticket;
use super::keeper::missing;
use super::sound_device::{Direction, candidates};
use super::sound_form::{Refusal, choose};
use super::sound_stream::{Complaint, Opened};

/// What a node asks of a device.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// As `score devices` prints it; `None`: what the system uses.
    pub(crate) device: Option<String>,
    /// Which way sound goes through it.
    pub(crate) direction: Direction,
    /// Frames a second, Hz.
    pub(crate) rate: u32,
    /// Channels.
    pub(crate) channels: u16,
    /// Frames at a time.
    pub(crate) block: u32,
}

impl Wanted {
    /// The device in words, for messages.
    pub(crate) fn name(&self) -> String {
        in_words(self.direction, self.device.as_deref())
    }

    /// Which device was opened, where the patch leaves that to the system.
    pub(crate) fn which(&self, opened: &Opened) -> Option<String> {
        self.device.is_none().then(|| opened.device.clone())
    }
}

fn in_words(direction: Direction, device: Option<&str>) -> String {
    let word = direction.word();
    match device {
        Some(device) => format!("the sound {word} `{device}`"),
        None => format!("the system's sound {word}"),
    }
}

/// Claims a device, of which one node may have each direction.
pub(crate) fn claim(check: &mut Check<'_>, direction: Direction, device: Option<&str>) {
    let same = device.map(|device| device.trim().to_lowercase());
    let name = in_words(direction, same.as_deref());
    check.claim(Resource(name), device.map(|_| "device"));
}

/// What a stream's callback does with its buffers.
pub(crate) trait Callback: Send + 'static {
    /// Handles an output's buffer.
    fn play<T: SizedSample + FromSample<f32>>(&mut self, _out: &mut [T]) {}
    /// Handles an input's buffer.
    fn hear<T: SizedSample>(&mut self, _samples: &[T])
    where
        f32: FromSample<T>,
    {
    }
}

/// A callback whose calls are counted.
struct Counted<C> {
    calls: Arc<AtomicU64>,
    callback: C,
}

impl<C: Callback> Callback for Counted<C> {
    fn play<T: SizedSample + FromSample<f32>>(&mut self, out: &mut [T]) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.callback.play(out);
    }

    fn hear<T: SizedSample>(&mut self, samples: &[T])
    where
        f32: FromSample<T>,
    {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.callback.hear(samples);
    }
}

/// Opens the first device that fits and starts it. `ring` makes, for a number of channels, what
/// runs in its callback, and the node's end of it, which is handed over.
///
/// # Errors
/// No device is there, none plays at the wanted rate, or none opens.
pub(crate) fn open<C: Callback, E>(
    wanted: &Wanted,
    hand_over: &Sender<E>,
    ring: impl Fn(u16) -> (C, E),
) -> Result<Opened, NodeError> {
    let mut latest = None;
    let opened = open_first(wanted, &mut |channels| {
        let (callback, end) = ring(channels);
        latest = Some(end);
        callback
    })?;
    if let Some(end) = latest {
        // A node that is gone needs none.
        let _ = hand_over.send(end);
    }
    Ok(opened)
}

fn open_first<C: Callback>(
    wanted: &Wanted,
    callback: &mut dyn FnMut(u16) -> C,
) -> Result<Opened, NodeError> {
    let (whole, direction) = (wanted.name(), wanted.direction);
    let mut first = None;
    for (name, device, ticket) in candidates(wanted.device.as_deref(), direction, &whole)? {
        let complaint = Complaint::default();
        let calls = ticket.as_ref().map_or_else(Arc::default, Ticket::calls);
        let mut counted = |channels| Counted {
            calls: calls.clone(),
            callback: callback(channels),
        };
        match open_one(&device, wanted, &complaint, &mut counted) {
            Ok(stream) => return Ok(Opened::new(stream, name, ticket, complaint, calls)),
            Err(error) => {
                let error = error.into_node_error(&whole, wanted.rate);
                first.get_or_insert(error);
            }
        }
    }
    Err(first.unwrap_or_else(|| missing(format!("{whole} is not there"))))
}

fn open_one<C: Callback>(
    device: &Device,
    wanted: &Wanted,
    complaint: &Complaint,
    callback: &mut dyn FnMut(u16) -> C,
) -> Result<Stream, Refusal> {
    let configs: Vec<SupportedStreamConfigRange> = match wanted.direction {
        Direction::Output => device
            .supported_output_configs()
            .map_err(Refusal::System)?
            .collect(),
        Direction::Input => device
            .supported_input_configs()
            .map_err(Refusal::System)?
            .collect(),
    };
    let chosen = choose(&configs, wanted)?;
    let format = chosen.sample_format();
    let sizes = match *chosen.buffer_size() {
        SupportedBufferSize::Range { min, max } if min <= max => {
            vec![
                BufferSize::Fixed(wanted.block.clamp(min, max)),
                BufferSize::Default,
            ]
        }
        _ => vec![BufferSize::Fixed(wanted.block), BufferSize::Default],
    };
    let mut refusal = Refusal::Format;
    for buffer_size in sizes {
        let config = StreamConfig {
            channels: chosen.channels(),
            sample_rate: wanted.rate,
            buffer_size,
        };
        let callback = callback(config.channels);
        let built = build(
            device,
            config,
            format,
            wanted.direction,
            callback,
            complaint.clone(),
        );
        match built.and_then(|stream| stream.play().map(|()| stream)) {
            Ok(stream) => return Ok(stream),
            Err(error) => refusal = Refusal::System(error),
        }
    }
    Err(refusal)
}

fn build<C: Callback>(
    device: &Device,
    config: StreamConfig,
    format: SampleFormat,
    direction: Direction,
    callback: C,
    complaint: Complaint,
) -> Result<Stream, Error> {
    match format {
        SampleFormat::F32 => typed::<f32, C>(device, config, direction, callback, complaint),
        SampleFormat::F64 => typed::<f64, C>(device, config, direction, callback, complaint),
        SampleFormat::I8 => typed::<i8, C>(device, config, direction, callback, complaint),
        SampleFormat::I16 => typed::<i16, C>(device, config, direction, callback, complaint),
        SampleFormat::I24 => typed::<cpal::I24, C>(device, config, direction, callback, complaint),
        SampleFormat::I32 => typed::<i32, C>(device, config, direction, callback, complaint),
        SampleFormat::U8 => typed::<u8, C>(device, config, direction, callback, complaint),
        SampleFormat::U16 => typed::<u16, C>(device, config, direction, callback, complaint),
        SampleFormat::U32 => typed::<u32, C>(device, config, direction, callback, complaint),
        _ => Err(Error::new(ErrorKind::UnsupportedConfig)),
    }
}

fn typed<T, C>(
    device: &Device,
    config: StreamConfig,
    direction: Direction,
    mut callback: C,
    complaint: Complaint,
) -> Result<Stream, Error>
where
    T: SizedSample + FromSample<f32>,
    f32: FromSample<T>,
    C: Callback,
{
    // The system gives buffers of the format that it was asked for. Those of another are no calls
    // that are counted: the device counts as one that stands still, and is opened again.
    match direction {
        Direction::Output => {
            let play = move |out: &mut Data, _: &OutputCallbackInfo| match out.as_slice_mut::<T>() {
                Some(out) => callback.play(out),
                None => out.bytes_mut().fill(0),
            };
            output(device, config, T::FORMAT, Box::new(play), complaint)
        }
        Direction::Input => {
            let hear = move |samples: &Data, _: &InputCallbackInfo| {
                if let Some(samples) = samples.as_slice::<T>() {
                    callback.hear(samples);
                }
            };
            input(device, config, T::FORMAT, Box::new(hear), complaint)
        }
    }
}

/// What a stream calls to have a buffer filled. Boxed, since a library's whole side of a stream is
/// compiled again for each type of callback, and there is one for every format.
type Play = Box<dyn FnMut(&mut Data, &OutputCallbackInfo) + Send>;

/// What a stream calls with what it heard.
type Hear = Box<dyn FnMut(&Data, &InputCallbackInfo) + Send>;

fn output(
    device: &Device,
    config: StreamConfig,
    format: SampleFormat,
    play: Play,
    complaint: Complaint,
) -> Result<Stream, Error> {
    let failed = move |error| complaint.take_note(&error);
    device.build_output_stream_raw(config, format, play, failed, None)
}

fn input(
    device: &Device,
    config: StreamConfig,
    format: SampleFormat,
    hear: Hear,
    complaint: Complaint,
) -> Result<Stream, Error> {
    let failed = move |error| complaint.take_note(&error);
    device.build_input_stream_raw(config, format, hear, failed, None)
}
