// The clients of the integration guide, run as they stand there. They are no part of the project: without them (see
// LOG_CENTER_GUIDE_CLIENTS) these tests are skipped.

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { transform } from 'esbuild';
import type { Browser } from 'playwright-core';
import { launchBrowser, type SiteFile } from './browser.js';
import { issueCounted, knownAlready, type Place } from './issue.js';
import { lineOf, project } from './project.js';
import { python, runPython } from './python.js';
import { checkPageReports } from './reporting_page.js';
import { Server } from './server.js';

const guide = project(process.env.LOG_CENTER_GUIDE_CLIENTS || '../shared/spec/clients');
const notThere = existsSync(guide) ? false : `${guide} is not there`;

let server: Server;
let browser: Browser;

before(async () => {
  if (!notThere) {
    server = await Server.start();
    browser = await launchBrowser();
  }
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const branch of ['sendBeacon', 'fetch'] as const) {
  test(`the guide's TypeScript client reports by ${branch}`, { skip: notThere }, async (context) => {
    // One server, one project name and one line of code: what tells the two branches apart is the site's port.
    context.diagnostic(`served from another origin, compiled by esbuild`);
    const source = await readFile(join(guide, 'report_error.ts'), 'utf8');
    const { code } = await transform(source, {
      loader: 'ts',
      define: {
        'import.meta.env.VITE_LOG_CENTER_URL': JSON.stringify(server.api),
        'import.meta.env.MODE': JSON.stringify('production'),
      },
    });
    const client = new Map<string, SiteFile>([['/reporter.js', { type: 'text/javascript', text: code }]]);
    await checkPageReports(browser, server, branch, 'rtc_web', client);
  });
}

test("the guide's Python client reports", { skip: notThere || python.withoutRequests }, async () => {
  const source = `import sys
sys.path.insert(0, ${JSON.stringify(guide)})
from report_error import report_error

def get_user(request):
    return int(request["id"])

try:
    get_user({"id": "abc"})
except ValueError as exc:
    report_error(exc, {"user_id": "u_12345", "request_id": "req_abc123"})
`;
  const directory = await mkdtemp(join(tmpdir(), 'log-center-guide-'));
  try {
    const file = join(directory, 'views.py');
    await writeFile(file, source);
    const place: Place = {
      project: 'rtc_backend',
      type: 'ValueError',
      file,
      line: lineOf(source, 'return int'),
    };
    const environment = { LOG_CENTER_URL: server.api, ENVIRONMENT: 'production' };
    await runPython(file, environment);
    await issueCounted(server, place, 1);
    await runPython(file, environment);
    const row = await issueCounted(server, place, 2);
    await knownAlready(server, place, row);
    await issueCounted(server, place, 3);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
