use hashbrown::HashMap;

/// Numbers the events of one batch that have the same time, in the order of arrival.
///
/// Batch, time and this number are the `id` of an event. It is made when the batch is put together, so it is the same
/// however often that is done. Most events are the only ones of their millisecond, so the column is nearly always 0 and takes
/// hardly any room, which a place in the whole batch would.
#[derive(Debug, Default)]
pub(crate) struct Ordinals {
    /// How many events of each millisecond there were.
    counts: HashMap<i64, u32>,
}

impl Ordinals {
    /// The number of the next event, which has this time in milliseconds since 1970.
    pub(crate) fn next(&mut self, time: i64) -> u32 {
        let count = self.counts.entry(time).or_default();
        let ordinal = *count;
        *count += 1;
        ordinal
    }
}

#[cfg(test)]
mod tests {
    use super::Ordinals;

    #[test]
    fn events_of_one_millisecond_have_different_numbers() {
        let mut ordinals = Ordinals::default();
        let numbers: Vec<_> = [5, 7, 5, 5, 7].into_iter().map(|time| ordinals.next(time)).collect();
        assert_eq!(numbers, [0, 0, 1, 2, 1]);
    }
}
