//! Makes tokens of every algorithm, changes most of them, and writes each down with our judgement, so that other
//! implementations can be asked about the same tokens with the same keys (`scripts/differential`).
//!
//! Usage: `mutated_tokens FOLDER COUNT SEED`. The seed decides what is changed and how; keys and the random parts of signatures
//! are new each time, and the keys are written beside the tokens.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a tool for tests; nothing of it is in the product"
)]

mod chance;
mod changes;
mod der;
mod judge;
mod making;
mod members;
mod sealing;
mod signing;
mod values;

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::thread;

use serde_json::json;

use chance::Chance;
use judge::Judge;
use making::{Made, Workshop};

/// 2023-11-14T22:13:20Z, when every token is judged.
pub(crate) const NOW: u64 = 1_700_000_000;

/// In so many files are the tokens, for judges that run side by side.
const FILES: usize = 8;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, count, seed] = arguments.try_into().expect("FOLDER COUNT SEED");
    let (folder, count) = (Path::new(&folder), count.parse::<usize>().expect("a count"));
    let seed: u64 = seed.parse().expect("a seed");
    fs::create_dir_all(folder).expect("a folder");
    let workshop = Workshop::new(&mut Chance::from_seed(seed));
    let keys = json!({
        "now": NOW,
        "public": { "keys": workshop.public_jwks() },
        "shared": { "keys": [workshop.shared_jwk()] },
        "sealed": { "keys": workshop.private_jwks() },
    });
    fs::write(folder.join("keys.json"), format!("{keys:#}\n")).expect("a file");
    let workers = thread::available_parallelism().map_or(1, usize::from).min(FILES);
    thread::scope(|scope| {
        for worker in 0..workers {
            let workshop = &workshop;
            scope.spawn(move || {
                let judge = Judge::new(workshop);
                for file in (worker..FILES).step_by(workers) {
                    let share = count / FILES + usize::from(file < count % FILES);
                    let salt = u64::try_from(file + 1)
                        .expect("a number")
                        .wrapping_mul(0xd134_2543_de82_ef95);
                    write(
                        folder,
                        file,
                        share,
                        workshop,
                        &judge,
                        &mut Chance::from_seed(seed ^ salt),
                    );
                }
            });
        }
    });
}

fn write(folder: &Path, file: usize, count: usize, workshop: &Workshop, judge: &Judge, chance: &mut Chance) {
    let path = folder.join(format!("tokens-{file}.jsonl"));
    let mut out = BufWriter::new(File::create(path).expect("a file"));
    for _ in 0..count {
        let Made { kind, changes, token } = workshop.make(chance);
        let verdict = judge.verdict(kind, &token);
        let line = json!({ "kind": kind.name(), "changes": changes, "token": token, "verdict": verdict });
        writeln!(out, "{line}").expect("a line");
    }
    out.flush().expect("a whole file");
}
