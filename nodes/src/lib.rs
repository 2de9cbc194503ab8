//! The built-in nodes of SCORE!, one module a family.

use score_engine::Registry;

/// A registry that knows every built-in node.
pub fn registry() -> Registry {
    Registry::new()
}
