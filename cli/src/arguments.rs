//! The command line.

#[cfg(feature = "page")]
use std::net::IpAddr;
#[cfg(feature = "osc")]
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};
use score_engine::{Key, Length, Override};

use crate::remote::protocol::{Glide, MAX_GLIDE, Setting};

/// SCORE! turns moving pictures into music
#[derive(Parser)]
#[command(name = "score", version, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Command {
    /// Whether the command was asked to print JSON.
    pub(crate) fn prints_json(&self) -> bool {
        match self {
            Command::Film(film) => film.json,
            Command::Batch(batch) => batch.json,
            Command::Render(render) => render.json,
            Command::Replay(replay) => replay.json,
            Command::Bounce(bounce) => bounce.json,
            Command::Check(check) => check.json,
            Command::Draw(draw) => draw.drawing.json,
            Command::Index(index) => index.json,
            Command::Sample(sample) => sample.drawing.json,
            Command::Interpolate(interpolate) => interpolate.drawing.json,
            Command::Eval(Eval::Film(film)) => film.json,
            Command::Eval(Eval::Harmony(harmony)) => harmony.json,
            Command::Eval(Eval::Music(music)) => music.json,
            Command::Tag(tag) => tag.json,
            Command::Devices(devices) => devices.json,
            Command::Doctor(doctor) => doctor.json,
            Command::Nodes(nodes) => nodes.json,
            Command::Models(
                Models::List { json }
                | Models::Info { json, .. }
                | Models::Verify { json, .. }
                | Models::Import { json, .. },
            ) => *json,
            Command::Plugins(plugins) => match &plugins.action {
                Some(PluginsAction::Allowed { json }) => *json,
                _ => plugins.json,
            },
            Command::Graph(graph) => matches!(graph.format, Notation::Json),
            Command::Get(get) => get.json,
            Command::Preset(preset) => preset.json,
            Command::Cue(cue) => cue.json,
            Command::Status(status) => status.json,
            #[cfg(feature = "page")]
            Command::Page(page) => matches!(page.links, Some(PageLinks::Links { json: true })),
            Command::Run(_)
            | Command::Service(_)
            | Command::Set(_)
            | Command::Tap(_)
            | Command::Release(_)
            | Command::WriteBack(_)
            | Command::Learn(_)
            | Command::Fmt(_)
            | Command::New(_)
            | Command::Styles(_)
            | Command::Plugin(_)
            | Command::Completions { .. }
            | Command::Man { .. } => false,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  score film holiday.mp4            give a film its music
  score sample --count 8            write eight new melodies to sample.mid
  score nodes synth                 read what a node does
  score COMMAND --help              read what a command takes

Exit codes:
  0    done
  1    something given is wrong, or the run failed; standard error says what
  2    the command line is wrong
  3    a live run ended, and a file that it should have written is not whole
  65   score batch: some films failed, and trying again does not help
  75   score batch: not all is done yet; the same command goes on
  130  a second Ctrl-C ended a live run at once
With --json, errors are JSON too, on standard output:
  {\"error\": {\"message\": …, \"help\": …}}";

/// What every command takes.
#[derive(Args)]
pub(crate) struct Common {
    /// Folder of the models [default: SCORE_MODELS, else the nearest `models`]
    #[arg(long, global = true, value_name = "FOLDER", help_heading = EVERYWHERE)]
    pub(crate) models: Option<PathBuf>,
    /// A folder of plugins; may be repeated. Those in SCORE_PLUGINS and your own come after it
    #[arg(long, global = true, value_name = "FOLDER", help_heading = EVERYWHERE)]
    pub(crate) plugins: Vec<PathBuf>,
    /// Load no plugins
    #[arg(long, global = true, conflicts_with = "plugins", help_heading = EVERYWHERE)]
    pub(crate) no_plugins: bool,
    /// Colours in messages; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value = "auto", help_heading = EVERYWHERE)]
    pub(crate) color: Color,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

const EVERYWHERE: &str = "Options of every command";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Give a film music that follows its pictures
    Film(Box<Film>),
    /// Score a whole collection of films, on any number of machines that share a folder
    Batch(Batch),
    /// Render a patch to its end, as fast as the machine allows
    Render(Render),
    /// Play a patch live until Ctrl-C; a saved change is heard at once
    Run(Run),
    /// Play a recorder's take again: its nodes, another patch with its inputs, or live
    Replay(Replay),
    /// Render the sound of a recorder's take again, and each sound of its mixer to a file
    Bounce(Bounce),
    /// Set live values of a running patch; they override it until they are released
    Set(Set),
    /// Recall a preset of a running patch, list its presets, or make one of what was set
    Preset(Preset),
    /// Call a cue of a running patch, or the next one: GO; or list its cues
    Cue(Cue),
    /// Tap the tempo of a running patch: press Enter on each beat
    Tap(Tap),
    /// Print the live values of a running patch, and where each comes from
    Get(Get),
    /// Release values that were set: the values of the patch or its wires apply again
    Release(Release),
    /// Write values that were set into the patch, and release them; comments stay
    WriteBack(WriteBack),
    /// Bind the MIDI controller that moves next to a live value, and write that into the patch
    Learn(Learn),
    /// Print what the nodes of a running patch do
    Status(LiveStatus),
    /// Have systemd play a patch from the start of the machine on, and look after that
    #[command(subcommand)]
    Service(Service),
    /// Show patches and films in a browser; make and revoke lasting links to pages
    #[cfg(feature = "page")]
    Page(Page),
    /// Report every error in patches
    Check(Check),
    /// Format patches; every comment stays
    Fmt(Fmt),
    /// Start a patch of your own with a copy of another
    New(New),
    /// Draw pictures at random, as a sheet
    Draw(Draw),
    /// Look at each second of the films in a folder, for nearest_picture
    Index(Index),
    /// Write melodies, progressions or accompaniments drawn at random to a MIDI file, or draw them as
    /// a sheet
    Sample(Sample),
    /// Write the music between the first bars of two MIDI files, or draw the pictures between two
    /// pictures
    Interpolate(Interpolate),
    /// Measure whether music follows its film, or how good a music model is
    #[command(subcommand)]
    Eval(Eval),
    /// Say in words what a film shows when; teach a word of your own by two folders of pictures
    Tag(Tag),
    /// List sound devices and MIDI ports, with the text that names each in a patch
    Devices(Devices),
    /// Look at what this machine lacks to play a patch unattended, and how each is mended
    Doctor(Doctor),
    /// List the styles of `score film`, or score a film in every one
    Styles(Styles),
    /// List the node kinds, or explain one
    Nodes(Nodes),
    /// List the models, explain one, test them, or import one
    #[command(subcommand)]
    Models(Models),
    /// List the plugins without loading them; allow one beside a patch, or revoke that
    Plugins(Plugins),
    /// Start a plugin of your own, or test one
    #[command(subcommand)]
    Plugin(Plugin),
    /// Print a patch as a graph: for Mermaid, for Graphviz, or as JSON
    Graph(Graph),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write those of all commands into a folder
    Man {
        /// Where they are written
        #[arg(value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
}

impl Command {
    /// Whether warnings are errors.
    pub(crate) fn is_strict(&self) -> bool {
        match self {
            Command::Film(film) => film.overrides.strict,
            Command::Batch(batch) => batch.overrides.strict,
            Command::Render(render) => render.overrides.strict,
            Command::Run(run) => run.overrides.strict,
            Command::Check(check) => check.overrides.strict,
            Command::Graph(graph) => graph.overrides.strict,
            Command::Eval(Eval::Film(film)) => film.overrides.strict,
            _ => false,
        }
    }
}

#[derive(Args, Default)]
#[command(after_help = "\
Writes the film with its music, the sound (.wav), the notes (.mid) and a picture of all (.png).
Put two dashes before a film whose name begins with one: score film -- -film.mp4")]
pub(crate) struct Film {
    /// The film: any file that ffmpeg reads
    pub(crate) film: PathBuf,
    /// Name of the files to write, without ending; .mp4, .mkv, .mov or .webm chooses the container
    /// [default: FILM-scored]
    #[arg(long, short, value_name = "NAME")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) tune: Tune,
    /// The melody's instrument; `score nodes synth` lists them [default: the patch's]
    #[arg(long, value_name = "VOICE")]
    pub(crate) voice: Option<String>,
    /// Also write each input of the patch's mixer to a file: NAME-stem-PART.wav, 32-bit float
    #[arg(long)]
    pub(crate) stems: bool,
    /// Also draw the sheet music, as NAME.pdf; needs LilyPond or MuseScore
    #[arg(long)]
    pub(crate) pdf: bool,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
    #[command(flatten)]
    pub(crate) consent: Consent,
    #[cfg(feature = "page")]
    #[command(flatten)]
    pub(crate) page: FilmPage,
    /// Render for a page: what the page shows is written to this folder as well
    #[arg(long, value_name = "FOLDER", hide = true)]
    pub(crate) for_page: Option<PathBuf>,
    /// Write no music, but stills of the film to this folder, for a page
    #[arg(long, value_name = "FOLDER", hide = true)]
    pub(crate) stills_for_page: Option<PathBuf>,
    /// Write no music, but what the film shows in words to this file, for a page
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) tags_for_page: Option<PathBuf>,
    /// With --tags-for-page: also use the words of the user's own in this folder
    #[arg(long, value_name = "FOLDER", hide = true)]
    pub(crate) own_words_in: Vec<PathBuf>,
    /// Also write a still of the film to this file, as JPEG
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) still: Option<PathBuf>,
    /// Print only errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Print what was written, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What decides on the notes that a film gets.
#[derive(Args, Clone, Default)]
pub(crate) struct Tune {
    /// A patch to use instead of the built-in one
    #[arg(long, value_name = "PATCH")]
    pub(crate) patch: Option<PathBuf>,
    /// A style of the built-in patch; `score styles` lists them
    #[arg(long, value_name = "NAME", conflicts_with = "patch")]
    pub(crate) style: Option<String>,
    /// A tune as a MIDI file: the first scene plays it, and it returns with that scene
    #[arg(long, value_name = "FILE")]
    pub(crate) theme: Option<PathBuf>,
    /// Give the theme to another scene, by the letter of its phrases in the sheet music, such as B
    #[arg(long, value_name = "LETTER", requires = "theme")]
    pub(crate) theme_scene: Option<String>,
    /// Quarter notes per minute, not fitted to the cuts [default: the patch's, fitted to the cuts]
    #[arg(long, value_name = "BPM")]
    pub(crate) tempo: Option<String>,
    /// Swing: the share of the first eighth in each pair, from 0.5 (straight) to 0.75; 0.667 is a
    /// triplet
    #[arg(long, value_name = "SHARE")]
    pub(crate) swing: Option<String>,
    /// Change the tempo a little from cut to cut, so that cuts fall on beats [default: the patch's]
    #[arg(long, conflicts_with_all = ["no_fit_cuts", "tempo"])]
    pub(crate) fit_cuts: bool,
    /// Keep one tempo, wherever the cuts fall
    #[arg(long)]
    pub(crate) no_fit_cuts: bool,
    /// The key, such as "D minor", or "auto" [default: the patch's]
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Seed: another number gives another tune for the same pictures [default: the patch's]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
Start it as often as you like, on every machine that has the folders: the films are shared out among
all, and one that is done is not done again. The same command goes on where another was ended.
A film's results lie in OUT/results, in a folder of their own; OUT/report.html shows all.

Exit codes: 0 all films are done; 65 some failed, and trying again does not help; 75 not all is done
(the disk is full, a film cannot be read just then, it was stopped): try again; 1 and 2 what was given is wrong, for every film.")]
pub(crate) struct Batch {
    /// A folder of films, searched with all in it; a text file with the path of a film on each line;
    /// or one film
    #[arg(value_name = "LIST|FOLDER|FILM")]
    pub(crate) films: PathBuf,
    /// The folder for results and reports, which all machines share; it is made if it is missing
    #[arg(long, short, value_name = "FOLDER")]
    pub(crate) out: PathBuf,
    /// A patch to use instead of the built-in one
    #[arg(long, value_name = "PATCH")]
    pub(crate) patch: Option<PathBuf>,
    /// A style of the built-in patch; `score styles` lists them
    #[arg(long, value_name = "NAME", conflicts_with = "patch")]
    pub(crate) style: Option<String>,
    /// Seed: another number gives other music [default: the patch's]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<String>,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
    /// Films that this process renders at the same time
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = value_parser!(u16).range(1..=256))]
    pub(crate) workers: u16,
    /// Also measure whether the music follows each film, as `score eval film` does; reads
    /// each and plays its music once more
    #[arg(long)]
    pub(crate) eval: bool,
    /// How often a film is tried that crashed, was killed or took too long
    #[arg(long, value_name = "NUMBER", default_value = "3", value_parser = value_parser!(u32).range(1..=100))]
    pub(crate) tries: u32,
    /// A film may take this many times its own length, and no less than --least-time
    #[arg(long, value_name = "TIMES", default_value = "30", value_parser = times)]
    pub(crate) time_limit: f64,
    /// Seconds that any film may take
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = patience)]
    pub(crate) least_time: f64,
    /// Seconds without a sign of life after which another takes over a worker's film; the same for
    /// all workers
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = patience)]
    pub(crate) lease: f64,
    /// Try the films again that failed before
    #[arg(long)]
    pub(crate) retry_failed: bool,
    /// Do not wait for films that others are at
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Render nothing; write the reports of what is there
    #[arg(long, conflicts_with_all = ["retry_failed", "workers"])]
    pub(crate) report_only: bool,
    /// Print only errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn times(text: &str) -> Result<f64, String> {
    number(text, 0.01, 1_000_000.0)
}

