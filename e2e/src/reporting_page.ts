import assert from 'node:assert/strict';
import type { Browser, Page } from 'playwright-core';
import { Site, type SiteFile } from './browser.js';
import { issueCounted, knownAlready, type Place, type ReportAnswer } from './issue.js';
import { lineOf } from './project.js';
import type { Server } from './server.js';

/** An application's own script. It meets an error and hands it to the client that `/reporter.js` exports. */
const APP = `import { reportError } from '/reporter.js';

function checkOut(cart) {
  return cart.items.map((item) => item.price);
}

function onClick() {
  try {
    checkOut({ items: null });
  } catch (error) {
    reportError(error, { user_id: 'u_7', request_id: 'req_abc123' });
  }
}

document.querySelector('button').addEventListener('click', onClick);
document.title = 'shop';
`;

const PAGE = `<!doctype html><title>loading</title><button>Check out</button>
<script type="module" src="/app.js"></script>`;

/** How the client's reports leave the page. */
export type Branch = 'sendBeacon' | 'fetch';

/**
 * Opens a page of another origin that uses the client in `client`, lets its error happen twice, and follows it: one
 * issue at the right place, counted twice, not new the second time.
 */
export async function checkPageReports(
  browser: Browser,
  server: Server,
  branch: Branch,
  projectName: string,
  client: ReadonlyMap<string, SiteFile>,
): Promise<void> {
  const site = await Site.start(
    new Map<string, SiteFile>([
      ['/', { type: 'text/html', text: PAGE }],
      ['/app.js', { type: 'text/javascript', text: APP }],
      ...client,
    ]),
  );
  const page = await browser.newPage();
  try {
    const answers = answersTo(page, server);
    const trouble = troubleOf(page);
    if (branch === 'fetch') {
      await page.addInitScript('delete Navigator.prototype.sendBeacon');
    }
    await page.goto(site.origin);
    await page.waitForFunction("document.title === 'shop'");
    const place: Place = {
      project: projectName,
      type: 'TypeError',
      file: `${site.origin}/app.js`,
      line: lineOf(APP, 'cart.items.map'),
    };
    await page.getByRole('button', { name: 'Check out' }).click();
    await issueCounted(server, place, 1);
    await page.getByRole('button', { name: 'Check out' }).click();
    const row = await issueCounted(server, place, 2);
    assert.match(row.message, /null/);
    assert.equal(Number(row.users), 1);
    if (branch === 'fetch') {
      assert.deepEqual(
        (await Promise.all(answers)).map(({ status, is_new }) => [status, is_new]),
        [
          ['ok', true],
          ['duplicate', false],
        ],
      );
    }
    await knownAlready(server, place, row);
    await issueCounted(server, place, 3);
    assert.deepEqual(trouble, []);
  } finally {
    await page.close();
    await site.stop();
  }
}

/** The server's answers that the page gets to see, which a page that uses sendBeacon never does. */
function answersTo(page: Page, server: Server): Promise<ReportAnswer>[] {
  const answers: Promise<ReportAnswer>[] = [];
  page.on('response', (response) => {
    const isPost = response.request().method() === 'POST';
    if (isPost && response.url().startsWith(server.api) && response.request().resourceType() === 'fetch') {
      answers.push(response.json());
    }
  });
  return answers;
}

/** What the browser complains about, such as a refused cross-origin request. */
function troubleOf(page: Page): string[] {
  const trouble: string[] = [];
  page.on('pageerror', (error) => trouble.push(String(error)));
  page.on('console', (message) => {
    // The browser asks for /favicon.ico by itself.
    if (message.type() === 'error' && !message.location().url.endsWith('/favicon.ico')) {
      trouble.push(message.text());
    }
  });
  return trouble;
}
