//! Values that come from outside of a patch's own text: from the command line, or from the patch
//! that includes it.

use super::Checker;
use super::texts::Texts;
use crate::patch::Override;
use crate::patch::syntax::parse_from;
use crate::patch::tree::{Shape, Spot, Tree};

/// What values of `let` are set under, in the place of a node's id.
pub(super) const LET: &str = "let";

/// A value for a parameter of a node, or for a value of `let`.
#[derive(Clone)]
pub(super) struct Setting {
    /// The node's whole id, `transport`, or `let`; within an included patch behind its id and a
    /// point.
    pub(super) node: String,
    pub(super) node_spot: Spot,
    pub(super) param: String,
    pub(super) param_spot: Spot,
    pub(super) value: SettingValue,
    /// The `let` value that it is, where it is one.
    pub(super) origin: Option<String>,
}

/// The value as it was given.
#[derive(Clone)]
pub(super) enum SettingValue {
    /// In a patch.
    Written(Tree),
    /// On the command line, where text needs no quotes, so that it can be read only once it is
    /// known what is wanted.
    Typed(Spot),
}

impl Setting {
    /// The settings of the command line, whose texts follow that of the patch.
    pub(super) fn typed(overrides: &[Override]) -> Vec<Setting> {
        let setting = |(source, given): (usize, &Override)| {
            let spot = |start: usize, end: usize| Spot { source, start, end };
            let param_at = given.node.len() + 1;
            Setting {
                node: given.node.clone(),
                node_spot: spot(0, given.node.len()),
                param: given.param.clone(),
                param_spot: spot(param_at, param_at + given.param.len()),
                value: SettingValue::Typed(spot(given.value_at, given.text.len())),
                origin: None,
            }
        };
        (1..).zip(overrides).map(setting).collect()
    }

    /// Whether it was typed on the command line.
    pub(super) fn is_typed(&self) -> bool {
        matches!(self.value, SettingValue::Typed(_))
    }

    /// The value, where it is known whether text is wanted.
    pub(super) fn tree(&self, takes_text: bool, texts: &mut Texts) -> Tree {
        let spot = match &self.value {
            SettingValue::Written(tree) => return tree.clone(),
            SettingValue::Typed(spot) => *spot,
        };
        let text = texts.text(spot.source);
        let typed = text.get(spot.range()).unwrap_or_default();
        if takes_text && !typed.starts_with('"') {
            return Tree {
                spot,
                shape: Shape::Text(typed.to_owned()),
            };
        }
        let parsed = parse_from(spot.source, text, spot.start);
        for mistake in parsed.mistakes {
            texts.report(mistake.spot, mistake.message, None);
        }
        parsed.tree
    }
}

impl Checker<'_> {
    /// The settings for a node, those that count more behind those that count less.
    pub(super) fn settings_of(&self, node: &str) -> Vec<Setting> {
        let settings = self.given.iter().filter(|given| given.node == node);
        settings.cloned().collect()
    }

    /// Leaves out a value of the command line that has nothing to set since the patch was edited.
    /// `false`: it is to be complained of.
    pub(super) fn leave_out(&mut self, given: &Setting, why: &str) -> bool {
        let leaves = self.is_edit && given.is_typed();
        if leaves {
            let typed = self.texts.typed(given.node_spot.source);
            self.left_out
                .push(format!("{typed} has nothing to set any more: {why}"));
        }
        leaves
    }

    /// Notes what the patch says where a value of the command line goes before it.
    pub(super) fn override_with(&mut self, given: &Setting, own: Option<Spot>) {
        if given.is_typed() {
            let own = own.map(|spot| self.texts.text(spot.source)[spot.range()].to_owned());
            let typed = self.texts.typed(given.node_spot.source);
            self.overridden.insert(typed, own);
        }
    }

    /// Complains of settings for what there is not.
    pub(super) fn check_settings(&mut self) {
        for given in std::mem::take(&mut self.given) {
            let node = given.node.as_str();
            let unreadable = |id: &str| {
                node.strip_prefix(id)
                    .is_some_and(|rest| rest.starts_with('.'))
            };
            let is_known = node == "transport"
                || node == LET
                || self.drafts.iter().any(|draft| draft.id == node)
                || self.parts.iter().any(|part| {
                    node.strip_suffix(LET)
                        .and_then(|rest| rest.strip_suffix('.'))
                        == Some(&part.id)
                        || (part.broken && unreadable(&part.id))
                });
            if is_known {
                continue;
            }
            if self.leave_out(&given, &format!("there is no node `{node}`")) {
                continue;
            }
            let ids = self.drafts.iter().map(|draft| draft.id.as_str());
            let help = match self.parts.iter().find(|part| part.id == node) {
                Some(_) => Some(format!(
                    "`{node}` is an included patch: write `{node}.let.{}` for its `let`, or \
                     `{node}.NODE.{}` for a node in it",
                    given.param, given.param
                )),
                None => self.near(node, ids),
            };
            self.report(given.node_spot, format!("there is no node `{node}`"), help);
        }
    }
}