/// What a patch may write without asking.
#[derive(Args, Default)]
pub(crate) struct Consent {
    /// Replace files that this patch did not write, or that were changed since; takes are never
    /// replaced
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// A folder that the patch may write to, besides its own; may be repeated
    #[arg(long, value_name = "FOLDER")]
    pub(crate) write_to: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Styles {
    /// A film to score in every style: FILM-calm.mp4, FILM-noir.mp4 and so on, with the other files
    /// of `score film`
    pub(crate) film: Option<PathBuf>,
    /// Replace files that the style did not write, or that were changed since
    #[arg(long)]
    pub(crate) overwrite: bool,
}

#[derive(Args)]
pub(crate) struct Render {
    /// The patch, a .ron file
    pub(crate) patch: PathBuf,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
    #[command(flatten)]
    pub(crate) consent: Consent,
    /// Print only errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Print what every node and wire did, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Run {
    /// The patch, a .ron file
    pub(crate) patch: PathBuf,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
    #[command(flatten)]
    pub(crate) consent: Consent,
    /// Ignore what is saved while it plays
    #[arg(long)]
    pub(crate) no_reload: bool,
    /// Check the files once a second: for network shares and containers that do not report changes
    #[arg(long, conflicts_with = "no_reload")]
    pub(crate) poll: bool,
    /// Write what every node and wire does, one line of JSON per second; - is standard output
    #[arg(long, value_name = "FILE|-")]
    pub(crate) status_json: Option<PathBuf>,
    /// Format of the log
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// Write the log to this file instead of standard error; a full one is renamed to end in .1
    #[arg(long, value_name = "FILE")]
    pub(crate) log_file: Option<PathBuf>,
    /// Megabytes that both log files may have together
    #[arg(long, value_name = "MB", default_value = "20", value_parser = value_parser!(u64).range(1..=100_000))]
    pub(crate) log_size: u64,
    /// Start the patch again whenever it dies or hangs; after three lives of less than ten minutes
    /// play the last text of it that has played long, then a quiet patch, then silence, and try
    /// again
    #[arg(long)]
    pub(crate) keep_alive: bool,
    /// Folder for what --keep-alive must know after a power cut [default: STATE_DIRECTORY, else one
    /// below ~/.local/state/score]
    #[arg(long, value_name = "FOLDER", requires = "keep_alive")]
    pub(crate) state: Option<PathBuf>,
    /// Seconds that a text must play to be the one that --keep-alive goes back to
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "3600",
        requires = "keep_alive"
    )]
    pub(crate) proven_after: u64,
    /// Seconds that the clock, the sound device or a picture may stand still before --keep-alive
    /// starts the patch again; systemd's WatchdogSec goes before it
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "30",
        requires = "keep_alive",
        value_parser = value_parser!(u64).range(3..=3600)
    )]
    pub(crate) hangs_after: u64,
    /// Do not let `score set` and other commands reach this run
    #[arg(long)]
    pub(crate) no_remote: bool,
    /// Let other programs steer and watch this run by OSC and OSCQuery at this port: of this
    /// computer only, or with an address of this computer, from the network, which has no password
    #[cfg(feature = "osc")]
    #[arg(long, value_name = "[ADDRESS:]PORT", value_parser = osc_address)]
    pub(crate) osc: Option<SocketAddr>,
    #[cfg(feature = "page")]
    #[command(flatten)]
    pub(crate) page: PageDoor,
    /// Show no table on the terminal
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Who reaches a page, and how.
#[cfg(feature = "page")]
#[derive(Args, Default)]
pub(crate) struct PageReach {
    /// Open the page in a browser
    #[arg(long, requires = "page")]
    pub(crate) open: bool,
    /// Let other computers and phones reach the page through this address of this computer, with a
    /// link (score page link)
    #[arg(long, value_name = "ADDRESS", requires = "page")]
    pub(crate) listen: Option<IpAddr>,
    /// Another name by which browsers reach the page, as through a reverse proxy; may be repeated
    #[arg(long, value_name = "NAME", requires = "page")]
    pub(crate) page_host: Vec<String>,
}

