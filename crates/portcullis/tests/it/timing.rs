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
    let samples: Vec<Vec<f64>> = samples.iter().map(|sample| trimmed(sample)).collect();
    let mut largest = 0.0_f64;
    for (kind, sample) in kinds.iter().zip(&samples).skip(1) {
        let t = welch(&samples[0], sample);
        println!("{tries} tries: t of {} and {kind} {t:.2}", kinds[0]);
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
fn a_difference_is_seen() {
    let slower = |kind: usize| std::thread::sleep(std::time::Duration::from_micros(200 + 100 * kind as u64));
    assert!(largest_t(&["a", "b"], 50, slower) > T_MAX);
}
