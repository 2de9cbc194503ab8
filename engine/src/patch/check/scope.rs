//! What a patch's own names mean: its `let` values, and the ids that stand before those of an
//! included patch.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Checker;
use super::settings::LET;
use crate::patch::tree::{Name, Shape, Size, Spot, Tree};

/// The surroundings of one patch's text.
#[derive(Default)]
pub(super) struct Scope {
    /// What stands before every id: empty, or `drums.` within the patch that is included as
    /// `drums`.
    pub(super) prefix: String,
    /// The values of `let`.
    pub(super) lets: BTreeMap<String, Let>,
    /// The names of all of them, those too that are not read yet.
    pub(super) let_names: Vec<String>,
    /// The files that are being read, each included by the one before.
    pub(super) within: Vec<(PathBuf, String)>,
}

/// A value of `let`, with its own `use`s written out, and how much that is.
pub(super) struct Let {
    tree: Tree,
    size: Size,
    /// The value in whose line it stands: its own name, or that of the one for which it stands.
    origin: String,
}

impl Let {
    fn new(tree: Tree, origin: String) -> Let {
        Let {
            size: tree.size(),
            tree,
            origin,
        }
    }
}

impl Scope {
    /// The whole id of a node of this patch.
    pub(super) fn id(&self, id: &str) -> String {
        format!("{}{id}", self.prefix)
    }
}

impl Checker<'_> {
    /// Reads `let`, each value with those above it, and with what is given from outside.
    pub(super) fn read_let(&mut self, scope: &mut Scope, value: Option<&Tree>) {
        let fields: &[(Name, Tree)] = match value.map(|value| (&value.shape, value.spot)) {
            None | Some((Shape::Broken, _)) => &[],
            Some((Shape::Struct(None, fields), _)) => fields,
            Some((_, spot)) => {
                self.report(spot, "`let` looks like `(name: value)`", None);
                &[]
            }
        };
        scope.let_names = fields.iter().map(|(name, _)| name.text.clone()).collect();
        for (name, tree) in fields.iter().filter(|(name, _)| !name.text.is_empty()) {
            if scope.lets.contains_key(&name.text) {
                self.report(
                    name.spot,
                    format!("`{}` stands here twice", name.text),
                    None,
                );
            }
            let stands_for = self.origin(scope, tree).map(str::to_owned);
            let tree = self.resolve(scope, tree);
            let origin = match stands_for {
                Some(origin) => {
                    self.named.discount(&origin);
                    origin
                }
                None => scope.id(&name.text),
            };
            self.named.declare(scope.id(&name.text));
            scope.lets.insert(name.text.clone(), Let::new(tree, origin));
        }
        for given in self.settings_of(&scope.id(LET)) {
            let Some(own) = scope.lets.get(&given.param) else {
                let why = format!("no `let` value is called `{}`", given.param);
                if self.leave_out(&given, &why) {
                    continue;
                }
                self.unknown_let(scope, &given.param, given.param_spot);
                continue;
            };
            let takes_text = matches!(own.tree.shape, Shape::Text(_));
            self.override_with(&given, Some(own.tree.spot));
            let tree = given.tree(takes_text, &mut self.texts);
            let origin = given.origin.unwrap_or_else(|| scope.id(&given.param));
            scope.lets.insert(given.param, Let::new(tree, origin));
        }
    }

    /// The `let` value that `tree` is, where it is nothing but `use(name)`.
    pub(super) fn origin<'s>(&self, scope: &'s Scope, tree: &Tree) -> Option<&'s str> {
        let Shape::Tuple(Some(name), items) = &tree.shape else {
            return None;
        };
        match items.as_slice() {
            [item] if name.text == "use" => match &item.shape {
                Shape::Word(name) | Shape::Text(name) => {
                    scope.lets.get(name).map(|used| used.origin.as_str())
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// `tree` with the values of `let` in the place of every `use(name)`.
    pub(super) fn resolve(&mut self, scope: &Scope, tree: &Tree) -> Tree {
        self.resolve_within(scope, tree, 0)
    }

    fn resolve_within(&mut self, scope: &Scope, tree: &Tree, depth: usize) -> Tree {
        let mut all = |trees: &[Tree]| {
            let trees = trees.iter();
            trees
                .map(|tree| self.resolve_within(scope, tree, depth + 1))
                .collect()
        };
        let shape = match &tree.shape {
            Shape::Tuple(Some(name), items) if name.text == "use" => {
                return self.used(scope, tree.spot, items, depth);
            }
            Shape::Struct(Some(name), fields) if name.text == "use" && fields.is_empty() => {
                return self.used(scope, tree.spot, &[], depth);
            }
            Shape::List(items) => Shape::List(all(items)),
            Shape::Tuple(name, items) => Shape::Tuple(name.clone(), all(items)),
            other => other.clone(),
        };
        Tree {
            spot: tree.spot,
            shape,
        }
    }

    /// The value that `use(name)` at `spot` means.
    fn used(&mut self, scope: &Scope, spot: Spot, items: &[Tree], depth: usize) -> Tree {
        let broken = Tree {
            spot,
            shape: Shape::Broken,
        };
        let [item] = items else {
            self.report(spot, "`use(name)` takes the name of one `let` value", None);
            return broken;
        };
        let (Shape::Word(name) | Shape::Text(name)) = &item.shape else {
            if item.shape != Shape::Broken {
                self.report(
                    item.spot,
                    "`use(name)` takes the name of a `let` value",
                    None,
                );
            }
            return broken;
        };
        match scope.lets.get(name) {
            Some(value) if self.charge_size(spot, value.size, depth) => {
                self.named.count(&value.origin);
                value.tree.clone()
            }
            Some(_) => broken,
            None => {
                self.unknown_let(scope, name, item.spot);
                broken
            }
        }
    }

    fn unknown_let(&mut self, scope: &Scope, name: &str, spot: Spot) {
        if self.texts.is_full() {
            return self.report(spot, format!("no `let` value is called `{name}`"), None);
        }
        if scope.let_names.iter().any(|below| below == name) {
            let message = format!("the `let` value `{name}` stands below");
            let help = format!("a value uses those above it; move `{name}` up");
            return self.report(spot, message, Some(help));
        }
        let names: Vec<&str> = scope.lets.keys().map(String::as_str).collect();
        let help = self.near(name, names.iter().copied()).unwrap_or_else(|| {
            if names.is_empty() {
                "values get their names in `let: (name: value)`".to_owned()
            } else {
                format!("there are {}", names.join(", "))
            }
        });
        self.report(
            spot,
            format!("no `let` value is called `{name}`"),
            Some(help),
        );
    }
}
