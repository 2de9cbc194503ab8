//! Pictures from codes: drawn at random, and on the way from one picture to another.

use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use score_engine::{Frame, NodeError, Settings, Time};

use crate::latent::slerp::slerp;
use crate::model::{Data, Manifest, Model, Session, Task};
use crate::output::{self, Claim};
use crate::picture::contact_sheet;
use crate::picture::encoding::PictureFormat;
use crate::picture::files::read;
use crate::picture::scale::{Scaler, Window};
use crate::seeing::Seer;
use crate::video::ffmpeg::{Decoder, probe};

pub use crate::picture::contact_sheet::square;

/// The file of a picture model that draws.
const ROLE: &str = "decoder";

/// How good a sheet is that is written as JPEG.
const QUALITY: u32 = 92;

/// The side of a film's still, in pixels: more than any model wants.
const STILL: u32 = 512;

/// Draws pictures from codes.
pub(crate) struct Drawer {
    session: Session,
    dimension: usize,
}

impl Drawer {
    /// The picture model called `name`, if it draws.
    ///
    /// # Errors
    /// There is no such picture model, or it cannot draw. The advice lists those that can.
    pub(crate) fn model<'a>(manifest: &'a Manifest, name: &str) -> Result<&'a Model, NodeError> {
        let model = manifest.model(name, Task::Picture)?;
        if model.files.contains_key(ROLE) {
            return Ok(model);
        }
        let draws = |model: &Model| model.task == Task::Picture && model.files.contains_key(ROLE);
        let able = manifest.names_of(draws);
        let error = NodeError::model(format!(
            "the model `{name}` sees but cannot draw: it has no `{ROLE}`"
        ));
        Err(error.help(format!("models that draw: {able}")))
    }

    /// Opens it.
    ///
    /// # Errors
    /// As [`Drawer::model`], or it cannot be loaded.
    pub(crate) fn open(manifest: &Manifest, name: &str) -> Result<Self, NodeError> {
        let model = Self::model(manifest, name)?;
        Ok(Drawer {
            session: manifest.open(model, ROLE)?,
            dimension: model.latent,
        })
    }

    /// The picture of one code.
    ///
    /// # Errors
    /// The code has another dimension than the model's, or the model fails or gives no picture.
    pub(crate) fn draw(&mut self, code: &[f32]) -> Result<Frame, NodeError> {
        if code.len() != self.dimension {
            return Err(NodeError::internal("a latent of another dimension arrived"));
        }
        let shape = [1, self.dimension];
        let drawn = (self.session)
            .run(&[("latent", &shape, Data::F32(code))], &["frames"])?
            .pop();
        let picture = drawn.and_then(|tensor| match *tensor.shape.as_slice() {
            [1, height, width, 3] => Frame::rgb(
                u32::try_from(width).ok()?,
                u32::try_from(height).ok()?,
                // Bytes came as numbers; a cast holds any others to what a byte can be.
                tensor.values.iter().map(|value| *value as u8).collect(),
            ),
            _ => None,
        });
        picture.ok_or_else(|| {
            NodeError::model("the decoder gave something that is not an RGB picture")
        })
    }
}

/// A loaded picture model that sees and draws.
pub struct PictureModel {
    seer: Seer,
    drawer: Drawer,
}

impl PictureModel {
    /// Loads the model called `name` from the settings' folder of models.
    ///
    /// # Errors
    /// There is no such picture model, it cannot draw, or it cannot be loaded.
    pub fn load(settings: &Settings, name: &str) -> Result<Self, NodeError> {
        let manifest = Manifest::of(settings)?;
        Ok(PictureModel {
            drawer: Drawer::open(&manifest, name)?,
            seer: Seer::open(&manifest, name)?,
        })
    }
}

/// Pictures of `count` codes that are drawn from N(0, 1) in every component. The first of many are
/// the ones that a smaller count gives.
///
/// # Errors
/// The model fails.
pub fn draw(model: &mut PictureModel, count: usize, seed: u64) -> Result<Vec<Frame>, NodeError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count)
        .map(|_| {
            let code: Vec<f32> = (0..model.drawer.dimension)
                .map(|_| StandardNormal.sample(&mut rng))
                .collect();
            model.drawer.draw(&code)
        })
        .collect()
}

