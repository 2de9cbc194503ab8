//! What a text from a page may do, and what it may not.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use score_engine::{Settings, patch_hash};
use serde_json::{Value, json};

use super::*;

/// A patch in its layout, with comments, that plays anywhere.
const HUM: &str = r#"// Hums.
Patch(
    format: 1,
    nodes: {
        // How loud it hums.
        "hum": tone(gain: -30),
        "mix": mixer(), // both
    },
    wires: [
        "hum -> mix", // into it
    ],
)
"#;

/// A folder with a patch in it, and somebody who edits it.
struct Room {
    folder: tempfile::TempDir,
    editing: Editing,
}

impl Room {
    fn new(text: &str) -> Self {
        Self::with(text, &[])
    }

    /// With more files beside it.
    fn with(text: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let patch = folder.path().join("show/show.ron");
        std::fs::create_dir(folder.path().join("show")).unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join("show").join(name), content).unwrap();
        }
        std::fs::write(&patch, text).unwrap();
        let editing = Editing::new(Writer {
            patch,
            kinds: Box::new(score_nodes::registry),
            built_in: score_nodes::registry(),
            overrides: Vec::new(),
            settings: Settings::default(),
        });
        editing.open();
        Room { folder, editing }
    }

    fn patch(&self) -> PathBuf {
        self.folder.path().join("show/show.ron")
    }

    fn on_disk(&self) -> String {
        std::fs::read_to_string(self.patch()).unwrap()
    }

    fn hash(&self) -> String {
        patch_hash(&self.on_disk())
    }

    fn check(&self, text: &str) -> Value {
        self.editing.judge(&[(0, text.to_owned())].into()).shown()
    }

    /// Saves a text, which has been opened just now.
    fn save(&self, text: &str) -> Value {
        self.editing.save(0, &self.hash(), text)
    }

    /// Saves a text that must be refused, with this in the reason.
    fn refuses(&self, text: &str, why: &str) {
        let before = self.on_disk();
        let answer = self.save(text);
        let told = answer["errors"].to_string();
        assert!(told.contains(why), "{answer}\n{text}");
        assert_eq!(self.on_disk(), before, "nothing was written");
    }
}

fn with_node(node: &str) -> String {
    HUM.replace(
        "    },\n    wires",
        &format!("        {node},\n    }},\n    wires"),
    )
}

#[test]
fn a_text_is_checked_in_the_place_of_its_file_and_nothing_is_written() {
    let room = Room::new(HUM);
    assert_eq!(room.check(HUM)["diagnostics"], json!([]));
    let wrong = HUM.replace("gain: -30", "gian: -30");
    let verdict = room.check(&wrong);
    let one = &verdict["diagnostics"][0];
    assert_eq!(
        (&one["file"], &one["line"], &one["column"]),
        (&json!(0), &json!(6), &json!(21))
    );
    assert!(one["message"].as_str().unwrap().contains("gian"), "{one}");
    assert_eq!(room.on_disk(), HUM);
}

#[test]
fn a_saved_text_is_laid_out_and_keeps_its_comments() {
    let room = Room::new(HUM);
    let text = HUM.replace("\"hum\": tone(gain: -30)", "\"hum\":tone( gain:-20 )");
    let answer = room.save(&text);
    let wanted = HUM.replace("-30", "-20");
    assert_eq!(answer["saved"]["text"], wanted, "{answer}");
    assert_eq!(room.on_disk(), wanted);
    // One with mistakes can be saved: what plays goes on. One that cannot be read is not.
    let odd = wanted.replace("tone(gain: -20)", "tone(gian: -20)");
    let answer = room.save(&odd);
    assert_eq!(
        answer["diagnostics"].as_array().unwrap().len(),
        1,
        "{answer}"
    );
    assert_eq!(room.on_disk(), odd);
    room.refuses(&wanted.replace("(gain", "(gain: \"x"), "quote");
}

