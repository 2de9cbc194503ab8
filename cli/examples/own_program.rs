//! A program of one's own: `score`, every command of it, with a further node linked in instead of
//! loaded.
//!
//!     cargo run --package score --example own_program -- nodes edge_density

fn main() -> std::process::ExitCode {
    let mut registry = score_nodes::registry();
    registry.add::<edge_density::EdgeDensity>();
    score::run(&registry)
}
