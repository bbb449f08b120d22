import unittest

import ibis

from door import HOST, PASSWORD, PORT, PROJECT, new_name


class Reader(unittest.TestCase):
    def setUp(self):
        self.con = ibis.clickhouse.connect(host=HOST, port=PORT, database="log_center")
        self.addCleanup(self.con.disconnect)

    def test_it_finds_its_way(self):
        self.assertEqual(self.con.current_database, "log_center")
        self.assertIn("log_center", self.con.list_databases())
        self.assertIn("events", self.con.list_tables())
        self.assertIn("issues", self.con.list_tables(database="log_center"))
        schema = self.con.table("events").schema()
        self.assertTrue(schema["project"].is_string() and schema["time"].is_timestamp())

    def test_expressions(self):
        events = self.con.table("events")
        own = events.filter(events.project == PROJECT)
        self.assertEqual(own.count().execute(), 1)
        frame = own.group_by("level").aggregate(events=own.count(), last=own.time.max()).execute()
        self.assertEqual((frame["level"].tolist(), frame["events"].tolist()), ([50], [1]))
        threshold = ibis.param("int64")
        frame = own.filter(own.level >= threshold).select("project").execute(params={threshold: 40})
        self.assertEqual(frame["project"].tolist(), [PROJECT])
        table = own.select("project", "level").mutate(double=own.level * 2).order_by("level").to_pyarrow()
        self.assertEqual(table.to_pydict(), {"project": [PROJECT], "level": [50], "double": [100]})

    def test_streams(self):
        numbers = ibis.range(0, 300_000).unnest().name("n").as_table()
        with self.con.to_pyarrow_batches(numbers, chunk_size=50_000) as batches:
            self.assertEqual(sum(batch.num_rows for batch in batches), 300_000)

    def test_a_table_in_memory(self):
        wanted = ibis.memtable({"name": [PROJECT, "other"], "rank": [1, 2]})
        events = self.con.table("events")
        joined = events.inner_join(wanted, events.project == wanted.name).select("project", "rank")
        self.assertEqual(self.con.execute(joined).values.tolist(), [[PROJECT, 1]])

    def test_raw_statements(self):
        result = self.con.raw_sql(f"SELECT count() FROM events WHERE project = '{PROJECT}'")
        self.addCleanup(result.close)
        self.assertEqual(result.result_rows, [(1,)])

    def test_sql_of_ones_own_needs_its_schema(self):
        with self.assertRaisesRegex(Exception, "only statements that read|readonly"):
            self.con.sql("SELECT project FROM events")
        own = self.con.sql(f"SELECT project FROM events WHERE project = '{PROJECT}'", schema={"project": "string"})
        self.assertEqual(own.execute()["project"].tolist(), [PROJECT])

    def test_errors_have_words(self):
        with self.assertRaises(ibis.common.exceptions.TableNotFound):
            self.con.table("nothing_of_this_name")
        with self.assertRaisesRegex(Exception, "only statements that read|readonly"):
            self.con.create_table("made", schema={"a": "int64"})


class Writer(unittest.TestCase):
    def test_a_table_of_its_own(self):
        con = ibis.clickhouse.connect(host=HOST, port=PORT, user="default", password=PASSWORD)
        self.addCleanup(con.disconnect)
        database = new_name("ibis")
        con.create_database(database)
        self.addCleanup(con.drop_database, database)
        made = con.create_table("t", ibis.memtable({"id": [1, 2], "name": ["a", "ü"]}), database=database)
        self.assertEqual(made.order_by("id").execute().values.tolist(), [[1, "a"], [2, "ü"]])
        self.assertEqual(con.sql(f"SELECT max(id) AS last FROM {database}.t").execute()["last"].tolist(), [2])
        con.drop_table("t", database=database)


if __name__ == "__main__":
    unittest.main()
