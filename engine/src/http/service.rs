use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use hyper::body::{Body as _, Incoming};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::answer::{Envelope, plain};
use super::body::{AnswerBody, MAX_REQUEST_PAUSE, Streamed, pump};
use super::{multipart, request, site};
use crate::chdb::Engine;
use crate::codec;
use crate::exception::{Exception, Kind};
use crate::password::Password;
use crate::statement::admission::Admission;
use crate::statement::answer::{Answer, Reply};
use crate::statement::input::Input;
use crate::statement::judge::Judge;
use crate::statement::run;
use crate::statement::running::{ClientWatch, Running};
use crate::statement::sessions::Sessions;
use crate::statement::settings::Settings;

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
    pub(crate) hosts: Vec<String>,
}

impl Front {
    /// Answers one request. Errors are answers, too.
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: http::Request<Incoming>,
    ) -> Result<Response<AnswerBody>, Infallible> {
        if let Err(refusal) = site::check(request.uri(), request.headers(), &self.hosts) {
            tracing::debug!(reason = refusal.reason, "request refused");
            return Ok(plain(refusal.status, refusal.reason));
        }
        let query = request.uri().query().unwrap_or_default();
        let get = matches!(*request.method(), Method::GET | Method::HEAD);
        Ok(match request.uri().path() {
            "/ping" | "/replicas_status" if get => plain(StatusCode::OK, "Ok.\n"),
            "/" if get && query.is_empty() => plain(StatusCode::OK, "Ok.\n"),
            "/" | "/query" if get || *request.method() == Method::POST => self.statement(request).await,
            "/" | "/query" | "/ping" | "/replicas_status" => {
                plain(StatusCode::METHOD_NOT_ALLOWED, "Use GET or POST.\n")
            }
            _ => plain(StatusCode::NOT_FOUND, "There is nothing here. Use / or /ping.\n"),
        })
    }

    async fn statement(self: Arc<Self>, http: http::Request<Incoming>) -> Response<AnswerBody> {
        let started = Instant::now();
        let query = http.uri().query().unwrap_or_default();
        let encoding = request::answer_encoding(query, http.headers());
        let (query_id, id_error) = match request::query_id(query, http.headers()) {
            Ok(id) => (id, None),
            Err(exception) => (String::new(), Some(exception)),
        };
        let outcome = match id_error {
            None => self.run(http, query_id.clone()).await,
            Some(exception) => Err(exception),
        };
        let envelope =
            Envelope { query_id: &query_id, encoding, version: &self.version, timezone: &self.timezone };
        let elapsed_ns = started.elapsed().as_nanos();
        match outcome {
            Ok(Outcome { reply: Reply::Whole(head, body), .. }) => {
                envelope.success(&head, AnswerBody::Whole(body), None, elapsed_ns)
            }
            Ok(Outcome { reply: Reply::Streamed(head, pieces), watch, exception_tag }) => {
                let body = AnswerBody::Streamed(Streamed::new(pieces, watch));
                envelope.success(&head, body, Some(&exception_tag), elapsed_ns)
            }
            Ok(Outcome { reply: Reply::Failed(exception), .. }) | Err(exception) => {
                tracing::debug!(query_id, %exception, "statement failed");
                envelope.failure(&exception)
            }
        }
    }

    /// Understands a request, waits for its turn, runs it on a thread of its own.
    async fn run(
        self: &Arc<Self>,
        http: http::Request<Incoming>,
        query_id: String,
    ) -> Result<Outcome, Exception> {
        let (parts, body) = http.into_parts();
        let form = multipart::boundary(&parts.headers)?;
        let (form, body) = match form {
            Some(boundary) => {
                let form = timeout(MAX_REQUEST_PAUSE, multipart::read(body, boundary))
                    .await
                    .map_err(|_| Exception::new(Kind::SocketTimeout, "the form did not arrive in time"))??;
                (form, None)
            }
            None => (multipart::Form::default(), Some(body)),
        };
        let mut request = request::understand(&parts, &self.password, form, query_id)?;
        let statement = &mut request.statement;
        statement.settings = self.settings.resolve(
            statement.user,
            statement.read_only && statement.session.is_none(),
            std::mem::take(&mut statement.settings),
            &statement.query_id,
        )?;

        let registration = self.running.enter(&statement.query_id)?;
        let watch = registration.watch();
        let turn = self.admission.enter().await?;
        let mut input = open_input(body);
        let (reply, answer) = oneshot::channel();
        let exception_tag: String = uuid::Uuid::new_v4().simple().to_string().chars().take(16).collect();
        let answer_out = Answer::new(
            reply,
            request.answer_encoding,
            request.hold,
            exception_tag.clone(),
            self.version.clone(),
        );
        let front = self.clone();
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            match codec::decoder(&mut input, request.encoding, request.blocks) {
                Ok(mut body) => run::run(
                    &front.engine,
                    &front.judge,
                    &front.sessions,
                    &request.statement,
                    registration,
                    &mut body,
                    answer_out,
                ),
                Err(error) => answer_out.fail(error.into()),
            }
        });
        let reply = answer
            .await
            .map_err(|_| Exception::new(Kind::UnknownException, "the statement ended without an answer"))?;
        Ok(Outcome { reply, watch, exception_tag })
    }
}

struct Outcome {
    reply: Reply,
    /// Dropped when nobody waits for the answer any more.
    watch: ClientWatch,
    exception_tag: String,
}

/// Where the statement reads its body from; a body that goes on is carried there by a task.
fn open_input(body: Option<Incoming>) -> Input {
    match body {
        Some(body) if !body.is_end_stream() => {
            let (pieces, input) = Input::channel();
            tokio::spawn(pump(body, pieces));
            input
        }
        _ => Input::whole(Bytes::new()),
    }
}
