//! How much room a disk has, and for how many days a patch's recorders can go on.

use std::path::{Path, PathBuf};

use score_engine::Graph;
use score_nodes::bytes_of_takes;
use score_nodes::output::{Outputs, folder_of};

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
#[derive(Clone, Debug, Default, PartialEq)]
struct Recording {
    /// Where.
    folder: PathBuf,
    /// Bytes a day.
    rate: f64,
    /// Bytes that all takes have at most; `None`: any amount.
    most: Option<f64>,
    /// Bytes that its finished takes have by now.
    there: f64,
}

/// What the system says of a disk.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Disk {
    /// What tells it from others.
    device: u64,
    /// Bytes that are free.
    free: u64,
}

/// How the disks are for this patch: that of its folder, and those that it records on.
pub(super) fn space(patch: Option<&Path>, graph: Option<&Graph>) -> Vec<Finding> {
    let folder = folder_of(patch.unwrap_or(Path::new("")));
    let recordings = match (patch, graph) {
        (Some(patch), Some(graph)) => recordings(patch, graph),
        _ => Vec::new(),
    };
    spaces(folder, &recordings, disk_of)
}

/// A finding for each disk; `disk_of` says on which a folder lies.
fn spaces(
    folder: &Path,
    recordings: &[Recording],
    disk_of: impl Fn(&Path) -> Option<Disk>,
) -> Vec<Finding> {
    // Where the system says nothing, it says nothing of other folders either.
    let Some(own) = disk_of(folder) else {
        return vec![Finding::unknown(
            "disk",
            "the system does not say how much room it has",
        )];
    };
    let mut findings = Vec::new();
    // Of each the first folder, and what is recorded on it.
    let mut disks: Vec<(&Path, Disk, Vec<&Recording>)> = vec![(folder, own, Vec::new())];
    for recording in recordings {
        let folder = recording.folder.as_path();
        let Some(disk) = disk_of(folder) else {
            let shown = folder.display();
            findings.push(Finding::lacks(
                "disk",
                format!("`{shown}`, where it records, is not there"),
                format!("mount its disk, or make it: mkdir -p '{shown}'"),
            ));
            continue;
        };
        match disks
            .iter_mut()
            .find(|(_, known, _)| known.device == disk.device)
        {
            Some((_, _, on_it)) => on_it.push(recording),
            None => disks.push((folder, disk, vec![recording])),
        }
    }
    let several = disks.len() > 1;
    for (folder, disk, on_it) in disks {
        let mut finding = space_of(disk.free, &on_it);
        if several {
            finding.says = format!("{}: {}", folder.display(), finding.says);
        }
        findings.push(finding);
    }
    findings
}

#[cfg(unix)]
fn disk_of(folder: &Path) -> Option<Disk> {
    use std::os::unix::fs::MetadataExt;

    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(Disk {
        device: folder.metadata().ok()?.dev(),
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
    })
}

#[cfg(not(unix))]
fn disk_of(_folder: &Path) -> Option<Disk> {
    None
}

/// What the recorders of a patch write.
fn recordings(patch: &Path, graph: &Graph) -> Vec<Recording> {
    let json = graph.json();
    let nodes = json["nodes"].as_array().into_iter().flatten();
    let recorders = nodes.filter(|node| node["kind"] == "recorder");
    let rate = f64::from(graph.transport().sample_rate);
    let outputs = Outputs::of_file(patch);
    let of = |node: &serde_json::Value| {
        let (values, id) = (&node["values"], node["id"].as_str().unwrap_or_default());
        let mut files = graph.files();
        let file = files.find(|file| file.node == id && file.param == "path");
        let path = file.map(|file| file.path).unwrap_or_default();
        let ending = path.extension().unwrap_or_default();
        // A wire of sound has two channels nearly always.
        let stereo = 2.0 * SAMPLE * rate * SECONDS_A_DAY;
        let sound = match ending.eq_ignore_ascii_case("flac") {
            true => stereo * FLAC,
            false => stereo,
        };
        let has_sound = !graph.sources(id, "sound").is_empty();
        let rate = if has_sound { sound } else { 0.0 };
        let by_size = values["keep_gb"].as_f64().map(|size| size * GIGABYTE);
        let by_days = values["keep_days"].as_f64().map(|days| days * rate);
        // Only finished takes go: without parts, none is finished.
        let most = by_size.into_iter().chain(by_days).reduce(f64::min);
        Recording {
            rate,
            most: most.filter(|_| values["part"].is_number()),
            there: bytes_of_takes(&path, &outputs.owner(id)) as f64,
            folder: folder_of(&path).to_owned(),
        }
    };
    recorders.map(of).collect()
}

