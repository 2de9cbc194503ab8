//! The codes of all pictures in a folder.

use std::path::{Path, PathBuf};

use score_engine::{NodeError, Settings};

use crate::model::Manifest;
use crate::picture;
use crate::seeing::Seer;

/// How the names of pictures end.
const ENDINGS: [&str; 8] = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"];

/// The most pictures that are looked at.
const MOST: usize = 1000;

/// The latents that the picture model called `model` gives the pictures in `folder`, in the order
/// of their names; folders in it are not looked into.
///
/// # Errors
/// The folder cannot be read, has no pictures or more than 1,000, a picture cannot be read, or
/// there is no such model.
pub fn latents_in_folder(
    settings: &Settings,
    model: &str,
    folder: &Path,
) -> Result<Vec<Vec<f32>>, NodeError> {
    let pictures = pictures(folder)?;
    let mut seer = Seer::open(&Manifest::of(settings)?, model)?;
    let latent = |path: &PathBuf| seer.see(&picture::read(path)?);
    pictures.iter().map(latent).collect()
}

/// The pictures in a folder, by their names.
fn pictures(folder: &Path) -> Result<Vec<PathBuf>, NodeError> {
    let shown = folder.display();
    let cannot = |error: std::io::Error| {
        NodeError::input(format!("the folder `{shown}` cannot be read ({error})"))
            .help("name a folder with pictures")
            .source(error)
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        let ending = ending.map(str::to_ascii_lowercase).unwrap_or_default();
        // Names with a point in front are not an artist's own, such as those of macOS.
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if ENDINGS.contains(&ending.as_str()) && !is_hidden && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    match found.len() {
        0 => Err(NodeError::input(format!("`{shown}` has no pictures"))
            .help(format!("names of pictures end with {}", ENDINGS.join(", ")))),
        1..=MOST => Ok(found),
        many => Err(
            NodeError::input(format!("`{shown}` has {many} pictures, more than {MOST}"))
                .help("choose some of them: from twenty on, more say little more"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ffmpeg, settings};

    #[test]
    fn every_picture_of_a_folder_has_its_latent_in_the_order_of_names() {
        let folder = tempfile::tempdir().unwrap();
        let one = ["-frames:v", "1"];
        for (colour, name) in [("red", "b.png"), ("blue", "a.JPG"), ("white", ".c.png")] {
            let source = format!("color={colour}:size=80x60");
            let arguments = [&["-f", "lavfi", "-i", &source][..], &one, &[name]].concat();
            ffmpeg(folder.path(), &arguments);
        }
        std::fs::write(folder.path().join("notes.txt"), "no picture").unwrap();
        let latents = latents_in_folder(&settings(), "eye", folder.path()).unwrap();
        assert_eq!(latents.len(), 2);
        assert!(latents.iter().all(|latent| latent.len() == 64));
        std::fs::remove_file(folder.path().join("a.JPG")).unwrap();
        let red = latents_in_folder(&settings(), "eye", folder.path()).unwrap();
        assert_eq!(red[0], latents[1]);
    }

    #[test]
    fn what_has_no_pictures_or_a_broken_one_is_refused_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |folder: &Path| {
            let refused = latents_in_folder(&settings(), "eye", folder).unwrap_err();
            refused.to_string()
        };
        assert!(refused(folder.path()).contains("no pictures"));
        assert!(refused(&folder.path().join("none")).contains("none"));
        std::fs::write(folder.path().join("broken.png"), "no picture").unwrap();
        assert!(refused(folder.path()).contains("broken.png"));
    }
}
