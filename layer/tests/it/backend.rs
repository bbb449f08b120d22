//! A server that does what it is told, one request after the other, on a real socket.

use flate2::read::GzDecoder;
use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What to do with a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    /// Take it.
    Accept,
    /// Take it but for so many records.
    Reject(usize),
    /// Answer with this status, these header lines and this body.
    Answer(u16, &'static str, &'static str),
    /// Take it, and hang up before the answer.
    AcceptAndClose,
    /// Take it, and stop in the middle of the answer until the client gives up.
    AcceptAndStall,
    /// Hang up after reading some bytes of it.
    CloseEarly,
    /// Hang up in the middle of its body.
    CloseMidway,
    /// Take it, but read it slowly.
    ReadSlowly,
    /// Never answer.
    Stall,
    /// 413 if it has more records than this, else take it.
    AtMost(usize),
}

/// A request that was read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) key: String,
    pub(crate) lines: Vec<String>,
    pub(crate) at: Instant,
}

#[derive(Default)]
struct State {
    script: VecDeque<Act>,
    /// Whether it does nothing yet with what it is sent.
    is_held: bool,
    /// Requests that it was sent the head of.
    begun: usize,
    requests: Vec<Request>,
    /// What was taken, by idempotency key: a key counts once.
    taken: HashMap<String, Vec<String>>,
    order: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl Backend {
    /// Follows the script, then takes everything.
    pub(crate) fn start(script: &[Act]) -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    /// The same, but it lets every client wait until it is released.
    pub(crate) fn start_held(script: &[Act]) -> Self {
        let backend = Self::start(script);
        backend.shared.0.lock().unwrap().is_held = true;
        backend
    }

    pub(crate) fn release(&self) {
        self.shared.0.lock().unwrap().is_held = false;
        self.shared.1.notify_all();
    }

    pub(crate) fn start_on(listener: TcpListener, script: &[Act]) -> Self {
        let address = listener.local_addr().unwrap();
        let state = State { script: script.iter().copied().collect(), ..State::default() };
        let backend = Self { address, shared: Arc::new((Mutex::new(state), Condvar::new())) };
        let serving = backend.clone();
        // Ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                thread::spawn(move || serving.serve(stream));
            }
        });
        backend
    }

    /// From now on follows this script.
    pub(crate) fn follow(&self, script: &[Act]) {
        self.shared.0.lock().unwrap().script = script.iter().copied().collect();
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests that were read to their end.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.0.lock().unwrap().requests.clone()
    }

    /// Waits until so many requests were read.
    #[track_caller]
    pub(crate) fn wait_for_requests(&self, count: usize) -> Vec<Request> {
        let state = self.shared.0.lock().unwrap();
        let deadline = Duration::from_secs(30);
        let (state, timeout) =
            self.shared.1.wait_timeout_while(state, deadline, |state| state.requests.len() < count).unwrap();
        assert!(!timeout.timed_out(), "{} of {count} requests came", state.requests.len());
        state.requests.clone()
    }

    /// Waits until a request has begun to arrive.
    #[track_caller]
    pub(crate) fn wait_for_a_head(&self) {
        let state = self.shared.0.lock().unwrap();
        let deadline = Duration::from_secs(30);
        let (_state, timeout) =
            self.shared.1.wait_timeout_while(state, deadline, |state| state.begun == 0).unwrap();
        assert!(!timeout.timed_out(), "no request came");
    }

    /// The lines that it took, in the order in which their keys first came.
    pub(crate) fn lines(&self) -> Vec<String> {
        let state = self.shared.0.lock().unwrap();
        state.order.iter().flat_map(|key| state.taken[key].clone()).collect()
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Ok(true) = self.serve_one(&mut reader) {}
    }

    /// Whether the connection lives on.
    fn serve_one(&self, reader: &mut BufReader<TcpStream>) -> io::Result<bool> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(false);
            }
        }
        let act = {
            let mut state = self.shared.0.lock().unwrap();
            state.begun += 1;
            self.shared.1.notify_all();
            let mut state = self.shared.1.wait_while(state, |state| state.is_held).unwrap();
            state.script.pop_front().unwrap_or(Act::Accept)
        };
        if let Act::CloseEarly = act {
            return Ok(false);
        }
        let head = head.to_lowercase();
        let length: usize = header(&head, "content-length").parse().unwrap();
        let mut body = vec![0; length];
        match act {
            Act::CloseMidway => {
                reader.read_exact(&mut body[..length / 2])?;
                return Ok(false);
            }
            Act::ReadSlowly => {
                for piece in body.chunks_mut(1 << 10) {
                    // What is slow about it.
                    thread::sleep(Duration::from_millis(2));
                    reader.read_exact(piece)?;
                }
            }
            _ => reader.read_exact(&mut body)?,
        }
        let mut text = String::new();
        GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
        let request = Request {
            key: header(&head, "idempotency-key").to_owned(),
            lines: text.lines().map(str::to_owned).collect(),
            head,
            at: Instant::now(),
        };
        self.act(act, request, reader.get_mut())
    }

    fn act(&self, act: Act, request: Request, stream: &mut TcpStream) -> io::Result<bool> {
        let records = request.lines.len();
        self.note(&request);
        match act {
            Act::AtMost(limit) if records > limit => answer(stream, 413, "", ""),
            Act::Accept | Act::AtMost(_) | Act::ReadSlowly => {
                self.take(&request);
                answer(stream, 200, "", &format!("{{\"accepted\":{records},\"rejected\":[]}}"))
            }
            Act::Reject(count) => {
                self.take(&request);
                let item = r#"{"index":0,"code":"invalid_value","message":"m","field":"msg"}"#;
                let rejected = vec![item; count].join(",");
                answer(
                    stream,
                    200,
                    "",
                    &format!("{{\"accepted\":{},\"rejected\":[{rejected}]}}", records - count),
                )
            }
            Act::Answer(status, headers, body) => answer(stream, status, headers, body),
            Act::AcceptAndClose => {
                self.take(&request);
                Ok(false)
            }
            Act::AcceptAndStall => {
                self.take(&request);
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n{\"accepted\":")?;
                stall(stream)
            }
            Act::Stall => stall(stream),
            Act::CloseEarly | Act::CloseMidway => Ok(false),
        }
    }

    fn note(&self, request: &Request) {
        self.shared.0.lock().unwrap().requests.push(request.clone());
        self.shared.1.notify_all();
    }

    fn take(&self, request: &Request) {
        let mut state = self.shared.0.lock().unwrap();
        match state.taken.get(&request.key) {
            Some(before) => assert_eq!(*before, request.lines, "one key, two bodies"),
            None => {
                state.order.push(request.key.clone());
                state.taken.insert(request.key.clone(), request.lines.clone());
            }
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(':').map(str::trim);
    head.lines().find_map(value).unwrap_or_else(|| panic!("no {name} in {head}"))
}

fn answer(stream: &mut TcpStream, status: u16, headers: &str, body: &str) -> io::Result<bool> {
    write!(stream, "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())?;
    Ok(true)
}

/// Until the client hangs up.
fn stall(stream: &mut TcpStream) -> io::Result<bool> {
    let _ = stream.read(&mut [0])?;
    Ok(false)
}
