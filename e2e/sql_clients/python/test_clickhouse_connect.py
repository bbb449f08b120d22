import datetime
import unittest

import clickhouse_connect
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.external import ExternalData

from door import HOST, PASSWORD, PORT, PROJECT, new_name


def connect(**more):
    return clickhouse_connect.get_client(host=HOST, port=PORT, **more)


class Reader(unittest.TestCase):
    def setUp(self):
        self.client = connect(database="log_center")
        self.addCleanup(self.client.close)

    def test_it_finds_its_way(self):
        self.assertIn("log_center", self.client.command("SHOW DATABASES").splitlines())
        self.assertIn("events", self.client.command("SHOW TABLES").splitlines())
        described = self.client.query("DESCRIBE TABLE events").named_results()
        comments = {column["name"]: column["comment"] for column in described}
        self.assertNotEqual(comments["project"], "")

    def test_select_with_parameters(self):
        found = self.client.query(
            "SELECT project, level, time FROM events WHERE project = {project:String}",
            parameters={"project": PROJECT},
        )
        ((project, level, time),) = found.result_rows
        self.assertEqual((project, level), (PROJECT, 50))
        self.assertIsInstance(time, datetime.datetime)
        found = self.client.query("SELECT count() FROM events WHERE project = %(project)s", {"project": PROJECT})
        self.assertEqual(found.result_rows, [(1,)])
        ((listed,),) = self.client.query("SELECT {ids:Array(UInt64)}", {"ids": [1, 2, 3]}).result_rows
        self.assertEqual(listed, [1, 2, 3])

    def test_streams(self):
        with self.client.query_row_block_stream("SELECT number FROM numbers(300000)") as blocks:
            self.assertEqual(sum(len(block) for block in blocks), 300_000)
        with self.client.raw_stream("SELECT number FROM numbers(300000)", fmt="CSV") as stream:
            self.assertEqual(sum(line.count(b"\n") for line in stream), 300_000)

    def test_frames(self):
        frame = self.client.query_df("SELECT project, level FROM events WHERE project = {p:String}", {"p": PROJECT})
        self.assertEqual(frame["project"].tolist(), [PROJECT])
        table = self.client.query_arrow("SELECT 'a' AS text, number FROM numbers(3)")
        self.assertEqual(table.to_pydict(), {"text": ["a"] * 3, "number": [0, 1, 2]})

    def test_settings_of_a_query(self):
        settings = {"max_block_size": 1000, "max_threads": 1, "max_execution_time": 5}
        found = self.client.query("SELECT sum(number) FROM numbers(10)", settings=settings)
        self.assertEqual(found.result_rows, [(45,)])
        filters = {"log_center.events": "project = 'none'"}
        found = self.client.query("SELECT count() FROM events", settings={"additional_table_filters": filters})
        self.assertEqual(found.result_rows, [(0,)])
        with self.assertRaisesRegex(DatabaseError, "max_execution_time"):
            self.client.query("SELECT 1", settings={"max_execution_time": 100_000})
        with self.assertRaisesRegex(DatabaseError, "format_schema"):
            self.client.query("SELECT 1", settings={"format_schema": "/etc/passwd"})

    def test_sessions_and_settings_of_a_client(self):
        client = connect(settings={"max_threads": 2}, session_id=new_name("session"))
        self.addCleanup(client.close)
        self.assertEqual(client.query("SELECT getSetting('max_threads')").result_rows, [(2,)])

    def test_columns_of_every_kind(self):
        found = self.client.query(
            """SELECT '{"a": {"b": 42}, "c": "d"}'::JSON AS json, 42::Variant(UInt64, String) AS variant, 'x'::Dynamic AS dynamic,
            map('a', 1) AS map, (1, 'b') AS tuple, toUUID('01a1fed2-9f98-74e6-b46c-86defb11a18b') AS uuid,
            [1, NULL] AS array, toDecimal64(1.5, 2) AS decimal, toLowCardinality('l') AS low, toIPv4('1.2.3.4') AS ip"""
        )
        (row,) = found.named_results()
        self.assertEqual((row["json"]["a"]["b"], row["json"]["c"], row["variant"], row["dynamic"]), (42, "d", 42, "x"))
        self.assertEqual((row["map"], row["array"], row["low"]), ({"a": 1}, [1, None], "l"))

    def test_a_table_of_the_callers_own(self):
        rows = ExternalData(file_name="wanted.csv", data=f"{PROJECT}\nother\n".encode(), fmt="CSV", structure="name String")
        statement = "SELECT project FROM events WHERE project IN (SELECT name FROM wanted)"
        found = self.client.query(statement, external_data=rows)
        self.assertEqual(found.result_rows, [(PROJECT,)])
        rows = ExternalData(file_name="numbers_of_mine", data=b"1\ta\n2\tb\n", types="UInt64,String")
        found = self.client.query("SELECT sum(_1), max(_2) FROM numbers_of_mine", external_data=rows)
        self.assertEqual(found.result_rows, [(3, "b")])

    def test_errors_have_words(self):
        with self.assertRaisesRegex(DatabaseError, "nothing_of_this_name"):
            self.client.query("SELECT * FROM nothing_of_this_name")
        for write in ("CREATE DATABASE made", "INSERT INTO event_store (project) VALUES ('a')", "DROP TABLE events"):
            with self.assertRaisesRegex(DatabaseError, "readonly|only statements that read"):
                self.client.command(write)
        with self.assertRaisesRegex(DatabaseError, "readonly|only statements that read"):
            self.client.insert("event_store", [["a"]], column_names=["project"], column_type_names=["String"])


class Writer(unittest.TestCase):
    def test_a_table_of_its_own(self):
        client = connect(username="default", password=PASSWORD)
        self.addCleanup(client.close)
        database = new_name("connect")
        client.command(f"CREATE DATABASE {database}")
        self.addCleanup(client.command, f"DROP DATABASE {database}")
        client.command(f"CREATE TABLE {database}.t (id UInt64, name String, at DateTime64(3)) ENGINE = MergeTree ORDER BY id")
        at = datetime.datetime(2026, 1, 2, 3, 4, 5)
        client.insert("t", [[1, "a", at], [2, "ü", at]], column_names=["id", "name", "at"], database=database)
        self.assertEqual(client.query(f"SELECT id, name, at FROM {database}.t ORDER BY id").result_rows, [(1, "a", at), (2, "ü", at)])
        client.insert_df("t", client.query_df(f"SELECT id + 10 AS id, name, at FROM {database}.t"), database=database)
        self.assertEqual(client.command(f"SELECT count() FROM {database}.t"), 4)
        client.command(f"DROP TABLE {database}.t")


if __name__ == "__main__":
    unittest.main()
