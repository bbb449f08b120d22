use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use http::{Method, Response, StatusCode, header};
use hyper::body::{Body as _, Incoming};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::answer::{Envelope, plain, refused};
use super::arrival::{self, Arrived, Room};
use super::body::{AnswerBody, Streamed};
use super::{multipart, request, site};
use crate::chdb::Engine;
use crate::codec;
use crate::connection::{Busy, Occupying};
use crate::exception::{Exception, Kind};
use crate::limits::BODY_TIME;
use crate::password::Password;
use crate::site::Hosts;
use crate::statement::admission::Admission;
use crate::statement::answer::{Answer, Reply};
use crate::statement::judge::Judge;
use crate::statement::run;
use crate::statement::running::{ClientWatch, Running};
use crate::statement::sessions::Sessions;
use crate::statement::settings::Settings;

/// What 405 and OPTIONS name.
const METHODS: header::HeaderValue = header::HeaderValue::from_static("GET, HEAD, POST, OPTIONS");

/// Everything that requests share.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) engine: Arc<Engine>,
    pub(crate) admission: Admission,
    pub(crate) running: Arc<Running>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) settings: Settings,
    pub(crate) judge: Judge,
    pub(crate) version: String,
    pub(crate) timezone: String,
    pub(crate) password: Password,
    /// Names of this machine besides its addresses.
    pub(crate) hosts: Hosts,
}

