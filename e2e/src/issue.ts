import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Server } from './server.js';

/** How long what was acknowledged may take to be seen in ClickHouse. */
const VISIBLE_DEADLINE_MS = 10_000;
const POLL_INTERVAL_MS = 50;

/** What makes an issue one issue. */
export interface Place {
  project: string;
  type: string;
  file: string;
  line: number;
}

/** A row of the view `log_center.issues`, as far as it is looked at here. */
export interface IssueRow {
  id: number;
  project: string;
  fingerprint: string;
  type: string;
  message: string;
  file_path: string;
  line_number: number;
  count: number;
  users: number;
  status: string;
}

/** The answer of the report API. */
export interface ReportAnswer {
  status: string;
  id: number;
  fingerprint: string;
  is_new: boolean;
}

/** The contract's fingerprint, computed here once more so that a wrong one cannot agree with itself. */
export function fingerprint({ project, type, file, line }: Place): string {
  return createHash('md5').update(`${project}${type}${file}${line}`).digest('hex');
}

/** Rows by plain SQL over ClickHouse's HTTP address; `parameters` are bound, as `{name:String}` in the SQL. */
export async function sql<Row>(
  server: Server,
  statement: string,
  parameters: Record<string, string> = {},
): Promise<Row[]> {
  const address = new URL(server.clickhouse);
  for (const [name, value] of Object.entries(parameters)) {
    address.searchParams.set(`param_${name}`, value);
  }
  const answer = await fetch(address, { method: 'POST', body: `${statement} FORMAT JSONEachRow` });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** Waits until the issue at `place` has been counted `count` times, by SQL and by the API alike, and is one row. */
export async function issueCounted(server: Server, place: Place, count: number): Promise<IssueRow> {
  const wanted = fingerprint(place);
  const statement = 'SELECT * FROM log_center.issues WHERE fingerprint = {fingerprint:String}';
  const until = Date.now() + VISIBLE_DEADLINE_MS;
  for (;;) {
    const rows = await sql<IssueRow>(server, statement, { fingerprint: wanted });
    const [row, ...others] = rows;
    assert.equal(others.length, 0, 'one issue is one row');
    if (row && Number(row.count) === count) {
      assert.equal(row.project, place.project);
      assert.equal(row.type, place.type);
      assert.equal(row.file_path, place.file);
      assert.equal(Number(row.line_number), place.line);
      await apiAgrees(server, row);
      return row;
    }
    if (Date.now() > until) {
      const all = await sql(server, 'SELECT * FROM log_center.issues');
      assert.fail(
        `${JSON.stringify(place)} (${wanted}) was not counted ${count} times but is ${JSON.stringify(rows)}; ` +
          `there are ${JSON.stringify(all)}`,
      );
    }
    await pause(POLL_INTERVAL_MS);
  }
}

/** Reports the error at `place` once more, by hand, and checks that it is an old acquaintance. */
export async function knownAlready(server: Server, place: Place, row: IssueRow): Promise<void> {
  const answer = await fetch(`${server.api}/api/v1/logs/report`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      project_id: place.project,
      environment: 'development',
      level: 'ERROR',
      error: {
        type: place.type,
        message: 'once more',
        file_path: place.file,
        line_number: place.line,
        stack_trace: 'by hand',
      },
    }),
  });
  assert.equal(answer.status, 200);
  const known: ReportAnswer = {
    status: 'duplicate',
    id: Number(row.id),
    fingerprint: row.fingerprint,
    is_new: false,
  };
  assert.deepEqual(await answer.json(), known);
}

async function apiAgrees(server: Server, row: IssueRow): Promise<void> {
  const answer = await fetch(`${server.api}/api/v1/issues/${row.id}`);
  assert.equal(answer.status, 200);
  const issue = (await answer.json()) as Record<string, unknown>;
  assert.deepEqual(
    [issue.project_id, issue.fingerprint, issue.type, issue.file_path, issue.line_number, issue.count],
    [row.project, row.fingerprint, row.type, row.file_path, Number(row.line_number), Number(row.count)],
  );
}