/// Where and to whom a run shows its page.
#[cfg(feature = "page")]
#[derive(Args)]
pub(crate) struct PageDoor {
    /// Show what plays in a browser, and turn it there: at this port of this computer [default
    /// port: 7664, or another if that is taken]
    #[arg(long, value_name = "PORT")]
    pub(crate) page: Option<Option<u16>>,
    #[command(flatten)]
    pub(crate) reach: PageReach,
    /// Let browsers of other computers change the patch's file too
    #[arg(long, requires = "page")]
    pub(crate) page_edit: bool,
}

/// Where and to whom a film's page is shown.
#[cfg(feature = "page")]
#[derive(Args, Default)]
pub(crate) struct FilmPage {
    /// Show the film with its music in a browser, to turn it there and render again, at this port of
    /// this computer; what you keep gets its name, everything else is removed at the end [default
    /// port: 7664, or another if that is taken]
    #[arg(long, value_name = "PORT", conflicts_with_all = ["json", "quiet"])]
    pub(crate) page: Option<Option<u16>>,
    #[command(flatten)]
    pub(crate) reach: PageReach,
    /// Let browsers of other computers render and keep too
    #[arg(long, requires = "page")]
    pub(crate) page_edit: bool,
}

/// A page without a run.
#[cfg(feature = "page")]
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Page {
    #[command(subcommand)]
    pub(crate) links: Option<PageLinks>,
    /// The folder whose patches and films are shown; nothing outside it is [default: the current
    /// one]
    pub(crate) folder: Option<PathBuf>,
    /// The port of this computer [default: 7664, or another if that is taken]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Open the page in a browser
    #[arg(long)]
    pub(crate) open: bool,
    /// Let other computers and phones reach the page through this address of this computer, with a
    /// link (score page link)
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<IpAddr>,
    /// Another name by which browsers reach the page, as through a reverse proxy; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) page_host: Vec<String>,
    /// Let browsers of other computers render and keep too
    #[arg(long)]
    pub(crate) page_edit: bool,
}

