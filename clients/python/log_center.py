"""Reports errors to Log Center. One file, the standard library only, Python 3.8 or newer.

    import log_center

    log_center.configure(project_id="shop_backend")
    try:
        ...
    except Exception as exc:
        log_center.report_error(exc, {"user_id": "u_1", "request_id": request_id})

Reporting never hurts the reporting program: `report_error` only puts the report into a bounded queue, which a daemon
thread sends. Nothing here raises; what could not be sent is counted (`dropped()`).
"""

import atexit
import collections
import contextlib
import datetime
import json
import math
import os
import re
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
import uuid

__all__ = ["configure", "dropped", "flush", "install", "report_error"]

#: Seconds after which an attempt to send is given up.
TIMEOUT_SECONDS = 3.0
#: Reports that wait to be sent; a further one is dropped and counted.
QUEUE_REPORTS = 1000
#: Attempts for one report. All carry the same key, so the server counts them once.
ATTEMPTS = 3
#: Longest pause between two attempts, whatever the server asks for.
PAUSE_SECONDS = 5.0
#: How long the program's end is delayed, at most, by reports that wait.
EXIT_SECONDS = 2.0
#: Longest text of a message, a line of the stack or a string in the context; the rest is cut.
TEXT_CHARS = 8192
#: Most lines of a stack; the middle of a longer one (a runaway recursion) is left out.
STACK_LINES = 500
#: Most errors of a chain, or of groups in groups, that are asked for a place.
CHAIN_ERRORS = 32
#: How deep the context may be nested, and how many items one of its containers may have.
CONTEXT_DEPTH = 16
CONTEXT_ITEMS = 1000
#: Largest body that the server takes is 1 MiB; a larger report is sent without its context.
BODY_BYTES = 1_000_000

_settings = {
    "url": os.environ.get("LOG_CENTER_URL", "http://localhost:8002"),
    "project_id": os.environ.get("LOG_CENTER_PROJECT_ID", "python"),
    "environment": os.environ.get("ENVIRONMENT", "development"),
    "version": os.environ.get("LOG_CENTER_VERSION"),
    "commit_hash": os.environ.get("LOG_CENTER_COMMIT_HASH"),
}


def configure(**settings):
    """Sets any of `url`, `project_id`, `environment`, `version`, `commit_hash`.

    The defaults come from LOG_CENTER_URL (http://localhost:8002), LOG_CENTER_PROJECT_ID, ENVIRONMENT (development),
    LOG_CENTER_VERSION and LOG_CENTER_COMMIT_HASH. An unknown name is a TypeError: the only thing
    in this module that raises, because it is a mistake in the program and not an accident while it runs.
    """
    unknown = settings.keys() - _settings.keys()
    if unknown:
        raise TypeError("configure() has no setting " + ", ".join(sorted(unknown)))
    _settings.update(settings)


def report_error(exc, context=None, level="ERROR"):
    """Reports the exception `exc`, at once and without waiting. `level` is ERROR, WARNING or CRITICAL.

    In `context`, `request_id` ties the report to a request and `user_id` to a user; everything else is kept as it is.
    """
    try:
        _sender.put(_encode(_report(exc, context, level)))
    except Exception:
        _sender.drop()


def flush(timeout=EXIT_SECONDS):
    """Waits until everything is sent or dropped, at most `timeout` seconds. True if nothing waits any more."""
    return _sender.flush(timeout)


def dropped():
    """How many reports were lost: the queue was full, or the server could not be reached."""
    return _sender.dropped


def install():
    """Reports what nobody catches, in the main program and in threads, before Python prints it as always."""
    previous_hook, previous_thread_hook = sys.excepthook, threading.excepthook

    def on_uncaught(kind, exc, trace):
        if issubclass(kind, Exception):
            report_error(exc, level="CRITICAL")
        previous_hook(kind, exc, trace)

    def on_uncaught_in_thread(args):
        if issubclass(args.exc_type, Exception):
            report_error(args.exc_value, {"thread": args.thread.name if args.thread else None})
        previous_thread_hook(args)

    sys.excepthook, threading.excepthook = on_uncaught, on_uncaught_in_thread


#: Files that are not the program's own. The server has the same rule for the stacks that it reads.
_FOREIGN_FILE = re.compile(
    r"^<|(^|[/\\])((site|dist)-packages|vendor|lib(64)?[/\\](python|pypy)\d[^/\\]*|(?i:python)\d+[/\\](?i:lib))[/\\]"
)


def _place(exc):
    """File and line of the innermost frame of the program's own code; if there is none, of the innermost frame.

    The frames of the error itself come before those of its causes. Of an ExceptionGroup, those of its first inner error
    come first: the group itself is always raised at the same line of `asyncio`.
    """
    places = [_frames(error) for error in _chain(exc)]
    for frames in places:
        for file, line in reversed(frames):
            if not _FOREIGN_FILE.search(file):
                return file, line
    return next((frames[-1] for frames in places if frames), ("unknown", 0))


