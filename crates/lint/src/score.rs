//! A score that adds up: areas have points, every place that can be wrong is a slot with a share of its area, and what is
//! found takes a part of the slots it touches.
//!
//! `points = Σ areas points × (1 - Σ slots share × min(1, Σ losses))`. So the score is bounded, does not depend on any order,
//! and never falls when a finding goes away.

use std::collections::BTreeMap;

/// The whole of an area, in the unit of shares.
pub const WHOLE: u64 = 1 << 40;

/// A part of the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Its name in reports.
    pub name: &'static str,
    /// Its points when nothing is wrong.
    pub points: u32,
}

/// The points that are left of an area.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AreaScore {
    /// The area.
    pub area: Area,
    /// 0 to its points.
    pub points: f64,
}

/// A score.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The areas, in their order.
    pub areas: Vec<AreaScore>,
}

impl Score {
    /// The points of all areas together.
    pub fn total(&self) -> f64 {
        rounded(self.areas.iter().map(|area| area.points).sum())
    }
}

/// To a tenth of a point, as scores are shown and compared.
pub fn rounded(points: f64) -> f64 {
    (points * 10.0).floor() / 10.0
}

/// Something that was found takes a part of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The index of the area.
    pub area: usize,
    /// The slot's name within the area.
    pub slot: u64,
    /// The slot's share of the area, of [`WHOLE`]; the same in every charge of the slot. All slots of an area together are at
    /// most the whole.
    pub share: u64,
    /// The loss in percent of the slot.
    pub percent: u8,
    /// The index of the finding that charges.
    pub finding: usize,
}

/// The points left in every area, and the points that each of so many findings takes.
pub fn settle(areas: &[Area], charges: &[Charge], findings: usize) -> (Score, Vec<f64>) {
    let mut slots: BTreeMap<(usize, u64), (u64, u64)> = BTreeMap::new();
    for charge in charges {
        let slot = slots.entry((charge.area, charge.slot)).or_insert((charge.share, 0));
        slot.1 += u64::from(charge.percent);
    }
    let mut lost = vec![0_u128; areas.len()];
    for ((area, _), (share, percent)) in &slots {
        if let Some(lost) = lost.get_mut(*area) {
            *lost += u128::from(*share) * u128::from((*percent).min(100));
        }
    }
    let whole = u128::from(WHOLE) * 100;
    let left = areas.iter().zip(lost).map(|(area, lost)| AreaScore {
        area: *area,
        points: f64::from(area.points) * (1.0 - fraction(lost.min(whole), whole)),
    });
    let score = Score { areas: left.collect() };
    let mut points = vec![0.0; findings];
    for charge in charges {
        let all = slots
            .get(&(charge.area, charge.slot))
            .map_or(100, |slot| slot.1)
            .max(100);
        let area = areas.get(charge.area).map_or(0.0, |area| f64::from(area.points));
        let part = fraction(
            u128::from(charge.share) * u128::from(charge.percent),
            u128::from(WHOLE) * u128::from(all),
        );
        if let Some(points) = points.get_mut(charge.finding) {
            *points += area * part;
        }
    }
    (score, points)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a fraction of a point is far above what is lost"
)]
fn fraction(part: u128, whole: u128) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AREAS: [Area; 2] = [
        Area {
            name: "security",
            points: 30,
        },
        Area {
            name: "data",
            points: 70,
        },
    ];

    fn charge(area: usize, slot: u64, share: u64, percent: u8, finding: usize) -> Charge {
        Charge {
            area,
            slot,
            share,
            percent,
            finding,
        }
    }

    #[test]
    fn what_is_found_takes_its_part() {
        let half = WHOLE / 2;
        let charges = [
            charge(0, 1, half, 50, 0),
            charge(1, 1, half, 80, 0),
            charge(1, 1, half, 80, 1),
        ];
        let (score, points) = settle(&AREAS, &charges, 2);
        assert!((score.total() - (22.5 + 35.0)).abs() < 1e-9, "{score:?}");
        assert!(
            (points[0] - (7.5 + 17.5)).abs() < 1e-6 && (points[1] - 17.5).abs() < 1e-6,
            "{points:?}"
        );
    }

    #[test]
    fn nothing_found_is_all_points() {
        let (score, _) = settle(&AREAS, &[], 0);
        assert!((score.total() - 100.0).abs() < 1e-9);
    }

    fn charges() -> impl Strategy<Value = Vec<Charge>> {
        let one = (0_usize..2, 0_u64..8, 0_u8..=100, 0_usize..6);
        let charge = |(area, slot, percent, finding)| charge(area, slot, WHOLE / 8, percent, finding);
        proptest::collection::vec(one.prop_map(charge), 0..40)
    }

    proptest! {
        #[test]
        fn scores_are_bounded_monotonic_and_know_no_order(charges in charges(), seed in any::<u64>()) {
            let (score, points) = settle(&AREAS, &charges, 6);
            prop_assert!((0.0..=100.0).contains(&score.total()));
            let taken: f64 = points.iter().sum();
            let left: f64 = score.areas.iter().map(|area| area.points).sum();
            prop_assert!((taken + left - 100.0).abs() < 1e-6, "points {taken} and {left} do not add up");
            for mended in 0..6 {
                let without: Vec<_> = charges.iter().copied().filter(|charge| charge.finding != mended).collect();
                prop_assert!(settle(&AREAS, &without, 6).0.total() >= score.total());
            }
            let mut shuffled = charges.clone();
            shuffled.sort_by_key(|charge| (charge.slot ^ seed, charge.percent, charge.finding, charge.area));
            prop_assert_eq!(settle(&AREAS, &shuffled, 6).0, score);
        }
    }
}