#[derive(Args)]
#[command(after_help = "\
Its exit code is 1 if anything is to be mended. What it cannot tell is no fault.")]
pub(crate) struct Doctor {
    /// The patch that is to play: its models, its camera, where it writes, and for how many days it
    /// can record
    pub(crate) patch: Option<PathBuf>,
    /// A folder that `score run` will be given with --write-to; may be repeated
    #[arg(long, value_name = "FOLDER", requires = "patch")]
    pub(crate) write_to: Vec<PathBuf>,
    /// Print the findings as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum Service {
    /// Write the unit that plays a patch, enable it and start it
    Install(ServiceInstall),
    /// Show how it is, as systemctl does
    Status(ServiceName),
    /// Show what it has said, as journalctl does
    Logs {
        #[command(flatten)]
        name: ServiceName,
        /// Show what it says from now on, too
        #[arg(long, short)]
        follow: bool,
        /// Lines to show
        #[arg(long, short = 'n', value_name = "LINES", default_value = "100")]
        lines: u32,
    },
    /// End it and remove its unit; the patch and what it has recorded stay
    Remove(ServiceName),
}

#[derive(Args)]
pub(crate) struct ServiceInstall {
    /// The patch, a .ron file
    pub(crate) patch: PathBuf,
    /// Only print the unit
    #[arg(long)]
    pub(crate) print: bool,
    /// Install it for the whole system, which takes root, and not for this user
    #[arg(long)]
    pub(crate) system: bool,
    /// Whose the process is [default: whose the patch is]
    #[arg(long, value_name = "USER", requires = "system")]
    pub(crate) user: Option<String>,
    /// Name of the unit [default: score- and the patch's name]
    #[arg(long, value_name = "NAME", value_parser = unit_name)]
    pub(crate) name: Option<String>,
    /// What `score run` is given besides, such as -- --page --listen 192.168.1.5
    #[arg(last = true, value_name = "OPTIONS")]
    pub(crate) more: Vec<String>,
}

#[derive(Args)]
pub(crate) struct ServiceName {
    /// The unit [default: the only one]
    pub(crate) name: Option<String>,
    /// One of the whole system, and not of this user
    #[arg(long)]
    pub(crate) system: bool,
}

/// A name of a unit that is one word everywhere.
fn unit_name(text: &str) -> Result<String, String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    match !text.is_empty() && text.len() < 200 && text.chars().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("it takes letters, digits, - and _".to_owned()),
    }
}

