//! Finds sound devices by name.

use cpal::platform::JackHost;
use cpal::traits::{DeviceTrait, HostTrait};
use cpal::{Device, HostId};
use score_engine::NodeError;

use super::jack_server::Ticket;
use super::keeper::missing;

/// Which way sound goes through a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Out of the program, to loudspeakers.
    Output,
    /// Into the program, from microphones.
    Input,
}

impl Direction {
    /// The word for what goes this way.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Direction::Output => "output",
            Direction::Input => "input",
        }
    }
}

/// The devices of `host` for a direction, each with the text that names it in a patch and a title.
pub(crate) fn devices_of(host: HostId, direction: Direction) -> Vec<(String, String, Device)> {
    if host == HostId::Jack {
        return jack(direction)
            .map(|(device, _)| (host.name().to_owned(), title(&device), device))
            .into_iter()
            .collect();
    }
    let Ok(host) = cpal::host_from_id(host) else {
        return Vec::new();
    };
    let Ok(devices) = host.devices() else {
        return Vec::new();
    };
    devices
        .filter(|device| match direction {
            Direction::Output => device.supports_output(),
            Direction::Input => device.supports_input(),
        })
        .filter_map(|device| {
            let id = device.id().ok()?;
            let name = format!("{}: {}", host.id().name(), id.id());
            Some((name, title(&device), device))
        })
        .collect()
}

fn title(device: &Device) -> String {
    device
        .description()
        .map(|description| description.name().to_owned())
        .unwrap_or_default()
}

/// JACK, where its server runs. Its ports are connected to the system's. No server is started.
fn jack(direction: Direction) -> Result<(Device, Option<Ticket>), NodeError> {
    // The only way to choose the client's name: the host names its clients after the process.
    type JackDevice = <JackHost as HostTrait>::Device;
    let ticket = Ticket::take()?;
    let device = match direction {
        Direction::Output => JackDevice::default_output_device("score", true, false),
        Direction::Input => JackDevice::default_input_device("score", true, false),
    };
    let device = device.map_err(|error| missing(error.to_string()))?;
    Ok((Device::from(device), Some(ticket)))
}

/// A device that may be meant: its name, and the leave to use it where it is JACK.
pub(super) type Candidate = (String, Device, Option<Ticket>);

/// The devices that `name` may mean, best first; `None`: what the system uses.
pub(super) fn candidates(
    name: Option<&str>,
    direction: Direction,
    whole: &str,
) -> Result<Vec<Candidate>, NodeError> {
    let Some(name) = name else {
        let first = cpal::default_host().id();
        let others = cpal::available_hosts();
        let others = others.into_iter().filter(|host| *host != first);
        let hosts: Vec<HostId> = std::iter::once(first).chain(others).collect();
        let found: Vec<_> = hosts
            .into_iter()
            .filter_map(|host| {
                let (device, ticket) = default_of(host, direction)?;
                Some((host.name().to_owned(), device, ticket))
            })
            .collect();
        return match found.is_empty() {
            true => Err(missing(format!("{whole} is not there"))),
            false => Ok(found),
        };
    };
    let (host, rest) = split(name);
    if let (Some(host), None) = (host, rest) {
        let device = default_of(host, direction);
        return device
            .map(|(device, ticket)| vec![(host.name().to_owned(), device, ticket)])
            .ok_or_else(|| {
                missing(format!(
                    "{whole} is not there: {} does not run",
                    host.name()
                ))
            });
    }
    let wanted = rest.unwrap_or(name);
    let hosts = host.map_or_else(cpal::available_hosts, |host| vec![host]);
    let all: Vec<_> = hosts
        .into_iter()
        .flat_map(|host| devices_of(host, direction))
        .collect();
    let found = best_match(&all, wanted, |(full, title, _)| (full, title));
    match found {
        // JACK has one device, which is found by its host's name alone.
        Some((name, _, _)) if name == HostId::Jack.name() => {
            candidates(Some(name), direction, whole)
        }
        Some((name, _, device)) => Ok(vec![(name.clone(), device.clone(), None)]),
        None => Err(missing(format!("{whole} is not there"))),
    }
}

/// The host that a name begins with, and what follows it.
fn split(name: &str) -> (Option<HostId>, Option<&str>) {
    let (head, rest) = match name.split_once(':') {
        Some((head, rest)) => (head.trim(), Some(rest.trim())),
        None => (name.trim(), None),
    };
    let host = cpal::ALL_HOSTS
        .iter()
        .find(|host| host.name().eq_ignore_ascii_case(head));
    match host {
        Some(host) => (Some(*host), rest.filter(|rest| !rest.is_empty())),
        None => (None, None),
    }
}

/// The item that `wanted` names: the whole name or title first, else the first that contains it,
/// whatever the case.
pub(crate) fn best_match<'a, T>(
    all: &'a [T],
    wanted: &str,
    names: impl Fn(&'a T) -> (&'a str, &'a str),
) -> Option<&'a T> {
    let wanted = wanted.to_lowercase();
    let exact = |name: &str| {
        let name = name.to_lowercase();
        name == wanted
            || name
                .split_once(": ")
                .is_some_and(|(_, rest)| rest == wanted)
    };
    let contains = |name: &str| name.to_lowercase().contains(&wanted);
    let find = |fits: &dyn Fn(&str) -> bool| {
        all.iter().find(|item| {
            let (name, title) = names(item);
            fits(name) || fits(title)
        })
    };
    find(&exact).or_else(|| find(&contains))
}

fn default_of(host: HostId, direction: Direction) -> Option<(Device, Option<Ticket>)> {
    if host == HostId::Jack {
        return jack(direction).ok();
    }
    let host = cpal::host_from_id(host).ok()?;
    let device = match direction {
        Direction::Output => host.default_output_device(),
        Direction::Input => host.default_input_device(),
    };
    Some((device?, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_whole_first_and_then_by_a_part_in_any_case() {
        let all = [
            ("ALSA: hw:CARD=0,DEV=10", "HDA Intel"),
            ("ALSA: hw:CARD=0,DEV=1", "HDA Intel PCH"),
            ("JACK", "JACK Output"),
        ];
        let find = |wanted: &str| {
            best_match(&all, wanted, |(name, title)| (name, title)).map(|(name, _)| *name)
        };
        assert_eq!(find("hw:card=0,dev=1"), Some("ALSA: hw:CARD=0,DEV=1"));
        assert_eq!(find("intel pch"), Some("ALSA: hw:CARD=0,DEV=1"));
        assert_eq!(find("jack"), Some("JACK"));
        assert_eq!(find("Focusrite"), None);
    }

    #[test]
    fn the_host_before_the_colon_is_known_and_an_alsa_name_is_not_taken_for_one() {
        assert_eq!(split("jack"), (Some(HostId::Jack), None));
        assert_eq!(split("hw:CARD=0"), (None, None));
    }
}
