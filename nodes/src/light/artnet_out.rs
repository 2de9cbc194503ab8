//! Sends controls to lights over Art-Net.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use score_engine::{
    Build, Check, Control, Descriptor, Flow, InputPort, Io, Node, NodeError, Params, Processor,
    Time, Transport,
};

use super::universe::{CHANNELS, PORT, Universe};
use crate::datagram;

const CONTROLS: InputPort<Control> =
    InputPort::new(0, "controls", "what to send as levels, 0 to 1").many();

/// What does not change is sent again after this, in seconds, as Art-Net asks: a light that was
/// switched on later finds its level too.
const AGAIN: f64 = 0.9;

/// `artnet_out`.
#[derive(Clone, Params)]
pub(crate) struct ArtnetOut {
    /// address of what drives the lights, such as 192.168.1.50; with :PORT where that is not 6454
    #[param(rebuild = "the socket is opened once", default = "127.0.0.1")]
    host: String,
    /// number of the universe (port address)
    #[param(live, range = 0..=32_767, span = 0.0..=15.0, default = 0)]
    universe: u16,
    /// first channel of each wire, from 1; wires beyond the list take the channels that follow
    #[param(live, range = 1..=512, default = Vec::new(), for_each_wire = CONTROLS.name())]
    channels: Vec<u16>,
    /// two channels for each wire, coarse and fine: 16 bits
    #[param(live, default = false)]
    fine: bool,
    /// level of all
    #[param(live, range = 0.0..=1.0, default = 1.0)]
    dimmer: f32,
    /// packets a second, at most
    #[param(live, range = 1.0..=44.0, span = 10.0..=44.0, unit = "Hz", default = 40.0)]
    rate: f64,
    /// all is dark once the run, or the node, ends
    #[param(live, default = false)]
    dark_at_end: bool,
}

impl Node for ArtnetOut {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("light", "artnet_out", "Sends controls to lights over Art-Net")
            .example(
                r#"nodes: {
                    "camera": camera(),
                    "motion": motion(smooth: 0.5),
                    "light": brightness(),
                    "lamps": artnet_out(host: "192.168.1.50", channels: [1, 5]),
                },
                wires: ["camera -> motion -> lamps", "camera -> light -> lamps"]"#,
            )
            .details(
                "Each wire is a level of a DMX universe: 0 is 0, 1 is 255 (with `fine` 65,535 in two channels). `channels` \
                 counts the wires in the order of the patch. Levels go out as soon as they change, at most `rate` packets a second, and \
                 every 0.9 s if nothing changes. A packet has all 512 channels: those of no wire are dark, and so is \
                 a universe once another is set, but for what someone else sends to it. Lights go from level to level as fast as they can: smooth what steers them. \
                 `host` is an address in numbers, of IPv4 or IPv6; 255.255.255.255, or a network's own broadcast \
                 address, reaches every node in it.\n\n\
                 Art-Net has no login and no answer: whoever is in the network can steer the lights, and a packet that is \
                 lost is not missed for long. Where the network is away, the run goes on, says so once, and sends again as soon as it can \
                 (`failed_packets` counts). In a render nothing is sent.",
            )
            .input(CONTROLS)
            .independent_inputs()
            .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        if address(&self.host).is_none() {
            let why = format!("`{}` is not an address", self.host);
            let help = "write it in numbers: \"192.168.1.50\", or \"192.168.1.50:6454\"";
            check.refuse("host", why, Some(help.to_owned()));
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let Some(host) = address(&self.host) else {
            let why = format!("`{}` is not an address", self.host);
            return Err(NodeError::input(why).help("write it in numbers"));
        };
        let line = match build.clock {
            Some(_) => Some(Line {
                name: build.id.to_owned(),
                host,
                socket: None,
                is_away: false,
                sent: build.counters.counter("packets"),
                failed: build.counters.counter("failed_packets"),
            }),
            None => {
                tracing::warn!(
                    "`{}` sends nothing in a render; play the patch with `score run`",
                    build.id
                );
                None
            }
        };
        Ok(Box::new(Lighting {
            line,
            values: vec![None; build.wires(CONTROLS)],
            changed: false,
            universe: None,
            sequence: 0,
            latest: None,
        }))
    }
}

/// The address that the text means.
fn address(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    let whole = text.parse().ok();
    whole.or_else(|| Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, PORT)))
}

/// The way to the lights.
struct Line {
    /// The node's id.
    name: String,
    host: SocketAddr,
    /// `None`: the system has given none yet.
    socket: Option<UdpSocket>,
    /// Whether the latest packet could not be sent.
    is_away: bool,
    sent: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
}

