//! Who may do what: one-time addresses, lasting links, cookies, and where a request must come from.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

use super::links::{Links, write_private};
use super::seal;
use crate::web::Ends;
use crate::web::host::{asked_for, without_port};

/// How long a browser that was let in is known.
const LASTS: Duration = Duration::from_secs(30 * 24 * 3600);

/// Wrong secrets that are answered in a second, of all who try; whoever sends more is told to wait.
const MOST_WRONG: u32 = 10;

/// What a proxy adds to a request that it hands on.
const HANDED_ON: [&str; 3] = ["forwarded", "x-forwarded-for", "via"];

/// What somebody may do with a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Right {
    /// Look at it.
    See,
    /// And set live values.
    Turn,
    /// And change the patch's file.
    Edit,
}

impl Right {
    /// Its word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Right::See => "see",
            Right::Turn => "turn",
            Right::Edit => "edit",
        }
    }

    /// The right with this word.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Right::See, Right::Turn, Right::Edit]
            .into_iter()
            .find(|right| right.name() == name)
    }
}

/// Who is let in.
pub(super) struct Access {
    /// What seals cookies.
    key: String,
    links: Option<Links>,
    /// The hash of the secret of the one-time address.
    once: Mutex<Option<String>>,
    /// What a cookie is called: browsers do not tell apart the ports of a computer.
    cookie: String,
    /// Names of this computer that the artist has given, as that of a reverse proxy.
    hosts: Vec<String>,
    /// Whether browsers of other computers may change the patch.
    may_edit_from_afar: bool,
    wrong: Mutex<(Instant, u32)>,
}

/// A request that may be answered.
pub(super) struct Admitted {
    /// Whether it comes from a page of this server itself.
    pub(super) is_own_page: bool,
    /// Whether it comes from this computer, and by no proxy.
    pub(super) is_local: bool,
    /// Whether it came to a proxy by HTTPS.
    pub(super) is_encrypted: bool,
}

