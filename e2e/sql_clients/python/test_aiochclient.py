import unittest

from aiochclient import ChClient, ChClientError
from aiohttp import ClientSession

from door import ADDRESS, PASSWORD, PROJECT, new_name


class Asked(unittest.IsolatedAsyncioTestCase):
    async def client(self, **more):
        session = ClientSession()
        self.addAsyncCleanup(session.close)
        return ChClient(session, url=ADDRESS, **more)


class Reader(Asked):
    async def test_it_finds_its_way(self):
        client = await self.client(database="log_center")
        self.assertTrue(await client.is_alive())
        names = [row["name"] for row in await client.fetch("SHOW DATABASES")]
        self.assertIn("log_center", names)
        self.assertIn("events", [row["name"] for row in await client.fetch("SHOW TABLES")])
        described = await client.fetch("DESCRIBE TABLE events")
        self.assertIn("project", [row["name"] for row in described])

    async def test_select_with_parameters(self):
        client = await self.client(database="log_center")
        row = await client.fetchrow(
            "SELECT project, level FROM events WHERE project = {project}", params={"project": PROJECT}
        )
        self.assertEqual((row["project"], row["level"]), (PROJECT, 50))
        self.assertEqual(await client.fetchval("SELECT count() FROM events WHERE project = {p}", params={"p": PROJECT}), 1)

    async def test_streams(self):
        client = await self.client()
        count = 0
        async for _ in client.iterate("SELECT number, toString(number) FROM numbers(30000)"):
            count += 1
        self.assertEqual(count, 30_000)

    async def test_settings(self):
        client = await self.client(max_threads=1, readonly=1, compress_response=True)
        self.assertEqual(await client.fetchval("SELECT 1"), 1)

    async def test_errors_have_words(self):
        client = await self.client()
        with self.assertRaisesRegex(ChClientError, "nothing_of_this_name"):
            await client.fetch("SELECT * FROM nothing_of_this_name")
        for write in ("CREATE DATABASE made", "DROP TABLE log_center.events"):
            with self.assertRaisesRegex(ChClientError, "readonly|only statements that read"):
                await client.execute(write)
        with self.assertRaisesRegex(ChClientError, "readonly|only statements that read"):
            await client.execute("INSERT INTO log_center.event_store (project) VALUES", ("a",))


class Writer(Asked):
    async def test_a_table_of_its_own(self):
        client = await self.client(user="default", password=PASSWORD)
        database = new_name("aio")
        await client.execute(f"CREATE DATABASE {database}")
        await client.execute(f"CREATE TABLE {database}.t (id UInt64, name String) ENGINE = MergeTree ORDER BY id")
        await client.execute(f"INSERT INTO {database}.t VALUES", (1, "a"), (2, "ü"))
        found = await client.fetch(f"SELECT id, name FROM {database}.t ORDER BY id")
        self.assertEqual([tuple(row.values()) for row in found], [(1, "a"), (2, "ü")])
        await client.execute(f"DROP DATABASE {database}")


if __name__ == "__main__":
    unittest.main()
