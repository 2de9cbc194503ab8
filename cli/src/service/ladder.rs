//! What plays after deaths: the patch, the last that played long, a quiet one, or nothing. It never
//! gives up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// So many short lives are too many for a rung.
const SHORT_LIVES: u32 = 3;

/// A shorter life is a short one, however far from each other the deaths are: what stands still is
/// ended after half a minute, and waits grow. After one as long as this, waits are short again.
const LONG: Duration = Duration::from_secs(600);

/// Who lives that long has made up for all deaths before.
pub(crate) const FORGIVEN: Duration = Duration::from_secs(3600);

/// What began less than this before the machine's next start may have brought the machine down.
const BRIEF: Duration = Duration::from_secs(120);

/// At the fifth brief life that ended with the machine, power cuts are no longer to blame.
const RESETS: u32 = 5;

/// The wait before the second start; doubles with each death that comes soon.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The wait in silence before the patch is tried again; doubles too.
const FIRST_SILENCE: Duration = Duration::from_secs(10);

/// The longest of both.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// What plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rung {
    /// The patch as it is in its file.
    #[default]
    Patch,
    /// The last text of it that has played long.
    LastGood,
    /// A quiet patch that is built in.
    Quiet,
    /// Nothing, but the run's page and status say why.
    Silence,
}

impl Rung {
    pub(crate) const ALL: [Rung; 4] = [Rung::Patch, Rung::LastGood, Rung::Quiet, Rung::Silence];

    /// As it is written.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Rung::Patch => "patch",
            Rung::LastGood => "last_good",
            Rung::Quiet => "quiet",
            Rung::Silence => "silence",
        }
    }

    /// What it plays, in a sentence.
    pub(crate) fn said(self) -> &'static str {
        match self {
            Rung::Patch => "the patch",
            Rung::LastGood => "the last text of the patch that played long",
            Rung::Quiet => "the quiet patch that is built in",
            Rung::Silence => "silence",
        }
    }
}

/// Where a patch that is kept playing stands. Times are those of the system's clock, since a time
/// that everybody knows; where it was set back, what lies ahead of it is forgotten. How long the run
/// has lived is the keeper's to measure, by a clock that nobody sets; but for a life that ended with
/// its keeper's, which only the system's clock can tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ladder {
    /// What tells the saved patch, and the words with which it is played, from every other.
    patch: String,
    rung: Rung,
    /// The short lives on this rung that are not made up for.
    #[serde(default)]
    short_lives: u32,
    /// Deaths in a row before any life that was long.
    streak: u32,
    /// How often it has come down to silence.
    silences: u32,
    /// Whether the patch is being tried again after a silence.
    on_trial: bool,
    /// The last death.
    last: Option<Duration>,
    /// Why it died last.
    why: String,
    /// Since when it lives, while it does.
    since: Option<Duration>,
    /// The start of the machine in which it does, where the system tells them apart.
    #[serde(default)]
    boot: Option<String>,
    /// Brief lives that ended with the machine, or with a container that has a start of
    /// its own; since one that has lived for [`FORGIVEN`].
    #[serde(default)]
    resets: u32,
}

impl Ladder {
    /// A keeper begins with this patch `now`: where the ladder stands for it, unless another was
    /// saved, or its last death is long past.
    pub(crate) fn begin(&mut self, patch: &str, now: Duration) {
        let is_near = self.last.is_some_and(|last| within(last, now, LONG));
        if !is_near {
            *self = Ladder {
                patch: std::mem::take(&mut self.patch),
                resets: self.resets,
                ..Ladder::default()
            };
        }
        self.take(patch);
    }

    /// This is the patch that is to play: another than before begins with nothing held against it.
    pub(crate) fn take(&mut self, patch: &str) {
        if self.patch != patch {
            *self = Ladder {
                patch: patch.to_owned(),
                ..Ladder::default()
            };
        }
    }

    /// The keeper starts `now`: if the run lived when the keeper was last heard of, both were killed.
    /// Where the machine was started again since, nothing is held against the patch: the power was
    /// cut; unless that comes again and again after brief lives. `boot` is this start of the
    /// machine.
    pub(crate) fn recover(&mut self, now: Duration, boot: Option<&str>, has_good: bool) {
        let Some(since) = self.since.take() else {
            return;
        };
        let lived = now.saturating_sub(since);
        let then = self.boot.as_deref();
        let mut why = "it was killed together with its keeper, or the power was cut";
        if then.zip(boot).is_some_and(|(then, now)| then != now) {
            if lived < BRIEF {
                self.resets = self.resets.saturating_add(1);
            }
            if lived >= BRIEF || self.resets < RESETS {
                return;
            }
            why = "the machine went down with it again and again";
        }
        self.died(now, lived, why, has_good);
    }