#[cfg(feature = "page")]
#[derive(Subcommand)]
pub(crate) enum PageLinks {
    /// Make a lasting link, which is good after a restart too; it is printed this once
    #[command(group = clap::ArgGroup::new("right").required(true))]
    Link {
        /// Who has it may look
        #[arg(long, group = "right")]
        see: bool,
        /// Who has it may set live values too
        #[arg(long, group = "right")]
        turn: bool,
        /// What you call it, to revoke it; one of the same name stops working
        #[arg(long, default_value = "link")]
        name: String,
        /// Where the page is: an address or name and a port
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7664")]
        at: String,
    },
    /// List the links, by name
    Links {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a link stop working, also where it is open
    Revoke {
        /// Its name
        name: String,
    },
}

#[derive(Args)]
#[command(after_help = "\
The take is named by any of its files. Without an option its decoders play again from what they were
given when it was recorded, and their notes are written to TAKE-replayed.mid: the file is the recorded
one, byte for byte, or the exit code is 1.
  score replay evening.wav
  score replay evening.wav --patch other.ron --out evening-other
  score replay evening.wav --live")]
pub(crate) struct Replay {
    /// Any file of the take, such as take.wav
    pub(crate) take: PathBuf,
    /// Another patch, which is rendered with the pictures, notes, controls, events and set values of
    /// the take in place of its cameras and devices
    #[arg(long, value_name = "PATCH", conflicts_with = "live")]
    pub(crate) patch: Option<PathBuf>,
    /// Play the recorded patch and its edits in real time, with the recorded notes
    #[arg(long, conflicts_with_all = ["out", "json"])]
    pub(crate) live: bool,
    /// Name of the file to write, without ending [default: TAKE-replayed]
    #[arg(long, short, value_name = "NAME")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) consent: Consent,
    /// Print only errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Print what was written and how each node ran, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "\
The recorded notes are played by the recorded patch, with the values that were set and its edits of
values; the sound goes to TAKE-bounced.wav, and each input of a mixer to TAKE-bounced-stem-PART.wav,
32-bit float.")]
pub(crate) struct Bounce {
    /// Any file of the take, such as take.wav
    pub(crate) take: PathBuf,
    /// Name of the files to write, without ending [default: TAKE-bounced]
    #[arg(long, short, value_name = "NAME")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) consent: Consent,
    /// Print only errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Print what was written, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Of several values, all are set or none. Values are written as in a patch; text needs no quotes.
A node may refuse what its parameter takes, such as a formula with a mistake: it keeps its old value.
  score set calm.half_life=2 transport.tempo=96 --glide 4
  score set piano.gain=-6 --glide 'beats(8)'
  score set piano.voice=glass")]
pub(crate) struct Set {
    /// Parameters and their values; the tempo is transport.tempo
    #[arg(required = true, value_name = "NODE.PARAM=VALUE", value_parser = setting)]
    pub(crate) values: Vec<(String, Setting)>,
    /// Seconds, or beats(4), until the values have arrived; a tempo always arrives at once
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = glide)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) glide: Glide,
    #[arg(long, value_name = "PATCH|PID", help = RUN)]
    pub(crate) run: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
From the second tap on the music takes over the tempo and comes to your beats; it keeps both until
`score release transport.tempo`. Each line of standard input is a tap, so that other programs can
tap too; Ctrl-D or Ctrl-C ends it, and the tempo stays.")]
pub(crate) struct Tap {
    #[arg(long, value_name = "PATCH|PID", help = RUN)]
    pub(crate) run: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
A preset is live values under a name, which the patch has in `presets: {…}`. Its values stay set until
they are released; what it does not name stays as it is:
  score preset                            list the presets
  score preset calm --glide 4
  score preset storm --glide 'beats(8)'
  score preset --save dawn                what was set becomes a preset of the patch, and stays set
  score preset --save dawn --replace      the same in the place of one of that name")]
pub(crate) struct Preset {
    /// The preset to recall [default: list all]
    pub(crate) name: Option<String>,
    /// Seconds, or beats(4), until the values have arrived; words switch on the next beat then, and a
    /// tempo arrives at once
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = glide)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) glide: Glide,
    #[arg(long, value_name = "PATCH|PID", help = RUN)]
    pub(crate) run: Option<String>,
    /// Print the presets with their values as JSON
    #[arg(long, conflicts_with = "name")]
    pub(crate) json: bool,
    /// Write what was set into the patch as a preset of this name; comments stay
    #[arg(long, value_name = "NAME", conflicts_with_all = ["name", "glide", "json"])]
    pub(crate) save: Option<String>,
    /// Give a preset of that name the new values
    #[arg(long, requires = "save")]
    pub(crate) replace: bool,
}

#[derive(Args)]
#[command(after_help = "\
A cue is a preset with a time, which the patch has in `cues: […]`:
  score cue                list the cues, and where they are
  score cue next           GO: call the cue that comes next, or start the one that waits
  score cue storm          call a cue by its name
  score cue stop           no cue waits or follows any more
  score cue --keys         Enter is GO; a name and Enter call that cue; Ctrl-D ends it")]
pub(crate) struct Cue {
    /// A cue, next, list or stop [default: list]
    pub(crate) name: Option<String>,
    #[arg(long, value_name = "PATCH|PID", help = RUN)]
    pub(crate) run: Option<String>,
    /// Read standard input: an empty line is GO, and any other one of the words above
    #[arg(long, conflicts_with_all = ["name", "json"])]
    pub(crate) keys: bool,
    /// Print the cues with their values, and where they are, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Writes the controller into `controllers: {…}` of the patch; comments and everything else stay. A run
that plays the patch takes it over at once:
  score learn echo.mix                     into the patch of the run
  score learn echo.mix --patch show.ron    into a patch that need not play
  score learn echo.mix --port JACK         listen to a port of its own at JACK")]
pub(crate) struct Learn {
    /// The live value to bind; the tempo is transport.tempo
    #[arg(value_name = "NODE.PARAM", value_parser = target)]
    pub(crate) what: (String, String),
    /// The patch to write [default: that of the run]
    #[arg(long, value_name = "FILE.ron", conflicts_with = "run")]
    pub(crate) patch: Option<PathBuf>,
    /// A MIDI port to listen to, as `score devices` prints it; may be repeated [default: all]
    #[arg(long)]
    pub(crate) port: Vec<String>,
    /// Bind the controller of this number on every channel, not only on the one on which it moves
    #[arg(long)]
    pub(crate) any_channel: bool,
    /// Seconds to wait for a controller to move
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = patience)]
    pub(crate) within: f64,
    #[arg(long, value_name = "PATCH|PID", help = RUN)]
    pub(crate) run: Option<String>,
}

/// A node and one of its parameters.
fn target(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('.') {
        Some((node, param)) if !node.is_empty() && !param.is_empty() => {
            Ok((node.to_owned(), param.to_owned()))
        }
        _ => Err("it takes a node and a parameter, such as echo.mix".to_owned()),
    }
}

fn patience(text: &str) -> Result<f64, String> {
    number(text, 0.1, 3_600.0)
}

#[derive(Args)]
pub(crate) struct Get {
    /// A node, or a parameter, whose bare value is printed [default: all]
    #[arg(value_name = "NODE[.PARAM]")]
    pub(crate) what: Option<String>,
    #[arg(long, value_name = "PATCH|PID", help = RUN)]
    pub(crate) run: Option<String>,
    /// Print the values as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Release {
    /// What to release, all or nothing: nodes, or parameters of nodes
    #[arg(required_unless_present = "all", value_name = "NODE[.PARAM]")]
    pub(crate) what: Vec<String>,
    /// Release everything that was set
    #[arg(long, conflicts_with = "what")]
    pub(crate) all: bool,
    /// Seconds, or beats(4), until the values have arrived; a tempo always arrives at once
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = glide)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) glide: Glide,
    #[arg(long, value_name = "PATCH|PID", help = RUN)]
    pub(crate) run: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
Prints what it writes. A patch that was saved since it was loaded is not touched. If the run was
started with --no-reload, or with --set for the same parameter, the value is written and stays set.")]
pub(crate) struct WriteBack {
    /// What to write: nodes, or parameters of nodes [default: everything that was set]
    #[arg(value_name = "NODE[.PARAM]")]
    pub(crate) what: Vec<String>,
    #[arg(long, value_name = "PATCH|PID", help = RUN)]
    pub(crate) run: Option<String>,
}

#[derive(Args)]
pub(crate) struct LiveStatus {
    #[arg(long, value_name = "PATCH|PID", help = RUN)]
    pub(crate) run: Option<String>,
    /// Print a line of JSON, as `score run --status-json` writes it
    #[arg(long)]
    pub(crate) json: bool,
}

const RUN: &str = "Which run, by its patch or its process [default: the only one]";

/// A port of this computer alone, or of an address that is named.
#[cfg(feature = "osc")]
fn osc_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse() {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    text.parse().map_err(|_| {
        "a port, as 9000, or an address of this computer and a port, as 192.168.1.5:9000 or \
         0.0.0.0:9000 for all"
            .to_owned()
    })
}

