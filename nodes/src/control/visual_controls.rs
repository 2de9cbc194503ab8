//! Turns what the picture does into what is asked of the music.

use std::sync::Arc;

use score_engine::{
    Build, Custom, Descriptor, Event, Flow, Frame, InputPort, Io, Length, Node, NodeError,
    OutputPort, Params, Processor, Time, Transport,
};

use super::cells::{COUNT, cells, luma};
use super::moving::Moving;
use super::recurrence::Recurrence;
use super::view::View;
use crate::controls::{Controls, EXAMPLE};
use crate::half_life::Follower;

const PICTURES: InputPort<Frame> = InputPort::new(0, "frames", "the pictures");
const CUT: InputPort<Event> =
    InputPort::new(1, "cut", "asks for a note that stands out").optional();
const CONTROLS: OutputPort<Custom<Controls>> =
    Controls::output(0, "controls", "what is asked for, with each picture");

/// Differences of luma below this are not motion, as in `motion`.
const NOISE: f32 = 0.012;

/// Notes per sixteenth where a little moves (tunes have 0.33), and how many more for more motion.
const DENSITY: Line = Line {
    middle: 0.12,
    there: 0.4,
    slope: 1.5,
    range: (0.03, 0.95),
};

/// The register of a picture of middle brightness (MIDI pitch 71, where tunes lie), and how far up
/// white is from black.
const REGISTER: Line = Line {
    middle: 0.45,
    there: 0.58,
    slope: 0.5,
    range: (0.15, 0.9),
};

/// From bars that repeat, where the picture stands, to bars that have nothing of those before,
/// after a cut to what was never shown.
const NOVELTY: Line = Line {
    middle: 0.3,
    there: 0.5,
    slope: 0.75,
    range: (0.0, 1.0),
};

/// The contour that a rise of brightness from 0 to 1 asks for.
const CONTOUR: f32 = 4.0;

/// A contour below this is not asked for: where the light is level, the melody need not be.
const LEVEL: f32 = 0.15;

/// Quarter notes in which half of a change of brightness is forgotten: half a bar of 4/4, as far as
/// a contour looks.
const BEFORE: f64 = 2.0;

/// Motion that exceeds its recent average by the first asks for a note, by the second for one that
/// stands out.
const SURGES: (f32, f32) = (0.15, 0.35);

/// The half-life of motion's recent average, in quarter notes.
const LATE: f64 = 1.0;

/// A straight line from what is measured to what is asked for.
struct Line {
    /// What is measured and what is asked for it, whatever the amount.
    middle: f32,
    there: f32,
    slope: f32,
    range: (f32, f32),
}

impl Line {
    /// What is asked for `measured`; nothing where the amount is 0.
    fn at(&self, measured: f32, amount: f32) -> Option<f32> {
        let asked = self.there + amount * self.slope * (measured - self.middle);
        (amount != 0.0).then_some(asked.clamp(self.range.0, self.range.1))
    }
}

/// `visual_controls`: how much each thing seen counts, 0 not at all.
#[derive(Clone, Params)]
pub(crate) struct VisualControls {
    /// amount: sudden motion and cuts to notes
    #[param(live, range = -4.0..=4.0, span = 0.0..=2.0, default = 1.0)]
    onset: f32,
    /// amount: motion to how many notes
    #[param(live, range = -4.0..=4.0, span = 0.0..=2.0, default = 1.0)]
    density: f32,
    /// amount: brightness to height
    #[param(live, range = -4.0..=4.0, span = 0.0..=2.0, default = 1.0)]
    register: f32,
    /// amount: change of brightness to the way up or down
    #[param(live, range = -4.0..=4.0, span = 0.0..=2.0, default = 1.0)]
    contour: f32,
    /// amount: what was not seen lately to what was not heard lately
    #[param(live, range = -4.0..=4.0, span = 0.0..=2.0, default = 1.0)]
    novelty: f32,
    /// time to follow half of a jump in motion and brightness
    #[param(live, range = 0.0..=60.0, span = 0.01..=5.0, log, default = Length::Seconds(0.2))]
    smooth: Length,
}

