//! The encoders of the picture models that the manifest lists.

use score_engine::NodeError;

use crate::model::{Data, Manifest, Picture, Session, Task};

/// A picture model of the manifest. Components of its codes have a mean of 0 and a variance of 1.
pub(crate) struct ListedEncoder {
    session: Session,
    picture: Picture,
    dimension: usize,
}

impl ListedEncoder {
    /// Opens the picture model called `name`.
    ///
    /// # Errors
    /// There is no such model, or it cannot be loaded.
    pub(crate) fn open(manifest: &Manifest, name: &str) -> Result<Self, NodeError> {
        let model = manifest.model(name, Task::Picture)?;
        let picture = model
            .picture
            .filter(|picture| picture.width > 0 && picture.height > 0)
            .ok_or_else(|| {
                NodeError::model(format!("the manifest gives no picture size for `{name}`"))
            })?;
        Ok(ListedEncoder {
            session: manifest.open(model, "encoder")?,
            picture,
            dimension: model.latent,
        })
    }

    /// The size of picture that it takes.
    pub(crate) fn picture(&self) -> Picture {
        self.picture
    }

    /// The dimension of the codes, as the manifest says it.
    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    /// The codes of `count` pictures, one after another; `pixels` are RGB bytes, row by row.
    ///
    /// # Errors
    /// The model fails.
    pub(crate) fn encode(&mut self, pixels: &[u8], count: usize) -> Result<Vec<f32>, NodeError> {
        let shape = [count, self.picture.height, self.picture.width, 3];
        let mut codes = self
            .session
            .run(&[("frames", &shape, Data::U8(pixels))], &["latent"])?;
        Ok(codes.pop().map(|tensor| tensor.values).unwrap_or_default())
    }
}
