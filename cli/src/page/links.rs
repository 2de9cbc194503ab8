//! Lasting links to the page: who has one may see, or turn, until it is revoked. Only the hashes of
//! their secrets are kept.

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::access::Right;
use super::seal;

/// What stands first in the file.
const HEADING: &str = "# Links to the page of `score run --page`: a name for its cookies, the sha256 of its secret, what it allows, and \
     what\n# it is called. `score page link` adds one, `score page revoke NAME` takes it away.\n";

/// Links that are kept.
const MOST: usize = 256;

/// A lasting link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// What its cookies name it by.
    id: String,
    /// The hash of its secret.
    hash: String,
    /// What it allows.
    pub(crate) right: Right,
    /// What its maker calls it.
    pub(crate) name: String,
}

/// The links in a file, which is read at each look, so that one that is revoked is gone at once.
#[derive(Clone, Debug)]
pub(crate) struct Links(PathBuf);

impl Links {
    /// Those of the user's `folder`.
    pub(crate) fn of(folder: &Path) -> Self {
        Links(folder.join("page-links"))
    }

    /// All links that can be read: what cannot be read lets nobody in.
    pub(crate) fn all(&self) -> Vec<Link> {
        let text = self.text().unwrap_or_default();
        lines(&text).filter_map(|(_, line)| link(line)).collect()
    }

    /// All links, to write them again.
    ///
    /// # Errors
    /// There is something that cannot be read: written again, it would be lost.
    fn whole(&self) -> io::Result<Vec<Link>> {
        let text = self.text()?;
        let links = lines(&text).map(|(number, line)| {
            link(line).ok_or_else(|| {
                let path = self.0.display();
                let why = format!("line {number} of `{path}` is no link; mend it or take it out");
                io::Error::new(ErrorKind::InvalidData, why)
            })
        });
        links.collect()
    }

    /// The file; nothing, where there is none.
    fn text(&self) -> io::Result<String> {
        match std::fs::read_to_string(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
            read => read,
        }
    }

    /// What the link with this secret allows, and what its cookies name it by.
    pub(super) fn with_secret(&self, secret: &str) -> Option<(Right, String)> {
        let hash = seal::hash(secret);
        let found = self.all().into_iter().find(|link| link.hash == hash)?;
        Some((found.right, found.id))
    }

    /// What the link of this id allows.
    pub(super) fn with_id(&self, id: &str) -> Option<Right> {
        let mut all = self.all().into_iter();
        all.find(|link| link.id == id).map(|link| link.right)
    }

    /// Makes a link called `name`, in the place of one that was called so; gives its secret.
    ///
    /// # Errors
    /// The file cannot be read whole or written, or there are too many links.
    pub(crate) fn add(&self, right: Right, name: &str) -> io::Result<String> {
        let secret = seal::secret()?;
        let mut all = self.whole()?;
        all.retain(|link| link.name != name);
        if all.len() >= MOST {
            return Err(io::Error::other(format!("there are {MOST} links already")));
        }
        let hash = seal::hash(&secret);
        all.push(Link {
            // Of another secret, so that it says nothing of this one.
            id: seal::secret()?.chars().take(16).collect(),
            hash,
            right,
            name: name.replace(char::is_control, " "),
        });
        self.write(&all)?;
        Ok(secret)
    }

    /// Takes the link called `name` away; `false`: there is none.
    ///
    /// # Errors
    /// The file cannot be read whole or written.
    pub(crate) fn remove(&self, name: &str) -> io::Result<bool> {
        let all = self.whole()?;
        let kept: Vec<Link> = (all.iter())
            .filter(|link| link.name != name)
            .cloned()
            .collect();
        let is_gone = kept.len() < all.len();
        if is_gone {
            self.write(&kept)?;
        }
        Ok(is_gone)
    }

    fn write(&self, links: &[Link]) -> io::Result<()> {
        let lines = links.iter().map(|link| {
            let right = link.right.name();
            format!("{} {} {right} {}\n", link.id, link.hash, link.name)
        });
        let text = HEADING.to_owned() + &lines.collect::<String>();
        write_private(&self.0, &text)
    }
}

/// The lines of the file in which links stand, with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate();
    let numbered = numbered.map(|(index, line)| (index + 1, line));
    numbered.filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty())
}

/// The link in a line; `None`: it is none.
fn link(line: &str) -> Option<Link> {
    let mut words = line.splitn(4, ' ');
    Some(Link {
        id: words.next()?.to_owned(),
        hash: words.next().filter(|hash| hash.len() == 64)?.to_owned(),
        right: Right::named(words.next()?)?,
        name: words.next()?.to_owned(),
    })
}

/// Writes a file that only its user can read, whole or not at all.
///
/// # Errors
/// It cannot be written.
pub(super) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    std::fs::create_dir_all(folder)?;
    let new = path.with_extension(format!("{}.new", std::process::id()));
    let _ = std::fs::remove_file(&new);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&new).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let placed = written.and_then(|()| std::fs::rename(&new, path));
    if placed.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    placed
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_link_lasts_until_it_is_revoked_and_its_secret_is_kept_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let links = Links::of(&folder.path().join("score"));
        assert!(links.all().is_empty());
        let see = links.add(Right::See, "a curator's phone").unwrap();
        let turn = links.add(Right::Turn, "artist").unwrap();
        let again = Links::of(&folder.path().join("score"));
        let (right, id) = again.with_secret(&see).unwrap();
        assert_eq!((right, again.with_id(&id)), (Right::See, Some(Right::See)));
        assert_eq!(again.with_secret(&turn).unwrap().0, Right::Turn);
        let file = folder.path().join("score/page-links");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains(&see) && !text.contains(&turn));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        // A new one of the same name takes its place.
        let newer = links.add(Right::Turn, "artist").unwrap();
        assert_eq!(again.with_secret(&turn), None);
        assert!(again.with_secret(&newer).is_some());
        assert!(links.remove("a curator's phone").unwrap());
        assert!(!links.remove("a curator's phone").unwrap());
        assert_eq!((again.with_secret(&see), again.with_id(&id)), (None, None));
    }

    #[test]
    fn what_cannot_be_read_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let links = Links::of(folder.path());
        let file = folder.path().join("page-links");
        let see = links.add(Right::See, "curator").unwrap();
        let good = std::fs::read_to_string(&file).unwrap();
        let odd = format!("{good}0123 of a later version\n").into_bytes();
        let unreadable = [good.as_bytes(), b"\xff\n"].concat();
        for (content, lets_in) in [(odd, true), (unreadable, false)] {
            std::fs::write(&file, &content).unwrap();
            assert!(links.add(Right::Turn, "artist").is_err());
            assert!(links.remove("curator").is_err());
            assert_eq!(std::fs::read(&file).unwrap(), content);
            assert_eq!(links.with_secret(&see).is_some(), lets_in);
        }
        std::fs::write(&file, format!("{good}\n")).unwrap();
        assert!(links.remove("curator").unwrap());
    }
}