impl Node for VisualControls {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "control",
            "visual_controls",
            "Turns what the picture does into what is asked of the music",
        )
        .example(EXAMPLE)
        .details(
            "For `stream_decoder`, which follows what it is asked for from sixteenth to \
             sixteenth. Each parameter but `smooth` is an amount: 0 asks for nothing, so that \
             the music is free in it; 1 is usual, 2 twice as much, and below 0 the wrong way \
             round.\n\n\
             - `density`: motion becomes notes. At 1, it asks for three notes a bar where \
             nothing moves, five before a talking head, ten in busy traffic.\n\
             - `register`: brightness becomes height. At 1, about a twelfth below the usual \
             for black, as much above it for white.\n\
             - `contour`: where it becomes lighter the melody climbs, where it becomes darker \
             it falls.\n\
             - `novelty`: how unlike the likest of the last eight bars the picture is becomes \
             how unlike them the music's bar is; where the picture stands or comes back, bars \
             repeat.\n\
             - `onset`: a sudden motion is a note at the next sixteenth, a stronger one or a \
             `cut` a note that stands out. 2 notices motion that is half as sudden.\n\n\
             Where tempi are fitted to a film, its bars and beats are those of the patch's own \
             tempo: it looks at the pictures before the bars are laid, so that they need not \
             be kept.",
        )
        .input(PICTURES)
        .input(CUT)
        .output(CONTROLS)
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let transport = build.transport.clone();
        Ok(Box::new(Watching {
            half_life: self.smooth.at(&transport),
            moving: Moving::default(),
            recurrence: Recurrence::default(),
            level: Follower::default(),
            light_before: Follower::default(),
            motion: [0.0; 2],
            light: 0.0,
            surge: Surge::new(&transport),
            asked: Controls::default(),
            transport,
        }))
    }
}

struct Watching {
    half_life: Time,
    transport: Transport,
    moving: Moving,
    recurrence: Recurrence,
    /// Motion and brightness, smoothed.
    level: Follower<2>,
    light_before: Follower<1>,
    /// The smoothed motion at the last picture but one, and at the last.
    motion: [f32; 2],
    /// The brightness of the last picture, as it is.
    light: f32,
    surge: Surge,
    /// What was asked for last.
    asked: Controls,
}

impl Processor<VisualControls> for Watching {
    fn process(&mut self, params: &VisualControls, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            if input.is(CUT) {
                self.cut(params, time);
            } else {
                self.asked = self.see(params, time, input.read(PICTURES)?);
            }
            io.send(CONTROLS, time, Arc::new(self.asked))?;
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &VisualControls, transport: &Transport) -> Result<(), NodeError> {
        self.half_life = params.smooth.at(transport);
        self.surge.keep_time(transport);
        self.transport = transport.clone();
        Ok(())
    }
}

impl Watching {
    /// What a picture asks for.
    fn see(&mut self, amounts: &VisualControls, time: Time, frame: &Frame) -> Controls {
        let cells: Vec<f32> = cells(frame).into_iter().map(luma).collect();
        self.light = cells.iter().sum::<f32>() / COUNT as f32;
        let moves = self.moving.see(time, cells, NOISE, 1.0);
        let seen = [moves, self.light];
        let [motion, brightness] = self.level.follow(time, seen, self.half_life);
        self.motion = [self.motion[1], motion];
        let before = self.transport.beats(BEFORE);
        let [before] = self.light_before.follow(time, [brightness], before);
        let bar = self.transport.sixteenths_per_bar() as f64 / 4.0;
        let bar = (self.transport.position(time) / bar).floor() as i64;
        let new = self.recurrence.see(bar, View::new(frame));
        let contour = (amounts.contour * CONTOUR * (brightness - before)).clamp(-1.0, 1.0);
        Controls {
            onset: self.surge.see(time, moves, amounts.onset),
            density: DENSITY.at(motion, amounts.density),
            register: REGISTER.at(brightness, amounts.register),
            contour: (contour.abs() >= LEVEL).then_some(contour),
            novelty: new.and_then(|new| NOVELTY.at(new, amounts.novelty)),
        }
    }

    /// The picture was cut: that is not motion, and brightness does not glide over it.
    fn cut(&mut self, amounts: &VisualControls, time: Time) {
        let motion = self.motion[0];
        self.motion[1] = motion;
        self.moving = Moving::default();
        self.level = Follower::default();
        self.level.follow(time, [motion, self.light], Time::ZERO);
        self.light_before = Follower::default();
        self.asked = Controls {
            onset: self.surge.cut(time, motion, amounts.onset),
            density: DENSITY.at(motion, amounts.density),
            register: REGISTER.at(self.light, amounts.register),
            contour: None,
            novelty: self.asked.novelty,
        };
    }
}

/// Finds where motion begins suddenly.
struct Surge {
    of_late: Follower<1>,
    half_life: Time,
    /// The least time between two: a sixteenth.
    apart: Time,
    last: Option<Time>,
    /// Whether motion has calmed down since the last.
    ready: bool,
}

