//! Aims, and whether a run reached them.

use crate::measure;

/// A number with a limit. It is `None` if a pair or a tool was missing.
#[derive(Debug)]
pub struct Aim {
    name: String,
    limit: f64,
    is_lower_limit: bool,
    value: Option<f64>,
}

impl Aim {
    /// Returns an aim for a number that should not be above a limit.
    pub fn at_most(name: &str, limit: f64, value: Option<f64>) -> Self {
        Self {
            name: name.to_owned(),
            limit,
            is_lower_limit: false,
            value,
        }
    }

    /// Returns an aim for a number that should not be below a limit.
    pub fn at_least(name: &str, limit: f64, value: Option<f64>) -> Self {
        Self {
            is_lower_limit: true,
            ..Self::at_most(name, limit, value)
        }
    }

    fn is_reached(&self, value: f64) -> bool {
        match self.is_lower_limit {
            true => value >= self.limit,
            false => value <= self.limit,
        }
    }

    fn row(&self) -> Vec<String> {
        let (value, outcome) = match self.value {
            None => (String::new(), "not measured"),
            Some(value) if self.is_reached(value) => (format!("{value:.3}"), "reached"),
            Some(value) => (format!("{value:.3}"), "not reached"),
        };
        let sign = if self.is_lower_limit { '≥' } else { '≤' };
        let limit = format!("{sign} {}", self.limit);
        vec![self.name.clone(), limit, value, outcome.to_owned()]
    }
}

/// Returns the table of aims.
pub fn table(aims: &[Aim]) -> String {
    let rows: Vec<Vec<String>> = aims.iter().map(Aim::row).collect();
    measure::table(&["aim", "limit", "this run", "outcome"], &rows)
}

/// Returns a ratio.
pub fn divided(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    // Processor time has steps of 10 ms, and a pair may be quicker.
    Some(one? / other?.max(0.01))
}
