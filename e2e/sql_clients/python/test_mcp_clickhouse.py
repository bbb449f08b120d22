import json
import os
import unittest

from door import HOST, PASSWORD, PORT, PROJECT, new_name

os.environ.update(
    CLICKHOUSE_HOST=HOST,
    CLICKHOUSE_PORT=str(PORT),
    CLICKHOUSE_USER="default",
    CLICKHOUSE_PASSWORD="",
    CLICKHOUSE_SECURE="false",
    CLICKHOUSE_VERIFY="false",
)

from fastmcp import Client
from fastmcp.exceptions import ToolError
from mcp_clickhouse.mcp_server import mcp


class Asked(unittest.IsolatedAsyncioTestCase):
    async def call(self, tool: str, **arguments):
        async with Client(mcp) as client:
            return json.loads((await client.call_tool(tool, arguments)).content[0].text)


class Reader(Asked):
    async def test_it_finds_its_way(self):
        self.assertIn("log_center", await self.call("list_databases"))
        listed = await self.call("list_tables", database="log_center", like="events")
        (table,) = listed["tables"]
        self.assertEqual((table["name"], listed["total_tables"]), ("events", 1))
        comments = {column["name"]: column["comment"] for column in table["columns"]}
        self.assertNotEqual(comments["project"], "")

    async def test_queries(self):
        statement = "SELECT project, level FROM log_center.events WHERE project = {project:String}"
        found = await self.call("run_query", query=statement, params={"project": PROJECT})
        self.assertEqual(found["rows"], [[PROJECT, 50]])
        for before in ("DESCRIBE", "EXPLAIN ESTIMATE"):
            await self.call("run_query", query=f"{before} (SELECT project FROM log_center.events)")

    async def test_errors_have_words(self):
        with self.assertRaisesRegex(ToolError, "nothing_of_this_name"):
            await self.call("run_query", query="SELECT * FROM nothing_of_this_name")
        with self.assertRaisesRegex(ToolError, "readonly|only statements that read"):
            await self.call("run_query", query="CREATE DATABASE made")


class Writer(Asked):
    async def test_a_table_of_its_own(self):
        own = {"CLICKHOUSE_PASSWORD": PASSWORD, "CLICKHOUSE_ALLOW_WRITE_ACCESS": "true", "CLICKHOUSE_ALLOW_DROP": "true"}
        before = {name: os.environ.get(name) for name in own}
        os.environ.update(own)
        self.addCleanup(restore, before)
        database = new_name("mcp")
        run = lambda query: self.call("run_query", query=query)
        await run(f"CREATE DATABASE {database}")
        await run(f"CREATE TABLE {database}.t (id UInt64, name String) ENGINE = MergeTree ORDER BY id")
        await run(f"INSERT INTO {database}.t VALUES (1, 'a'), (2, 'ü')")
        found = await run(f"SELECT id, name FROM {database}.t ORDER BY id")
        self.assertEqual(found["rows"], [[1, "a"], [2, "ü"]])
        await run(f"DROP DATABASE {database}")


def restore(variables):
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


if __name__ == "__main__":
    unittest.main()