/// Pictures of `steps` codes at even distances on the arc from one picture's code to another's, both
/// ends among them.
///
/// # Errors
/// The model fails.
pub fn interpolate(
    model: &mut PictureModel,
    (from, to): (&Frame, &Frame),
    steps: usize,
) -> Result<Vec<Frame>, NodeError> {
    let (from, to) = (model.seer.see(from)?, model.seer.see(to)?);
    let last = steps.saturating_sub(1).max(1) as f32;
    (0..steps)
        .map(|step| model.drawer.draw(&slerp(&from, &to, step as f32 / last)))
        .collect()
}

/// The picture that `text` names: a picture's file; a film, whose middle is taken; or a film and the
/// second of a still in it, as `film.mp4@12.5`.
///
/// # Errors
/// There is no such file, or no picture in it.
pub fn picture_of(text: &Path) -> Result<Frame, NodeError> {
    let spoken = text.to_string_lossy();
    let named = spoken.rsplit_once('@').filter(|_| !text.exists());
    let named = named.and_then(|(film, second)| {
        let second: f64 = second.parse().ok()?;
        (second.is_finite() && second >= 0.0).then_some((film, second))
    });
    if let Some((film, second)) = named {
        return still(Path::new(film), second);
    }
    if !text.exists() {
        let why = format!("there is no picture or film `{}`", text.display());
        return Err(NodeError::input(why).help("a still of a film is named as `film.mp4@12.5`"));
    }
    match length(text) {
        Some(seconds) if seconds > 0.5 => still(text, seconds / 2.0),
        _ => read(text),
    }
}

/// How many seconds a film lasts; `None`: it is none.
fn length(film: &Path) -> Option<f64> {
    probe(film, None).ok()?.lasts(film, || false).ok()?
}

/// The picture of a film that is shown after so many seconds.
fn still(film: &Path, seconds: f64) -> Result<Frame, NodeError> {
    let found = probe(film, None)?;
    let wanted = Time::from_seconds(seconds);
    let from = found.is_seekable().then_some(wanted);
    let side = (STILL, STILL);
    let mut decoder = Decoder::start((film, &found), side, None, from, true)?;
    let mut came = decoder.next()?;
    while from.is_none() && came.as_ref().is_some_and(|(time, _)| *time < wanted) {
        match decoder.next()? {
            // The last picture is shown to the end.
            None => break,
            next => came = next,
        }
    }
    came.and_then(|(_, pixels)| Frame::rgb(STILL, STILL, pixels))
        .ok_or_else(|| {
            let film = film.display();
            NodeError::input(format!("`{film}` has no picture after {seconds} s"))
                .help("choose an earlier second")
        })
}

/// The most pixels of a sheet: a gigabyte while it is made.
const MOST_PIXELS: u64 = 1 << 27;

/// Whether so many pictures with sides of `size` pixels make a sheet that is not too large.
///
/// # Errors
/// It would be.
pub fn require_room(count: usize, size: u32) -> Result<(), NodeError> {
    let pixels = (count as u64).saturating_mul(u64::from(size).pow(2));
    match pixels > MOST_PIXELS {
        true => Err(
            NodeError::input("the sheet would have too many pixels for the memory")
                .help("ask for fewer pictures, or a smaller `--size`"),
        ),
        false => Ok(()),
    }
}