impl Line {
    /// Sends a packet if that is possible, and says when it begins and ends to be.
    fn send(&mut self, packet: &[u8]) {
        match self.try_send(packet) {
            Ok(()) => {
                self.sent.fetch_add(1, Ordering::Relaxed);
                if std::mem::take(&mut self.is_away) {
                    tracing::info!("`{}` reaches {} again", self.name, self.host);
                }
            }
            Err(error) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                self.socket = None;
                if !std::mem::replace(&mut self.is_away, true) {
                    tracing::warn!(
                        "`{}` cannot send to {}; the run goes on and tries again ({error})",
                        self.name,
                        self.host
                    );
                }
            }
        }
    }

    fn try_send(&mut self, packet: &[u8]) -> std::io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => datagram::open(self.host)?,
        };
        let sent = socket.send_to(packet, self.host);
        self.socket = Some(socket);
        sent.map(drop)
    }
}

struct Lighting {
    /// `None` in a render.
    line: Option<Line>,
    /// The latest value of each wire, once it has brought one.
    values: Vec<Option<f32>>,
    /// Whether anything is not sent yet.
    changed: bool,
    /// The universe that packets went to last.
    universe: Option<u16>,
    /// The number of the latest packet.
    sequence: u8,
    /// When it was sent.
    latest: Option<Time>,
}

impl Processor<ArtnetOut> for Lighting {
    fn process(&mut self, params: &ArtnetOut, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let value = *input.read(CONTROLS)?;
            if let Some(known) = self.values.get_mut(input.wire) {
                self.changed |= known.replace(value) != Some(value);
            }
        }
        // Before anything has come, lights stay as they are.
        if self.line.is_none() || self.values.iter().all(Option::is_none) {
            return Ok(Flow::Continue);
        }
        let now = io.now();
        let due = self.due(params);
        if due.is_none_or(|due| now >= due) {
            self.send(params, params.dimmer);
            self.latest = Some(now);
        }
        Ok(self.due(params).map_or(Flow::Continue, Flow::WakeAt))
    }

    fn finish(&mut self, params: &ArtnetOut, _io: &mut Io<'_>) -> Result<(), NodeError> {
        if params.dark_at_end {
            self.send(params, 0.0);
        } else if self.changed {
            self.send(params, params.dimmer);
        }
        Ok(())
    }

    fn changed(&mut self, _params: &ArtnetOut, _transport: &Transport) -> Result<(), NodeError> {
        self.changed = true;
        Ok(())
    }
}

impl Lighting {
    /// When the next packet goes out; `None`: at once.
    fn due(&self, params: &ArtnetOut) -> Option<Time> {
        let wait = match self.changed {
            true => 1.0 / params.rate.max(0.1),
            false => AGAIN,
        };
        Some(self.latest? + Time::from_seconds(wait))
    }

    fn send(&mut self, params: &ArtnetOut, dimmer: f32) {
        let mut universe = Universe::new();
        let width = if params.fine { 2 } else { 1 };
        let mut next = 1;
        for (wire, value) in self.values.iter().enumerate() {
            let first = params.channels.get(wire).copied().unwrap_or(next);
            next = first.saturating_add(width);
            if usize::from(first) <= CHANNELS {
                universe.set(first, value.unwrap_or(0.0) * dimmer, params.fine);
            }
        }
        self.changed = false;
        if let Some(left) = self.universe.replace(params.universe)
            && left != params.universe
        {
            self.send_packet(&Universe::new(), left);
        }
        self.send_packet(&universe, params.universe);
    }

