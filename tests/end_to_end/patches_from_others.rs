//! What the chapter "Patches from others" says of patches, sentence by sentence.

use std::path::Path;

use score_test_support::{house, names, score, text, write_film, write_scale};

/// Each sentence of the chapter's two lists, with the file and the name of a test of it.
const SENTENCES: [(&str, &str, &str); 13] = [
    (
        "What stands in a patch is never run as a command, whatever characters are in it.",
        "tests/end_to_end/patches_from_others.rs",
        "what_stands_in_a_patch_is_never_run_as_a_command",
    ),
    (
        "A library in the folder `plugins` beside a patch is loaded by no command before you have allowed it.",
        "tests/end_to_end/plugins.rs",
        "a_library_beside_a_patch_is_loaded_by_no_command_without_consent",
    ),
    (
        "What you have allowed is the content of the file: another library under the same name is another library.",
        "tests/end_to_end/plugins.rs",
        "a_kind_that_wants_consent_says_the_one_command_to_type",
    ),
    (
        "`score check`, `score graph` and `score plugins` write no file.",
        "tests/end_to_end/patches_from_others.rs",
        "looking_at_a_patch_writes_nothing",
    ),
    (
        "A film or sound that is a list of other files or addresses (HLS, DASH, a concat script, SDP) is refused.",
        "nodes/src/video/video_file.rs",
        "a_list_of_other_files_is_refused_by_the_demuxer_it_needs",
    ),
    (
        "A name such as `http:film.mp4` in a file parameter is the name of a file, and reaches no network.",
        "nodes/src/video/video_file.rs",
        "a_name_like_an_option_or_a_protocol_is_only_a_name",
    ),
    (
        "`video_stream` opens http, https, rtsp, rtsps and srt addresses and nothing else: no file, no pipe.",
        "nodes/src/video/video_stream/tests.rs",
        "only_streams_are_taken",
    ),
    (
        "An http or https stream leads to another host of this machine or a private network only if `hosts` names it.",
        "nodes/src/video/video_stream/tests.rs",
        "a_redirect_to_another_private_host_is_followed_only_where_hosts_names_it",
    ),
    (
        "A redirect or a playlist of a stream reaches no file.",
        "nodes/src/video/video_stream/tests.rs",
        "a_playlist_reaches_no_file",
    ),
    (
        "It can read every file that you can read, wherever it lies, and includes such files as parts.",
        "tests/end_to_end/patches_from_others.rs",
        "a_patch_reads_files_anywhere",
    ),
    (
        "It can write the files that its outputs name, and nothing else.",
        "tests/end_to_end/patches_from_others.rs",
        "a_patch_writes_what_its_outputs_name",
    ),
    (
        "`video_stream` connects to the address that the patch names, also to one of this machine or your own network.",
        "nodes/src/video/video_stream/tests.rs",
        "a_stream_that_ends_is_opened_again",
    ),
    (
        "It can open the camera, the screen and the microphone, and send to MIDI ports.",
        "tests/end_to_end/patches_from_others.rs",
        "cameras_screens_microphones_and_ports_are_nodes_as_others_are",
    ),
];

#[test]
fn every_sentence_of_the_chapter_has_its_test() {
    let read = |path: &str| std::fs::read_to_string(house().join(path)).unwrap();
    let page = read("docs/patches-from-others.md");
    let listed: Vec<&str> = (page.lines())
        .filter_map(|line| line.strip_prefix("- "))
        .collect();
    let known: Vec<&str> = SENTENCES.iter().map(|(sentence, ..)| *sentence).collect();
    assert_eq!(listed, known);
    for (sentence, file, test) in SENTENCES {
        let file = read(file);
        let (before, _) = file
            .split_once(&format!("fn {test}()"))
            .unwrap_or_else(|| panic!("{sentence}: there is no test {test}"));
        assert!(
            before
                .trim_end()
                .lines()
                .rev()
                .take(3)
                .any(|line| line.trim() == "#[test]"),
            "{test}"
        );
    }
}

/// A patch that plays the notes in `input` into the file `output`.
fn copying(input: &str, output: &str) -> String {
    format!(
        r#"Patch(format: 1, nodes: {{"tune": midi_input_file(path: {input:?}),
         "notes": midi_file(path: {output:?})}}, wires: ["tune -> notes"])"#
    )
}

#[test]
fn what_stands_in_a_patch_is_never_run_as_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder);
    for name in [
        "$(touch hacked)",
        "`touch hacked`",
        "; touch hacked ;",
        "| touch hacked",
        "-y",
    ] {
        let film = format!("{name}.mp4");
        std::fs::copy(folder.join("film.mp4"), folder.join(&film)).unwrap();
        let patch = format!(
            r#"Patch(format: 1, nodes: {{{name:?}: video_file(path: {film:?}, rate: 1), "light": brightness(),
             "record": recorder(path: "{name}.wav")}}, wires: ["light -> record.controls"])"#
        );
        std::fs::write(folder.join("patch.ron"), patch).unwrap();
        score(folder, &["check", "patch.ron"]);
        score(
            folder,
            &[
                "film",
                &format!("./{film}"),
                "--out",
                &format!("./{name}"),
                "-q",
            ],
        );
        assert!(!folder.join("hacked").exists(), "{name}");
    }
}

#[test]
fn looking_at_a_patch_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_scale(&folder.join("song.mid"));
    std::fs::write(folder.join("patch.ron"), copying("song.mid", "out.mid")).unwrap();
    for command in ["check", "graph", "plugins"] {
        let done = score(folder, &[command, "patch.ron"]);
        assert!(done.status.success(), "{}", text(&done.stderr));
    }
    assert_eq!(names(folder), ["patch.ron", "song.mid"]);
}

#[test]
fn a_patch_reads_files_anywhere() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let song = elsewhere.path().join("song.mid");
    write_scale(&song);
    let part = elsewhere.path().join("part.ron");
    std::fs::write(&part, copying("song.mid", "other.mid")).unwrap();
    let patch = copying(song.to_str().unwrap(), "out.mid");
    let include = format!(
        r#"include: {{"part": (patch: {:?})}}, nodes:"#,
        part.to_str().unwrap()
    );
    let patch = patch.replace("nodes:", &include);
    std::fs::write(folder.path().join("patch.ron"), patch).unwrap();
    let done = score(folder.path(), &["check", "patch.ron"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
}

#[test]
fn a_patch_writes_what_its_outputs_name() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_scale(&folder.path().join("song.mid"));
    let there = |folder: &Path| folder.join("out.mid");
    let patch = copying("song.mid", there(elsewhere.path()).to_str().unwrap());
    std::fs::write(folder.path().join("patch.ron"), patch).unwrap();
    score(folder.path(), &["render", "patch.ron", "--quiet"]);
    // Whether it may, without asking, is another matter; nothing else is written in any case.
    assert_eq!(names(folder.path()), ["patch.ron", "song.mid"]);
    let written = names(elsewhere.path());
    assert!(written.is_empty() || written == ["out.mid"], "{written:?}");
}

#[test]
fn cameras_screens_microphones_and_ports_are_nodes_as_others_are() {
    let folder = tempfile::tempdir().unwrap();
    let listed = text(&score(folder.path(), &["nodes", "--no-plugins"]).stdout);
    for kind in ["camera", "screen", "audio_in", "midi_out"] {
        assert!(
            listed
                .lines()
                .any(|line| line.starts_with(&format!("{kind} "))),
            "{kind}"
        );
    }
}
