//! Plans the code of each bar from the picture's codes.

use score_engine::{Build, Check, Descriptor, Node, NodeError, Param, Port, PortType, Processor};
use serde::Deserialize;

use super::super::voice::Chunk;
use super::drafting::Drafting;
use super::forecast::Forecast;
use super::forming::Forming;
use super::plan::{Plan, Taste};
use super::planning::Planning;
use crate::controls::EXAMPLE;
use crate::model::{Manifest, Task, require_codes};

pub(super) const LATENT: usize = 0;

pub(super) const PLANNED: usize = 0;
pub(super) const SCENE: usize = 1;
pub(super) const PHRASE: usize = 2;

/// `planner`.
#[derive(Deserialize)]
pub(crate) struct Planner {
    model: String,
    amount: f32,
    temperature: f32,
    alike: f32,
    theme: usize,
    phrase: usize,
}

impl Node for Planner {
    fn descriptor() -> Descriptor {
        Descriptor::new("music", "planner", "Plans the bars to come: each scene has a theme that returns with it")
            .example(EXAMPLE)
            .details(
                "Stands between the picture's codes and `stream_decoder`, and gives one code for each bar. A new bar's code is \
                 what the model expects after the last 32 bars, drawn with the patch's seed, mixed with the picture's own \
                 code (the mean of the bar): `amount` is the picture's share of the variance. The first `theme` bars of a scene are its \
                 theme. When a picture comes back, after another, that is `alike` (the cosine of the angle between its code and \
                 the scene's), the theme's bars come again as they were, then the music goes on anew. 64 scenes are \
                 remembered.\n\n\
                 With `cut` wired, the new scene's code comes at the cut, and holds for half a bar at least. Live, a \
                 bar's code comes just before the bar, from the newest picture; at a cut, with the first picture after \
                 it.\n\n\
                 With `phrase`, the music has a form: phrases of so many bars, each of a theme that is a scene's, and \
                 that returns whole, bar for bar; the third of three in a row stands against it. A cut changes nothing \
                 within a phrase. In a render the whole film is known before the first bar is planned: phrases begin where \
                 the picture changes, some half as long or half as long again for it, and there are no more themes than a third \
                 of the phrases. `scene` is one code for each scene, sent with its cut, the same whenever it returns: for the \
                 accompaniment and the drums. `phrase` tells where phrases begin, so that `harmony` can close before them.\n\n\
                 Codes should be whitened (`latent_map`): without, all pictures of a film look alike.",
            )
            .input(Port::new("latent", PortType::Latent(None), "the picture's code"))
            .input(Port::new("cut", PortType::Event, "a new code at once").optional())
            .output(Port::new("latent", PortType::Latent(None), "the code of each bar"))
            .output(Port::new("scene", PortType::Latent(None), "the code of each scene, with `phrase` alone").by_name())
            .output(Port::new("phrase", PortType::Event, "where phrases begin, with `phrase` alone").by_name())
            .param(Param::text("model", "name of a stream model").default("stream").structural())
            .param(Param::number("amount", (0.0, 1.0), "the picture's share; 0: the model alone, 1: the picture alone").default(0.7).live())
            .param(Param::number("temperature", (0.0, 2.0), "how freely the model's share is drawn; 0: always the mean").default(1.0).live())
            .param(Param::number("alike", (0.0, 1.0), "how alike the pictures of one scene are; lower recognises more, 1 none").default(0.6).live())
            .param(Param::integer("theme", (0, 64), "length of a theme, at most; 0: no theme returns").unit("bars").default(8).live())
            .param(Param::integer("phrase", (0, 16), "length of a phrase; 0: no phrases, a scene's theme begins with its cut").unit("bars").default(0))
            .in_bars()
            .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        let dimension = Manifest::of(check.settings)
            .and_then(|manifest| Ok(manifest.model(&self.model, Task::Stream)?.latent));
        if let Ok(dimension) = &dimension {
            check.set_output("latent", PortType::Latent(Some(*dimension)));
            check.set_output("scene", PortType::Latent(Some(*dimension)));
        }
        require_codes(check, &self.model, dimension);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let forecast = Forecast::load(build.settings, &self.model)?;
        let taste = Taste {
            amount: self.amount,
            temperature: self.temperature,
            alike: self.alike,
            theme: self.theme,
            phrase: self.phrase,
        };
        let plan = Plan::new(forecast, taste, build.rng());
        let bars = Chunk::bar(build.transport);
        if build.clock.is_some() {
            return Ok(Box::new(Drafting::new(plan, bars)));
        }
        if self.phrase > 0 {
            return Ok(Box::new(Forming::new(plan, bars)));
        }
        Ok(Box::new(Planning::new(plan, bars)))
    }
}
