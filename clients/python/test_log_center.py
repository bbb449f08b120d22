"""Run with `python3 -m unittest` in this directory, or with `cargo xtask test --only clients`."""

import asyncio
import http.server
import json
import os
import subprocess
import sys
import threading
import unittest
from pathlib import Path

import log_center

HERE = Path(__file__).resolve().parent


class Backend(http.server.ThreadingHTTPServer):
    """Keeps what it gets; answers with the statuses it was given, in order, then with 200."""

    daemon_threads = True

    def __init__(self, statuses=()):
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses = list(statuses)
        self.received = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.server_port

    def __exit__(self, *args):
        self.shutdown()
        super().__exit__(*args)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, dict(self.headers), json.loads(body, parse_constant=refuse)))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(status)
        if status != 200:
            self.send_header("Retry-After", "0")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args):
        pass


def refuse(name):
    raise AssertionError(name + " is not JSON")


def caught(error=None):
    try:
        raise error or ValueError("not a number: abc")
    except Exception as exc:
        return exc


def send(exc, context=None, statuses=(), **arguments):
    """What the backend received for one report."""
    with Backend(statuses) as backend:
        log_center.configure(url=backend.url)
        log_center.report_error(exc, context, **arguments)
        if not log_center.flush(10):
            raise AssertionError("not sent in time")
        return backend.received


def place(exc):
    """File and line of the report of `exc`."""
    [(_, _, report)] = send(exc)
    return report["error"]["file_path"], report["error"]["line_number"]


def function(source, filename):
    """The function `f` of a program that stands in a file of this name."""
    names = {}
    exec(compile(source, filename, "exec"), names)
    return names["f"]


def raised_in(source, filename, *arguments):
    try:
        function(source, filename)(*arguments)
    except BaseException as exc:
        return exc
    raise AssertionError("nothing was raised")


def strip(exc, frames=1):
    """`exc` without its outermost frames, of which the first is one of these tests."""
    trace = exc.__traceback__
    for _ in range(frames):
        trace = trace.tb_next
    return exc.with_traceback(trace)


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text")


