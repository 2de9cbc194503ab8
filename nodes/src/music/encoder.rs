//! The encoder of a music model, opened when it is needed.

use score_engine::NodeError;

use crate::model::{Data, Manifest, Model, Session};

/// The encoder of a model, once something is to be encoded.
pub(super) struct Encoder {
    manifest: Manifest,
    model: Model,
    session: Option<Session>,
}

impl Encoder {
    /// That of `model`, one of `manifest`.
    pub(super) fn of(manifest: Manifest, model: Model) -> Self {
        Encoder {
            manifest,
            model,
            session: None,
        }
    }

    /// The dimension of the latents.
    pub(super) fn dimension(&self) -> usize {
        self.model.latent
    }

    /// Whether the encoder has an input of this name.
    pub(super) fn takes(&self, input: &str) -> bool {
        let file = self.model.files.get("encoder");
        file.is_some_and(|file| file.inputs.contains_key(input))
    }

    /// The latent of what the inputs say.
    ///
    /// # Errors
    /// The model has no encoder, or it cannot be loaded or fails.
    pub(super) fn encode(
        &mut self,
        inputs: &[(&str, &[usize], Data<'_>)],
    ) -> Result<Vec<f32>, NodeError> {
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(self.manifest.open(&self.model, "encoder")?),
        };
        let code = session.run(inputs, &["latent"])?.pop();
        let code = code.map(|code| code.values).unwrap_or_default();
        if code.len() != self.model.latent {
            return Err(NodeError::model(
                "the encoder's latents have another dimension than its manifest says",
            ));
        }
        Ok(code)
    }
}
