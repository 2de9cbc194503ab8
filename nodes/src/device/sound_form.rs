//! Chooses the configuration of a sound device: rate, channels and sample format.

use cpal::{Error, SampleFormat, SupportedStreamConfigRange};
use score_engine::NodeError;

use super::keeper::missing;
use super::sound::Wanted;

/// Why one device cannot be used.
pub(crate) enum Refusal {
    /// It has other rates.
    Rate(Vec<u32>),
    /// It has no known sample format.
    Format,
    /// In the words of the system.
    System(Error),
}

impl Refusal {
    /// Why the device `whole` cannot be used at `rate` Hz, in words for the artist.
    pub(crate) fn into_node_error(self, whole: &str, rate: u32) -> NodeError {
        match self {
            Refusal::Rate(rates) => {
                let text: Vec<String> = rates.iter().map(u32::to_string).collect();
                let help = match rates.first() {
                    Some(first) => {
                        format!(
                            "write `transport: (sample_rate: {first})` in the patch, or set the device to {rate} Hz"
                        )
                    }
                    None => format!("set the device to {rate} Hz"),
                };
                missing(format!(
                    "{whole} cannot run at the patch's {rate} Hz, only at {}",
                    text.join(" or ")
                ))
                .help(help)
            }
            Refusal::Format => missing(format!("{whole} has no sample format that can be used")),
            Refusal::System(error) => missing(format!("{whole} does not open ({error})")),
        }
    }
}

/// Sample formats in order of preference; others cannot be converted.
const FORMATS: [SampleFormat; 9] = [
    SampleFormat::F32,
    SampleFormat::I32,
    SampleFormat::I24,
    SampleFormat::I16,
    SampleFormat::F64,
    SampleFormat::U32,
    SampleFormat::U16,
    SampleFormat::I8,
    SampleFormat::U8,
];

/// The configuration at the wanted rate that comes nearest: enough channels but few too many, then
/// the best sample format.
///
/// # Errors
/// The device has no such rate, or no sample format that can be converted.
pub(crate) fn choose(
    configs: &[SupportedStreamConfigRange],
    wanted: &Wanted,
) -> Result<SupportedStreamConfigRange, Refusal> {
    let at_rate: Vec<_> = configs
        .iter()
        .filter(|config| {
            (config.min_sample_rate()..=config.max_sample_rate()).contains(&wanted.rate)
        })
        .collect();
    if at_rate.is_empty() {
        let mut rates: Vec<u32> = configs
            .iter()
            .flat_map(|config| [config.max_sample_rate(), config.min_sample_rate()])
            .collect();
        rates.sort_by_key(|rate| rate.abs_diff(wanted.rate));
        rates.dedup();
        rates.truncate(4);
        return Err(Refusal::Rate(rates));
    }
    at_rate
        .into_iter()
        .filter_map(|config| {
            let format = FORMATS
                .iter()
                .position(|format| *format == config.sample_format())?;
            let (has, wants) = (config.channels(), wanted.channels);
            let channels = match has >= wants {
                true => (false, has - wants),
                false => (true, wants - has),
            };
            Some(((channels, format), *config))
        })
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, config)| config)
        .ok_or(Refusal::Format)
}

#[cfg(test)]
mod tests {
    use cpal::SupportedBufferSize;

    use super::super::sound_device::Direction;
    use super::*;

    fn wanted(rate: u32, channels: u16) -> Wanted {
        Wanted {
            device: None,
            direction: Direction::Output,
            rate,
            channels,
            block: 256,
        }
    }

    fn config(
        channels: u16,
        rates: (u32, u32),
        format: SampleFormat,
    ) -> SupportedStreamConfigRange {
        let size = SupportedBufferSize::Range { min: 64, max: 4096 };
        SupportedStreamConfigRange::new(channels, rates.0, rates.1, size, format)
    }

    #[test]
    fn the_fewest_channels_that_suffice_are_opened_in_the_best_form_of_samples() {
        let all = [
            config(1, (8_000, 96_000), SampleFormat::F32),
            config(8, (8_000, 96_000), SampleFormat::F32),
            config(2, (8_000, 96_000), SampleFormat::I16),
            config(2, (8_000, 96_000), SampleFormat::I32),
            config(2, (44_100, 44_100), SampleFormat::F32),
        ];
        let chosen = choose(&all, &wanted(48_000, 2)).ok().unwrap();
        assert_eq!(
            (chosen.channels(), chosen.sample_format()),
            (2, SampleFormat::I32)
        );
        let chosen = choose(&all, &wanted(48_000, 16)).ok().unwrap();
        assert_eq!(chosen.channels(), 8);
    }

    #[test]
    fn a_device_at_another_rate_is_refused_with_the_line_to_write() {
        let all = [config(2, (44_100, 44_100), SampleFormat::F32)];
        let refusal = choose(&all, &wanted(48_000, 2)).err().unwrap();
        let error = refusal.into_node_error("the sound output `JACK`", 48_000);
        assert!(
            error.to_string().contains("48000 Hz, only at 44100"),
            "{error}"
        );
        assert!(error.advice().unwrap().contains("sample_rate: 44100"));
    }
}
