//! Removes from a SoundFont what cannot be played, so that everything else can be: rustysynth
//! refuses a file because of one bad region.

use std::collections::BTreeMap;
use std::fmt;

/// The number that a list's record has at `place`.
fn word(record: &[u8], place: usize) -> usize {
    usize::from(u16::from_le_bytes([record[place], record[place + 1]]))
}

/// Bytes of each record of the lists (SoundFont 2.04, §7.2 to §7.10).
const PRESET: usize = 38;
const INSTRUMENT: usize = 22;
const SAMPLE: usize = 46;

/// Where in a record the number of its first zone is.
const PRESET_ZONE: usize = 24;
const INSTRUMENT_ZONE: usize = 20;

/// Generators (§8.1.2): which instrument and sample a zone plays, and whether it loops.
const PLAYS_INSTRUMENT: u16 = 41;
const PLAYS_SAMPLE: u16 = 53;
const LOOPS: u16 = 54;

/// Generators that move a sample's start, end, and the start and end of its loop: by frames, and by
/// 32,768 of them.
const MOVES: [(u16, u16); 4] = [(0, 4), (1, 12), (2, 45), (3, 50)];

/// The lists of a file by their names, each with a record at its end that is only an end.
pub(super) type Lists = BTreeMap<[u8; 4], Vec<u8>>;

/// A preset that cannot be played, or not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(super) bank: usize,
    pub(super) program: usize,
    pub(super) name: String,
    pub(super) why: String,
    /// Whether nothing of it is left.
    pub(super) is_lost: bool,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault {
            bank,
            program,
            name,
            why,
            ..
        } = self;
        write!(f, "program {program} of bank {bank} (`{name}`): {why}")
    }
}

/// What is left of a file.
#[derive(Debug, Default)]
pub(super) struct Mended {
    /// The lists, in place of the file's; `None`: the file's own can be played.
    pub(super) lists: Option<Vec<u8>>,
    pub(super) faults: Vec<Fault>,
}

const CONTRADICTION: &str = "is a SoundFont whose lists contradict each other";

/// Checks the lists of a file with `frames` of sound.
///
/// # Errors
/// Nothing can be played; why.
pub(super) fn mend(lists: &Lists, frames: usize) -> Result<Mended, &'static str> {
    let list = |name: &[u8; 4]| {
        let list = lists.get(name).map(Vec::as_slice);
        list.ok_or("is a SoundFont that lacks a list, perhaps cut off")
    };
    let mut samples: Vec<Vec<u8>> = records(list(b"shdr")?, SAMPLE)
        .map(<[u8]>::to_vec)
        .collect();
    samples.pop().ok_or(CONTRADICTION)?;
    let known = samples.len();
    let mut is_changed = false;

    let mut zones = Zones::new(list(b"ibag")?, list(b"igen")?);
    let mut instruments = Vec::new();
    for (record, next) in neighbours(list(b"inst")?, INSTRUMENT) {
        let range = (word(record, INSTRUMENT_ZONE), word(next, INSTRUMENT_ZONE));
        let zones = zones.between(range).map_err(|TooMany| CONTRADICTION)?;
        let mut instrument = Instrument {
            record,
            ..Instrument::default()
        };
        match zones {
            Some(zones) => instrument.keep(zones, &mut samples, known, frames),
            None => instrument.lose("its instrument's zones are not where they should be"),
        }
        is_changed |= instrument.is_changed;
        instruments.push(instrument);
    }

    let mut zones = Zones::new(list(b"pbag")?, list(b"pgen")?);
    let mut presets = Vec::new();
    let mut faults = Vec::new();
    for (record, next) in neighbours(list(b"phdr")?, PRESET) {
        let range = (word(record, PRESET_ZONE), word(next, PRESET_ZONE));
        let zones = zones.between(range).map_err(|TooMany| CONTRADICTION)?;
        let mut preset = Preset::default();
        match zones {
            Some(zones) => preset.keep(zones, &instruments),
            None => preset.fault = Some("its zones are not where they should be"),
        }
        is_changed |= preset.is_changed || preset.fault.is_some();
        let is_lost = preset.fault.is_some() && !preset.plays;
        if let Some(why) = preset.fault {
            faults.push(Fault {
                bank: word(record, 22),
                program: word(record, 20),
                name: name(record),
                why: why.to_owned(),
                is_lost,
            });
        }
        if !is_lost {
            presets.push((record, preset.zones));
        }
    }
    if presets.is_empty() {
        return Err("is a SoundFont without an instrument that can be played");
    }
    let lists = match is_changed {
        true => Some(written(&presets, &instruments, &samples).ok_or(CONTRADICTION)?),
        false => None,
    };
    Ok(Mended { lists, faults })
}

