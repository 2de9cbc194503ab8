//! How much room a disk has, and for how many days a patch's recorders can go on.

use std::path::Path;

use score_engine::Graph;

use super::Finding;

/// A disk with less than this is soon full, in bytes.
const LITTLE: u64 = 2_000_000_000;

/// Fewer days than this are worth a word.
const FEW_DAYS: f64 = 30.0;

const SECONDS_A_DAY: f64 = 86_400.0;
const GIGABYTE: f64 = 1e9;

/// Bytes of a sample in a recorder's file of sound.
const SAMPLE: f64 = 2.0;

/// What a FLAC takes of that, about (docs/headless.md).
const FLAC: f64 = 0.5;

/// What is recorded, and what of it is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Recording {
    /// Bytes a day.
    rate: f64,
    /// Bytes that all takes have at most; `None`: any amount.
    most: Option<f64>,
}

/// How the disk of `folder` is for this patch.
pub(super) fn space(folder: &Path, graph: Option<&Graph>) -> Finding {
    let recordings: Vec<Recording> = graph.map(recordings).unwrap_or_default();
    match free(folder) {
        Some(free) => space_of(free, &recordings),
        None => Finding::unknown("disk", "the system does not say how much room it has"),
    }
}

#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free(_folder: &Path) -> Option<u64> {
    None
}

/// What the recorders of a patch write.
fn recordings(graph: &Graph) -> Vec<Recording> {
    let json = graph.json();
    let nodes = json["nodes"].as_array().into_iter().flatten();
    let recorders = nodes.filter(|node| node["kind"] == "recorder");
    let rate = f64::from(graph.transport().sample_rate);
    let of = |node: &serde_json::Value| {
        let values = &node["values"];
        let is_flac = values["path"]
            .as_str()
            .is_some_and(|path| path.to_lowercase().ends_with("flac"));
        // A wire of sound has two channels nearly always.
        let sound = 2.0 * SAMPLE * rate * SECONDS_A_DAY * if is_flac { FLAC } else { 1.0 };
        let has_sound = !graph
            .sources(node["id"].as_str().unwrap_or_default(), "sound")
            .is_empty();
        let rate = if has_sound { sound } else { 0.0 };
        let by_size = values["keep_gb"].as_f64().map(|size| size * GIGABYTE);
        let by_days = values["keep_days"].as_f64().map(|days| days * rate);
        // Only finished takes go: without parts, none is finished.
        let most = by_size.into_iter().chain(by_days).reduce(f64::min);
        Recording {
            rate,
            most: most.filter(|_| values["part"].is_number()),
        }
    };
    recorders.map(of).collect()
}

fn space_of(free: u64, recordings: &[Recording]) -> Finding {
    let room = format!("{:.1} GB free", free as f64 / GIGABYTE);
    let mend = "free some room, or have the recorder part and remove its takes: \
                recorder(part: 6, keep_gb: 100)";
    if free < LITTLE {
        return Finding::lacks("disk", room, "free some room");
    }
    let endless: f64 = recordings
        .iter()
        .filter(|one| one.most.is_none())
        .map(|one| one.rate)
        .sum();
    let kept: f64 = recordings.iter().filter_map(|one| one.most).sum();
    let left = free as f64 - kept;
    if left < 0.0 {
        let says = format!(
            "{room}, and what is kept will take {:.1} GB",
            kept / GIGABYTE
        );
        return Finding::lacks("disk", says, "keep less: recorder(keep_gb: …)");
    }
    if endless > 0.0 {
        let days = left / endless;
        let says = format!(
            "{room}: {days:.0} days at {:.1} GB a day",
            endless / GIGABYTE
        );
        return match days < FEW_DAYS {
            true => Finding::lacks("disk", says, mend),
            false => Finding::fine("disk", says),
        };
    }
    match kept > 0.0 {
        true => Finding::fine(
            "disk",
            format!("{room}; takes are kept up to {:.1} GB", kept / GIGABYTE),
        ),
        false => Finding::fine("disk", room),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    const STEREO: f64 = 2.0 * 2.0 * 48_000.0 * 86_400.0;

    #[test]
    fn days_are_counted_at_the_rate_of_the_recorders() {
        let endless = Recording {
            rate: STEREO,
            most: None,
        };
        let few = space_of(166_000_000_000, &[endless]);
        assert_eq!(few.state, State::Lacks);
        assert_eq!(few.says, "166.0 GB free: 10 days at 16.6 GB a day");
        assert_eq!(space_of(1_660_000_000_000, &[endless]).state, State::Fine);
        assert_eq!(space_of(1_000_000_000, &[]).state, State::Lacks);
        assert_eq!(space_of(10_000_000_000, &[]).state, State::Fine);
    }

    #[test]
    fn takes_that_are_removed_fill_no_disk_unless_too_many_are_kept() {
        let kept = Recording {
            rate: STEREO,
            most: Some(100e9),
        };
        let fine = space_of(166_000_000_000, &[kept]);
        assert_eq!(
            (fine.state, fine.says.contains("up to 100.0 GB")),
            (State::Fine, true)
        );
        assert_eq!(space_of(50_000_000_000, &[kept]).state, State::Lacks);
    }
}
