//! Which frequencies are in a block of sound.

use std::f32::consts::TAU;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use score_node::NodeError;

fn refused(error: realfft::FftError) -> NodeError {
    NodeError::internal(format!("the Fourier transform fails: {error}"))
}

/// The spectrum of one window after another, under a Hann window.
pub struct Transform {
    forward: Arc<dyn RealToComplex<f32>>,
    shape: Vec<f32>,
    input: Vec<f32>,
    output: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    magnitudes: Vec<f32>,
}

impl Transform {
    /// Of windows of `length` samples.
    pub fn new(length: usize) -> Self {
        let forward = RealFftPlanner::new().plan_fft_forward(length);
        let shape = |n: usize| 0.5 - 0.5 * (TAU * n as f32 / length as f32).cos();
        Transform {
            shape: (0..length).map(shape).collect(),
            input: forward.make_input_vec(),
            output: forward.make_output_vec(),
            scratch: forward.make_scratch_vec(),
            magnitudes: vec![0.0; length / 2 + 1],
            forward,
        }
    }

    /// The magnitude of each frequency in `window`, in equal steps up to half of the sample rate,
    /// so that a sine of full scale has 1 where it lies.
    ///
    /// # Errors
    /// The window has another length.
    pub fn magnitudes(&mut self, window: &[f32]) -> Result<&[f32], NodeError> {
        for ((input, sample), shape) in self.input.iter_mut().zip(window).zip(&self.shape) {
            *input = sample * shape;
        }
        self.forward
            .process_with_scratch(&mut self.input, &mut self.output, &mut self.scratch)
            .map_err(refused)?;
        // The window's mean is a half, and a real sine is half at each of two frequencies.
        let scale = 4.0 / self.shape.len() as f32;
        for (magnitude, value) in self.magnitudes.iter_mut().zip(&self.output) {
            *magnitude = value.norm() * scale;
        }
        Ok(&self.magnitudes)
    }
}

/// How like itself a window is when it is shifted, for every shift up to a longest one.
pub struct Likeness {
    forward: Arc<dyn RealToComplex<f32>>,
    backward: Arc<dyn ComplexToReal<f32>>,
    input: Vec<f32>,
    output: Vec<Complex<f32>>,
    forward_scratch: Vec<Complex<f32>>,
    backward_scratch: Vec<Complex<f32>>,
}

impl Likeness {
    /// Of windows of `length` samples, for shifts up to `longest`.
    pub fn new(length: usize, longest: usize) -> Self {
        let mut planner = RealFftPlanner::new();
        let size = (length + longest + 1).next_power_of_two();
        let (forward, backward) = (
            planner.plan_fft_forward(size),
            planner.plan_fft_inverse(size),
        );
        Likeness {
            input: forward.make_input_vec(),
            output: forward.make_output_vec(),
            forward_scratch: forward.make_scratch_vec(),
            backward_scratch: backward.make_scratch_vec(),
            forward,
            backward,
        }
    }

    /// The sum of the products of `window` with itself shifted, for each shift from 0.
    ///
    /// # Errors
    /// The window is too long.
    pub fn products(&mut self, window: &[f32]) -> Result<&[f32], NodeError> {
        self.input.fill(0.0);
        for (input, sample) in self.input.iter_mut().zip(window) {
            *input = *sample;
        }
        self.forward
            .process_with_scratch(&mut self.input, &mut self.output, &mut self.forward_scratch)
            .map_err(refused)?;
        let scale = 1.0 / self.input.len() as f32;
        for value in &mut self.output {
            *value = Complex::new(value.norm_sqr() * scale, 0.0);
        }
        self.backward
            .process_with_scratch(
                &mut self.output,
                &mut self.input,
                &mut self.backward_scratch,
            )
            .map_err(refused)?;
        Ok(&self.input)
    }
}