/// The records of a list.
fn records(list: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    list.chunks_exact(size)
}

/// Each record of a list with the next one; the last record only marks the end.
fn neighbours(list: &[u8], size: usize) -> impl Iterator<Item = (&[u8], &[u8])> {
    records(list, size).zip(records(list, size).skip(1))
}

fn name(record: &[u8]) -> String {
    let name = record[..20].split(|byte| *byte == 0).next();
    let name = String::from_utf8_lossy(name.unwrap_or_default());
    name.chars().filter(|c| !c.is_control()).collect()
}

/// A generator: what it sets, and to what.
type Generator = (u16, u16);

/// The zones of all presets, or of all instruments.
struct Zones<'a> {
    bag: &'a [u8],
    generators: Vec<Generator>,
    /// How many generators may still be taken: each belongs to one zone, and a file that gives
    /// them to many would not end.
    left: usize,
}

struct TooMany;

impl<'a> Zones<'a> {
    fn new(bag: &'a [u8], generators: &[u8]) -> Self {
        let generator = |record: &[u8]| (word(record, 0) as u16, word(record, 2) as u16);
        let generators: Vec<Generator> = records(generators, 4).map(generator).collect();
        Zones {
            bag,
            left: generators.len() + bag.len(),
            generators,
        }
    }

    /// The zones from one number up to another; `None` where they are outside the lists.
    fn between(
        &mut self,
        (from, to): (usize, usize),
    ) -> Result<Option<Vec<Vec<Generator>>>, TooMany> {
        if to < from || to >= self.bag.len() / 4 {
            return Ok(None);
        }
        let mut zones = Vec::new();
        for number in from..to {
            let (first, last) = (word(self.bag, number * 4), word(self.bag, number * 4 + 4));
            let Some(generators) = self.generators.get(first..last) else {
                return Ok(None);
            };
            self.left = self.left.checked_sub(generators.len() + 1).ok_or(TooMany)?;
            zones.push(generators.to_vec());
        }
        Ok(Some(zones))
    }
}

/// Parts the zone that holds for all others from them, where there is one. A zone that plays
/// nothing, and is not that one, has no meaning (§7.3, §7.7).
fn parted(zones: Vec<Vec<Generator>>, plays: u16) -> (Vec<Generator>, Vec<Vec<Generator>>, bool) {
    let is_global = |zone: &Vec<Generator>| zone.last().is_none_or(|(kind, _)| *kind != plays);
    let count = zones.len();
    let mut zones = zones.into_iter();
    let (mut global, mut local) = (Vec::new(), Vec::new());
    if let Some(first) = zones.next() {
        match is_global(&first) {
            true => global = first,
            false => local.push(first),
        }
    }
    let begun = 1 - local.len();
    local.extend(zones.filter(|zone| zone.iter().any(|(kind, _)| *kind == plays)));
    // Without a zone, or with one that has no meaning, it is written again.
    let is_whole = count > 0 && local.len() + begun == count;
    (global, local, is_whole)
}

/// What a zone sets a generator to; what it sets itself comes before what holds for all.
fn value(kind: u16, zone: &[Generator], global: &[Generator]) -> Option<u16> {
    let last = |zone: &[Generator]| {
        zone.iter()
            .rev()
            .find(|(of, _)| *of == kind)
            .map(|(_, value)| *value)
    };
    last(zone).or_else(|| last(global))
}

