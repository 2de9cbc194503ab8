//! The program's side: finds plugins, loads them, and runs their nodes.

mod file;
mod library;
mod node;
mod shelf;

pub use library::LoadError;
pub use shelf::{Entry, Shelf};
