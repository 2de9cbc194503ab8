//! What the user is called who has started the program.

/// The user's name as a command may have it: by the system's list of users, else by what the shell
/// says.
pub(crate) fn own_name() -> String {
    #[cfg(unix)]
    {
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let number = rustix::process::geteuid().as_raw();
        if let Some(name) = named(&users, number) {
            return name.to_owned();
        }
    }
    "$USER".to_owned()
}

/// What the user with this number is called in the list of users (passwd(5)).
#[cfg(unix)]
fn named(users: &str, number: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(number)).then_some(name)
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_known_by_number() {
        let users = "root:x:0:0::/root:/bin/sh\nodd\nscore:x:1001:1001::/home/score:/bin/sh";
        assert_eq!(named(users, 1001), Some("score"));
        assert_eq!(named(users, 7), None);
    }
}
