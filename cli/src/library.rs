//! The built-in patches.

/// What scores a film unless another patch is named.
pub(crate) const FILM: &str = include_str!("../../graphs/film.ron");

/// Their names and texts, in order of the names.
pub(crate) const PATCHES: &[(&str, &str)] = &[
    (
        "camera_and_keys",
        include_str!("../../graphs/camera_and_keys.ron"),
    ),
    ("camera_pc", include_str!("../../graphs/camera_pc.ron")),
    ("classic", include_str!("../../graphs/classic.ron")),
    ("cuts", include_str!("../../graphs/cuts.ron")),
    ("daw_leads", include_str!("../../graphs/daw_leads.ron")),
    ("density", include_str!("../../graphs/density.ron")),
    ("duet", include_str!("../../graphs/duet.ron")),
    (
        "edited_picture",
        include_str!("../../graphs/edited_picture.ron"),
    ),
    ("eight_knobs", include_str!("../../graphs/eight_knobs.ron")),
    ("ensemble", include_str!("../../graphs/ensemble.ron")),
    ("factors", include_str!("../../graphs/factors.ron")),
    (
        "field_recordings",
        include_str!("../../graphs/field_recordings.ron"),
    ),
    ("film", FILM),
    (
        "film_and_song",
        include_str!("../../graphs/film_and_song.ron"),
    ),
    (
        "film_with_midi",
        include_str!("../../graphs/film_with_midi.ron"),
    ),
    (
        "four_loudspeakers",
        include_str!("../../graphs/four_loudspeakers.ron"),
    ),
    (
        "installation",
        include_str!("../../graphs/installation.ron"),
    ),
    (
        "interpolation",
        include_str!("../../graphs/interpolation.ron"),
    ),
    ("layers", include_str!("../../graphs/layers.ron")),
    ("live", include_str!("../../graphs/live.ron")),
    (
        "moving_drums",
        include_str!("../../graphs/moving_drums.ron"),
    ),
    (
        "pianist_conducts_an_archive",
        include_str!("../../graphs/pianist_conducts_an_archive.ron"),
    ),
    ("play_midi", include_str!("../../graphs/play_midi.ron")),
    ("random_walk", include_str!("../../graphs/random_walk.ron")),
    ("seen", include_str!("../../graphs/seen.ron")),
    ("shuffled", include_str!("../../graphs/shuffled.ron")),
    (
        "silent_until_movement",
        include_str!("../../graphs/silent_until_movement.ron"),
    ),
    (
        "song_draws_itself",
        include_str!("../../graphs/song_draws_itself.ron"),
    ),
    ("sound_pc", include_str!("../../graphs/sound_pc.ron")),
    ("stream", include_str!("../../graphs/stream.ron")),
    ("stream_live", include_str!("../../graphs/stream_live.ron")),
    ("tablet", include_str!("../../graphs/tablet.ron")),
    ("taught", include_str!("../../graphs/taught.ron")),
    ("to_daw", include_str!("../../graphs/to_daw.ron")),
    ("two_cues", include_str!("../../graphs/two_cues.ron")),
    ("two_films", include_str!("../../graphs/two_films.ron")),
];

/// What they include, by the paths that they name, and the texts.
pub(crate) const PARTS: &[(&str, &str)] = &[
    (
        "parts/ensemble.ron",
        include_str!("../../graphs/parts/ensemble.ron"),
    ),
    (
        "parts/film_voice.ron",
        include_str!("../../graphs/parts/film_voice.ron"),
    ),
    (
        "parts/two_leads.ron",
        include_str!("../../graphs/parts/two_leads.ron"),
    ),
];

/// The styles of the patch that scores a film, in the order of their names: each includes it as
/// `STYLED`.
pub(crate) const STYLES: &[(&str, &str)] = &[
    ("ambient", include_str!("../../graphs/styles/ambient.ron")),
    ("calm", include_str!("../../graphs/styles/calm.ron")),
    (
        "electronic",
        include_str!("../../graphs/styles/electronic.ron"),
    ),
    ("folk", include_str!("../../graphs/styles/folk.ron")),
    ("noir", include_str!("../../graphs/styles/noir.ron")),
    ("playful", include_str!("../../graphs/styles/playful.ron")),
    ("pulse", include_str!("../../graphs/styles/pulse.ron")),
    ("waltz", include_str!("../../graphs/styles/waltz.ron")),
];

/// The patch that scores a film, as the styles name it.
pub(crate) const STYLED: &str = "../film.ron";

/// The text of the patch called `name`.
pub(crate) fn patch(name: &str) -> Option<&'static str> {
    PATCHES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// The summary of a patch: the sentence that opens it.
pub(crate) fn summary(text: &str) -> String {
    let opening: Vec<&str> = text
        .lines()
        .map_while(|line| line.strip_prefix("//"))
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    opening.join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_patch_of_the_repository_comes_along_and_says_what_it_does() {
        let graphs = concat!(env!("CARGO_MANIFEST_DIR"), "/../graphs");
        let mut there: Vec<String> = std::fs::read_dir(graphs)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "ron"))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        there.sort();
        let mut parts: Vec<String> = std::fs::read_dir(format!("{graphs}/parts"))
            .unwrap()
            .map(|entry| format!("parts/{}", entry.unwrap().file_name().display()))
            .collect();
        parts.sort();
        let known: Vec<&str> = PARTS.iter().map(|(path, _)| *path).collect();
        assert_eq!(known, parts);
        let known: Vec<&str> = PATCHES.iter().map(|(name, _)| *name).collect();
        assert_eq!(known, there);
        for (name, text) in PATCHES {
            let summary = summary(text);
            assert!(summary.len() > 20, "{name}: {summary}");
            assert!(
                ["score render", "score run", "score film"]
                    .iter()
                    .any(|command| text.contains(command)),
                "{name} does not say how to run it"
            );
        }
    }
}