fn setting(text: &str) -> Result<(String, Setting), String> {
    let parts = text.split_once('=').and_then(|(target, value)| {
        let (node, param) = target.rsplit_once('.')?;
        Some((node.trim(), param.trim(), value.trim()))
    });
    match parts {
        Some((node, param, value)) if !node.is_empty() && !param.is_empty() => Ok((
            text.to_owned(),
            Setting {
                node: node.to_owned(),
                param: param.to_owned(),
                value: value.to_owned(),
            },
        )),
        _ => Err("write NODE.PARAM=VALUE, such as piano.gain=-6".to_owned()),
    }
}

fn glide(text: &str) -> Result<Glide, String> {
    let within = |unit: &str| {
        text.strip_prefix(unit)?
            .strip_prefix('(')?
            .strip_suffix(')')
    };
    let read = |text: &str| {
        let wrong = || format!("it takes seconds from 0 to {MAX_GLIDE}, or beats(4)");
        number(text, 0.0, MAX_GLIDE).map_err(|_| wrong())
    };
    match (within("beats"), within("seconds")) {
        (Some(beats), _) => read(beats).map(|beats| Glide::Length(Length::Beats(beats))),
        (None, seconds) => read(seconds.unwrap_or(text)).map(Glide::Seconds),
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines of text
    Text,
    /// One object per line
    Json,
}

#[derive(Args, Clone, Default)]
pub(crate) struct Overrides {
    /// Override a parameter, such as film.rate=12; paths are relative to the current folder
    #[arg(long = "set", value_name = "NODE.PARAM=VALUE", value_parser = parse_override)]
    pub(crate) set: Vec<Override>,
    /// Treat warnings as errors, such as a damaged MIDI file that can only be read in part
    #[arg(long)]
    pub(crate) strict: bool,
}

fn parse_override(text: &str) -> Result<Override, String> {
    Override::parse(text).map_err(|diagnostic| diagnostic.to_string())
}

#[derive(Args)]
pub(crate) struct Check {
    /// The patches, .ron files
    #[arg(required = true, value_name = "PATCH")]
    pub(crate) patches: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
    /// Check again whenever a patch is saved, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
    /// With --watch: check the files once a second, for network shares and containers that do not
    /// report changes
    #[arg(long, requires = "watch")]
    pub(crate) poll: bool,
    /// Print the errors as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Prints the names of the patches that it changes. A patch that cannot be read is reported and stays as it is.
Editors can pipe a patch through: score fmt -")]
pub(crate) struct Fmt {
    /// The patches, .ron files; - is standard input, which goes to standard output
    #[arg(required = true, value_name = "PATCH")]
    pub(crate) patches: Vec<PathBuf>,
    /// Change nothing; fail where something would be changed
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Args)]
#[command(after_help = "Without a name, or with --list, it lists the built-in patches.")]
pub(crate) struct New {
    /// Name of the new patch; .ron is added
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<PathBuf>,
    /// The patch to copy: a built-in one, or a .ron file; else the built-in one called NAME, or `film`
    #[arg(long, value_name = "PATCH")]
    pub(crate) from: Option<String>,
    /// List the built-in patches
    #[arg(long, conflicts_with = "name")]
    pub(crate) list: bool,
}

#[derive(Args)]
pub(crate) struct Draw {
    /// How many pictures
    #[arg(long, value_name = "NUMBER", default_value = "9", value_parser = value_parser!(u32).range(1..=1024))]
    pub(crate) count: u32,
    /// The sheet to write, .png or .jpg
    #[arg(long, short, value_name = "NAME.png", default_value = "sheet.png")]
    pub(crate) out: PathBuf,
    /// Width and height of each picture, in pixels
    #[arg(long, value_name = "PIXELS", default_value = "128", value_parser = value_parser!(u32).range(16..=1024))]
    pub(crate) size: u32,
    #[command(flatten)]
    pub(crate) drawing: Drawing,
}

#[derive(Args)]
#[command(after_help = "\
The index holds the latent and the still of each second in one file. An index of the same films is replaced by the new one, \
and of films that have not changed nothing is looked at again.")]
pub(crate) struct Index {
    /// The folder of films, with all folders in it; or one film, or a list of films, one on each line
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// The index to write [default: the folder's name, with .stills]
    #[arg(long, short, value_name = "NAME.stills")]
    pub(crate) out: Option<PathBuf>,
    /// Seconds between two stills, 0.1 to 3600
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = every)]
    pub(crate) every: f64,
    /// Width of the stills, in pixels
    #[arg(long, value_name = "PIXELS", default_value = "320", value_parser = value_parser!(u32).range(32..=3840))]
    pub(crate) width: u32,
    /// The picture model that looks; `score models list` lists them
    #[arg(long, value_name = "NAME", default_value = "eye")]
    pub(crate) model: String,
    /// Replace an existing file, whoever wrote it
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Print only errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Print what was written, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "\
A file that ends in .png or .jpg gets a picture of the melodies, beside one another, in place of their notes. \
With --model harmony they are progressions of eight bars, whose chords are printed; with --model texture accompaniments of \
two bars on --chords.")]
pub(crate) struct Sample {
    /// How many melodies, of as many bars as the model knows at a time
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = value_parser!(u32).range(1..=10_000))]
    pub(crate) count: u32,
    /// The file to write
    #[arg(
        long,
        short,
        value_name = "NAME.mid|NAME.png",
        default_value = "sample.mid"
    )]
    pub(crate) out: PathBuf,
    /// Quarter notes per minute, 10 to 400
    #[arg(long, value_name = "BPM", default_value = "120", value_parser = tempo)]
    pub(crate) tempo: f64,
    /// How freely notes are drawn, 0 (always the most likely) to 4
    #[arg(long, value_name = "NUMBER", default_value = "0.5", value_parser = temperature)]
    pub(crate) temperature: f32,
    #[command(flatten)]
    pub(crate) key_and_chords: KeyAndChordsOptions,
    #[command(flatten)]
    pub(crate) drawing: Drawing,
}

