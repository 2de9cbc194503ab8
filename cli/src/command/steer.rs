//! `score set`, `score get`, `score release` and `score status`

use std::io::Write;
use std::time::{Duration, Instant};

use humantime::format_duration;
use score_engine::{
    NodeValues, PresetValue, ValueSource, ValueStatus, did_you_mean, written_value,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::arguments::{Get, LiveStatus, Release, Set};
use crate::failure::Failure;
use crate::remote::protocol::{Address, Held, Refusal, Request};
use crate::remote::{Connection, connect};
use crate::terminal::{out, shown_json};

/// How long nodes may take to say whether they can take what was set.
const ANSWERS: Duration = Duration::from_millis(300);

/// How often they are asked.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Characters of a value in a table.
const MAX_CHARACTERS: usize = 40;

pub(crate) fn set(arguments: &Set) -> Result<(), Failure> {
    let values = arguments.values.iter();
    let request = Request::Set {
        values: values.map(|(_, setting)| setting.clone()).collect(),
        glide: arguments.glide,
    };
    let typed: Vec<&str> = (arguments.values.iter())
        .map(|(typed, _)| typed.as_str())
        .collect();
    let connection = connect(arguments.run.as_deref()).map_err(refused)?;
    let done = connection.ask(&request);
    done.map_err(|refusals| named(refusals, &typed))?;
    // On its way a value may be refused later: the log says so then.
    if arguments.glide.is_zero() {
        let held = connection.ask(&Request::Held).map_err(Failure::Remote)?;
        let held: Held = read(held)?;
        let wanted = arguments.values.iter().map(|(_, setting)| {
            let (node, param) = (setting.node.clone(), setting.param.clone());
            let mut held = held.values.iter();
            let held = held.find(|held| (&held.node, &held.param) == (&node, &param));
            let value = held.map(|held| held.value.clone());
            PresetValue {
                node,
                param,
                value: value.unwrap_or_default(),
            }
        });
        let refusals = refusals(&connection, &wanted.collect::<Vec<_>>())?;
        if !refusals.is_empty() {
            return Err(named(refusals, &typed));
        }
    }
    Ok(())
}

/// What the nodes that play refuse of the values that they were just given, by the place of each
/// among `given`. A node that says nothing in time refuses nothing.
pub(super) fn refusals(
    connection: &Connection,
    given: &[PresetValue],
) -> Result<Vec<Refusal>, Failure> {
    let begun = Instant::now();
    loop {
        let nodes = values(connection.ask(&Request::Get).map_err(Failure::Remote)?)?;
        let is_late = begun.elapsed() >= ANSWERS;
        if let Some(refusals) = refusals_of(&nodes, given, is_late) {
            return Ok(refusals);
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// What is refused of what was given; `None`: not all of it has arrived, and it is not late.
fn refusals_of(nodes: &[NodeValues], given: &[PresetValue], is_late: bool) -> Option<Vec<Refusal>> {
    let mut refusals = Vec::new();
    for (index, PresetValue { node, param, value }) in given.iter().enumerate() {
        // The transport has said so at once.
        let node = nodes
            .iter()
            .find(|now| now.id == *node && now.kind != "transport");
        let now = node.and_then(|node| node.values.iter().find(|now| now.name == *param));
        let Some(now) = now else { continue };
        match &now.refused {
            Some(refused) if refused.value == *value => refusals.push(Refusal {
                index: Some(index),
                ..Refusal::new("value", refused.why.clone()).help(
                    "the node keeps its old value; set another, or take it back with `score release`",
                )
            }),
            _ if now.value == *value || is_late => {}
            _ => return None,
        }
    }
    Some(refusals)
}

pub(crate) fn release(arguments: &Release) -> Result<(), Failure> {
    let glide = arguments.glide;
    let typed: Vec<&str> = arguments.what.iter().map(String::as_str).collect();
    let connection = connect(arguments.run.as_deref()).map_err(refused)?;
    let request = match arguments.all {
        true => Request::ReleaseAll { glide },
        false => {
            let nodes = values(connection.ask(&Request::Get).map_err(Failure::Remote)?)?;
            let what = typed.iter().map(|typed| address(typed, &nodes)).collect();
            Request::Release { what, glide }
        }
    };
    let done = connection.ask(&request);
    done.map_err(|refusals| named(refusals, &typed))?;
    Ok(())
}

pub(crate) fn get(arguments: &Get) -> Result<(), Failure> {
    let connection = connect(arguments.run.as_deref()).map_err(refused)?;
    let nodes = values(connection.ask(&Request::Get).map_err(Failure::Remote)?)?;
    let mut out = out();
    let Some(typed) = &arguments.what else {
        if arguments.json {
            let about = &connection.about;
            let json = json!({ "pid": about.pid, "patch": about.patch, "nodes": nodes });
            writeln!(out, "{json:#}")?;
        } else {
            write!(out, "{}", table(&nodes))?;
        }
        return Ok(());
    };
    let address = address(typed, &nodes);
    let node = found_node(&nodes, &address.node).map_err(refused)?;
    let Some(param) = &address.param else {
        if arguments.json {
            writeln!(out, "{:#}", json!(node))?;
        } else {
            write!(out, "{}", table(std::slice::from_ref(node)))?;
        }
        return Ok(());
    };
    let value = found_value(node, param).map_err(refused)?;
    match arguments.json {
        true => writeln!(out, "{:#}", json!(value))?,
        false => writeln!(out, "{}", written_value(&value.value))?,
    }
    Ok(())
}

pub(crate) fn status(arguments: &LiveStatus) -> Result<(), Failure> {
    let connection = connect(arguments.run.as_deref()).map_err(refused)?;
    let answer = connection.ask(&Request::Status).map_err(Failure::Remote)?;
    let mut out = out();
    if arguments.json {
        // A line as those of `score run --status-json`.
        writeln!(out, "{}", shown_json(&answer["status"].to_string()))?;
        return Ok(());
    }
    let about = &connection.about;
    let long = format_duration(Duration::from_secs(about.seconds.max(0.0) as u64));
    writeln!(out, "{}, process {}, {long}\n", about.patch, about.pid)?;
    writeln!(out, "{}", answer["table"].as_str().unwrap_or_default())?;
    Ok(())
}

pub(super) fn refused(refusal: Refusal) -> Failure {
    Failure::Remote(vec![refusal])
}

/// Puts what was typed before each refusal.
pub(super) fn named(refusals: Vec<Refusal>, typed: &[&str]) -> Failure {
    let named = refusals.into_iter().map(|refusal| {
        match refusal.index.and_then(|index| typed.get(index)) {
            Some(typed) => Refusal {
                message: format!("{typed}: {}", refusal.message),
                ..refusal
            },
            None => refusal,
        }
    });
    Failure::Remote(named.collect())
}

pub(super) fn values(answer: Value) -> Result<Vec<NodeValues>, Failure> {
    read(answer)
}

/// Reads what a run answered.
pub(super) fn read<T: DeserializeOwned>(answer: Value) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|error| {
        let message = format!("the run gave an answer that cannot be read ({error})");
        refused(Refusal::new("answer", message))
    })
}

/// What `typed` names: a node, or a parameter of one.
pub(super) fn address(typed: &str, nodes: &[NodeValues]) -> Address {
    let is_node = nodes.iter().any(|node| node.id == typed);
    match typed.rsplit_once('.').filter(|_| !is_node) {
        Some((node, param)) => Address {
            node: node.to_owned(),
            param: Some(param.to_owned()),
        },
        None => Address {
            node: typed.to_owned(),
            param: None,
        },
    }
}

fn found_node<'a>(nodes: &'a [NodeValues], id: &str) -> Result<&'a NodeValues, Refusal> {
    let found = nodes.iter().find(|node| node.id == id);
    found.ok_or_else(|| Refusal {
        help: did_you_mean(id, nodes.iter().map(|node| node.id.as_str())),
        ..Refusal::new("node", format!("no node `{id}` plays"))
    })
}