#[derive(Default)]
struct Instrument<'a> {
    record: &'a [u8],
    zones: Vec<Vec<Generator>>,
    /// What is wrong with it.
    fault: Option<&'static str>,
    /// Whether anything of it sounds, or nothing of it ever did.
    plays: bool,
    is_changed: bool,
}

impl Instrument<'_> {
    fn lose(&mut self, why: &'static str) {
        self.fault.get_or_insert(why);
        self.is_changed = true;
    }

    fn keep(
        &mut self,
        zones: Vec<Vec<Generator>>,
        samples: &mut Vec<Vec<u8>>,
        known: usize,
        frames: usize,
    ) {
        let (global, local, is_whole) = parted(zones, PLAYS_SAMPLE);
        self.is_changed |= !is_whole;
        self.plays = local.is_empty();
        self.zones.push(global.clone());
        for mut zone in local {
            let number = value(PLAYS_SAMPLE, &zone, &[]).map_or(usize::MAX, usize::from);
            let Some(sample) = samples.get(number).filter(|_| number < known) else {
                self.lose("it needs a sample that is not there");
                continue;
            };
            match fitted(sample, &zone, &global, frames) {
                Fit::Fits => {}
                Fit::Outside => {
                    self.lose("its sample lies outside the sound data");
                    continue;
                }
                Fit::Changed { record, loops, why } => {
                    if let Some(why) = why {
                        self.lose(why);
                    }
                    self.is_changed = true;
                    let kinds = MOVES.iter().flat_map(|(fine, coarse)| [*fine, *coarse]);
                    zone.retain(|(kind, _)| *kind != PLAYS_SAMPLE);
                    zone.extend(kinds.map(|kind| (kind, 0)));
                    if !loops {
                        zone.push((LOOPS, 0));
                    }
                    // The list may be full; then the number below cannot be written, and the file
                    // is refused.
                    zone.push((
                        PLAYS_SAMPLE,
                        u16::try_from(samples.len()).unwrap_or(u16::MAX),
                    ));
                    samples.push(record);
                }
            }
            self.plays = true;
            self.zones.push(zone);
        }
        if self.zones[0].is_empty() && self.zones.len() > 1 {
            self.zones.remove(0);
        }
    }
}

/// Whether a zone's sample lies in the sound data.
enum Fit {
    Fits,
    Outside,
    /// With this record in place of its own; `why` is reported.
    Changed {
        record: Vec<u8>,
        loops: bool,
        why: Option<&'static str>,
    },
}

fn fitted(sample: &[u8], zone: &[Generator], global: &[Generator], frames: usize) -> Fit {
    let signed = |kind| i64::from(value(kind, zone, global).unwrap_or(0) as i16);
    let place = |number: usize| {
        let at = 20 + 4 * number;
        let bytes = [sample[at], sample[at + 1], sample[at + 2], sample[at + 3]];
        let (fine, coarse) = MOVES[number];
        i64::from(u32::from_le_bytes(bytes)) + signed(fine) + 32_768 * signed(coarse)
    };
    let (start, end, loop_start, loop_end) = (place(0), place(1), place(2), place(3));
    let frames = i64::try_from(frames).unwrap_or(i64::MAX);
    let last = frames - 1;
    // One frame after the end is read as well.
    let is_within = start >= 0 && start < end && end <= last;
    let loops = value(LOOPS, zone, global).is_some_and(|mode| mode & 1 == 1);
    let can_loop = loop_start >= 0 && loop_end <= last && loop_start <= last;
    if is_within && can_loop {
        return Fit::Fits;
    }
    if start < 0 || start >= last || end <= start {
        return Fit::Outside;
    }
    let why = match (is_within, loops) {
        (false, _) => {
            Some("its sample is longer than the sound data, and is played as far as that goes")
        }
        (true, true) => Some("its loop lies outside the sound data, and is left out"),
        (true, false) => None,
    };
    let (loop_start, loop_end) = match can_loop {
        true => (loop_start, loop_end),
        false => (start, start),
    };
    let mut record = sample.to_vec();
    for (number, place) in [start, end.min(last), loop_start, loop_end]
        .into_iter()
        .enumerate()
    {
        let bytes = u32::try_from(place).unwrap_or(0).to_le_bytes();
        record[20 + 4 * number..24 + 4 * number].copy_from_slice(&bytes);
    }
    Fit::Changed {
        record,
        loops: loops && can_loop,
        why,
    }
}

