//! What nodes have been taught by example, with its small pictures.

use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use score_nodes::lessons::Lessons;

use super::server::{Refused, json};

/// Where it lies: the list here, and each picture below.
pub(super) const PATH: &str = "/taught";

/// The list, or the picture that the path names.
///
/// # Errors
/// There is no such picture.
pub(super) fn answer(lessons: &Lessons, path: &str) -> Result<Response, Refused> {
    let nothing = (StatusCode::NOT_FOUND, "there is nothing here");
    let below = path.strip_prefix(PATH).ok_or(nothing)?;
    if below.is_empty() {
        let list = serde_json::to_string(&lessons.all());
        return list.map(json).map_err(|_| nothing);
    }
    let number = (below.strip_prefix('/'))
        .and_then(|name| name.strip_suffix(".png")?.parse().ok())
        .ok_or(nothing)?;
    let png = lessons.picture(number).ok_or(nothing)?;
    let png = Bytes::copy_from_slice(&png);
    Ok(([(header::CONTENT_TYPE, "image/png")], png).into_response())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn nothing_but_the_list_and_its_pictures_is_there() {
        let lessons = Lessons::default();
        assert_eq!(
            answer(&lessons, "/taught").unwrap().status(),
            StatusCode::OK
        );
        for path in [
            "/taught/",
            "/taught/1.png",
            "/taught/../x.png",
            "/taughtx",
            "/taught/1",
        ] {
            let refused = answer(&lessons, path).unwrap_err();
            assert_eq!(refused.0, StatusCode::NOT_FOUND, "{path}");
        }
    }
}
