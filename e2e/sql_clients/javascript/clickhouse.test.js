// npm's `clickhouse`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClickHouse } from 'clickhouse';
import { host, newName, password, port, project, refused } from './door.js';

const of = (more) => new ClickHouse({ url: `http://${host}`, port, format: 'json', ...more });
const reader = of({ config: { database: 'log_center' } });

test('a reader finds its way', async () => {
  const names = async (query) => (await reader.query(query).toPromise()).map(({ name }) => name);
  assert.ok((await names('SHOW DATABASES')).includes('log_center'));
  assert.ok((await names('SHOW TABLES')).includes('events'));
  assert.ok((await names('DESCRIBE TABLE events FORMAT JSON')).includes('project'));
});

test('a reader selects with parameters', async () => {
  const query = 'SELECT project, level FROM events WHERE project = {project:String}';
  const found = await reader.query(query, { params: { project } }).toPromise();
  assert.deepEqual(found, [{ project, level: 50 }]);
});

test('a reader streams', async () => {
  let count = 0;
  for await (const row of reader.query('SELECT number FROM numbers(30000)').stream()) {
    assert.ok('number' in row);
    count += 1;
  }
  assert.equal(count, 30_000);
});

test("a table of the reader's own", async () => {
  const external = [{ name: 'wanted', structure: 'name String', data: [project, 'other'] }];
  const query = 'SELECT project FROM events WHERE project IN (SELECT name FROM wanted)';
  assert.deepEqual(await reader.query(query, { external }).toPromise(), [{ project }]);
});

test('sessions are no hindrance to a reader', async () => {
  const own = of({
    isUseGzip: true,
    isSessionPerQuery: true,
    config: { session_id: newName('session'), session_timeout: 60 },
  });
  assert.deepEqual(await own.query('SELECT 1 AS one').toPromise(), [{ one: 1 }]);
});

test('errors have words', async () => {
  await assert.rejects(
    reader.query('SELECT * FROM nothing_of_this_name').toPromise(),
    /nothing_of_this_name/,
  );
  await assert.rejects(reader.query('CREATE DATABASE made').toPromise(), refused);
  await assert.rejects(reader.query('DROP TABLE events').toPromise(), refused);
  await assert.rejects(
    reader.insert('INSERT INTO event_store (project)', [{ project: 'a' }]).toPromise(),
    refused,
  );
});

test('with the password it writes', async () => {
  const writer = of({ basicAuth: { username: 'default', password } });
  const database = newName('npm');
  await writer.query(`CREATE DATABASE ${database}`).toPromise();
  await writer
    .query(`CREATE TABLE ${database}.t (id UInt32, name String) ENGINE = MergeTree ORDER BY id`)
    .toPromise();
  const values = [
    { id: 1, name: 'a' },
    { id: 2, name: 'ü' },
  ];
  await writer.insert(`INSERT INTO ${database}.t (id, name)`, values).toPromise();
  assert.deepEqual(await writer.query(`SELECT id, name FROM ${database}.t ORDER BY id`).toPromise(), values);
  await writer.query(`DROP DATABASE ${database}`).toPromise();
});