impl Front {
    /// Answers one request. Errors are answers, too.
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: http::Request<Incoming>,
        busy: Busy,
    ) -> Result<Response<Occupying<AnswerBody>>, Infallible> {
        let mut response = self.respond(request, &busy).await;
        crate::site::protect(response.headers_mut());
        Ok(busy.answer(response))
    }

    async fn respond(self: Arc<Self>, request: http::Request<Incoming>, busy: &Busy) -> Response<AnswerBody> {
        if let Err(refusal) = site::check(request.uri(), request.headers(), &self.hosts) {
            tracing::debug!(reason = refusal.reason, "request refused");
            return refused(refusal.status, refusal.reason);
        }
        let query = request.uri().query().unwrap_or_default();
        let get = matches!(*request.method(), Method::GET | Method::HEAD);
        match request.uri().path() {
            "/ping" | "/replicas_status" if get => plain(StatusCode::OK, "Ok.\n"),
            "/" if get && query.is_empty() => plain(StatusCode::OK, "Ok.\n"),
            "/" | "/query" if get || *request.method() == Method::POST => self.statement(request, busy).await,
            "/" | "/query" | "/ping" | "/replicas_status" => {
                let mut response = if *request.method() == Method::OPTIONS {
                    // Nothing that would let a page of another site in.
                    plain(StatusCode::NO_CONTENT, "")
                } else {
                    plain(StatusCode::METHOD_NOT_ALLOWED, "Use GET or POST.\n")
                };
                response.headers_mut().insert(header::ALLOW, METHODS);
                response
            }
            _ => plain(StatusCode::NOT_FOUND, "There is nothing here. Use / or /ping.\n"),
        }
    }

    async fn statement(self: Arc<Self>, http: http::Request<Incoming>, busy: &Busy) -> Response<AnswerBody> {
        let started = Instant::now();
        let query = http.uri().query().unwrap_or_default();
        let encoding = request::answer_encoding(query, http.headers());
        let (query_id, id_error) = match request::query_id(query, http.headers()) {
            Ok(id) => (id, None),
            Err(exception) => (String::new(), Some(exception)),
        };
        let mut shows_progress = false;
        let outcome = match id_error {
            None => self.run(http, query_id.clone(), busy, &mut shows_progress).await,
            Some(exception) => Err(exception),
        };
        let envelope = Envelope {
            query_id: &query_id,
            encoding,
            version: &self.version,
            timezone: &self.timezone,
            shows_progress,
        };
        let elapsed_ns = started.elapsed().as_nanos();
        match outcome {
            Ok(Outcome { reply: Reply::Whole(head, body), .. }) => {
                envelope.success(&head, AnswerBody::Whole(body), None, elapsed_ns)
            }
            Ok(Outcome { reply: Reply::Streamed(head, pieces), watch, exception_tag }) => {
                let body = AnswerBody::Streamed(Streamed::new(pieces, watch));
                envelope.success(&head, body, Some(&exception_tag), elapsed_ns)
            }
            Ok(Outcome { reply: Reply::Failed(exception, format), .. }) => {
                tracing::debug!(query_id, %exception, "statement failed");
                envelope.failure(&exception, format.as_deref())
            }
            Err(exception) => {
                tracing::debug!(query_id, %exception, "statement refused");
                envelope.failure(&exception, None)
            }
        }
    }

    /// Understands a request, waits for its body and its turn, runs it on a thread of its own.
    async fn run(
        self: &Arc<Self>,
        http: http::Request<Incoming>,
        query_id: String,
        busy: &Busy,
        shows_progress: &mut bool,
    ) -> Result<Outcome, Exception> {
        let (parts, body) = http.into_parts();
        let form = multipart::boundary(&parts.headers)?;
        // Somebody whose password is inside of the form is a stranger until then.
        let is_known = request::shows_password(&parts, &self.password, busy.peer());
        let room = (!is_known).then(|| Arc::new(Room::default()));
        let (form, body) = match form {
            Some(boundary) => {
                let form = timeout(BODY_TIME, multipart::read(body, boundary, room.clone()))
                    .await
                    .map_err(|_| Exception::new(Kind::SocketTimeout, "the form did not arrive in time"))??;
                (form, None)
            }
            None => (multipart::Form::default(), Some(body)),
        };
        let mut request = request::understand(&parts, &self.password, form, query_id, busy.peer())?;
        *shows_progress = request.shows_progress;
        let statement = &mut request.statement;
        let caller = statement.caller;
        if caller.shows_password() {
            busy.shows_password();
        }
        statement.settings = self.settings.resolve(
            statement.user,
            statement.read_only && statement.session.is_none(),
            std::mem::take(&mut statement.settings),
            &statement.query_id,
        )?;

        let registration = self.running.enter(&statement.query_id, caller)?;
        let watch = registration.watch();
        let entry = registration.entry().clone();
        let begin = async {
            let arrived = match body {
                Some(body) if !body.is_end_stream() => arrival::gather(body, caller).await?,
                _ => Arrived::nothing(),
            };
            busy.runs();
            Ok::<_, Exception>((arrived, self.admission.enter(caller).await?))
        };
        let (arrived, turn) = tokio::select! {
            begun = begin => begun?,
            () = entry.cancelled() => return Err(run::cancelled()),
        };
        drop(room);
        let held = self.running.hold(&entry, turn, statement.time_limit());
        let mut input = arrived.open(entry.clone());
        let (reply, answer) = oneshot::channel();
        let exception_tag: String = uuid::Uuid::new_v4().simple().to_string().chars().take(16).collect();
        let answer_out = Answer::new(
            reply,
            request.answer_encoding,
            request.hold,
            exception_tag.clone(),
            self.version.clone(),
            entry.clone(),
            statement.errors_in_format.then(|| statement.default_format.clone()),
        );
        let front = self.clone();
        tokio::task::spawn_blocking(move || {
            let _held = held;
            match codec::decoder(&mut input, request.encoding, request.blocks) {
                Ok(mut body) => run::run(
                    &run::Surroundings {
                        engine: &front.engine,
                        judge: &front.judge,
                        sessions: &front.sessions,
                        running: &front.running,
                    },
                    &request.statement,
                    registration,
                    &mut body,
                    answer_out,
                ),
                Err(error) => answer_out.fail(error.into()),
            }
        });
        let reply = tokio::select! {
            reply = answer => reply
                .map_err(|_| Exception::new(Kind::UnknownException, "the statement ended without an answer"))?,
            () = entry.given_up() => {
                return Err(Exception::new(
                    Kind::TimeoutExceeded,
                    "the statement is over its time or was cancelled, and does not end",
                ));
            }
        };
        Ok(Outcome { reply, watch, exception_tag })
    }
}

struct Outcome {
    reply: Reply,
    /// Dropped when nobody waits for the answer any more.
    watch: ClientWatch,
    exception_tag: String,
}
