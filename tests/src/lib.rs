//! SCORE!