    /// The run starts `now`, in this start of the machine.
    pub(crate) fn started(&mut self, now: Duration, boot: Option<&str>) {
        self.since = Some(now);
        self.boot = boot.map(str::to_owned);
    }

    /// The run lives, and has for [`FORGIVEN`]: what was before no longer counts.
    pub(crate) fn thrives(&mut self) {
        (self.short_lives, self.streak, self.silences) = (0, 0, 0);
        self.on_trial = false;
        self.resets = 0;
    }

    /// It has come to its end by itself.
    pub(crate) fn ended(&mut self) {
        self.since = None;
    }

    /// Somebody ends it on purpose: the next start begins with nothing held against the patch.
    pub(crate) fn stopped(&mut self) {
        *self = Ladder {
            patch: std::mem::take(&mut self.patch),
            ..Ladder::default()
        };
    }

    pub(crate) fn rung(&self) -> Rung {
        self.rung
    }

    /// Why it died last.
    pub(crate) fn why(&self) -> &str {
        &self.why
    }

    /// How long to wait before the next start.
    pub(crate) fn wait(&self) -> Duration {
        doubled(FIRST_WAIT, self.streak)
    }

    /// How long the silence lasts before the patch is tried again.
    pub(crate) fn silence(&self) -> Duration {
        doubled(FIRST_SILENCE, self.silences)
    }

    /// The run has died `now`, after it `lived`. Gives whether something quieter plays from now on.
    pub(crate) fn died(
        &mut self,
        now: Duration,
        lived: Duration,
        why: &str,
        has_good: bool,
    ) -> bool {
        self.since = None;
        self.why = why.to_owned();
        self.last = Some(now);
        if lived >= LONG {
            (self.streak, self.silences, self.on_trial) = (0, 0, false);
        }
        if lived >= FORGIVEN {
            // What the patch has died of may be gone since.
            self.thrives();
            self.rung = Rung::Patch;
        }
        self.streak = self.streak.saturating_add(1);
        if lived < LONG {
            self.short_lives = self.short_lives.saturating_add(1);
        }
        let next = match self.rung {
            Rung::Patch if self.on_trial => Rung::Silence,
            _ if self.short_lives < SHORT_LIVES => return false,
            Rung::Patch if has_good => Rung::LastGood,
            Rung::Patch | Rung::LastGood => Rung::Quiet,
            Rung::Quiet | Rung::Silence => Rung::Silence,
        };
        self.go_to(next)
    }

    /// The silence has lasted long enough: the patch is tried again.
    pub(crate) fn try_again(&mut self) {
        self.go_to(Rung::Patch);
        self.on_trial = true;
    }

    fn go_to(&mut self, rung: Rung) -> bool {
        let is_new = self.rung != rung;
        self.rung = rung;
        self.short_lives = 0;
        self.on_trial = false;
        if is_new {
            // Where even silence dies, waits grow on.
            self.streak = 0;
        }
        if rung == Rung::Silence && is_new {
            self.silences = self.silences.saturating_add(1);
        }
        is_new
    }
}

/// Whether `then` lies within so much time before `now`.
fn within(then: Duration, now: Duration, time: Duration) -> bool {
    now.checked_sub(then).is_some_and(|ago| ago < time)
}

