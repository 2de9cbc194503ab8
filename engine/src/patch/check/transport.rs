//! Reads the transport.

use super::Checker;
use super::scope::Scope;
use crate::patch::tree::{Shape, Tree};
use crate::swing::SwingNotes;
use crate::transport::Transport;
use crate::transport_params::{DECLARED, Impossible, TransportParams};

impl Checker<'_> {
    /// Reads the transport; `None` where it is written as none can be.
    pub(super) fn read_transport(&mut self, scope: &Scope, value: &Tree) -> Option<Transport> {
        let Shape::Struct(None, fields) = &value.shape else {
            if value.shape != Shape::Broken {
                self.report(
                    value.spot,
                    "`transport` looks like `(tempo: 120, metre: (4, 4))`",
                    None,
                );
            }
            return None;
        };
        let (values, spots) =
            self.read_params(scope, &scope.id("transport"), &DECLARED, fields, value.spot);
        let (transport, impossible) = TransportParams::of(&values)?.transport();
        // A clock whose name is misspelt has been reported.
        let is_misspelt =
            transport.follow.is_none() && fields.iter().any(|(name, _)| name.text == "follow");
        let told = |wrong: &Impossible| !(is_misspelt && wrong.param == "clock_port");
        for wrong in impossible.into_iter().filter(told) {
            let spot = spots.get(wrong.param).copied().unwrap_or(value.spot);
            self.report(spot, wrong.message, wrong.help);
        }
        if !transport.swing.is_straight() && transport.swinging().is_none() {
            let (notes, metre) = (transport.swing.of.word(), transport.metre);
            let spot = spots.get("swing").cloned().unwrap_or(value.spot);
            let help = match transport.swing.of {
                SwingNotes::Eighths if metre.1 == 8 => {
                    Some("`swing_of: sixteenths` swings the notes between them".to_owned())
                }
                _ => None,
            };
            let why = format!("nothing swings: in {metre} {notes} are no halves of a beat");
            self.texts.warn(spot, why, help);
        }
        Some(transport)
    }
}
