// @clickhouse/client, unchanged, against the engine at ENGINE_URL.

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { ClickHouseError, createClient } from '@clickhouse/client'

const url = process.env.ENGINE_URL
const urlWithoutPassword = `http://${new URL(url).host}`
const client = createClient({ url })

before(async () => {
  await client.command({
    query: 'CREATE TABLE events (id UInt64, name String) ENGINE = MergeTree ORDER BY id',
  })
})
after(() => client.close())

const rowsOf = async (query) => (await client.query({ query, format: 'JSONEachRow' })).json()

test('ping', async () => {
  assert.deepEqual(await client.ping(), { success: true })
  assert.equal((await client.ping({ select: true })).success, true)
})

test('insert of a stream, compressed and not', async () => {
  for (const request of [false, true]) {
    const other = createClient({ url, compression: { request, response: true } })
    const rows = (function* () {
      for (let id = 0; id < 20_000; id++) yield { id, name: `event ${id} ☃` }
    })()
    const result = await other.insert({
      table: 'events',
      values: Readable.from(rows, { objectMode: true }),
      format: 'JSONEachRow',
    })
    assert.equal(result.executed, true)
    assert.ok(result.query_id)
    assert.equal(result.summary?.written_rows, '20000')
    const answer = await other.query({
      query: 'SELECT id, name FROM events ORDER BY id',
      format: 'JSONEachRow',
    })
    let count = 0
    for await (const batch of answer.stream()) {
      for (const row of batch) {
        assert.deepEqual(row.json(), { id: count, name: `event ${count} ☃` })
        count++
      }
    }
    assert.equal(count, 20_000)
    await other.close()
    await client.command({ query: 'TRUNCATE TABLE events' })
  }
})

test('query with parameters and settings', async () => {
  const answer = await client.query({
    query: 'SELECT {text: String} AS text, {list: Array(UInt32)} AS list, getSetting(\'max_threads\') AS threads',
    query_params: { text: "it's \\ \n\t☃", list: [1, 2, 3] },
    clickhouse_settings: { max_threads: 1 },
    query_id: 'from-node',
    format: 'JSON',
  })
  assert.equal(answer.query_id, 'from-node')
  const { data } = await answer.json()
  assert.deepEqual(data[0].text, "it's \\ \n\t☃")
  assert.deepEqual(data[0].list, [1, 2, 3])
  assert.equal(Number(data[0].threads), 1)
})

test('exception', async () => {
  await assert.rejects(client.query({ query: 'SELECT * FROM missing' }), (error) => {
    assert.ok(error instanceof ClickHouseError)
    assert.equal(error.code, '60')
    assert.equal(error.type, 'UNKNOWN_TABLE')
    return true
  })
})

test('an exception in the middle of an answer', async () => {
  const answer = await client.query({
    query: 'SELECT number, throwIf(number = 2500000) FROM numbers(3000000)',
    format: 'JSONEachRow',
  })
  await assert.rejects(async () => {
    for await (const rows of answer.stream()) assert.ok(rows.length >= 0)
  })
})

test('abort', async () => {
  const controller = new AbortController()
  const running = client.query({
    query: 'SELECT uniqExact(number * 7) FROM numbers(100000000000)',
    query_id: 'aborted',
    abort_signal: controller.signal,
  })
  const count = async () =>
    (await rowsOf("SELECT count() AS n FROM system.processes WHERE Settings['log_comment'] = 'aborted'"))[0].n
  const until = async (expected) => {
    const started = Date.now()
    while (String(await count()) !== expected) assert.ok(Date.now() - started < 60_000, `never ${expected}`)
  }
  await until('1')
  controller.abort()
  await assert.rejects(running)
  await until('0')
})

test('a reader', async () => {
  const reader = createClient({ url: urlWithoutPassword, username: 'reader' })
  await assert.rejects(reader.command({ query: 'DROP TABLE events' }), { code: '164' })
  const answer = await reader.query({ query: 'SELECT 1 AS one', format: 'JSONEachRow' })
  assert.deepEqual(await answer.json(), [{ one: 1 }])
  await reader.close()
})

test('without a password everybody reads and nobody writes', async () => {
  const anybody = createClient({ url: urlWithoutPassword })
  await assert.rejects(anybody.command({ query: 'DROP TABLE events' }), { code: '164' })
  const answer = await anybody.query({ query: 'SELECT 1 AS one', format: 'JSONEachRow' })
  assert.deepEqual(await answer.json(), [{ one: 1 }])
  await anybody.close()
})

test('sessions', async () => {
  const session = createClient({ url, session_id: 'node' })
  await session.command({ query: 'CREATE TEMPORARY TABLE scratch (x UInt8)' })
  await session.insert({ table: 'scratch', values: [{ x: 7 }], format: 'JSONEachRow' })
  const answer = await session.query({ query: 'SELECT x FROM scratch', format: 'JSONEachRow' })
  assert.deepEqual(await answer.json(), [{ x: 7 }])
  await session.close()
})
