//! The way from a name to its file: every link on it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// Links that are followed on one way, as many as Linux follows.
const MAX_LINKS: usize = 40;

/// Each link that `path` leads over, and the file or the place at which it ends, all without links
/// before their last part. Whichever of them is exchanged, `path` names another file.
pub(super) fn trail(path: &Path) -> Vec<PathBuf> {
    let mut trail = Vec::new();
    let mut ahead: VecDeque<Step> = steps(path).collect();
    let mut at = PathBuf::new();
    let mut links = 0;
    while let Some(step) = ahead.pop_front() {
        match step {
            Step::Root(root) => at = root,
            Step::Up => {
                at.pop();
            }
            Step::Down(name) => {
                at.push(name);
                let Ok(target) = at.read_link() else {
                    continue;
                };
                links += 1;
                if links > MAX_LINKS {
                    break;
                }
                trail.push(at.clone());
                at.pop();
                for step in steps(&target).collect::<Vec<_>>().into_iter().rev() {
                    ahead.push_front(step);
                }
            }
        }
    }
    trail.push(at);
    trail
}

/// One part of a path.
enum Step {
    Root(PathBuf),
    Up,
    Down(OsString),
}

fn steps(path: &Path) -> impl Iterator<Item = Step> {
    path.components().filter_map(|part| match part {
        Component::Prefix(_) | Component::RootDir => {
            Some(Step::Root(PathBuf::from(part.as_os_str())))
        }
        Component::CurDir => None,
        Component::ParentDir => Some(Step::Up),
        Component::Normal(name) => Some(Step::Down(name.to_owned())),
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_link_on_the_way_and_the_file_at_its_end_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let at = |name: &str| folder.join(name);
        std::fs::create_dir_all(at("..r1/deep")).unwrap();
        std::fs::write(at("..r1/deep/show.ron"), "1").unwrap();
        symlink("..r1", at("..data")).unwrap();
        symlink("..data/deep/../deep/show.ron", at("show.ron")).unwrap();
        symlink(at("show.ron"), at("far.ron")).unwrap();
        assert_eq!(
            trail(&at("far.ron")),
            ["far.ron", "show.ron", "..data", "..r1/deep/show.ron"].map(at)
        );
        assert_eq!(trail(&at("..r1/deep/none")), [at("..r1/deep/none")]);
        // A circle ends.
        symlink("b", at("a")).unwrap();
        symlink("a", at("b")).unwrap();
        assert!(trail(&at("a")).len() <= MAX_LINKS + 1);
    }
}