#[test]
fn what_somebody_else_has_saved_is_given_and_not_replaced() {
    let room = Room::new(HUM);
    let seen = room.hash();
    let theirs = HUM.replace("-30", "-9");
    std::fs::write(room.patch(), &theirs).unwrap();
    let answer = room.editing.save(0, &seen, &HUM.replace("-30", "-6"));
    assert_eq!(answer["conflict"]["text"], theirs, "{answer}");
    assert_eq!(room.on_disk(), theirs);
    // With what it is now, it is written, and theirs can be had again.
    let hash = answer["conflict"]["hash"].as_str().unwrap();
    let answer = room.editing.save(0, hash, &HUM.replace("-30", "-6"));
    let saved = answer["saved"]["hash"].as_str().unwrap();
    assert_eq!(room.editing.earlier(0, saved)["text"], theirs);
    assert_eq!(room.editing.earlier(0, hash)["text"], HUM);
    let change = graph::Change::RemoveNode {
        id: "hum".to_owned(),
    };
    let answer = room.editing.change(&seen, None, vec![change]);
    assert!(answer["conflict"]["text"].is_string(), "{answer}");
}

#[test]
fn only_files_below_the_patchs_folder_are_named() {
    let room = Room::new(HUM);
    std::fs::write(
        room.folder.path().join("secret.ron"),
        "Patch(format: 1, nodes: {\"password\": x()})",
    )
    .unwrap();
    let secret = room.folder.path().join("secret.ron");
    for node in [
        "\"in\": audio_input_file(path: \"/etc/passwd\")".to_owned(),
        "\"in\": audio_input_file(path: \"../song.wav\")".to_owned(),
        "\"out\": audio_file(path: \"/tmp/x.wav\")".to_owned(),
        "\"out\": audio_file(path: \"new/../../x.wav\")".to_owned(),
        format!("\"in\": picture(path: \"{}\")", secret.display()),
    ] {
        let text = with_node(&node);
        room.refuses(&text, "below the patch's folder");
        let told = room.check(&text).to_string();
        assert!(told.contains("below the patch's folder"), "{told}");
    }
    // By way of a name too, or of a part that sets it.
    let named = HUM.replace(
        "    nodes: {",
        "    let: (where: \"/etc/passwd\"),\n    nodes: {",
    );
    let named = named.replace(
        "        \"mix\"",
        "        \"in\": audio_input_file(path: use(where)),\n        \"mix\"",
    );
    room.refuses(&named, "below the patch's folder");
    for path in ["../secret.ron", "/etc/passwd", "parts/../../secret.ron"] {
        let text = HUM.replace(
            "    nodes: {",
            &format!("    include: {{\"p\": (patch: \"{path}\")}},\n    nodes: {{"),
        );
        room.refuses(&text, "below the patch's folder");
        let told = room.check(&text).to_string();
        assert!(
            !told.contains("password") && !told.contains("root:"),
            "{told}"
        );
    }
    // What lies below is the artist's own.
    let answer = room.save(&with_node("\"in\": audio_input_file(path: \"song.wav\")"));
    assert!(answer["saved"].is_object(), "{answer}");
}

#[test]
#[cfg(unix)]
fn no_link_leads_out_of_the_folder() {
    let room = Room::new(HUM);
    let secret = room.folder.path().join("secret.ron");
    std::fs::write(&secret, HUM).unwrap();
    std::os::unix::fs::symlink(&secret, room.folder.path().join("show/inside.ron")).unwrap();
    let text = HUM.replace(
        "    nodes: {",
        "    include: {\"p\": (patch: \"inside.ron\")},\n    nodes: {",
    );
    room.refuses(&text, "below the patch's folder");
}

#[test]
fn what_is_no_patch_is_never_quoted() {
    let files = [
        ("notes.txt", "the word is swordfish"),
        ("other.ron", "(token: \"swordfish\")"),
        ("broken.ron", "Patch(format: swordfish, "),
    ];
    let room = Room::with(HUM, &files);
    for (name, _) in files {
        let text = HUM.replace(
            "    nodes: {",
            &format!("    include: {{\"p\": (patch: \"{name}\")}},\n    nodes: {{"),
        );
        let told = room.check(&text).to_string();
        assert!(told.contains("is not a patch"), "{told}");
        assert!(!told.contains("swordfish"), "{told}");
        // Nor by the run, which would have to say what is wrong with it.
        room.refuses(&text, "is not a patch");
        let opened = room.editing.open().to_string();
        assert!(!opened.contains("swordfish"), "{opened}");
    }
}

