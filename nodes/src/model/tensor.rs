//! What goes into a model and comes out of it.

/// The numbers of a tensor that goes in.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a> {
    /// 32-bit floating point.
    F32(&'a [f32]),
    /// 64-bit integers.
    I64(&'a [i64]),
    /// Bytes.
    U8(&'a [u8]),
}

/// A tensor that came out.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its size along each axis.
    pub shape: Vec<usize>,
    /// Its numbers, last axis fastest; bytes as numbers from 0 to 255.
    pub values: Vec<f32>,
}

/// The numbers that a tensor of a loaded file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementType {
    /// 32-bit floating point.
    F32,
    /// 64-bit integers.
    I64,
    /// Bytes.
    U8,
    /// Something that SCORE! does not know.
    Other,
}

/// An input or output as a loaded file declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorSpec {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub element: ElementType,
    /// Its size along each axis; `None` where the file leaves it open.
    pub shape: Vec<Option<usize>>,
}