#[derive(Args)]
#[command(after_help = "\
Between MIDI files, the way is one of melodies: a .mid, or with --out NAME.png a picture of them; with --model harmony it \
is one of progressions, of eight bars, and with --model texture of accompaniments, of two. Between pictures, it is a \
sheet: the first picture as it is, the way as the model draws it, and the second as it is. A film gives its middle; \
film.mp4@12.5 is the still of a second.")]
pub(crate) struct Interpolate {
    /// The MIDI file to start from, whose highest notes are the melody; or a picture, or FILM@SECOND
    #[arg(value_name = "A")]
    pub(crate) from: PathBuf,
    /// The MIDI file, or the picture, to arrive at
    #[arg(value_name = "B")]
    pub(crate) to: PathBuf,
    /// How many melodies or pictures, both ends among them
    #[arg(long, value_name = "NUMBER", default_value = "9", value_parser = value_parser!(u32).range(2..=10_000))]
    pub(crate) steps: u32,
    /// The file to write; a .mid has the tempo and the metre of A [default: interpolate.mid, between
    /// pictures interpolate.png]
    #[arg(long, short, value_name = "NAME.mid|NAME.png")]
    pub(crate) out: Option<PathBuf>,
    /// Between pictures: width and height of each, in pixels
    #[arg(long, value_name = "PIXELS", default_value = "128", value_parser = value_parser!(u32).range(16..=1024))]
    pub(crate) size: u32,
    /// How freely notes are drawn, 0 (always the most likely) to 4
    #[arg(long, value_name = "NUMBER", default_value = "0", value_parser = temperature)]
    pub(crate) temperature: f32,
    #[command(flatten)]
    pub(crate) key_and_chords: KeyAndChordsOptions,
    #[command(flatten)]
    pub(crate) drawing: Drawing,
}

/// What the models harmony and texture play in and on.
#[derive(Args)]
pub(crate) struct KeyAndChordsOptions {
    /// With --model harmony or texture: the key, such as "D minor" [default: C major, or the one that
    /// the chords fit]
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<Key>,
    /// With --model texture: the chords to play on, two bars at most and two chords in a bar [default:
    /// those of A, or the key's I vi IV V, "| C Am | F G |" in C major]
    #[arg(long, value_name = "CHORDS")]
    pub(crate) chords: Option<String>,
}

/// What all commands take that draw melodies or pictures.
#[derive(Args)]
pub(crate) struct Drawing {
    /// The model; `score models list` lists them [default: melody, for pictures eye]
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Seed: the same number gives the same notes or pictures [default: a new one, which is printed]
    #[arg(long, value_name = "NUMBER", value_parser = value_parser!(u64).range(..=i64::MAX as u64))]
    pub(crate) seed: Option<u64>,
    /// Replace an existing file, whoever wrote it
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Print only errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Print what was written, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn temperature(text: &str) -> Result<f32, String> {
    number(text, 0.0, 4.0).map(|number| number as f32)
}

fn every(text: &str) -> Result<f64, String> {
    number(text, 0.1, 3600.0)
}

fn tempo(text: &str) -> Result<f64, String> {
    number(text, 10.0, 400.0)
}

fn number(text: &str, least: f64, most: f64) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("it takes a number from {least} to {most}"))
}

#[derive(Subcommand)]
pub(crate) enum Eval {
    /// Measure whether the music that a patch makes follows the film, against chance
    Film(Box<EvalFilm>),
    /// Measure key, chords, and how parts fit, compared with real songs
    Harmony(EvalHarmony),
    /// Measure how well a model rebuilds the melodies in a folder, and how similar its own are
    Music(EvalMusic),
}

#[derive(Args)]
pub(crate) struct EvalFilm {
    /// The film: any file that ffmpeg reads
    pub(crate) film: PathBuf,
    #[command(flatten)]
    pub(crate) tune: Tune,
    /// Write a page with plots, the stills and the notes
    #[arg(long, value_name = "NAME.html")]
    pub(crate) report: Option<PathBuf>,
    /// Replace an existing page, whoever wrote it
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Circular shifts of the music, which show what chance gives
    #[arg(long, value_name = "NUMBER", default_value = "1999", value_parser = value_parser!(u32).range(999..=100_000))]
    pub(crate) shifts: u32,
    /// Bars in each segment that is compared
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = value_parser!(u32).range(1..=64))]
    pub(crate) bars: u32,
    /// Seconds after a cut within which a change of the music answers it
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = within)]
    pub(crate) within: f64,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
    /// Print only the figures and errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Print the figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Leave the computer to others, and end when standard input does
    #[arg(long, hide = true)]
    pub(crate) for_page: bool,
}