class ReportTest(unittest.TestCase):
    def test_a_caught_exception(self):
        exc = caught()
        [(path, headers, report)] = send(exc, {"user_id": "u_1", "request_id": "req_abc123"})
        self.assertEqual(path, "/api/v1/logs/report")
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertEqual(report["level"], "ERROR")
        self.assertEqual(report["context"], {"user_id": "u_1", "request_id": "req_abc123"})
        error = report["error"]
        self.assertEqual((error["type"], error["message"]), ("ValueError", "not a number: abc"))
        self.assertEqual(error["file_path"], exc.__traceback__.tb_frame.f_code.co_filename)
        self.assertEqual(error["line_number"], exc.__traceback__.tb_lineno)
        self.assertEqual(error["stack_trace"][0], "Traceback (most recent call last):")
        self.assertEqual(error["stack_trace"][-1], "ValueError: not a number: abc")

    def test_an_exception_that_was_never_raised(self):
        [(_, _, report)] = send(KeyError("k"))
        self.assertEqual((report["error"]["file_path"], report["error"]["line_number"]), ("unknown", 0))

    def test_the_place_is_the_innermost_frame_of_the_program(self):
        library = "def f(call=None):\n    if call: return call()\n    raise ValueError(1)"
        for filename in [
            "/opt/venv/lib/python3.11/site-packages/money/parse.py",
            "/usr/lib/python3/dist-packages/money.py",
            "/usr/lib/python3.11/json/decoder.py",
            "C:\\Python311\\Lib\\json\\decoder.py",
            "/srv/shop/vendor/money.py",
            "<frozen importlib._bootstrap>",
            "<string>",
        ]:
            with self.subTest(filename):
                called = function(library, filename)
                exc = raised_in("def f(library):\n\n    library()", "/srv/shop/cart.py", called)
                self.assertEqual(place(exc), ("/srv/shop/cart.py", 3))
                self.assertEqual(place(strip(exc, 2)), (filename, 3))
        exc = raised_in(library, "/srv/shop/lib/cart.py")
        self.assertEqual(place(exc), ("/srv/shop/lib/cart.py", 3))

    def test_an_error_of_a_library_has_the_place_of_its_cause(self):
        source = "def f(call):\n    try: call()\n    except KeyError as error:\n        raise ValueError from error"
        called = function("def f():\n    raise KeyError", "/srv/shop/task.py")
        exc = strip(raised_in(source, "/opt/site-packages/worker.py", called))
        self.assertEqual(place(exc), ("/srv/shop/task.py", 2))
        exc = strip(raised_in(source, "/srv/shop/worker.py", called))
        self.assertEqual(place(exc), ("/srv/shop/worker.py", 4))

    @unittest.skipUnless(hasattr(asyncio, "TaskGroup"), "Python 3.11 or newer")
    def test_two_task_groups_are_two_issues(self):
        job = "async def f():\n{}    raise {}('no job')"
        places = {}
        for kind, lines in [("ValueError", 0), ("OSError", 4), ("KeyError", 7)]:
            coroutine = function(job.format("\n" * lines, kind), "/srv/jobs.py")

            async def main(coroutine=coroutine):
                async with asyncio.TaskGroup() as group:
                    group.create_task(coroutine())
                    group.create_task(asyncio.sleep(0))

            with self.assertRaises(BaseException) as caught_group:
                asyncio.run(main())
            places[kind] = place(caught_group.exception)
        expected = {"ValueError": 2, "OSError": 6, "KeyError": 9}
        self.assertEqual(places, {kind: ("/srv/jobs.py", line) for kind, line in expected.items()})

    @unittest.skipUnless(sys.version_info >= (3, 11), "Python 3.11 or newer")
    def test_a_group_has_the_place_of_its_first_inner_error(self):
        raising = "def f(kind, line):\n    raise kind\n"
        first = raised_in(raising, "/srv/first.py", ValueError, 2)
        second = raised_in(raising, "/srv/second.py", OSError, 2)
        for name, group, expected in [
            ("two", ExceptionGroup("two", [first, second]), "/srv/first.py"),
            ("the other way round", ExceptionGroup("two", [second, first]), "/srv/second.py"),
            ("a group in a group", ExceptionGroup("o", [ExceptionGroup("i", [second]), first]), "/srv/second.py"),
        ]:
            with self.subTest(name):
                raised = strip(raised_in("def f(group):\n    raise group", "/srv/group.py", group))
                self.assertEqual(place(raised), (expected, 2))
        never_raised = ExceptionGroup("checks", [ValueError("no name"), ValueError("no price")])
        raised = strip(raised_in("def f(group):\n    raise group", "/srv/checks.py", never_raised))
        self.assertEqual(place(raised), ("/srv/checks.py", 2))
        [(_, _, report)] = send(ExceptionGroup("two", [first, second]))
        self.assertEqual(report["error"]["type"], "ExceptionGroup")
        self.assertIn("OSError", "\n".join(report["error"]["stack_trace"]))

    def test_causes_in_a_circle_end(self):
        first, second = ValueError(1), ValueError(2)
        first.__cause__, second.__cause__ = second, first
        self.assertEqual(place(first), ("unknown", 0))

    def test_a_retry_carries_the_same_key(self):
        lost = log_center.dropped()
        received = send(caught(), statuses=[503, 429])
        self.assertEqual(len({headers["Idempotency-Key"] for _, headers, _ in received}), 1)
        self.assertEqual(len(received), 3)
        self.assertEqual(log_center.dropped(), lost)

    def test_a_refused_report_is_counted_and_not_repeated(self):
        lost = log_center.dropped()
        self.assertEqual(len(send(caught(), statuses=[422])), 1)
        self.assertEqual(log_center.dropped(), lost + 1)

    def test_hostile_contexts_are_still_json(self):
        cycle = {}
        cycle["self"] = cycle
        cases = {
            "nan": (float("nan"), "nan"),
            "infinity": (float("inf"), "inf"),
            "surrogate": ("\ud800", "?"),
            "object": (Path("x"), "x"),
            "huge integer": (2**80, str(2**80)),
            "tuple": ((1, None, True), [1, None, True]),
            "keys": ({1: 2}, {"1": 2}),
        }
        for name, (value, expected) in cases.items():
            with self.subTest(name):
                [(_, _, report)] = send(caught(), {"value": value})
                self.assertEqual(report["context"]["value"], expected)
        for name, context in {"cycle": cycle, "not a dict": 7, "wide": {str(i): i for i in range(10_000)}}.items():
            with self.subTest(name):
                self.assertEqual(len(send(caught(), context)), 1)

    def test_hostile_exceptions(self):
        def deep(n):
            return deep(n + 1)

        try:
            deep(0)
        except RecursionError as exc:
            recursion = exc
        for exc in [Unprintable(), ValueError("x" * 5_000_000), ValueError("\udcff"), recursion]:
            with self.subTest(type(exc).__name__):
                [(_, _, report)] = send(caught(exc))
                self.assertLessEqual(len(json.dumps(report)), log_center.BODY_BYTES)

    def test_nothing_raises_without_an_exception(self):
        lost = log_center.dropped()
        log_center.report_error(None)
        self.assertEqual(log_center.dropped(), lost + 1)

    def test_an_unknown_setting_is_named(self):
        with self.assertRaisesRegex(TypeError, "colour"):
            log_center.configure(colour="red")


