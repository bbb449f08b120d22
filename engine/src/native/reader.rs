use crate::exception::{Exception, Kind};

/// What is left of a piece of `Native`. Whatever it is asked for, it never goes beyond the end.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// All that is still to come; a place to come back to.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// What was read since that place.
    pub(super) fn since(&self, place: &'a [u8]) -> &'a [u8] {
        &place[..place.len() - self.rest.len()]
    }

    /// So many things of so many bytes each.
    pub(super) fn take(&mut self, count: usize, bytes: usize) -> Result<&'a [u8], Exception> {
        let split = count.checked_mul(bytes).and_then(|length| self.rest.split_at_checked(length));
        let (taken, rest) = split.ok_or_else(cut)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A number in ClickHouse's variable length: seven bits a byte, lowest first.
    pub(super) fn number(&mut self) -> Result<usize, Exception> {
        let mut number = 0_usize;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = self.take(1, 1)?[0];
            number |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(cut())
    }

    /// Bytes with their number before them.
    pub(super) fn text(&mut self) -> Result<&'a [u8], Exception> {
        let length = self.number()?;
        self.take(length, 1)
    }

    /// Eight bytes, lowest first.
    pub(super) fn word(&mut self) -> Result<u64, Exception> {
        let bytes = self.take(8, 1)?.first_chunk().ok_or_else(cut)?;
        Ok(u64::from_le_bytes(*bytes))
    }

    /// The same as a count of things in memory.
    pub(super) fn count(&mut self) -> Result<usize, Exception> {
        usize::try_from(self.word()?).map_err(|_| cut())
    }
}

fn cut() -> Exception {
    Exception::new(Kind::UnknownException, "the engine's answer in format Native is not laid out as expected")
}