#[derive(Args)]
#[command(after_help = "\
score tag holiday.mp4                          print each shot with its scene and likely words
score tag holiday.mp4 --out holiday.csv        write all words and measures, four times a second
score tag --new rain RAIN-FOLDER DRY-FOLDER    teach a word, as rain.ron, for tags(own: \"rain.ron\")
score tag holiday.mp4 --own rain.ron           use it")]
pub(crate) struct Tag {
    /// The film; with --new, a folder of pictures that show the word, and one of others
    #[arg(required = true, num_args = 1..=2, value_name = "FILM|FOLDER")]
    pub(crate) paths: Vec<PathBuf>,
    /// Teach this word by two folders of pictures, ten or more in each
    #[arg(long, value_name = "WORD", conflicts_with_all = ["own", "csv"])]
    pub(crate) new: Option<String>,
    /// A file with a word of your own, which --new wrote; may be given several times
    #[arg(long, value_name = "NAME.ron")]
    pub(crate) own: Vec<PathBuf>,
    /// The picture model
    #[arg(long, value_name = "NAME", default_value = "eye")]
    pub(crate) model: String,
    /// The file to write: .json or .csv; with --new, .ron [default with --new: WORD.ron]
    #[arg(long, short, value_name = "NAME")]
    pub(crate) out: Option<PathBuf>,
    /// Replace an existing file, whoever wrote it
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Write a word that tells no better than guessing
    #[arg(long, requires = "new")]
    pub(crate) anyway: bool,
    /// Print all words and measures over time as CSV
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    /// Print only errors, and the file that was written
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Print what was found as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct EvalHarmony {
    /// A MIDI file, or a film whose music is measured
    #[arg(value_name = "FILE.mid|FILM")]
    pub(crate) file: PathBuf,
    /// The patch that makes the film's music, instead of the built-in one; it writes nothing
    #[arg(long, value_name = "PATCH")]
    pub(crate) patch: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
    /// Print only the figures and errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Print the figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct EvalMusic {
    /// Folder of MIDI files, and all folders in it
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// The music model; `score models list` lists them
    #[arg(long, value_name = "NAME", default_value = "melody")]
    pub(crate) model: String,
    /// Melodies to rebuild, at most
    #[arg(long, value_name = "NUMBER", default_value = "2000", value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub(crate) most: u32,
    /// Melodies to draw
    #[arg(long, value_name = "NUMBER", default_value = "1000", value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub(crate) samples: u32,
    /// Seed: the same number gives the same samples
    #[arg(long, value_name = "NUMBER", default_value = "7", value_parser = value_parser!(u64).range(..=i64::MAX as u64))]
    pub(crate) seed: u64,
    /// Print the figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn within(text: &str) -> Result<f64, String> {
    number(text, 0.05, 60.0)
}

#[derive(Args)]
pub(crate) struct Devices {
    /// Print the list as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Nodes {
    /// The kind to explain
    pub(crate) kind: Option<String>,
    /// Print the whole reference as a Markdown page
    #[arg(long, conflicts_with = "kind")]
    pub(crate) markdown: bool,
    /// Print snippets for editors, in VS Code's format, which others read too
    #[arg(long, conflicts_with_all = ["kind", "markdown"])]
    pub(crate) snippets: bool,
    /// Print the declarations as JSON: ports, parameters, ranges, defaults, units
    #[arg(long, conflicts_with_all = ["markdown", "snippets"])]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum Models {
    /// List the models: name, task, dimension of the latent, size, licence, summary
    List {
        /// Print the list as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print what the manifest says of a model, then its card
    Info {
        /// The model
        name: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Compare checksums, and each model's output with what is expected
    Verify {
        /// The models [default: all]
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Print the results as JSON
        #[arg(long)]
        json: bool,
    },
    /// Convert a checkpoint for Magenta.js: a MusicVAE for melodies or drums with a flat decoder
    Import {
        /// The folder with weights_manifest.json (or manifest.json), config.json and the weights
        #[arg(value_name = "FOLDER")]
        checkpoint: PathBuf,
        /// Its name in patches
        #[arg(long)]
        name: String,
        /// The folder of models to add it to, made if it is missing [default: that of the models]
        #[arg(long, value_name = "FOLDER")]
        to: Option<PathBuf>,
        /// The licence of the weights [default: what their LICENSE says]
        #[arg(long)]
        licence: Option<String>,
        /// Print what was imported, as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
A plugin is a program and can do all that you can do. Those in the folders that you name (--plugins, SCORE_PLUGINS) and in \
your own are loaded; one in the folder `plugins` beside a patch only once you have allowed it, and only when the patch \
uses it."
)]
pub(crate) struct Plugins {
    #[command(subcommand)]
    pub(crate) action: Option<PluginsAction>,
    /// The patch whose plugins are meant [default: a patch in the current folder]
    pub(crate) patch: Option<PathBuf>,
    /// Print the list as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum PluginsAction {
    /// Allow a library beside a patch, as it is now; a rebuilt one must be allowed again
    Allow {
        /// The library, such as plugins/libecho.so
        file: PathBuf,
    },
    /// No longer allow a library
    Revoke {
        /// The library, or its sha256 as `score plugins allowed` prints it
        #[arg(value_name = "FILE|SHA256")]
        what: PathBuf,
    },
    /// List what is allowed: sha256, and where the file was
    Allowed {
        /// Print the list as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum Plugin {
    /// Write a crate with a node, its test, a README and a patch that uses it, for you to change
    New {
        /// The crate, its folder and its node: lower-case letters, digits and _
        #[arg(value_name = "NAME")]
        name: String,
        /// Folder of the crate score-plugin [default: that of these sources, if they are there]
        #[arg(long, value_name = "FOLDER")]
        sdk: Option<PathBuf>,
    },
    /// Build a plugin and run its tests, with cargo
    Test {
        /// The plugin's folder
        #[arg(value_name = "FOLDER", default_value = ".")]
        folder: PathBuf,
    },
}

#[derive(Args)]
pub(crate) struct Graph {
    /// The patch, a .ron file
    pub(crate) patch: PathBuf,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
    /// Notation: mermaid for Markdown, dot for Graphviz, json for programs, with all values
    #[arg(long, value_enum, default_value = "mermaid")]
    pub(crate) format: Notation,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Notation {
    Mermaid,
    Dot,
    Json,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::CommandFactory;

    use super::*;

    #[test]
    fn no_two_options_contradict_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn only_numbers_within_their_range_are_taken() {
        assert_eq!(tempo("97.5"), Ok(97.5));
        assert_eq!(temperature("0"), Ok(0.0));
        for wrong in ["9.99", "400.1", "nan", "inf", "fast", ""] {
            assert!(tempo(wrong).is_err(), "{wrong}");
        }
        assert_eq!(glide("2.5"), Ok(Glide::Seconds(2.5)));
        assert_eq!(glide("seconds(0)"), Ok(Glide::Seconds(0.0)));
        assert_eq!(glide("beats(4)"), Ok(Glide::Length(Length::Beats(4.0))));
        // Not taken for a flag.
        let Err(wrong) = Arguments::try_parse_from(["score", "set", "a.b=1", "--glide", "-1"])
        else {
            panic!("it is not refused")
        };
        let wrong = wrong.to_string();
        assert!(wrong.contains("it takes seconds from 0 to 3600"), "{wrong}");
        for wrong in [
            "-1",
            "3601",
            "beats(-1)",
            "beats(4",
            "beats()",
            "bars(4)",
            "",
        ] {
            assert!(glide(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_setting_names_node_parameter_and_value_whatever_is_in_them() {
        let read = |text| {
            let (_, setting) = setting(text).unwrap();
            [setting.node, setting.param, setting.value]
        };
        assert_eq!(read("hum.gain=-20"), ["hum", "gain", "-20"]);
        assert_eq!(read("a.b.c = x=y.z"), ["a.b", "c", "x=y.z"]);
        for wrong in ["hum", "hum.gain", "gain=1", ".gain=1", "hum.=1", "=", ""] {
            assert!(setting(wrong).is_err(), "{wrong}");
        }
    }
}