class ProgramTest(unittest.TestCase):
    """Whole programs: what counts is what reaches the backend when they end."""

    def run_program(self, source, url):
        environment = {**os.environ, "LOG_CENTER_URL": url, "PYTHONPATH": str(HERE)}
        return subprocess.run(
            [sys.executable, "-c", source], env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def test_a_report_just_before_the_end_arrives(self):
        with Backend() as backend:
            self.run_program("import log_center; log_center.report_error(ValueError('last'))", backend.url)
            self.assertEqual([report["error"]["message"] for _, _, report in backend.received], ["last"])

    def test_install_reports_what_nobody_catches(self):
        with Backend() as backend:
            ended = self.run_program("import log_center; log_center.install(); 1 / 0", backend.url)
            [(_, _, report)] = backend.received
        self.assertEqual((report["error"]["type"], report["level"]), ("ZeroDivisionError", "CRITICAL"))
        self.assertIn("ZeroDivisionError", ended.stderr)
        self.assertEqual(ended.returncode, 1)

    def test_a_forked_child_reports_too(self):
        source = (
            "import log_center, os\n"
            "log_center.report_error(ValueError('parent'))\n"
            "log_center.flush(10)\n"
            "if os.fork() == 0:\n"
            "    log_center.report_error(ValueError('child'))\n"
            "    log_center.flush(10)\n"
            "    os._exit(0)\n"
            "os.wait()\n"
        )
        with Backend() as backend:
            self.run_program(source, backend.url)
            messages = sorted(report["error"]["message"] for _, _, report in backend.received)
        self.assertEqual(messages, ["child", "parent"])

    def test_a_dead_backend_changes_nothing(self):
        source = (
            "import log_center\n"
            "for n in range(3000): log_center.report_error(ValueError(n))\n"
            "assert log_center.dropped() >= 1500, log_center.dropped()\n"
            "print('done')\n"
        )
        ended = self.run_program(source, "http://127.0.0.1:9")
        self.assertEqual((ended.stdout, ended.stderr, ended.returncode), ("done\n", "", 0))


if __name__ == "__main__":
    unittest.main()