def _chain(exc):
    """The error, or the first inner errors of a group, the innermost first; then what caused them."""
    groups = []
    error = exc
    while error is not None and len(groups) < CHAIN_ERRORS:
        groups.append(error)
        inner = getattr(error, "exceptions", None)
        first = inner[0] if isinstance(inner, (list, tuple)) and inner else None
        error = first if isinstance(first, BaseException) else None
    chain = groups[::-1]
    seen = {id(error) for error in chain}
    error = chain[0]
    while len(chain) < 2 * CHAIN_ERRORS:
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if error is None or id(error) in seen:
            return chain
        seen.add(id(error))
        chain.append(error)
    return chain


def _frames(exc):
    return [(frame.f_code.co_filename, line or 0) for frame, line in traceback.walk_tb(exc.__traceback__)]


def _report(exc, context, level):
    file_path, line_number = _place(exc)
    stack = "".join(traceback.format_exception(type(exc), exc, exc.__traceback__)).splitlines()
    if len(stack) > STACK_LINES:
        half = STACK_LINES // 2
        stack = [*stack[:half], "... %d lines left out ..." % (len(stack) - 2 * half), *stack[-half:]]
    report = {
        "project_id": _settings["project_id"],
        "environment": _settings["environment"],
        "level": level,
        "timestamp": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds"),
        "version": _settings["version"],
        "commit_hash": _settings["commit_hash"],
        "error": {
            "type": type(exc).__name__,
            "message": _text(exc),
            "file_path": _text(file_path),
            "line_number": line_number,
            "stack_trace": [_text(line) for line in stack],
        },
        "context": _plain(context or {}, CONTEXT_DEPTH),
    }
    return {key: value for key, value in report.items() if value is not None}


def _encode(report):
    body = json.dumps(report).encode()
    if len(body) > BODY_BYTES:
        report["context"] = {"log_center": "the context was left out: the report was too large"}
        body = json.dumps(report).encode()
    return body


def _text(value):
    """A bounded text that is valid UTF-8 whatever `value` is and whatever its `__str__` does."""
    try:
        text = str(value)
    except Exception:
        text = "<%s without a text>" % type(value).__name__
    if len(text) > TEXT_CHARS:
        text = text[:TEXT_CHARS] + "..."
    return text.encode("utf-8", "replace").decode()


def _plain(value, depth):
    """`value` as plain JSON: bounded, without cycles, without NaN, strangers as their text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if depth and isinstance(value, dict):
        items = list(value.items())[:CONTEXT_ITEMS]
        return {_text(key): _plain(item, depth - 1) for key, item in items}
    if depth and isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item, depth - 1) for item in list(value)[:CONTEXT_ITEMS]]
    return _text(value)


class _Sender:
    """The queue and its daemon thread, which starts with the first report and starts again after a fork."""

    def __init__(self):
        self.dropped = 0
        self._queue = collections.deque()
        self._changed = threading.Condition()
        self._busy = False
        self._thread = None

    def put(self, body):
        with self._changed:
            if len(self._queue) >= QUEUE_REPORTS:
                self.dropped += 1
                return
            self._queue.append((body, str(uuid.uuid4())))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log-center", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def drop(self):
        with self._changed:
            self.dropped += 1

    def flush(self, timeout):
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._busy, timeout)

    def _run(self):
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._queue)
                self._busy = True
                body, key = self._queue.popleft()
            if not _deliver(body, key):
                self.drop()


def _deliver(body, key):
    """Sends one report, again after a pause if that can help. True if the server has it."""
    for attempt in range(ATTEMPTS):
        try:
            _post(body, key)
            return True
        except urllib.error.HTTPError as refused:
            with contextlib.closing(refused):
                if refused.code != 429 and refused.code < 500:
                    return False
                pause = _seconds(refused.headers.get("Retry-After"), attempt)
        except Exception:
            pause = _seconds(None, attempt)
        if attempt + 1 < ATTEMPTS:
            time.sleep(pause)
    return False


def _post(body, key):
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    address = _settings["url"].rstrip("/") + "/api/v1/logs/report"
    request = urllib.request.Request(address, body, headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        answer.read(65536)


def _seconds(retry_after, attempt):
    try:
        asked = float(retry_after)
    except (TypeError, ValueError):
        asked = 0.25 * 2**attempt
    return min(max(asked, 0.0), PAUSE_SECONDS)


def _after_fork():
    global _sender
    _sender = _Sender()


_sender = _Sender()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(flush)