#[derive(Default)]
struct Preset {
    zones: Vec<Vec<Generator>>,
    fault: Option<&'static str>,
    plays: bool,
    is_changed: bool,
}

impl Preset {
    fn keep(&mut self, zones: Vec<Vec<Generator>>, instruments: &[Instrument<'_>]) {
        let (global, local, is_whole) = parted(zones, PLAYS_INSTRUMENT);
        self.is_changed |= !is_whole;
        self.zones.push(global);
        for zone in local {
            let number = value(PLAYS_INSTRUMENT, &zone, &[]).map_or(usize::MAX, usize::from);
            let Some(instrument) = instruments.get(number) else {
                self.fault
                    .get_or_insert("it needs an instrument that is not there");
                continue;
            };
            if let Some(why) = instrument.fault {
                self.fault.get_or_insert(why);
            }
            if instrument.plays {
                self.plays = true;
                self.zones.push(zone);
            }
        }
        if self.zones[0].is_empty() && self.zones.len() > 1 {
            self.zones.remove(0);
        }
    }
}

/// The chunk of the lists; `None` where they hold more than their numbers can say.
fn written(
    presets: &[(&[u8], Vec<Vec<Generator>>)],
    instruments: &[Instrument<'_>],
    samples: &[Vec<u8>],
) -> Option<Vec<u8>> {
    let presets = presets
        .iter()
        .map(|(record, zones)| (*record, zones.as_slice()));
    let instruments = instruments
        .iter()
        .map(|instrument| (instrument.record, instrument.zones.as_slice()));
    let [headers, bag, generators] = zoned(presets, (PRESET, PRESET_ZONE))?;
    let [names, instrument_bag, instrument_generators] =
        zoned(instruments, (INSTRUMENT, INSTRUMENT_ZONE))?;
    u16::try_from(samples.len()).ok()?;
    let samples = [samples.concat(), vec![0; SAMPLE]].concat();
    let chunks = [
        (b"phdr", headers),
        (b"pbag", bag),
        (b"pmod", vec![0; 10]),
        (b"pgen", generators),
        (b"inst", names),
        (b"ibag", instrument_bag),
        (b"imod", vec![0; 10]),
        (b"igen", instrument_generators),
        (b"shdr", samples),
    ];
    let mut lists = b"pdta".to_vec();
    for (name, content) in chunks {
        lists.extend(chunk(name, &content)?);
    }
    chunk(b"LIST", &lists)
}

/// A list, the bag of its zones, and their generators.
fn zoned<'a>(
    records: impl Iterator<Item = (&'a [u8], &'a [Vec<Generator>])>,
    (size, place): (usize, usize),
) -> Option<[Vec<u8>; 3]> {
    let (mut list, mut bag, mut generators) = (Vec::new(), Vec::new(), Vec::new());
    let mut count = 0;
    let number = |number: usize| Some(u16::try_from(number).ok()?.to_le_bytes());
    for (record, zones) in records {
        let mut record = record.to_vec();
        record[place..place + 2].copy_from_slice(&number(bag.len() / 4)?);
        list.extend(record);
        // What has no zone at all would be refused.
        let none = [Vec::new()];
        for zone in if zones.is_empty() { &none[..] } else { zones } {
            bag.extend(number(count)?);
            bag.extend([0, 0]);
            count += zone.len();
            for (kind, value) in zone {
                generators.extend(kind.to_le_bytes());
                generators.extend(value.to_le_bytes());
            }
        }
    }
    let mut end = vec![0; size];
    end[place..place + 2].copy_from_slice(&number(bag.len() / 4)?);
    list.extend(end);
    bag.extend(number(count)?);
    bag.extend([0, 0]);
    generators.extend([0; 4]);
    Some([list, bag, generators])
}

/// A chunk of a file.
pub(super) fn chunk(name: &[u8; 4], content: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(content.len()).ok()?;
    Some([&name[..], &length.to_le_bytes(), content].concat())
}
