//! Leads the transport of JACK's server.

use score_engine::{
    Build, Check, Descriptor, Flow, FollowedClock, Io, Node, NodeError, Params, Processor, Time,
    Transport,
};

use crate::device::jack_transport::TransportOutlet;
use crate::only_live::only_live;

/// How often it looks whether another server is there.
const LOOK: Time = Time::from_nanos(100_000_000);

/// `jack_transport_out`.
#[derive(Clone, Params)]
pub(crate) struct JackTransportOut {
    /// the node does not start without the server; read when it starts
    #[param(live, default = false)]
    required: bool,
}

impl Node for JackTransportOut {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "audio",
            "jack_transport_out",
            "Starts and stops JACK's transport",
        )
        .example(
            r#"nodes: {
                    "lead": jack_transport_out(),
                },
                wires: []"#,
        )
        .details(
            "Only in a live run. Programs at JACK's server that follow its transport start \
                 with the run, from where it is in time, and stop at its end, and where the run \
                 stands still because a clock that it follows has stopped. It does not tell bars \
                 and beats: for the tempo use `midi_clock_out`. To follow JACK's transport, see \
                 `follow` in the transport.",
        )
        .in_bars()
    }

    fn check(&self, check: &mut Check<'_>) {
        let followed = check.transport.follow.as_ref().map(|follow| follow.clock);
        if followed == Some(FollowedClock::Jack) {
            check.refuse(
                "required",
                "the run follows JACK's transport, and cannot lead it",
                Some("leave out this node, or `follow: jack` in the transport".to_owned()),
            );
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        only_live(build, "jack_transport_out", "leave the node out")?;
        Ok(Box::new(Leader {
            outlet: TransportOutlet::open(build.id, self.required, build.counters)?,
            stands: build.transport.stands,
            is_told: true,
        }))
    }
}

struct Leader {
    outlet: TransportOutlet,
    /// Whether the run stands still.
    stands: bool,
    /// Whether JACK's transport is as the run is.
    is_told: bool,
}

impl Processor<JackTransportOut> for Leader {
    fn process(&mut self, _: &JackTransportOut, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if self.outlet.is_new() || !self.is_told {
            match self.stands {
                true => self.outlet.stop(),
                false => self.outlet.start(io.now().seconds()),
            }
            self.is_told = true;
        }
        Ok(Flow::WakeAt(io.now() + LOOK))
    }

    fn changed(&mut self, _: &JackTransportOut, transport: &Transport) -> Result<(), NodeError> {
        self.is_told &= self.stands == transport.stands;
        self.stands = transport.stands;
        Ok(())
    }

    fn finish(&mut self, _: &JackTransportOut, _: &mut Io<'_>) -> Result<(), NodeError> {
        self.outlet.stop();
        Ok(())
    }
}