/// Writes `frames` as a sheet of pictures with sides of `size` pixels, `columns` in a row, as the
/// file whose name is claimed, a .png or .jpg.
///
/// # Errors
/// The name has another ending, there are no pictures, or the file cannot be written.
pub fn write_sheet(
    claim: Claim,
    frames: &[Frame],
    size: u32,
    columns: usize,
) -> Result<(), NodeError> {
    let format = PictureFormat::of(claim.path())?;
    let mut scaler = Scaler::default();
    let side = size as usize;
    let tiles: Option<Vec<Frame>> = (frames.iter())
        .map(|frame| Frame::rgb(size, size, scaler.scale(frame, Window::WHOLE, [side, side])))
        .collect();
    let sheet = tiles.and_then(|tiles| contact_sheet::of(&tiles, columns));
    let sheet = sheet.ok_or_else(|| NodeError::input("there are no pictures to lay out"))?;
    output::write(claim, &format.encode(&sheet, QUALITY)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ffmpeg, settings};

    #[test]
    fn a_seed_draws_the_same_pictures_and_more_of_them_begin_alike() {
        let mut model = PictureModel::load(&settings(), "eye").unwrap();
        let pixels = |frames: &[Frame]| -> Vec<Vec<u8>> {
            frames.iter().map(|frame| frame.pixels().to_vec()).collect()
        };
        let few = pixels(&draw(&mut model, 2, 7).unwrap());
        let many = pixels(&draw(&mut model, 3, 7).unwrap());
        assert_eq!(few[..], many[..2]);
        assert_ne!(many[1], many[2]);
        assert_ne!(few, pixels(&draw(&mut model, 2, 8).unwrap()));
    }

    #[test]
    fn the_way_between_two_pictures_begins_and_ends_with_them_as_they_are_drawn() {
        let mut model = PictureModel::load(&settings(), "eye").unwrap();
        let plain = |colour: [u8; 3]| Frame::rgb(64, 64, colour.repeat(64 * 64)).unwrap();
        let (from, to) = (plain([240, 240, 235]), plain([10, 20, 60]));
        let way = interpolate(&mut model, (&from, &to), 5).unwrap();
        let brightness = |frame: &Frame| {
            let sum: u64 = frame.pixels().iter().map(|byte| u64::from(*byte)).sum();
            sum / frame.pixels().len() as u64
        };
        assert_eq!(way.len(), 5);
        assert!(brightness(&way[0]) > brightness(&way[4]) + 10);
        let code = model.seer.see(&to).unwrap();
        let drawn = model.drawer.draw(&code).unwrap();
        let far = drawn.pixels().iter().zip(way[4].pixels());
        assert!(far.map(|(one, other)| one.abs_diff(*other)).max() <= Some(1));
    }

    #[test]
    fn a_still_is_named_by_its_second_and_a_film_alone_gives_its_middle() {
        let folder = tempfile::tempdir().unwrap();
        let source = "color=black:size=32x32:rate=10:duration=2,\
                      geq=lum='if(lt(T,0.5),40,if(lt(T,1.5),120,220))':cb=128:cr=128";
        ffmpeg(folder.path(), &["-f", "lavfi", "-i", source, "a.mp4"]);
        let level = |name: &str| {
            let frame = picture_of(&folder.path().join(name)).unwrap();
            i32::from(frame.pixels()[0])
        };
        let (first, middle, last) = (level("a.mp4@0.1"), level("a.mp4"), level("a.mp4@1.7"));
        assert!(
            first + 40 < middle && middle + 40 < last,
            "{first} {middle} {last}"
        );
        let refused = picture_of(&folder.path().join("none.png")).unwrap_err();
        assert!(refused.to_string().contains("there is no picture or film"));
        assert!(picture_of(&folder.path().join("a.mp4@9")).is_err());
    }

    #[test]
    fn a_film_of_one_picture_that_does_not_say_how_long_it_is_gives_that_one() {
        let folder = tempfile::tempdir().unwrap();
        let source = "color=white:size=32x32:rate=1:duration=1";
        let source = ["-f", "lavfi", "-i", source, "-f", "matroska", "-"];
        let piped = ffmpeg(folder.path(), &source);
        let film = folder.path().join("piped.mkv");
        std::fs::write(&film, piped).unwrap();
        assert!(probe(&film, None).unwrap().declared.is_none());
        assert!(picture_of(&film).unwrap().pixels()[0] > 200);
    }
}