impl Access {
    /// For the server at `port`. The key that seals cookies lies in the user's `folder`, so that a
    /// browser is known after a restart.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(super) fn new(
        folder: Option<&Path>,
        port: u16,
        hosts: Vec<String>,
        may_edit_from_afar: bool,
    ) -> std::io::Result<Self> {
        let key = match folder {
            Some(folder) => kept_key(&folder.join("page-key"))?,
            None => seal::secret()?,
        };
        Ok(Access {
            key,
            links: folder.map(Links::of),
            once: Mutex::default(),
            cookie: format!("score_{port}"),
            hosts,
            may_edit_from_afar,
            wrong: Mutex::new((Instant::now(), 0)),
        })
    }

    /// The secret of a new one-time address; the one before is worth nothing any more.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(super) fn once(&self) -> std::io::Result<String> {
        let secret = seal::secret()?;
        *self.once.lock().unwrap_or_else(PoisonError::into_inner) = Some(seal::hash(&secret));
        Ok(secret)
    }

    /// Whether a request is answered at all: one that names this computer, and, where a page of a
    /// browser sends it, a page of this very server.
    ///
    /// # Errors
    /// Why not, and with which status.
    pub(super) fn admit(
        &self,
        headers: &HeaderMap,
        ends: Ends,
    ) -> Result<Admitted, (StatusCode, &'static str)> {
        let refuse = |why| (StatusCode::FORBIDDEN, why);
        let host = asked_for(headers, ends.here, &self.hosts).map_err(refuse)?;
        let origins: Vec<&HeaderValue> = headers.get_all(header::ORIGIN).iter().collect();
        let is_own_page = match origins.as_slice() {
            [] => false,
            [origin] if self.is_own(origin, host) => true,
            _ => return Err(refuse("another page's requests are not answered")),
        };
        // A proxy on this computer connects from here, whoever asks it.
        let by_proxy =
            self.is_given(host) || HANDED_ON.iter().any(|name| headers.contains_key(*name));
        Ok(Admitted {
            is_own_page,
            is_local: !by_proxy && is_this_computer(ends),
            is_encrypted: (origins.iter()).any(|origin| origin.as_bytes().starts_with(b"https:")),
        })
    }

    /// Whether an Origin is that of the server's own pages: compared whole, `null` is none.
    fn is_own(&self, origin: &HeaderValue, host: &str) -> bool {
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        let schemes: &[&str] = if self.is_given(host) {
            &["https://", "http://"]
        } else {
            &["http://"]
        };
        (schemes.iter()).any(|scheme| origin.strip_prefix(scheme) == Some(host))
    }

    /// Whether a Host is a name that the artist has given.
    fn is_given(&self, host: &str) -> bool {
        without_port(host)
            .is_some_and(|name| (self.hosts.iter()).any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// Lets in whoever knows the secret of the one-time address or of a link: gives what they may
    /// do, and the cookie that says so. `Err`: too many secrets were wrong.
    pub(super) fn enter(&self, secret: &str) -> Result<Option<(Right, String)>, ()> {
        let known = self.counted(self.known(secret))?;
        Ok(known.map(|(right, link)| (right, self.cookie_of(right, &link))))
    }

    fn known(&self, secret: &str) -> Option<(Right, String)> {
        let hash = seal::hash(secret);
        let mut once = self.once.lock().unwrap_or_else(PoisonError::into_inner);
        if once.as_ref().is_some_and(|once| seal::is_same(once, &hash)) {
            *once = None;
            return Some((Right::Edit, "-".to_owned()));
        }
        drop(once);
        self.links.as_ref()?.with_secret(secret)
    }

    /// What a secret opens, and counts it if that is nothing. `Err`: too many were wrong in this
    /// second. Nobody's guesses keep out who has a good one.
    fn counted<T>(&self, found: Option<T>) -> Result<Option<T>, ()> {
        if found.is_some() {
            return Ok(found);
        }
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.0.elapsed() > Duration::from_secs(1) {
            *wrong = (Instant::now(), 0);
        }
        wrong.1 = wrong.1.saturating_add(1);
        match wrong.1 > MOST_WRONG {
            true => Err(()),
            false => Ok(None),
        }
    }

    fn cookie_of(&self, right: Right, link: &str) -> String {
        let ends = now() + LASTS.as_secs();
        let content = format!("{}.{ends}.{link}", right.name());
        let seal = self.sealed(&content);
        let (name, seconds) = (&self.cookie, LASTS.as_secs());
        format!("{name}={content}.{seal}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict")
    }

    /// The seal of a cookie of this server: one of another port is worth nothing here.
    fn sealed(&self, content: &str) -> String {
        seal::seal(&self.key, &format!("{} {content}", self.cookie))
    }

    /// What a request's cookie, or its bearer token, allows: from elsewhere than this computer
    /// nobody changes files, unless the artist has said so.
    pub(super) fn right(&self, headers: &HeaderMap, is_local: bool) -> Option<Right> {
        let cookies = headers.get_all(header::COOKIE).iter();
        let cookies = cookies.filter_map(|cookies| cookies.to_str().ok());
        let mut cookies = cookies.flat_map(|cookies| cookies.split(';'));
        let by_cookie = cookies.find_map(|cookie| {
            let (name, value) = cookie.trim().split_once('=')?;
            (name == self.cookie)
                .then(|| self.right_of(value))
                .flatten()
        });
        let right = by_cookie.or_else(|| self.bearer(headers))?;
        match is_local || self.may_edit_from_afar {
            true => Some(right),
            false => Some(right.min(Right::Turn)),
        }
    }

    /// What a cookie allows.
    fn right_of(&self, cookie: &str) -> Option<Right> {
        let (content, seal) = cookie.rsplit_once('.')?;
        let mut parts = content.split('.');
        let (right, ends, link) = (parts.next()?, parts.next()?, parts.next()?);
        let is_good = seal::is_same(seal, &self.sealed(content))
            && ends.parse().is_ok_and(|ends: u64| ends > now());
        let right = Right::named(right).filter(|_| is_good)?;
        match link {
            "-" => Some(right),
            // A link may have been revoked since.
            link => self.links.as_ref()?.with_id(link),
        }
    }

    /// What the secret of a link allows that a program sends with its request.
    fn bearer(&self, headers: &HeaderMap) -> Option<Right> {
        let sent = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let secret = sent.strip_prefix("Bearer ")?.trim();
        let known = self.counted(self.links.as_ref()?.with_secret(secret));
        known.ok().flatten().map(|(right, _)| right)
    }
}

/// Whether both ends of a connection are this computer: one that comes from the very address at
/// which it arrives comes from here, also where other computers reach that address.
fn is_this_computer(ends: Ends) -> bool {
    let ip = |address: SocketAddr| address.ip().to_canonical();
    let (here, there) = (ip(ends.here), ip(ends.there));
    here == there || (here.is_loopback() && there.is_loopback())
}

/// Seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

/// The key in a file of the user's; a new one, if there is none. Where it cannot be kept, it is
/// good for this run.
fn kept_key(path: &Path) -> std::io::Result<String> {
    if is_private(path)
        && let Ok(key) = std::fs::read_to_string(path)
        && key.trim().len() == 64
    {
        return Ok(key.trim().to_owned());
    }
    let key = seal::secret()?;
    if let Err(error) = write_private(path, &key) {
        let path = path.display();
        tracing::warn!(
            "`{path}` cannot be written ({error}): a browser will not be known after a restart"
        );
    }
    Ok(key)
}

/// Whether nobody but its user can read a file.
fn is_private(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        path.metadata().is_ok_and(|found| found.mode() & 0o077 == 0)
    }
    #[cfg(not(unix))]
    {
        path.exists()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::http::HeaderName;

    use super::*;

    const HERE: &str = "127.0.0.1:7664";

    fn access() -> Access {
        Access::new(None, 7664, vec!["music.example".to_owned()], false).unwrap()
    }

    fn headers(of: &[(HeaderName, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in of {
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    fn near() -> Ends {
        Ends {
            here: HERE.parse().unwrap(),
            there: "127.0.0.1:50000".parse().unwrap(),
        }
    }

    /// Whether a request with this Host and Origin is answered, and as one of its own pages.
    fn admitted(host: &str, origin: Option<&str>) -> Option<bool> {
        let mut all = vec![(header::HOST, host)];
        all.extend(origin.map(|origin| (header::ORIGIN, origin)));
        let headers = headers(&all);
        let access = access();
        let admitted = access.admit(&headers, near()).ok()?;
        Some(admitted.is_own_page)
    }

    #[test]
    fn only_the_hosts_of_this_computer_are_answered() {
        for host in [HERE, "localhost:7664", "music.example", "MUSIC.example:443"] {
            assert_eq!(admitted(host, None), Some(false), "{host}");
        }
        for host in [
            "evil.example:7664",
            "127.0.0.1.evil.example",
            "10.0.0.9",
            "",
        ] {
            assert_eq!(admitted(host, None), None, "{host}");
        }
    }

    #[test]
    fn an_origin_is_compared_whole_and_null_is_none() {
        assert_eq!(admitted(HERE, Some("http://127.0.0.1:7664")), Some(true));
        let proxied = Some("https://music.example");
        assert_eq!(admitted("music.example", proxied), Some(true));
        for foreign in [
            "null",
            "",
            "http://127.0.0.1:7664.evil.example",
            "http://127.0.0.1:76640",
            "http://127.0.0.1",
            "https://127.0.0.1:7664",
            "http://localhost:7664",
            "http://evil.example",
            "http://127.0.0.1:7664/",
        ] {
            assert_eq!(admitted(HERE, Some(foreign)), None, "{foreign}");
        }
        let twice = [
            (header::HOST, HERE),
            (header::ORIGIN, "http://127.0.0.1:7664"),
            (header::ORIGIN, "http://127.0.0.1:7664"),
        ];
        assert!(access().admit(&headers(&twice), near()).is_err());
    }

    #[test]
    fn a_one_time_address_opens_once_and_its_cookie_lasts() {
        let access = access();
        let secret = access.once().unwrap();
        assert_eq!(access.enter("wrong"), Ok(None));
        let (right, cookie) = access.enter(&secret).unwrap().unwrap();
        assert_eq!(right, Right::Edit);
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
        assert_eq!(access.enter(&secret), Ok(None));
        let cookie = cookie.split(';').next().unwrap();
        let sent = headers(&[(header::COOKIE, &format!("other=1; {cookie}"))]);
        assert_eq!(access.right(&sent, true), Some(Right::Edit));
        // From another computer it may not change files.
        assert_eq!(access.right(&sent, false), Some(Right::Turn));
        // Of another server, or changed in any place, it is worth nothing.
        let other = Access::new(None, 7664, Vec::new(), false).unwrap();
        assert_eq!(other.right(&sent, true), None);
        let changed = cookie.replace("edit", "turn");
        let changed = headers(&[(header::COOKIE, &changed)]);
        assert_eq!(access.right(&changed, true), None);
        for nonsense in [
            "score_7664=",
            "score_7664=edit",
            "score_7664=edit.9.-.",
            "=;;",
        ] {
            let sent = headers(&[(header::COOKIE, nonsense)]);
            assert_eq!(access.right(&sent, true), None, "{nonsense}");
        }
    }

    #[test]
    fn a_cookie_is_good_after_a_restart_until_its_link_is_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let start = || Access::new(Some(folder), 7664, Vec::new(), false).unwrap();
        let links = Links::of(folder);
        let secret = links.add(Right::See, "phone").unwrap();
        let (right, cookie) = start().enter(&secret).unwrap().unwrap();
        assert_eq!(right, Right::See);
        let cookie = cookie.split(';').next().unwrap();
        let sent = headers(&[(header::COOKIE, cookie)]);
        assert_eq!(start().right(&sent, true), Some(Right::See));
        let bearer = headers(&[(header::AUTHORIZATION, &format!("Bearer {secret}"))]);
        assert_eq!(start().right(&bearer, true), Some(Right::See));
        let other_port = Access::new(Some(folder), 7665, Vec::new(), false).unwrap();
        assert_eq!(other_port.right(&sent, true), None);
        links.remove("phone").unwrap();
        assert_eq!(start().right(&sent, true), None);
        assert_eq!(start().right(&bearer, true), None);
    }

    #[test]
    fn whoever_guesses_is_stopped() {
        let access = access();
        let secret = access.once().unwrap();
        for guess in 0..MOST_WRONG {
            assert_eq!(access.enter(&guess.to_string()), Ok(None));
        }
        assert_eq!(access.enter("more"), Err(()));
        // Whoever has a good one gets in meanwhile.
        let (right, _) = access.enter(&secret).unwrap().unwrap();
        assert_eq!(right, Right::Edit);
    }

    #[test]
    fn local_is_what_comes_from_this_computer_and_by_no_proxy() {
        let access = access();
        let is_local = |here: &str, there: &str, more: &[(HeaderName, &str)]| {
            let headers = headers(&[&[(header::HOST, here)], more].concat());
            let ends = Ends {
                here: here.parse().unwrap(),
                there: there.parse().unwrap(),
            };
            access.admit(&headers, ends).unwrap().is_local
        };
        assert!(is_local(HERE, "127.0.0.1:50000", &[]));
        assert!(is_local("192.168.1.5:7664", "192.168.1.5:50000", &[]));
        assert!(is_local(
            "192.168.1.5:7664",
            "[::ffff:192.168.1.5]:50000",
            &[]
        ));
        assert!(!is_local("192.168.1.5:7664", "192.168.1.6:50000", &[]));
        let x_forwarded_for = HeaderName::from_static("x-forwarded-for");
        for handed_on in [
            (header::FORWARDED, "for=192.0.2.43"),
            (x_forwarded_for, "192.0.2.43"),
            (header::VIA, "1.1 proxy"),
        ] {
            assert!(!is_local(HERE, "127.0.0.1:50000", &[handed_on]));
        }
    }
}
