/// What a record is about: the contract's `scope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Start-up and everything outside a request.
    Desc,
    /// A performance sample.
    Stat,
    /// Belongs to one HTTP request.
    Visit,
    /// Business data for analysts.
    Biz,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Scope; 4] = [Scope::Desc, Scope::Stat, Scope::Visit, Scope::Biz];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::Desc => "desc",
            Scope::Stat => "stat",
            Scope::Visit => "visit",
            Scope::Biz => "biz",
        }
    }
}

/// What happened at this point of a request: the contract's `event` of a `visit` record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The request of a client arrived.
    ClientReq,
    /// A call of another service begins.
    ServiceStart,
    /// The call was answered.
    ServiceEnd,
    /// The call failed; level WARN.
    ServiceErr,
    /// The application's own word on the request.
    Trace,
    /// The request was answered.
    ClientRes,
}

impl EventKind {
    /// All kinds, in the order in which a request meets them.
    pub const ALL: [EventKind; 6] = [
        EventKind::ClientReq,
        EventKind::ServiceStart,
        EventKind::ServiceEnd,
        EventKind::ServiceErr,
        EventKind::Trace,
        EventKind::ClientRes,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            EventKind::ClientReq => "client-req",
            EventKind::ServiceStart => "service-start",
            EventKind::ServiceEnd => "service-end",
            EventKind::ServiceErr => "service-err",
            EventKind::Trace => "trace",
            EventKind::ClientRes => "client-res",
        }
    }
}

impl std::str::FromStr for EventKind {
    type Err = ParseEventKindError;

    fn from_str(word: &str) -> Result<Self, ParseEventKindError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or(ParseEventKindError)
    }
}

/// The word is no [`EventKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseEventKindError;

impl std::fmt::Display for ParseEventKindError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "must be one of {}", EventKind::ALL.map(EventKind::as_str).join(", "))
    }
}

impl std::error::Error for ParseEventKindError {}