/// How a disk is on which so much is free, for what is recorded on it.
fn space_of(free: u64, recordings: &[&Recording]) -> Finding {
    let room = format!("{:.1} GB free", free as f64 / GIGABYTE);
    let advice = "free some room, or have the recorder part and remove its takes: \
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
    // What is there by now has its room already.
    let more = recordings
        .iter()
        .filter_map(|one| Some((one.most? - one.there).max(0.0)));
    let more: f64 = more.sum();
    let left = free as f64 - more;
    if left < 0.0 {
        let says = format!(
            "{room}, and what is kept will take {:.1} GB more",
            more / GIGABYTE
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
            true => Finding::lacks("disk", says, advice),
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

    fn recording(most: Option<f64>) -> Recording {
        Recording {
            rate: STEREO,
            most,
            ..Recording::default()
        }
    }

    #[test]
    fn days_are_counted_at_the_rate_of_the_recorders() {
        let endless = recording(None);
        let few = space_of(166_000_000_000, &[&endless]);
        assert_eq!(few.state, State::Lacks);
        assert_eq!(few.says, "166.0 GB free: 10 days at 16.6 GB a day");
        assert_eq!(space_of(1_660_000_000_000, &[&endless]).state, State::Fine);
        assert_eq!(space_of(1_000_000_000, &[]).state, State::Lacks);
        assert_eq!(space_of(10_000_000_000, &[]).state, State::Fine);
    }

    #[test]
    fn takes_that_are_removed_fill_no_disk_unless_too_many_are_kept() {
        let kept = recording(Some(100e9));
        let fine = space_of(166_000_000_000, &[&kept]);
        assert_eq!(
            (fine.state, fine.says.contains("up to 100.0 GB")),
            (State::Fine, true)
        );
        assert_eq!(space_of(50_000_000_000, &[&kept]).state, State::Lacks);
    }

    #[test]
    fn takes_that_are_there_are_not_counted_a_second_time() {
        let full = Recording {
            there: 95e9,
            ..recording(Some(100e9))
        };
        assert_eq!(space_of(6_000_000_000, &[&full]).state, State::Fine);
        let few = space_of(4_000_000_000, &[&full]);
        assert!(few.says.contains("5.0 GB more"), "{few:?}");
        assert_eq!(few.state, State::Lacks);
        // There may be more than is kept, until the oldest go.
        let beyond = Recording {
            there: 200e9,
            ..full
        };
        assert_eq!(space_of(3_000_000_000, &[&beyond]).state, State::Fine);
    }

    #[test]
    fn each_disk_that_is_recorded_on_is_looked_at() {
        let on = |folder: &str| Recording {
            folder: PathBuf::from(folder),
            ..recording(None)
        };
        let disk_of = |folder: &Path| match folder.to_str()? {
            "/home/ann" | "/home/ann/takes" => Some(Disk {
                device: 1,
                free: 5_000_000_000,
            }),
            "/srv/takes" => Some(Disk {
                device: 2,
                free: 16_600_000_000_000,
            }),
            _ => None,
        };
        let found = |folders: &[&str]| {
            let recordings: Vec<Recording> = folders.iter().map(|folder| on(folder)).collect();
            spaces(Path::new("/home/ann"), &recordings, disk_of)
        };
        let [own, takes] = &found(&["/srv/takes"])[..] else {
            panic!("two disks")
        };
        assert_eq!((own.state, takes.state), (State::Fine, State::Fine));
        assert!(
            takes
                .says
                .starts_with("/srv/takes: 16600.0 GB free: 1001 days"),
            "{takes:?}"
        );
        let [own] = &found(&["/home/ann/takes"])[..] else {
            panic!("one disk")
        };
        assert_eq!(own.state, State::Lacks);
        let gone = found(&["/mnt/gone"]);
        assert!(
            gone[0].state == State::Lacks && gone[0].says.contains("/mnt/gone"),
            "{gone:?}"
        );
    }

    #[test]
    fn a_recorder_is_looked_for_where_it_writes() {
        let folder = tempfile::tempdir().unwrap();
        let takes = folder.path().join("takes");
        std::fs::create_dir(&takes).unwrap();
        let nodes =
            "\"hum\": tone(), \"take\": recorder(path: \"takes/take.FLAC\", part: 6, keep_gb: 2)";
        let graph = super::super::tests::graph(nodes, "\"hum -> take\"", folder.path());
        let expected = Recording {
            folder: takes,
            rate: STEREO * FLAC,
            most: Some(2e9),
            there: 0.0,
        };
        assert_eq!(recordings(&folder.path().join("p.ron"), &graph), [expected]);
    }
}