/// `first` for 1, twice as much for each more; nothing for 0.
fn doubled(first: Duration, times: u32) -> Duration {
    match times.checked_sub(1) {
        None => Duration::ZERO,
        Some(times) => {
            let factor = 1u32.checked_shl(times).unwrap_or(u32::MAX);
            first.saturating_mul(factor).min(LONGEST_WAIT)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(1_800_000_000 + seconds)
    }

    const BOOT: Option<&str> = Some("this one");

    fn ladder() -> Ladder {
        let mut ladder = Ladder::default();
        ladder.begin("a", seconds(0));
        ladder
    }

    /// Dies at these seconds after a second of life each.
    fn die(ladder: &mut Ladder, at: &[u64], has_good: bool) -> Vec<Rung> {
        die_after(ladder, at, 1, has_good)
    }

    /// Dies at these seconds after so many seconds of life each.
    fn die_after(ladder: &mut Ladder, at: &[u64], lived: u64, has_good: bool) -> Vec<Rung> {
        let deaths = at.iter().map(|at| {
            let lived = Duration::from_secs(lived);
            ladder.died(seconds(*at), lived, "it is broken", has_good);
            ladder.rung()
        });
        deaths.collect()
    }

    #[test]
    fn three_short_lives_go_down_a_rung_and_fewer_do_not() {
        use Rung::{LastGood, Patch, Quiet, Silence};
        let mut ladder = ladder();
        assert_eq!(die(&mut ladder, &[0, 1], true), [Patch; 2]);
        assert_eq!(die(&mut ladder, &[2], true), [LastGood]);
        assert_eq!(
            die(&mut ladder, &[94, 95, 96], true),
            [LastGood, LastGood, Quiet]
        );
        assert_eq!(
            die(&mut ladder, &[97, 98, 99], true),
            [Quiet, Quiet, Silence]
        );
        assert_eq!(ladder.why(), "it is broken");
        // Where no text has played long, there is none to go back to.
        let mut ladder = self::ladder();
        assert_eq!(die(&mut ladder, &[0, 1, 2], false), [Patch, Patch, Quiet]);
    }

    #[test]
    fn what_stands_still_every_half_minute_goes_down_too() {
        use Rung::{Patch, Quiet};
        let mut ladder = ladder();
        let deaths = [31, 63, 96];
        assert_eq!(
            die_after(&mut ladder, &deaths, 31, false),
            [Patch, Patch, Quiet]
        );
        // And so does what dies every nine minutes, but not what dies every eleven.
        let mut ladder = self::ladder();
        let deaths: Vec<u64> = (1..=3).map(|death| death * 540).collect();
        assert_eq!(
            die_after(&mut ladder, &deaths, 539, false),
            [Patch, Patch, Quiet]
        );
        let mut ladder = self::ladder();
        let deaths: Vec<u64> = (1..=30).map(|death| death * 660).collect();
        assert_eq!(die_after(&mut ladder, &deaths, 659, false), [Patch; 30]);
        assert_eq!(ladder.wait(), FIRST_WAIT);
    }

    #[test]
    fn an_hour_played_makes_up_for_the_deaths_before_and_less_does_not() {
        let mut ladder = ladder();
        die(&mut ladder, &[0, 1], false);
        die_after(&mut ladder, &[3602], 3600, false);
        assert_eq!(die(&mut ladder, &[3603, 3604], false), [Rung::Patch; 2]);
        die_after(&mut ladder, &[6000], 1800, false);
        assert_eq!(die(&mut ladder, &[6001], false), [Rung::Quiet]);
        // It is known before it dies: whatever time the clock shows after a power cut.
        let mut ladder = self::ladder();
        die(&mut ladder, &[0, 1], false);
        ladder.started(seconds(2), None);
        ladder.thrives();
        ladder.recover(Duration::ZERO, None, false);
        ladder.recover(Duration::ZERO, None, false);
        assert_eq!((ladder.rung(), ladder.short_lives), (Rung::Patch, 1));
    }

    #[test]
    fn where_something_quieter_has_lived_an_hour_its_death_brings_the_patch_back() {
        let mut ladder = ladder();
        die(&mut ladder, &[0, 1, 2], false);
        assert_eq!(die_after(&mut ladder, &[3000], 1800, false), [Rung::Quiet]);
        assert!(!ladder.died(seconds(9000), FORGIVEN, "power", false));
        assert_eq!((ladder.rung(), ladder.wait()), (Rung::Patch, FIRST_WAIT));
    }

    #[test]
    fn waits_grow_to_five_minutes_and_never_end() {
        // Where even silence dies.
        let mut ladder = ladder();
        die(&mut ladder, &[0, 1, 2, 3, 4, 5], false);
        let mut waits = vec![ladder.wait().as_secs_f64()];
        for death in 0..40 {
            assert_eq!(die(&mut ladder, &[10 + death], false), [Rung::Silence]);
            waits.push(ladder.wait().as_secs_f64());
        }
        assert_eq!(waits[..5], [0.0, 0.5, 1.0, 2.0, 4.0]);
        assert_eq!(waits[40], 300.0);
        // What the silence lasts, too.
        let mut ladder = self::ladder();
        let mut silences = Vec::new();
        die(&mut ladder, &[3000, 3001, 3002, 3003, 3004, 3005], false);
        for second in 0..10 {
            assert_eq!(ladder.rung(), Rung::Silence);
            silences.push(ladder.silence().as_secs());
            ladder.try_again();
            assert_eq!(ladder.rung(), Rung::Patch);
            die(&mut ladder, &[4000 + second], false);
        }
        assert_eq!(silences, [10, 20, 40, 80, 160, 300, 300, 300, 300, 300]);
    }

    #[test]
    fn a_saved_patch_and_a_start_long_after_begin_anew() {
        let mut ladder = ladder();
        die(&mut ladder, &[0, 1, 2], false);
        ladder.take("a");
        assert_eq!(ladder.rung(), Rung::Quiet, "the same patch is no news");
        ladder.begin("a", seconds(3));
        assert_eq!(ladder.rung(), Rung::Quiet, "nor is a start soon after");
        ladder.take("b");
        assert_eq!(
            (ladder.rung(), ladder.wait()),
            (Rung::Patch, Duration::ZERO)
        );
        die(&mut ladder, &[5000, 5001, 5002], false);
        ladder.take("b");
        assert_eq!(ladder.rung(), Rung::Quiet, "while the keeper lives");
        ladder.begin("b", seconds(9000));
        assert_eq!(ladder.rung(), Rung::Patch, "started again long after");
    }

    #[test]
    fn a_clock_that_is_set_by_a_day_neither_adds_short_lives_nor_takes_them() {
        let mut ladder = ladder();
        die(&mut ladder, &[100_000, 13_600], false);
        assert_eq!(ladder.rung(), Rung::Patch, "set back");
        die(&mut ladder, &[100_002], false);
        assert_eq!(ladder.rung(), Rung::Quiet, "set ahead");
        // What lies ahead of the clock says nothing at a start.
        ladder.begin("a", seconds(13_600));
        assert_eq!(ladder.rung(), Rung::Patch);
    }

    #[test]
    fn a_run_that_was_killed_with_its_keeper_counts_as_one_death() {
        let mut ladder = ladder();
        for start in 0..3 {
            ladder.recover(seconds(start), BOOT, false);
            ladder.begin("a", seconds(start));
            ladder.started(seconds(start), BOOT);
        }
        assert_eq!(ladder.rung(), Rung::Patch);
        ladder.recover(seconds(3), BOOT, false);
        assert_eq!(ladder.rung(), Rung::Quiet);
        ladder.started(seconds(4), BOOT);
        ladder.ended();
        ladder.recover(seconds(5), BOOT, false);
        assert_eq!(
            (ladder.rung(), ladder.wait()),
            (Rung::Quiet, Duration::ZERO)
        );
    }

    #[test]
    fn what_was_ended_on_purpose_begins_with_the_patch_and_what_was_killed_does_not() {
        let start = |ladder: &mut Ladder, at: u64| {
            ladder.recover(seconds(at), BOOT, false);
            ladder.begin("a", seconds(at));
            ladder.started(seconds(at), BOOT);
            ladder.rung()
        };
        let mut ladder = ladder();
        die(&mut ladder, &[0, 1, 2], false);
        for at in [3, 4] {
            assert_eq!(
                start(&mut ladder, at),
                Rung::Quiet,
                "killed with its keeper"
            );
        }
        ladder.stopped();
        assert_eq!(start(&mut ladder, 5), Rung::Patch);
        assert_eq!((ladder.short_lives, ladder.wait()), (0, Duration::ZERO));
    }

    #[test]
    fn power_cuts_are_not_held_against_the_patch() {
        let mut ladder = ladder();
        for start in 0..9_u64 {
            let (now, boot) = (seconds(start * 130), format!("boot {start}"));
            ladder.recover(now, Some(&boot), true);
            ladder.begin("a", now);
            ladder.started(now, Some(&boot));
        }
        assert_eq!((ladder.rung(), ladder.streak), (Rung::Patch, 0));
    }

    /// The run starts `lived` seconds before the machine starts again, so often.
    fn reset(ladder: &mut Ladder, lived: u64, times: u64) -> Vec<Rung> {
        let lives = (0..times).map(|start| {
            let (began, boot) = (seconds(start * 200), format!("boot {start}"));
            ladder.begin("a", began);
            ladder.started(began, Some(&boot));
            let now = began + Duration::from_secs(lived);
            ladder.recover(now, Some("another"), false);
            ladder.rung()
        });
        lives.collect()
    }

    #[test]
    fn what_takes_the_machine_down_with_it_again_and_again_goes_down_too() {
        use Rung::{Patch, Quiet};
        let mut ladder = ladder();
        let rungs = [Patch, Patch, Patch, Patch, Patch, Patch, Quiet];
        assert_eq!(reset(&mut ladder, 119, 7), rungs);
        // Another patch has taken nothing down.
        ladder.take("b");
        assert_eq!((ladder.rung(), ladder.resets), (Patch, 0));
        // Where it lives longer, or has lived for an hour in between, the power is to blame.
        let mut ladder = self::ladder();
        assert_eq!(reset(&mut ladder, 121, 40), [Patch; 40]);
        assert_eq!(reset(&mut ladder, 119, 4), [Patch; 4]);
        ladder.thrives();
        assert_eq!(reset(&mut ladder, 119, 4), [Patch; 4]);
        assert_eq!(ladder.streak, 0);
    }

    #[test]
    fn a_rung_is_found_by_its_word() {
        for rung in Rung::ALL {
            assert_eq!(serde_json::to_value(rung).unwrap(), rung.word());
        }
    }
}
