use clap::ValueEnum;

/// What is the matter with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// There is none to send to: records are only written.
    NoServer,
    /// Nothing.
    Healthy,
    /// Nobody listens.
    Refused,
    /// 500 to everything.
    Failing,
    /// 503 with `Retry-After: 1` to everything.
    Busy,
    /// 413 to more than 4 KiB.
    SmallBatches,
    /// It stops in the middle of its answers.
    StallsInAnswer,
    /// It closes in the middle of requests.
    ClosesInRequest,
    /// It reads 64 KiB a second.
    ReadsSlowly,
    /// It accepts and never answers.
    NeverAnswers,
}

impl Fault {
    /// All, in the order of the table.
    pub(crate) const ALL: [Fault; 10] = [
        Fault::NoServer,
        Fault::Healthy,
        Fault::Refused,
        Fault::Failing,
        Fault::Busy,
        Fault::SmallBatches,
        Fault::StallsInAnswer,
        Fault::ClosesInRequest,
        Fault::ReadsSlowly,
        Fault::NeverAnswers,
    ];

    /// As the table has it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Fault::NoServer => "*no server, only written*",
            Fault::Healthy => "takes everything",
            Fault::Refused => "connection refused",
            Fault::Failing => "500",
            Fault::Busy => "503, `Retry-After: 1`",
            Fault::SmallBatches => "413 beyond 4 KiB",
            Fault::StallsInAnswer => "stalls in the middle of an answer",
            Fault::ClosesInRequest => "closes in the middle of a request",
            Fault::ReadsSlowly => "reads 64 KiB a second",
            Fault::NeverAnswers => "accepts and never answers",
        }
    }
}
