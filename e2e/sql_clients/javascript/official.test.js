// npm's `@clickhouse/client`.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createClient, SettingsMap } from '@clickhouse/client';
import { address, newName, password, project, refused } from './door.js';

const reader = createClient({ url: address, database: 'log_center' });
const writer = createClient({ url: address, username: 'default', password });
after(() => Promise.all([reader.close(), writer.close()]));

async function rows(query, more = {}) {
  return (await reader.query({ query, format: 'JSONEachRow', ...more })).json();
}

test('a reader finds its way', async () => {
  assert.equal((await reader.ping()).success, true);
  assert.equal((await reader.ping({ select: true })).success, true);
  assert.ok((await rows('SHOW DATABASES')).some(({ name }) => name === 'log_center'));
  assert.ok((await rows('SHOW TABLES')).some(({ name }) => name === 'events'));
  const project = (await rows('DESCRIBE TABLE events')).find(({ name }) => name === 'project');
  assert.notEqual(project?.comment, '');
});

test('a reader selects with parameters and settings', async () => {
  const found = await rows('SELECT project, level FROM events WHERE project = {project: String}', {
    query_params: { project },
    clickhouse_settings: {
      max_execution_time: 10,
      output_format_json_quote_64bit_integers: 1,
      date_time_output_format: 'iso',
      wait_end_of_query: 1,
    },
  });
  assert.deepEqual(found, [{ project, level: 50 }]);
  const filters = {
    additional_table_filters: SettingsMap.from({ 'log_center.events': "project = \\'none\\'" }),
  };
  assert.deepEqual(await rows('SELECT count() AS n FROM events', { clickhouse_settings: filters }), [
    { n: 0 },
  ]);
});

test('settings for writers are no hindrance to a reader', async () => {
  const client = createClient({
    url: address,
    clickhouse_settings: { async_insert: 1, wait_for_async_insert: 0, date_time_input_format: 'best_effort' },
    compression: { response: true, request: false },
    session_id: newName('session'),
  });
  const answer = await client.query({ query: 'SELECT 1 AS one', format: 'JSON' });
  assert.deepEqual((await answer.json()).data, [{ one: 1 }]);
  await client.close();
});

test('a reader streams', async () => {
  const answer = await reader.query({
    query: 'SELECT number FROM numbers(300000)',
    format: 'JSONCompactEachRow',
  });
  let count = 0;
  for await (const part of answer.stream()) {
    count += part.length;
  }
  assert.equal(count, 300_000);
});

test('a reader gets JSON columns', async () => {
  const found = await rows(`SELECT '{"a": {"b": 42}}'::JSON AS json, 'x'::Variant(String, UInt8) AS variant`);
  assert.deepEqual(found, [{ json: { a: { b: 42 } }, variant: 'x' }]);
});

test('errors have words', async () => {
  await assert.rejects(rows('SELECT * FROM nothing_of_this_name'), /nothing_of_this_name/);
  await assert.rejects(
    rows('SELECT 1', { clickhouse_settings: { max_execution_time: 100_000 } }),
    /max_execution_time/,
  );
  await assert.rejects(reader.command({ query: 'CREATE DATABASE made' }), refused);
  await assert.rejects(reader.command({ query: 'DROP TABLE events' }), refused);
  const values = [{ project: 'a' }];
  await assert.rejects(reader.insert({ table: 'event_store', values, format: 'JSONEachRow' }), refused);
});

test('with the password it writes', async () => {
  const database = newName('node');
  await writer.command({ query: `CREATE DATABASE ${database}` });
  await writer.command({
    query: `CREATE TABLE ${database}.t (id UInt64, name String) ENGINE = MergeTree ORDER BY id`,
  });
  const values = [
    { id: 1, name: 'a' },
    { id: 2, name: 'ü' },
  ];
  await writer.insert({ table: `${database}.t`, values, format: 'JSONEachRow' });
  const answer = await writer.query({
    query: `SELECT id, name FROM ${database}.t ORDER BY id`,
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  });
  assert.deepEqual(await answer.json(), values);
  await writer.command({ query: `DROP DATABASE ${database}` });
});