fn found_value<'a>(node: &'a NodeValues, name: &str) -> Result<&'a ValueStatus, Refusal> {
    let found = node.values.iter().find(|value| value.name == name);
    found.ok_or_else(|| {
        let id = &node.id;
        let names: Vec<&str> = (node.values.iter())
            .map(|value| value.name.as_str())
            .collect();
        let list = || (!names.is_empty()).then(|| format!("it has {}", names.join(", ")));
        Refusal {
            help: did_you_mean(name, names.iter().copied()).or_else(list),
            ..Refusal::new("param", format!("`{id}` has no live parameter `{name}`"))
        }
    })
}

/// One row per parameter: its value, where it comes from, and the patch's value if it differs.
fn table(nodes: &[NodeValues]) -> String {
    let mut rows = vec![["parameter", "value", "from", "in the patch"].map(str::to_owned)];
    for node in nodes {
        for value in &node.values {
            let shown = |shown: &Value| shortened(shown, &value.unit);
            let from = match (value.source, &value.refused) {
                (ValueSource::Hand, Some(_)) => "hand: refused",
                (ValueSource::Text, _) => "text",
                (ValueSource::Wire, _) => "wire",
                (ValueSource::Hand, None) => "hand",
                (ValueSource::Clock, _) => "clock",
            };
            rows.push([
                format!("{}.{}", node.id, value.name),
                shown(&value.value),
                from.to_owned(),
                value.text.as_ref().map(shown).unwrap_or_default(),
            ]);
        }
    }
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2)];
    let mut text = String::new();
    for [name, value, from, patch] in &rows {
        let [a, b, c] = widths;
        let line = format!("{name:a$}  {value:b$}  {from:c$}  {patch}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A value for a table: with its unit, and shortened.
fn shortened(value: &Value, unit: &str) -> String {
    let unit = match (value, value.get("seconds"), value.get("beats")) {
        (_, Some(_), _) => "s",
        (_, _, Some(_)) | (Value::Null, ..) => "",
        _ => unit,
    };
    let number = value.as_f64().or_else(|| value.get("seconds")?.as_f64());
    let text = match (number, value) {
        // More digits than anybody turns a knob to.
        (Some(number), _) => ((number * 1e4).round() / 1e4).to_string(),
        (None, Value::Null) => "none".to_owned(),
        (None, value) => written_value(value),
    };
    let mut text = text.replace('\n', " ");
    if text.chars().count() > MAX_CHARACTERS {
        text = text.chars().take(MAX_CHARACTERS - 1).chain(['…']).collect();
    }
    match unit {
        "" => text,
        unit => format!("{text} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use score_engine::RefusedValue;

    use super::*;

    fn nodes() -> Vec<NodeValues> {
        let value = |name: &str, value: Value, unit: &str, source: &str, text: Value| {
            let (unit, text) = (unit.to_owned(), Some(text).filter(|text| !text.is_null()));
            json!({ "name": name, "value": value, "unit": unit, "source": source, "text": text })
        };
        let (tempo, length) = ("quarter notes a minute", "s or beats(n)");
        let third = json!({ "seconds": 1.0 / 3.0 });
        let transport = [
            value("tempo", json!(96.0), tempo, "hand", json!(120.0)),
            value("key", json!(null), "", "text", json!(null)),
        ];
        let calm = [
            value(
                "half_life",
                json!({ "seconds": 0.5 }),
                length,
                "text",
                json!(null),
            ),
            value("glide", json!({ "beats": 4 }), length, "wire", third),
            value(
                "chords",
                json!("C G Am F ".repeat(9)),
                "",
                "text",
                json!(null),
            ),
        ];
        serde_json::from_value(json!([
            { "id": "transport", "kind": "transport", "values": transport },
            { "id": "voice.calm", "kind": "latent_smooth", "values": calm },
        ]))
        .unwrap()
    }

    #[test]
    fn a_table_says_each_value_where_it_is_from_and_what_the_patch_says_instead() {
        let table = table(&nodes());
        let expected = "\
parameter             value                                     from  in the patch
transport.tempo       96 quarter notes a minute                 hand  120 quarter notes a minute
transport.key         none                                      text
voice.calm.half_life  0.5 s                                     text
voice.calm.glide      beats(4)                                  wire  0.3333 s
voice.calm.chords     C G Am F C G Am F C G Am F C G Am F C G…  text
";
        assert_eq!(table, expected);
    }

    #[test]
    fn what_a_node_refuses_is_told_and_what_has_arrived_is_not() {
        let mut nodes = nodes();
        let given = |value: f64| {
            [PresetValue {
                node: "voice.calm".to_owned(),
                param: "half_life".to_owned(),
                value: json!({ "seconds": value }),
            }]
        };
        let told = |nodes: &[NodeValues], value, is_late| {
            let refusals = refusals_of(nodes, &given(value), is_late)?;
            let told = refusals.into_iter();
            Some(
                told.map(|refusal| (refusal.index, refusal.message))
                    .collect(),
            )
        };
        assert_eq!(told(&nodes, 0.5, false), Some(Vec::new()));
        assert_eq!(told(&nodes, 0.7, false), None, "it is on its way");
        assert_eq!(told(&nodes, 0.7, true), Some(Vec::new()));
        nodes[1].values[0].source = ValueSource::Hand;
        nodes[1].values[0].refused = Some(RefusedValue {
            value: json!({ "seconds": 0.7 }),
            why: "too calm".to_owned(),
        });
        let refused = (Some(0), "too calm".to_owned());
        assert_eq!(told(&nodes, 0.7, false), Some(vec![refused]));
        assert_eq!(told(&nodes, 0.8, false), None, "that is another's");
        assert!(table(&nodes).contains("hand: refused\n"));
    }

    #[test]
    fn a_node_in_a_part_is_not_taken_for_a_parameter() {
        let nodes = nodes();
        let names = |typed| {
            let Address { node, param } = address(typed, &nodes);
            (node, param)
        };
        assert_eq!(names("voice.calm"), ("voice.calm".to_owned(), None));
        let param = ("voice.calm".to_owned(), Some("half_life".to_owned()));
        assert_eq!(names("voice.calm.half_life"), param);
        assert_eq!(names("hum"), ("hum".to_owned(), None));
        let refusal = found_node(&nodes, "transprot").unwrap_err();
        assert_eq!(refusal.help.unwrap(), "did you mean `transport`?");
        let refusal = found_value(&nodes[0], "x").unwrap_err();
        assert_eq!(refusal.help.unwrap(), "it has tempo, key");
    }
}
