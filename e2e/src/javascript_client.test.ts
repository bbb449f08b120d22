import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { launchBrowser, Site, type SiteFile } from './browser.js';
import { issueCounted } from './issue.js';
import { lineOf, project } from './project.js';
import { checkPageReports } from './reporting_page.js';
import { Server } from './server.js';

let server: Server;
let browser: Browser;
let client: Map<string, SiteFile>;

before(async () => {
  server = await Server.start();
  browser = await launchBrowser();
  client = new Map();
  const forms = await readdir(project('clients/javascript', 'stack'));
  for (const name of ['log_center.js', 'stack.js', ...forms.map((form) => `stack/${form}`)]) {
    const text = await readFile(project('clients/javascript', name), 'utf8');
    client.set(`/client/${name}`, { type: 'text/javascript', text });
  }
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

function clientOf(projectName: string): Map<string, SiteFile> {
  const reporter = `import { configure, install, reportError } from '/client/log_center.js';
configure({ url: ${JSON.stringify(server.api)}, projectId: ${JSON.stringify(projectName)}, environment: 'staging' });
install();
export { reportError };`;
  return new Map([...client, ['/reporter.js', { type: 'text/javascript', text: reporter }]]);
}

for (const branch of ['sendBeacon', 'fetch'] as const) {
  test(`a page of another origin reports by ${branch}`, async () => {
    await checkPageReports(browser, server, branch, `web_${branch}`, clientOf(`web_${branch}`));
  });
}

test('install() reports what nobody catches', async () => {
  const app = `import '/reporter.js';
setTimeout(function later() {
  throw new RangeError('uncaught');
});
Promise.reject(new SyntaxError('unhandled'));`;
  const site = await Site.start(
    new Map<string, SiteFile>([
      ['/', { type: 'text/html', text: '<!doctype html><script type="module" src="/app.js"></script>' }],
      ['/app.js', { type: 'text/javascript', text: app }],
      ...clientOf('web_uncaught'),
    ]),
  );
  const page = await browser.newPage();
  try {
    await page.goto(site.origin);
    for (const [type, message] of [
      ['RangeError', 'uncaught'],
      ['SyntaxError', 'unhandled'],
    ] as const) {
      const place = {
        project: 'web_uncaught',
        type,
        file: `${site.origin}/app.js`,
        line: lineOf(app, message),
      };
      const row = await issueCounted(server, place, 1);
      assert.equal(row.message, message);
    }
  } finally {
    await page.close();
    await site.stop();
  }
});

test('a report on the way when the page is left still arrives', async () => {
  const app = `import { reportError } from '/reporter.js';
addEventListener('pagehide', () => {
  reportError(new Error('left'));
});
document.title = 'ready';`;
  const site = await Site.start(
    new Map<string, SiteFile>([
      ['/', { type: 'text/html', text: '<!doctype html><script type="module" src="/app.js"></script>' }],
      ['/app.js', { type: 'text/javascript', text: app }],
      ...clientOf('web_left'),
    ]),
  );
  const page = await browser.newPage();
  try {
    await page.goto(site.origin);
    await page.waitForFunction("document.title === 'ready'");
    await page.goto('about:blank');
    const line = lineOf(app, "new Error('left')");
    await issueCounted(
      server,
      { project: 'web_left', type: 'Error', file: `${site.origin}/app.js`, line },
      1,
    );
  } finally {
    await page.close();
    await site.stop();
  }
});
