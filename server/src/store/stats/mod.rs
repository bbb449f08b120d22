//! Figures over time, from what is added up by the minute and by the quarter of an hour.

mod latency;
mod overview;
mod performance;

pub use latency::{Latency, LatencyItem, LatencyOf, LatencySort, LatencyStep};
pub use overview::{Overview, OverviewFigures, OverviewStep};
pub use performance::{HostItem, HostSort, HostStep, Usage};

use super::Store;
use super::statement::Read;

/// So long a step that it holds all of the time that the store knows, in milliseconds.
const WHOLE_MS: i64 = (u32::MAX as i64 + 1) * 1000;

/// Of what there shall be figures.
#[derive(Debug, Clone)]
pub struct StatsFilter {
    /// From this time on, in milliseconds since 1970, at the start of a minute.
    pub since: i64,
    /// Before this time, at the start of a minute.
    pub until: i64,
    /// Only of this service.
    pub service: Option<String>,
    /// Only of this environment.
    pub environment: Option<String>,
}

impl Store {
    /// Prepares a statement that reads an added-up table `AS s`. `only` is a condition more.
    fn stats(&self, name: &'static str, text: &str, filter: &StatsFilter, only: &str) -> Read {
        let conditions = [
            (true, only),
            (filter.service.is_some(), "s.project = {service:String}"),
            (filter.environment.is_some(), "s.environment = {environment:String}"),
        ];
        let wanted: Vec<_> =
            conditions.into_iter().filter(|(is_wanted, _)| *is_wanted).map(|(_, text)| text).collect();
        self.read(name, &text.replace("{condition}", &wanted.join("\n    AND ")))
            .param("since", filter.since / 1000)
            .param("until", filter.until / 1000)
            .param("service", filter.service.as_deref().unwrap_or_default())
            .param("environment", filter.environment.as_deref().unwrap_or_default())
    }
}
