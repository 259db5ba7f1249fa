//! Whether the time of an answer tells one kind of request from another.

use std::time::Instant;

/// Above it, what made two samples differs beyond doubt.
pub(crate) const T_MAX: f64 = 4.5;

/// Times each kind of request so many times, in turns that no rhythm of the machine can follow, and tells the largest Welch's t between
/// the first kind and another. `send` sends one of a kind.
pub(crate) fn largest_t(kinds: &[&str], tries: usize, mut send: impl FnMut(usize)) -> f64 {
    let mut samples = vec![Vec::with_capacity(tries); kinds.len()];
    // A linear congruential generator (Numerical Recipes) is random enough for an order.
    let mut state = 1_u32;
    for _ in 0..tries {
        let mut order: Vec<usize> = (0..kinds.len()).collect();
        for place in (1..kinds.len()).rev() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            order.swap(place, (state >> 16) as usize % (place + 1));
        }
        for kind in order {
            let start = Instant::now();
            send(kind);
            samples[kind].push(start.elapsed().as_secs_f64());
        }
    }
    largest_of(kinds, &samples)
}

fn largest_of(kinds: &[&str], samples: &[Vec<f64>]) -> f64 {
    let samples: Vec<Vec<f64>> = samples.iter().map(|sample| trimmed(sample)).collect();
    let mut largest = 0.0_f64;
    for (kind, sample) in kinds.iter().zip(&samples).skip(1) {
        let t = welch(&samples[0], sample);
        println!("{} tries: t of {} and {kind} {t:.2}", samples[0].len(), kinds[0]);
        largest = largest.max(t.abs());
    }
    largest
}

/// Welch's t of two samples.
fn welch(one: &[f64], other: &[f64]) -> f64 {
    let moments = |sample: &[f64]| {
        let count = sample.len() as f64;
        let mean = sample.iter().sum::<f64>() / count;
        let variance = sample.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    };
    let ((one, of_one), (other, of_other)) = (moments(one), moments(other));
    (one - other) / (of_one + of_other).sqrt()
}

/// Without the slowest tenth, in which other processes had the core: it would hide a difference, not make one.
fn trimmed(sample: &[f64]) -> Vec<f64> {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.truncate(sample.len() * 9 / 10);
    sorted
}

#[test]
fn a_difference_is_seen_and_none_is_made_up() {
    // Microseconds that scatter over a range twice as wide as the difference, and now and then another process had the core.
    let sample = |least: f64, shift: usize| {
        let scattered = |place: usize| match (place + shift) % 25 {
            0 => least + 10_000.0,
            _ => least + ((place + shift) * 37 % 101) as f64,
        };
        (0..500).map(scattered).collect::<Vec<f64>>()
    };
    let (usual, alike, slower) = (sample(200.0, 0), sample(200.0, 50), sample(250.0, 50));
    assert!(largest_of(&["usual", "alike"], &[usual.clone(), alike]) < T_MAX);
    assert!(largest_of(&["usual", "slower"], &[usual, slower]) > T_MAX);
}
