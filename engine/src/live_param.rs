//! The live parameter of a name, or why there is none.

use crate::descriptor::Descriptor;
use crate::diagnostic::did_you_mean;
use crate::param::{Change, Param};

/// Why a node has no live parameter of a name.
#[derive(Debug)]
pub(crate) struct NoLiveParam {
    /// Whether it has one of that name, which cannot change while it plays.
    pub(crate) is_fixed: bool,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// The live parameter `name` of the node called `id`. `instead` says what to do about one that is
/// not live.
pub(crate) fn live_param<'a>(
    descriptor: &'a Descriptor,
    id: &str,
    name: &str,
    instead: &str,
) -> Result<&'a Param, NoLiveParam> {
    match descriptor.params.iter().find(|param| param.name == name) {
        Some(param) if param.change == Change::Live => Ok(param),
        Some(param) => Err(NoLiveParam {
            is_fixed: true,
            message: format!("`{id}.{name}` cannot change while it plays"),
            help: match param.reason.as_ref() {
                "" => None,
                reason => Some(format!("{reason}; {instead}")),
            },
        }),
        None => {
            let names = descriptor.live_params().map(|param| param.name.as_ref());
            let names: Vec<&str> = names.collect();
            let list = || (!names.is_empty()).then(|| format!("it has {}", names.join(", ")));
            Err(NoLiveParam {
                is_fixed: false,
                message: format!("`{id}` has no parameter `{name}`"),
                help: did_you_mean(name, names.iter().copied()).or_else(list),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_not_live_says_why_and_a_wrong_name_what_there_is() {
        let mut descriptor = Descriptor::new("test", "knob", "");
        descriptor.params = vec![
            Param::number("gain", (-60.0, 24.0), "").live(),
            Param::text("device", "").rebuilt_because("the device is opened once"),
        ];
        let look = |name| live_param(&descriptor, "a", name, "change it in the patch");
        assert_eq!(look("gain").unwrap().name, "gain");
        let fixed = look("device").unwrap_err();
        assert!(fixed.is_fixed && fixed.message.contains("`a.device` cannot change"));
        let help = "the device is opened once; change it in the patch";
        assert_eq!(fixed.help.as_deref(), Some(help));
        let near = look("gian").unwrap_err();
        assert_eq!(near.help.as_deref(), Some("did you mean `gain`?"));
        let unknown = look("x").unwrap_err();
        assert!(!unknown.is_fixed);
        assert_eq!(unknown.help.as_deref(), Some("it has gain"));
    }
}
