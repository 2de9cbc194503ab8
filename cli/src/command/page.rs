//! `score page`: patches and films in a browser, and links to pages.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use crate::arguments::{Common, Film, Page, PageLinks};
use crate::failure::Failure;
use crate::folders;
use crate::kinds::Kinds;
use crate::page::{Door, Films, Links, PageServer, Right, open_browser};
use crate::signals::end_of_run;
use crate::terminal::{out, tell};

pub(crate) fn run(arguments: &Page, common: &Common, kinds: &Kinds<'_>) -> Result<(), Failure> {
    if let Some(action) = &arguments.links {
        return links(action);
    }
    let folder = arguments.folder.as_deref().unwrap_or(Path::new("."));
    let films = Films::of_folder(folder, common, kinds.built_in())?;
    let door = Door {
        port: arguments.port,
        port_option: "--port",
        listen: arguments.listen,
        hosts: arguments.page_host.clone(),
        may_edit_from_afar: arguments.page_edit,
    };
    show(&door, films, arguments.open)
}

/// `score film --page`
pub(crate) fn film(film: &Film, common: &Common, kinds: &Kinds<'_>) -> Result<(), Failure> {
    crate::command::film::require_film(&film.film)?;
    film.tune.require()?;
    // A patch that cannot be read is said here, not on the page.
    film.tune.source()?;
    let films = Films::of_film(film, common, kinds.built_in())?;
    let door = Door {
        port: film.page.page.flatten(),
        port_option: "--page",
        listen: film.page.reach.listen,
        hosts: film.page.reach.page_host.clone(),
        may_edit_from_afar: film.page.page_edit,
    };
    show(&door, films, film.page.reach.open)
}

/// Shows the page until Ctrl-C.
fn show(door: &Door, films: Films, opens: bool) -> Result<(), Failure> {
    let stop = end_of_run();
    let next = |address: &str| {
        tell(format_args!(
            "the page opens in another browser at {address}"
        ))
    };
    let page = PageServer::of_films(door, films, next)?;
    tell(format_args!("the page opens once at {}", page.address));
    tell("Ctrl-C ends it; what was not kept is removed then");
    if opens && let Err(error) = open_browser(&page.address) {
        tell(format_args!(
            "warning: no browser can be opened ({error}); open the address by hand"
        ));
    }
    // It ends with a signal, or with what listens to signals.
    let _ = stop.recv();
    drop(page);
    Ok(())
}

/// Makes, lists and revokes links.
fn links(arguments: &PageLinks) -> Result<(), Failure> {
    let Some(folder) = folders::of_user() else {
        let why = "links are kept in your own folder, and neither XDG_CONFIG_HOME nor HOME is set";
        return Err(Failure::Message(why.to_owned()));
    };
    let links = Links::of(&folder);
    let unwritten = |error: std::io::Error| {
        Failure::Message(format!(
            "the links in `{}` cannot be written: {error}",
            folder.display()
        ))
    };
    let mut out = out();
    match arguments {
        PageLinks::Link { turn, name, at, .. } => {
            let right = if *turn { Right::Turn } else { Right::See };
            let secret = links.add(right, name).map_err(unwritten)?;
            let at = if at.contains("://") {
                at.clone()
            } else {
                format!("http://{at}")
            };
            writeln!(out, "{}/enter#{secret}", at.trim_end_matches('/'))?;
        }
        PageLinks::Links { json: true } => {
            let all = links.all().into_iter();
            let all = all.map(|link| json!({ "name": link.name, "right": link.right.name() }));
            let all: Vec<_> = all.collect();
            writeln!(out, "{:#}", json!({ "links": all }))?;
        }
        PageLinks::Links { json: false } => {
            let all = links.all();
            let widest = all.iter().map(|link| link.name.chars().count()).max();
            let widest = widest.unwrap_or(0);
            for link in &all {
                writeln!(out, "{:widest$}  {}", link.name, link.right.name())?;
            }
            if all.is_empty() {
                writeln!(out, "there are no links; `score page link --see` makes one")?;
            }
        }
        PageLinks::Revoke { name } => {
            if !links.remove(name).map_err(unwritten)? {
                let why = format!("no link is called `{name}`; `score page links` lists them");
                return Err(Failure::Message(why));
            }
        }
    }
    Ok(())
}