#[test]
fn no_new_address_is_opened_and_what_stood_there_stays() {
    let known = with_node("\"light\": osc_out(host: \"10.0.0.7\", port: 7000, address: \"/a\")")
        .replace(
            "\"hum -> mix\",",
            "\"hum -> mix\",\n        \"loud -> light\",",
        )
        .replace(
            "        \"mix\"",
            "        \"loud\": lfo(),\n        \"mix\"",
        );
    let room = Room::new(&known);
    for node in [
        "\"n\": osc_out(host: \"10.0.0.8\", port: 7000, address: \"/a\")",
        "\"n\": osc_out(host: \"10.0.0.7\", port: 7001, address: \"/a\")",
        "\"n\": osc_out(port: 7000, address: \"/a\")",
        "\"n\": osc_in(port: 9000, address: \"/a\")",
        "\"n\": net_in(port: 9000)",
        "\"n\": artnet_out()",
        "\"n\": video_stream(url: \"http://10.0.0.7/live\")",
        "\"n\": screen_out(display: \"10.0.0.7:0\")",
        "\"n\": camera(device: \"/etc/passwd\")",
    ] {
        let text = known.replace(
            "        \"mix\"",
            &format!("        {node},\n        \"mix\""),
        );
        room.refuses(&text, "no address or device");
    }
    // The same address, from another node and with another message.
    let text = known
        .replace("\"light\": osc_out", "\"lamp\": osc_out")
        .replace("-> light", "-> lamp")
        .replace("\"/a\"", "\"/b\"");
    let answer = room.save(&text);
    assert!(answer["saved"].is_object(), "{answer}");
    // A text with a mistake is no way in either.
    let broken = HUM.replace("-30", "-300").replace(
        "        \"mix\"",
        "        \"n\": osc_in(port: 9000, address: \"/a\"),\n        \"mix\"",
    );
    room.refuses(&broken, "no address or device");
}

#[test]
fn no_kind_is_named_that_neither_the_program_nor_the_saved_patch_has() {
    let room = Room::new(HUM);
    room.refuses(
        &with_node("\"n\": of_a_plugin()"),
        "there is no node kind `of_a_plugin`",
    );
    // One that stands there already stays, so that all else can be edited.
    let known = with_node("\"n\": of_a_plugin()");
    let room = Room::new(&known);
    let answer = room.save(&known.replace("-30", "-20"));
    assert!(answer["saved"].is_object(), "{answer}");
}

#[test]
fn a_plugins_kind_is_one_that_the_saved_patch_uses_with_the_texts_that_it_has() {
    let kinds = || {
        let mut registry = score_nodes::registry();
        for kind in ["sends", "other"] {
            let descriptor = score_engine::Descriptor::new("test", kind, "")
                .param(score_engine::Param::text("to", "").default(""));
            registry.add_foreign(descriptor, 1, |_| {
                Err(score_engine::NodeError::internal("never built"))
            });
        }
        registry
    };
    let mut room = Room::new(&with_node("\"n\": sends(to: \"a\")"));
    room.editing.writer.kinds = Box::new(kinds);
    room.refuses(
        &with_node("\"n\": other()"),
        "of a plugin that the saved patch does not use",
    );
    room.refuses(
        &with_node("\"n\": sends(to: \"b\")"),
        "no address or device",
    );
    let answer = room.save(&with_node("\"m\": sends(to: \"a\")"));
    assert!(answer["saved"].is_object(), "{answer}");
}

#[test]
fn a_part_is_edited_in_its_own_file_and_checked_with_the_whole() {
    let part = "Patch(\n    format: 1,\n    nodes: {\n        // quiet\n        \"low\": tone(gain: -40),\n    },\n    outputs: {\n        \"sound\": \"low.sound\",\n    },\n)\n";
    let whole = HUM
        .replace(
            "    nodes: {",
            "    include: {\n        \"part\": (patch: \"part.ron\"),\n    },\n    nodes: {",
        )
        .replace(
            "\"hum -> mix\",",
            "\"hum -> mix\",\n        \"part.sound -> mix\",",
        );
    let room = Room::with(&whole, &[("part.ron", part)]);
    let opened = room.editing.open();
    assert_eq!(opened["texts"][1]["name"], "part.ron", "{opened}");
    assert_eq!(room.check(&whole)["diagnostics"], json!([]));
    let wrong = part.replace("gain", "gian");
    let verdict = room.editing.judge(&[(1, wrong)].into()).shown();
    assert_eq!(verdict["diagnostics"][0]["file"], 1, "{verdict}");
    assert_eq!(verdict["diagnostics"][0]["line"], 5);
    let answer = room
        .editing
        .save(1, &patch_hash(part), &part.replace("-40", "-50"));
    let path = room.folder.path().join("show/part.ron");
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        part.replace("-40", "-50"),
        "{answer}"
    );
    // Nor is a part free once the patch does not include it any more.
    assert!(room.save(HUM)["saved"].is_object());
    let loose = part.replace(
        "tone(gain: -40)",
        "audio_input_file(path: \"/etc/hostname\")",
    );
    let seen = patch_hash(&part.replace("-40", "-50"));
    let answer = room.editing.save(1, &seen, &loose);
    let why = answer["errors"][0]["message"].as_str().unwrap_or_default();
    assert!(why.contains("below the patch's folder"), "{answer}");
    assert_eq!(
        room.editing.save(7, "", "")["errors"][0]["message"],
        "there is no such text"
    );
}

