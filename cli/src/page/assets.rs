//! The files of the page, which are part of the program.

/// A file as it is served.
#[derive(Clone, Copy)]
pub(super) struct Asset {
    /// Its type for browsers.
    pub(super) kind: &'static str,
    pub(super) content: &'static str,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const DRAWING: &str = "image/svg+xml";

macro_rules! asset {
    ($kind:expr, $name:literal) => {
        Asset {
            kind: $kind,
            content: include_str!(concat!("assets/", $name)),
        }
    };
}

/// A page whose `{nonce}` is still to be filled in.
pub(super) const STUDIO: &str = include_str!("assets/studio.html");
pub(super) const SHOW: &str = include_str!("assets/show.html");
pub(super) const PHONE: &str = include_str!("assets/phone.html");
pub(super) const FILM: &str = include_str!("assets/film.html");
pub(super) const FILMS: &str = include_str!("assets/films.html");
pub(super) const LOCKED: &str = include_str!("assets/locked.html");

/// The file at `path`; what a request says names nothing else.
pub(super) fn at(path: &str) -> Option<Asset> {
    Some(match path {
        "/style.css" => asset!(STYLE, "style.css"),
        "/show.css" => asset!(STYLE, "show.css"),
        "/icon.svg" => asset!(DRAWING, "icon.svg"),
        "/studio.js" => asset!(SCRIPT, "studio.js"),
        "/link.js" => asset!(SCRIPT, "link.js"),
        "/dom.js" => asset!(SCRIPT, "dom.js"),
        "/figures.js" => asset!(SCRIPT, "figures.js"),
        "/layout.js" => asset!(SCRIPT, "layout.js"),
        "/graph.js" => asset!(SCRIPT, "graph.js"),
        "/views.js" => asset!(SCRIPT, "views.js"),
        "/strip.js" => asset!(SCRIPT, "strip.js"),
        "/strip.css" => asset!(STYLE, "strip.css"),
        "/taught.js" => asset!(SCRIPT, "taught.js"),
        "/taught.css" => asset!(STYLE, "taught.css"),
        "/named.js" => asset!(SCRIPT, "named.js"),
        "/keep.js" => asset!(SCRIPT, "keep.js"),
        "/learn.js" => asset!(SCRIPT, "learn.js"),
        "/turn.js" => asset!(SCRIPT, "turn.js"),
        "/knob.js" => asset!(SCRIPT, "knob.js"),
        "/show.js" => asset!(SCRIPT, "show.js"),
        "/phone.js" => asset!(SCRIPT, "phone.js"),
        "/locked.js" => asset!(SCRIPT, "locked.js"),
        "/film.css" => asset!(STYLE, "film.css"),
        "/film.js" => asset!(SCRIPT, "film.js"),
        "/film_results.js" => asset!(SCRIPT, "film_results.js"),
        "/film_strip.js" => asset!(SCRIPT, "film_strip.js"),
        "/film_turn.js" => asset!(SCRIPT, "film_turn.js"),
        "/films.js" => asset!(SCRIPT, "films.js"),
        "/edit.css" => asset!(STYLE, "edit.css"),
        "/edit.js" => asset!(SCRIPT, "edit.js"),
        "/edit_conflict.js" => asset!(SCRIPT, "edit_conflict.js"),
        "/edit_door.js" => asset!(SCRIPT, "edit_door.js"),
        "/edit_graph.js" => asset!(SCRIPT, "edit_graph.js"),
        "/edit_help.js" => asset!(SCRIPT, "edit_help.js"),
        "/edit_ron.js" => asset!(SCRIPT, "edit_ron.js"),
        "/edit_text.js" => asset!(SCRIPT, "edit_text.js"),
        "/codemirror.js" => asset!(SCRIPT, "vendor/codemirror.js"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn the_whole_page_is_small_and_brings_nothing_from_elsewhere() {
        let scripts = [
            "/studio.js",
            "/link.js",
            "/dom.js",
            "/figures.js",
            "/layout.js",
            "/graph.js",
            "/views.js",
            "/turn.js",
            "/strip.js",
            "/strip.css",
            "/taught.js",
            "/taught.css",
            "/named.js",
            "/keep.js",
            "/learn.js",
            "/knob.js",
            "/show.js",
            "/phone.js",
            "/locked.js",
            "/film.css",
            "/film.js",
            "/film_results.js",
            "/film_strip.js",
            "/film_turn.js",
            "/films.js",
            "/style.css",
            "/show.css",
            "/edit.css",
            "/edit.js",
            "/edit_conflict.js",
            "/edit_door.js",
            "/edit_graph.js",
            "/edit_help.js",
            "/edit_ron.js",
            "/edit_text.js",
        ];
        let files = scripts.iter().filter_map(|path| at(path));
        let files: Vec<&str> = files.map(|asset| asset.content).collect();
        assert_eq!(files.len(), scripts.len());
        let pages = [STUDIO, SHOW, PHONE, FILM, FILMS, LOCKED];
        let all = || files.iter().chain(&pages);
        let editor = at("/codemirror.js").unwrap().content;
        let compressed = all().map(|file| compressed(file)).sum::<usize>();
        assert!(
            compressed + self::compressed(editor) < 250_000,
            "{compressed}"
        );
        for file in all() {
            for foreign in [
                "https://",
                "http://",
                "innerHTML",
                "eval(",
                "<style",
                "style=",
                " onclick=",
            ] {
                assert!(!file.contains(foreign), "{foreign}");
            }
        }
    }

    fn compressed(file: &str) -> usize {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(file.as_bytes()).unwrap();
        gzip.finish().unwrap().len()
    }

    /// The bundle, its licence, and what it is made of: `assets/vendor/make`.
    #[test]
    fn the_editor_of_others_is_the_one_that_was_looked_at() {
        let editor = at("/codemirror.js").unwrap().content;
        let wanted = "c826a5d85e2777a858765b0c3f753c25c5af8fb6d2c143e7343c6fedb8d28563";
        assert_eq!(score_engine::patch_hash(editor), wanted);
        let licence = include_str!("assets/vendor/codemirror.LICENSE");
        assert!(licence.contains("MIT") && licence.contains("Permission is hereby granted"));
        let lock = include_str!("assets/vendor/package-lock.json");
        // Where packages come from is the business of whoever makes it.
        assert!(!lock.contains("resolved") && !lock.contains("://"));
        for forbidden in ["eval(", "new Function", ".innerHTML"] {
            assert!(!editor.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn nothing_but_the_files_in_the_table_is_found() {
        for path in [
            "/../Cargo.toml",
            "/..%2fstyle.css",
            "//style.css",
            "/style.css/",
            "/STYLE.css",
            "",
        ] {
            assert!(at(path).is_none(), "{path}");
        }
    }
}
