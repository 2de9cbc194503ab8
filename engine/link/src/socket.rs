//! A socket of a run, which others of the same user find.

use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use crate::connect;
use crate::folder;

/// A socket that others find. It is removed with this value.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    identity: (u64, u64),
}

impl Socket {
    /// Makes it in the first folder that will do, under a name with this ending. The listener does
    /// not block.
    ///
    /// # Errors
    /// No folder will do; in words.
    pub fn make(ending: &str) -> Result<Socket, String> {
        let mut whys = Vec::new();
        for folder in folder::to_make() {
            let made = folder::make(&folder).and_then(|()| {
                Socket::make_in(&folder, ending)
                    .map_err(|error| format!("no socket in `{}` ({error})", folder.display()))
            });
            match made {
                Ok(socket) => return Ok(socket),
                Err(why) => whys.push(why),
            }
        }
        Err(whys.join("; "))
    }

    fn make_in(folder: &Path, ending: &str) -> io::Result<Socket> {
        // Made under another name: a client would remove a socket on which nobody listens yet. It is no
        // longer, since the path of a socket has little room.
        let new = folder.join(format!(".{}{ending}", std::process::id()));
        let _ = std::fs::remove_file(&new);
        let listener = UnixListener::bind(&new)?;
        let named = listener.set_nonblocking(true).and_then(|()| {
            // Where a stopped process has it, it is not free.
            let is_free = |path: &PathBuf| {
                connect(path).is_err_and(|why| why.kind() != ErrorKind::WouldBlock)
            };
            let path = folder::names(folder, ending).find(is_free);
            let path = path.ok_or(ErrorKind::AddrInUse)?;
            std::fs::rename(&new, &path)?;
            Ok((identity(&path)?, path))
        });
        let _ = std::fs::remove_file(&new);
        let (identity, path) = named?;
        Ok(Socket {
            listener,
            path,
            identity,
        })
    }

    /// What listens at it.
    #[must_use]
    pub fn listener(&self) -> &UnixListener {
        &self.listener
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it still lies where others find it: a program that cleans up temporary files may
    /// have removed it.
    #[must_use]
    pub fn is_there(&self) -> bool {
        identity(&self.path).is_ok_and(|found| found == self.identity)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.is_there() {
            // If it stays, the next client finds that it is stale.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = path.symlink_metadata()?;
    Ok((found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn sockets_of_two_kinds_lie_beside_each_other_and_go_with_their_values() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("score");
        folder::make(&folder).unwrap();
        let one = Socket::make_in(&folder, folder::CONTROL).unwrap();
        let other = Socket::make_in(&folder, crate::daw::ENDING).unwrap();
        let found = |ending| folder::sockets_in(&folder, ending);
        let process = std::process::id();
        assert_eq!(found("sock"), [(process, one.path().to_owned())]);
        assert_eq!(found("daw"), [(process, other.path().to_owned())]);
        connect(other.path()).unwrap();
        assert!(other.is_there());
        drop(other);
        assert_eq!(found("daw"), []);
        std::fs::remove_file(one.path()).unwrap();
        assert!(!one.is_there());
    }
}
