//! Bounds of what a field may be.

use std::ops::Bound;

/// A value of a field that has an order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Point {
    /// A whole number from 0 on.
    Whole(u64),
    /// Any other finite number.
    Float(f64),
    /// Milliseconds since 1970.
    Time(i64),
}

/// What lies between two bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower bound.
    pub from: Bound<Point>,
    /// The upper bound.
    pub to: Bound<Point>,
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    /// `field:5`
    Equal,
    /// `field:>5`
    Above,
    /// `field:>=5`
    AtLeast,
    /// `field:<5`
    Below,
    /// `field:<=5`
    AtMost,
}

impl Point {
    /// For comparing points of one field.
    pub(super) fn as_f64(self) -> f64 {
        match self {
            Point::Whole(number) => number as f64,
            Point::Float(number) => number,
            Point::Time(ms) => ms as f64,
        }
    }
}

impl Interval {
    /// One point.
    pub(super) const fn at(point: Point) -> Self {
        Self { from: Bound::Included(point), to: Bound::Included(point) }
    }

    /// What is so compared with a value that stands for an interval itself, as `error` does for the levels 50 to 59.
    pub(super) fn compared(self, comparison: Comparison) -> Self {
        let Self { from, to } = self;
        match comparison {
            Comparison::Equal => self,
            Comparison::Above => Self { from: beyond(to), to: Bound::Unbounded },
            Comparison::AtLeast => Self { from, to: Bound::Unbounded },
            Comparison::Below => Self { from: Bound::Unbounded, to: beyond(from) },
            Comparison::AtMost => Self { from: Bound::Unbounded, to },
        }
    }

    /// The point, if there is only one.
    pub(super) fn point(&self) -> Option<Point> {
        match (self.from, self.to) {
            (Bound::Included(from), Bound::Included(to)) if from == to => Some(from),
            _ => None,
        }
    }

    /// Whether its lower bound lies above its upper one.
    pub(super) fn is_reversed(&self) -> bool {
        let of = |bound| match bound {
            Bound::Included(point) | Bound::Excluded(point) => Some(Point::as_f64(point)),
            Bound::Unbounded => None,
        };
        of(self.from).zip(of(self.to)).is_some_and(|(from, to)| from > to)
    }
}

/// Where that begins or ends which is beyond a bound.
pub(super) fn beyond(bound: Bound<Point>) -> Bound<Point> {
    match bound {
        Bound::Included(point) => Bound::Excluded(point),
        Bound::Excluded(point) => Bound::Included(point),
        Bound::Unbounded => Bound::Unbounded,
    }
}
