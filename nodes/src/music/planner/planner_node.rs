//! Plans the code of each bar from the picture's codes.

use score_engine::{
    Build, Check, Descriptor, Event, InputPort, Latent, Node, NodeError, OutputPort, Params,
    PortType, Processor,
};

use super::super::grid::Grid;
use super::forecast::Forecast;
use super::live_planner::LivePlanner;
use super::offline_phrase_planner::OfflinePhrasePlanner;
use super::offline_planner::OfflinePlanner;
use super::plan::Plan;
use crate::controls::EXAMPLE;
use crate::model::{Manifest, Task, require_codes};

pub(super) const CODE: InputPort<Latent> = InputPort::new(0, "latent", "the picture's latent");
pub(super) const CUT: InputPort<Event> =
    InputPort::new(1, "cut", "a new latent at once").optional();
pub(super) const PLANNED: OutputPort<Latent> =
    OutputPort::new(0, "latent", "the latent of each bar");
pub(super) const SCENE: OutputPort<Latent> =
    OutputPort::new(1, "scene", "the latent of each scene, with `phrase` alone").by_name();
pub(super) const PHRASE: OutputPort<Event> =
    OutputPort::new(2, "phrase", "where phrases begin, with `phrase` alone").by_name();

/// `planner`.
#[derive(Clone, Params)]
pub(crate) struct Planner {
    /// name of a stream model
    #[param(
        structural = "its latents have the dimension of the model's",
        default = "stream"
    )]
    pub(super) model: String,
    /// the picture's share; 0: the model alone, 1: the picture alone
    #[param(live, range = 0.0..=1.0, default = 0.7)]
    pub(super) amount: f32,
    /// how freely the model's share is drawn; 0: always the mean
    #[param(live, range = 0.0..=2.0, span = 0.0..=1.5, default = 1.0)]
    pub(super) temperature: f32,
    /// how alike the pictures of one scene are; lower recognises more, 1 none
    #[param(live, range = 0.0..=1.0, default = 0.6)]
    pub(super) alike: f32,
    /// length of a theme, at most; 0: no theme returns
    #[param(live, range = 0..=64, span = 0.0..=16.0, unit = "bars", default = 8)]
    pub(super) theme: usize,
    /// length of a phrase; 0: no phrases, a scene's theme begins with its cut
    #[param(live, range = 0..=16, unit = "bars", default = 0)]
    pub(super) phrase: usize,
}

impl Node for Planner {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "music",
            "planner",
            "Plans the bars to come: each scene has a theme that returns with it",
        )
        .example(EXAMPLE)
        .details(
            "Stands between the picture's latents and `stream_decoder`, and gives one latent for \
             each bar. A new bar's latent is what the model expects after the last 32 bars, \
             drawn with the patch's seed, mixed with the picture's own latent (the mean of the \
             bar): `amount` is the picture's share of the variance. The first `theme` bars of \
             a scene are its theme. When a picture comes back, after another, that is `alike` \
             (the cosine of the angle between its latent and the scene's), the theme's bars come \
             again as they were, then the music goes on with new ones. 64 scenes are \
             remembered.\n\n\
             With `cut` wired, the new scene's latent comes at the cut, and holds for half a bar \
             at least. Live, a bar's latent comes just before the bar, from the newest picture; \
             at a cut, with the first picture after it.\n\n\
             With `phrase`, the music has a form: phrases of that many bars, each of a theme \
             that is a scene's, and that returns whole, bar for bar; the third of three in a \
             row is a contrast. A cut changes nothing within a phrase. In a render the whole \
             film is known before the first bar is planned: phrases begin where the picture \
             changes, some half as long or half as long again for it, and at most every third \
             of them brings a new theme. There a wire into `phrase` or `alike` counts with its \
             last value, and makes no phrases where the patch has none. `scene` is one latent \
             for each scene, sent with its cut, the same whenever it returns: for the \
             accompaniment and the drums. `phrase` says where phrases begin, so that `harmony` \
             can close before them.\n\n\
             Latents should be whitened (`latent_map`): without, all pictures of a film look \
             alike.",
        )
        .input(CODE)
        .input(CUT)
        .output(PLANNED)
        .output(SCENE)
        .output(PHRASE)
        .in_bars()
        .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        let dimension = Manifest::of(check.settings)
            .and_then(|manifest| Ok(manifest.model(&self.model, Task::Stream)?.latent));
        if let Ok(dimension) = &dimension {
            check.set_output(PLANNED, PortType::Latent(Some(*dimension)));
            check.set_output(SCENE, PortType::Latent(Some(*dimension)));
        }
        require_codes(check, CODE, &self.model, dimension);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let forecast = Forecast::load(build.settings, &self.model)?;
        let plan = Plan::new(forecast, build.rng());
        let bars = Grid::bar(build.transport);
        if !build.ends {
            return Ok(Box::new(LivePlanner::new(plan, bars)));
        }
        if self.phrase > 0 {
            return Ok(Box::new(OfflinePhrasePlanner::new(plan, bars)));
        }
        Ok(Box::new(OfflinePlanner::new(plan, bars)))
    }
}