impl Surge {
    fn new(transport: &Transport) -> Self {
        Surge {
            of_late: Follower::default(),
            half_life: transport.beats(LATE),
            apart: transport.beats(0.25),
            last: None,
            ready: true,
        }
    }

    /// From now on beats last as long as `transport` says.
    fn keep_time(&mut self, transport: &Transport) {
        self.half_life = transport.beats(LATE);
        self.apart = transport.beats(0.25);
    }

    fn is_far(&self, time: Time) -> bool {
        self.last.is_none_or(|last| time - last >= self.apart)
    }

    /// The onset that this much motion asks for.
    fn see(&mut self, time: Time, motion: f32, amount: f32) -> Option<f32> {
        let [of_late] = self.of_late.follow(time, [motion], self.half_life);
        let above = (motion - of_late) * amount.abs();
        let (note, accent) = SURGES;
        self.ready |= above < note / 2.0;
        if !self.ready || above < note || !self.is_far(time) {
            return None;
        }
        self.ready = false;
        self.last = Some(time);
        Some(if above < accent { 0.5 } else { 1.0 })
    }

    /// The onset that a cut asks for; `motion` is how much moved before it.
    fn cut(&mut self, time: Time, motion: f32, amount: f32) -> Option<f32> {
        self.of_late = Follower::default();
        self.of_late.follow(time, [motion], Time::ZERO);
        self.last = Some(time);
        (amount != 0.0).then_some(1.0)
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use score_engine::{Payload, PortType, Value};
    use serde_json::json;

    use super::super::test_pictures::{SIZE, at, drawn, flat, picture};
    use super::*;

    fn asked(outputs: &Outputs) -> Vec<Controls> {
        let packets = outputs.packets("controls").iter();
        packets
            .map(|packet| *packet.custom::<Controls>().unwrap())
            .collect()
    }

    fn watch(params: Value, pictures: Vec<(Time, Payload)>) -> Vec<Controls> {
        let outputs = Harness::<VisualControls>::new(params)
            .feed("frames", PortType::Frame, pictures, at(100.0))
            .run()
            .unwrap();
        asked(&outputs)
    }

    fn lights(levels: &[u8]) -> Vec<(Time, Payload)> {
        let times = (0..).map(|n| at(f64::from(n) / 25.0));
        times
            .zip(levels.iter().map(|level| flat([*level; 3])))
            .collect()
    }

    #[test]
    fn motion_asks_for_more_notes_than_rest_and_a_negative_amount_for_fewer() {
        let life = "life=size=64x64:rate=25:seed=3:random_fill_ratio=0.3:mold=5,trim=duration=2";
        let density = |amount: f64, pictures: &[(Time, Payload)]| {
            let found = watch(json!({ "density": amount }), pictures.to_vec());
            found.last().unwrap().density.unwrap()
        };
        let (moving, still) = (drawn(life, 25.0), lights(&[90; 50]));
        assert!(density(1.0, &moving) > density(1.0, &still) + 0.2);
        assert!(density(-1.0, &moving) < density(-1.0, &still) - 0.2);
    }

    #[test]
    fn bright_pictures_ask_for_high_notes_and_the_way_there_for_a_rise() {
        let mut levels = vec![20; 25];
        levels.extend([230; 10]);
        let found = watch(json!({}), lights(&levels));
        assert!(found[34].register.unwrap() > found[24].register.unwrap() + 0.2);
        assert_eq!(found[24].contour, None);
        assert!(found[34].contour.unwrap() > 0.5);
    }

    #[test]
    fn an_amount_of_0_asks_for_nothing() {
        let muted = json!({ "onset": 0, "density": 0, "register": 0, "contour": 0, "novelty": 0 });
        let mut levels = vec![20; 60];
        levels.extend([230; 60]);
        let found = watch(muted, lights(&levels));
        assert!(found.iter().all(|asked| *asked == Controls::default()));
    }

    #[test]
    fn what_was_seen_lately_asks_for_bars_that_repeat() {
        // Bars of two seconds: red, blue, and red again.
        let pictures = (0..150).map(|n| {
            let colour = [[220, 20, 20], [20, 20, 220], [220, 20, 20]][n / 50];
            (at(n as f64 / 25.0), flat(colour))
        });
        let found = watch(json!({}), pictures.collect());
        assert_eq!(found[40].novelty, None);
        assert!(found[90].novelty.unwrap() > 0.8);
        assert!(found[140].novelty.unwrap() < 0.3);
    }

    #[test]
    fn a_cut_asks_for_one_note_that_stands_out_at_its_own_time() {
        let event = Payload::Event(Arc::new(Event {
            name: "cut".to_owned(),
            strength: 1.0,
        }));
        let outputs = Harness::<VisualControls>::new(json!({}))
            .feed("frames", PortType::Frame, lights(&[90; 50]), at(2.0))
            .feed("cut", PortType::Event, vec![(at(1.0), event)], at(2.0))
            .run()
            .unwrap();
        let packets = outputs.packets("controls");
        let told: Vec<(f64, Controls)> = packets
            .iter()
            .map(|packet| (packet.time.seconds(), *packet.custom::<Controls>().unwrap()))
            .filter(|(_, asked)| asked.onset.is_some())
            .collect();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].0, told[0].1.onset), (1.0, Some(1.0)));
        // What else is asked for goes on.
        assert!(told[0].1.density.is_some());
    }

    #[test]
    fn a_cut_to_another_still_is_no_motion_and_its_light_is_asked_for_at_once() {
        let mut levels = vec![20; 25];
        levels.extend([230; 25]);
        let event = Payload::Event(Arc::new(Event {
            name: "cut".to_owned(),
            strength: 1.0,
        }));
        let mut pictures = lights(&levels);
        // The new scene has structure, so that it differs in more than its light.
        for (_, picture) in &mut pictures[25..] {
            *picture = halves();
        }
        let outputs = Harness::<VisualControls>::new(json!({}))
            .feed("frames", PortType::Frame, pictures, at(2.0))
            .feed("cut", PortType::Event, vec![(at(1.0), event)], at(2.0))
            .run()
            .unwrap();
        let found = asked(&outputs);
        // The cut's own packet follows that of its picture.
        let (before, cut) = (found[24], found[26]);
        assert!(cut.register.unwrap() > before.register.unwrap() + 0.1);
        assert_eq!(cut.contour, None);
        for after in &found[26..] {
            assert_eq!(after.density, before.density);
            assert_eq!(after.register, cut.register);
        }
        assert_eq!(cut.onset, Some(1.0));
        assert!(found[27..].iter().all(|asked| asked.onset.is_none()));
    }

    /// A picture that is dark on the left and bright on the right.
    fn halves() -> Payload {
        let row = [[10; 3]; SIZE / 2].into_iter().chain([[250; 3]; SIZE / 2]);
        let row: Vec<u8> = row.flatten().collect();
        picture(row.repeat(SIZE))
    }

    #[test]
    fn a_sudden_motion_asks_for_a_note_and_one_that_goes_on_asks_no_further() {
        let life = "life=size=64x64:rate=25:seed=3:random_fill_ratio=0.3:mold=5,trim=duration=2,tpad=start_mode=clone:start_duration=1";
        let found = watch(json!({}), drawn(life, 25.0));
        let onsets: Vec<usize> = (0..found.len())
            .filter(|n| found[*n].onset.is_some())
            .collect();
        assert_eq!(onsets.len(), 1, "{onsets:?}");
        assert!((25..28).contains(&onsets[0]), "{onsets:?}");
    }

    #[test]
    fn live_an_amount_that_is_turned_to_0_lets_go_from_the_next_picture() {
        let outputs = Harness::<VisualControls>::new(json!({}))
            .feed("frames", PortType::Frame, lights(&[90; 50]), at(2.0))
            .set_live(at(1.0), "density", 0.0)
            .play_live()
            .unwrap();
        let found = asked(&outputs);
        assert!(found[24].density.is_some() && found[25].density.is_none());
        assert!(found[25].register.is_some());
    }

    #[test]
    fn bars_that_were_seen_are_remembered_over_a_change_of_tempo() {
        // Bars of two seconds, red and blue, then of one, red again.
        let pictures = (0..125).map(|n| {
            let colour = [[220, 20, 20], [20, 20, 220], [220, 20, 20]][n / 50];
            (at(n as f64 / 25.0), flat(colour))
        });
        let fast = Transport {
            tempo: 240.0,
            ..Transport::default()
        };
        let outputs = Harness::<VisualControls>::new(json!({}))
            .feed("frames", PortType::Frame, pictures.collect(), at(5.0))
            .retime(at(4.0), fast)
            .play_live()
            .unwrap();
        let found = asked(&outputs);
        assert!(found[90].novelty.unwrap() > 0.8);
        assert!(found[120].novelty.unwrap() < 0.3);
    }
}