#[test]
fn the_graph_is_changed_in_the_text_or_refused_with_the_reason() {
    let room = Room::new(HUM);
    let name = |node: &str, port: &str| (node.to_owned(), port.to_owned());
    let echo = || {
        vec![
            graph::Change::AddNode {
                id: "echo".to_owned(),
                kind: "delay".to_owned(),
                params: Vec::new(),
            },
            graph::Change::PassThrough {
                from: name("hum", "sound"),
                to: name("mix", "sounds"),
                node: "echo".to_owned(),
            },
        ]
    };
    let answer = room.editing.change(&room.hash(), None, echo());
    let text = room.on_disk();
    assert_eq!(answer["saved"]["text"], text, "{answer}");
    assert!(text.contains("\"echo\": delay(),"), "{text}");
    assert!(
        text.contains("\"hum -> echo -> mix\", // into it"),
        "{text}"
    );
    assert!(text.contains("// How loud it hums.") && text.contains("// both"));
    // A node without what it needs does not come in.
    let alone = graph::Change::AddNode {
        id: "second".to_owned(),
        kind: "delay".to_owned(),
        params: Vec::new(),
    };
    let answer = room.editing.change(&room.hash(), None, vec![alone]);
    assert!(
        answer["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("nothing is wired into"),
        "{answer}"
    );
    let outside = vec![("path".to_owned(), "\"/etc/passwd\"".to_owned())];
    let outside = graph::Change::AddNode {
        id: "in".to_owned(),
        kind: "audio_input_file".to_owned(),
        params: outside,
    };
    let answer = room.editing.change(&room.hash(), None, vec![outside]);
    assert!(
        answer["errors"]
            .to_string()
            .contains("below the patch's folder"),
        "{answer}"
    );
    assert_eq!(room.on_disk(), text);
    // What is not saved yet is changed there.
    let unsaved = HUM.replace("-30", "-3");
    let answer = room.editing.change("", Some(unsaved), echo());
    assert!(
        answer["text"].as_str().unwrap().contains("gain: -3)"),
        "{answer}"
    );
    assert_eq!(room.on_disk(), text);
}

#[test]
fn what_played_can_be_had_again() {
    let room = Room::new(HUM);
    let louder: Arc<str> = HUM.replace("-30", "-3").into();
    room.editing.plays(Some(HUM.into()));
    room.editing.plays(Some(louder.clone()));
    let answer = room.editing.earlier(0, &patch_hash(&louder));
    assert_eq!(answer["text"], HUM);
    assert_eq!(answer["hash"], patch_hash(HUM));
}

#[test]
fn the_declarations_say_what_each_kind_needs() {
    let room = Room::new(HUM);
    let told = room.editing.declarations();
    let kinds = told["kinds"].as_array().unwrap();
    let kind = |name: &str| kinds.iter().find(|kind| kind["kind"] == name).unwrap();
    let film = kind("video_file");
    assert!(
        film["needs"]["path"].as_str().unwrap().starts_with('"'),
        "{film}"
    );
    // Whatever a kind must be given, its example gives.
    for kind in kinds {
        for (name, value) in kind["needs"].as_object().unwrap() {
            assert_ne!(value, "", "{}.{name}", kind["kind"]);
        }
    }
    let synth = kind("synth")["params"].as_array().unwrap().clone();
    let voice = synth.iter().find(|param| param["name"] == "voice").unwrap();
    assert!(
        voice["words"]
            .as_array()
            .unwrap()
            .contains(&json!("electric_piano")),
        "{voice}"
    );
}