    fn send_packet(&mut self, universe: &Universe, number: u16) {
        // 0 would say that packets are not numbered.
        self.sequence = self.sequence % u8::MAX + 1;
        if let Some(line) = &mut self.line {
            line.send(&universe.packet(number, self.sequence));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use score_engine::harness::Harness;
    use score_engine::{Payload, PortType};
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::at;

    /// A light at this computer.
    fn light() -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        socket
    }

    /// The packets that have come.
    fn packets(light: &UdpSocket) -> Vec<Vec<u8>> {
        let mut room = [0; 600];
        let next = || {
            light
                .recv(&mut room)
                .ok()
                .map(|length| room[..length].to_vec())
        };
        std::iter::from_fn(next).collect()
    }

    fn harness(
        light: &UdpSocket,
        mut params: Value,
        wires: &[&[(f64, f32)]],
        end: f64,
    ) -> Harness<ArtnetOut> {
        params["host"] = json!(light.local_addr().unwrap().to_string());
        let mut harness = Harness::new(params);
        for wire in wires {
            let values = wire
                .iter()
                .map(|(time, value)| (at(*time), Payload::Control(*value)));
            harness = harness.feed("controls", PortType::Control, values.collect(), at(end));
        }
        harness
    }

    #[test]
    fn each_wire_is_a_level_at_its_channel() {
        let light = light();
        let params = json!({ "channels": [3], "universe": 258, "dimmer": 0.5 });
        harness(&light, params, &[&[(0.0, 1.0)], &[(0.0, 0.4)]], 0.01)
            .play_live()
            .unwrap();
        let packets = packets(&light);
        let last = packets.last().unwrap();
        assert_eq!(last[14..18], [2, 1, 2, 0]);
        assert_eq!(last[18..22], [0, 0, 128, 51]);
        let numbers: Vec<u8> = packets.iter().map(|packet| packet[12]).collect();
        let wanted: Vec<u8> = (1..=packets.len() as u8).collect();
        assert_eq!(numbers, wanted);
    }

    #[test]
    fn no_more_packets_go_out_than_the_rate_says_and_the_last_value_arrives() {
        let light = light();
        let values: Vec<(f64, f32)> = (0..500)
            .map(|n| (f64::from(n) / 500.0, n as f32 / 499.0))
            .collect();
        harness(&light, json!({}), &[&values], 1.0)
            .play_live()
            .unwrap();
        let packets = packets(&light);
        assert!((38..=43).contains(&packets.len()), "{}", packets.len());
        assert_eq!(packets.last().unwrap()[18], 255);
    }

    #[test]
    fn what_does_not_change_is_sent_again_and_again() {
        let light = light();
        harness(&light, json!({}), &[&[(0.0, 0.5)]], 4.0)
            .play_live()
            .unwrap();
        let packets = packets(&light);
        assert!((4..=7).contains(&packets.len()), "{}", packets.len());
        assert!(packets.iter().skip(1).all(|packet| packet[18] == 128));
    }

    #[test]
    fn live_values_count_at_once_and_dark_is_the_end_where_it_is_wished() {
        let light = light();
        let params = json!({ "dark_at_end": true, "fine": true });
        harness(&light, params, &[&[(0.0, 1.0)]], 1.0)
            .set_live(at(0.2), "dimmer", 0.25)
            .set_live(at(0.4), "fine", false)
            .play_live()
            .unwrap();
        let levels: Vec<(u8, u8)> = packets(&light)
            .iter()
            .map(|packet| (packet[18], packet[19]))
            .collect();
        assert!(
            levels.contains(&(255, 255)) && levels.contains(&(64, 0)),
            "{levels:?}"
        );
        assert_eq!(levels.last(), Some(&(0, 0)));
    }

    #[test]
    fn channels_and_universes_that_are_left_go_dark() {
        let light = light();
        harness(&light, json!({ "channels": [3] }), &[&[(0.0, 1.0)]], 1.0)
            .set_live(at(0.2), "channels", vec![1])
            .set_live(at(0.4), "universe", 7)
            .play_live()
            .unwrap();
        let packets = packets(&light);
        let sent = packets.iter().map(|packet| {
            let lit = (1..).zip(&packet[18..]).find(|(_, level)| **level > 0);
            (packet[14], lit.map(|(channel, _)| channel))
        });
        let mut sent: Vec<(u8, Option<u16>)> = sent.collect();
        sent.dedup();
        assert_eq!(sent, [(0, Some(3)), (0, Some(1)), (0, None), (7, Some(1))]);
        let numbers: Vec<u8> = packets.iter().map(|packet| packet[12]).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
    }

    #[test]
    fn a_render_sends_nothing() {
        let light = light();
        harness(&light, json!({}), &[&[(0.0, 1.0), (0.5, 0.2)]], 1.0)
            .run()
            .unwrap();
        assert_eq!(packets(&light).len(), 0);
    }

    #[test]
    fn where_nothing_can_be_sent_the_run_goes_on_and_counts() {
        // Nobody listens at port 0, and the system says so.
        let outputs = Harness::<ArtnetOut>::new(json!({ "host": "0.0.0.1:0" }))
            .feed(
                "controls",
                PortType::Control,
                vec![(at(0.0), Payload::Control(1.0))],
                at(3.0),
            )
            .play_live()
            .unwrap();
        assert!(outputs.counter("failed_packets") >= 3, "{outputs:?}");
        assert_eq!(outputs.counter("packets"), 0);
    }

    #[test]
    fn a_name_is_no_address() {
        for (text, wanted) in [
            ("192.168.1.50", Some("192.168.1.50:6454")),
            (" 10.0.0.1:7000 ", Some("10.0.0.1:7000")),
            ("::1", Some("[::1]:6454")),
            ("lamps.local", None),
            ("", None),
        ] {
            assert_eq!(
                address(text),
                wanted.map(|wanted| wanted.parse().unwrap()),
                "{text}"
            );
        }
        let error = Harness::<ArtnetOut>::new(json!({ "host": "lamps" }))
            .run()
            .unwrap_err();
        assert!(error.to_string().contains("not an address"), "{error}");
    }
}
