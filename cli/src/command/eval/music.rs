//! `score eval music`

use std::io::Write;

use score_engine::Settings;
use score_evaluation::melodies::{self, MelodyReport};
use score_evaluation::tunes::Rebuilt;
use score_nodes::music::Melody;
use serde_json::json;

use crate::arguments::EvalMusic;
use crate::failure::Failure;
use crate::terminal::out;

pub(super) fn run(arguments: &EvalMusic, settings: &Settings) -> Result<(), Failure> {
    let mut melody = Melody::load(settings, &arguments.model)?;
    let tunes = melodies::read(&arguments.folder, &melody)?;
    let (most, samples) = (arguments.most as usize, arguments.samples as usize);
    let report = melodies::evaluate(&mut melody, &tunes, most, samples, arguments.seed)?;
    let mut out = out();
    if arguments.json {
        let found = json!({ "model": arguments.model, "seed": arguments.seed, "found": report });
        writeln!(out, "{found:#}")?;
        return Ok(());
    }
    table(&mut out, &report)?;
    Ok(())
}

/// The figures as lines.
fn table(out: &mut impl Write, report: &MelodyReport) -> std::io::Result<()> {
    writeln!(
        out,
        "{} melodies in {} files ({} files without one), {} of them rebuilt; {} samples, {} different\n",
        report.melodies,
        report.files,
        report.without_melody,
        report.rebuilt,
        report.samples,
        report.different
    )?;
    match (&report.teacher_forced, &report.greedy) {
        (Some(forced), Some(greedy)) => {
            writeln!(
                out,
                "rebuilt          all tokens  at events  onset F1  pitch at onset"
            )?;
            for (name, rebuilt) in [("teacher-forced", forced), ("greedy", greedy)] {
                let Rebuilt {
                    tokens,
                    at_events,
                    onset_f1,
                    pitch_at_onset,
                } = rebuilt;
                writeln!(
                    out,
                    "{name:<15}  {tokens:>10.3}  {at_events:>9.3}  {onset_f1:>8.3}  {pitch_at_onset:>14.3}"
                )?;
            }
        }
        _ => writeln!(out, "rebuilt          the model cannot encode melodies")?,
    }
    let found = &report.divergences;
    writeln!(
        out,
        "\nsamples from N(0, I) against the melodies: divergence in bits, 0 the same"
    )?;
    for (name, value) in [
        ("notes", found.notes),
        ("interval", found.interval),
        ("duration", found.duration),
        ("pitch-class entropy", found.pitch_class_entropy),
        ("scale", found.scale),
    ] {
        writeln!(out, "{name:<20} {value:.3}")?;
    }
    writeln!(
        out,
        "mean scale share     {:.3} (the melodies' {:.3})",
        report.scale_share, report.scale_share_of_tunes
    )
}
