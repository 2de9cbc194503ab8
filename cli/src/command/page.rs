//! `score page`

use std::io::Write;

use serde_json::json;

use crate::arguments::Page;
use crate::failure::Failure;
use crate::folders;
use crate::page::{Links, Right};
use crate::terminal::out;

pub(crate) fn run(arguments: &Page) -> Result<(), Failure> {
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
        Page::Link { turn, name, at, .. } => {
            let right = if *turn { Right::Turn } else { Right::See };
            let secret = links.add(right, name).map_err(unwritten)?;
            let at = if at.contains("://") {
                at.clone()
            } else {
                format!("http://{at}")
            };
            writeln!(out, "{}/enter#{secret}", at.trim_end_matches('/'))?;
        }
        Page::Links { json: true } => {
            let all = links.all().into_iter();
            let all = all.map(|link| json!({ "name": link.name, "right": link.right.name() }));
            let all: Vec<_> = all.collect();
            writeln!(out, "{:#}", json!({ "links": all }))?;
        }
        Page::Links { json: false } => {
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
        Page::Revoke { name } => {
            if !links.remove(name).map_err(unwritten)? {
                let why = format!("no link is called `{name}`; `score page links` lists them");
                return Err(Failure::Message(why));
            }
        }
    }
    Ok(())
}
