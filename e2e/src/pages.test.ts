import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, screenshot } from './browser.js';
import { issueCounted, type Place } from './issue.js';
import { Server } from './server.js';

/** A message that would run if a page took it for HTML. */
const MESSAGE = 'cart <img src=x onerror="document.title=\'taken over\'"> & "more"';

const PLACE: Place = { project: 'shop', type: 'ValueError', file: 'shop/cart.py', line: 42 };

let server: Server;
let browser: Browser;

before(async () => {
  server = await Server.start();
  browser = await launchBrowser();
  const answer = await fetch(`${server.api}/api/v1/logs/report`, {
    method: 'POST',
    body: JSON.stringify({
      project_id: PLACE.project,
      environment: 'production',
      level: 'ERROR',
      error: {
        type: PLACE.type,
        message: MESSAGE,
        file_path: PLACE.file,
        line_number: PLACE.line,
        stack_trace: ['File "shop/cart.py", line 42, in add'],
      },
    }),
  });
  assert.equal(answer.status, 200, await answer.text());
  await issueCounted(server, PLACE, 1);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Opens `address` and returns the hosts that the browser asked for anything until `ready`. */
async function openAndListHosts(
  page: Page,
  address: string,
  ready: () => Promise<unknown>,
): Promise<string[]> {
  const hosts = new Set<string>();
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol !== 'data:' && protocol !== 'blob:') {
      hosts.add(host);
    }
  });
  await page.goto(address);
  await ready();
  await page.waitForLoadState('networkidle');
  return [...hosts];
}

test('the dashboard lists the issues', async () => {
  const page = await browser.newPage();
  const shown = page.getByText(MESSAGE, { exact: false }).first();
  const hosts = await openAndListHosts(page, server.dashboard, () => shown.waitFor());
  await screenshot(page, 'dashboard');
  assert.deepEqual(hosts, [new URL(server.dashboard).host]);
  const text = (await page.locator('body').allInnerTexts()).join();
  for (const part of [PLACE.project, PLACE.type, PLACE.file, 'NEW']) {
    assert.ok(text.includes(part), `${part} is not in:\n${text}`);
  }
  assert.notEqual(await page.title(), 'taken over');
  assert.equal(await page.locator('img[src="x"]').count(), 0);

  await page.getByRole('link', { name: PLACE.type }).click();
  await page.getByText('line 42, in add').first().waitFor();
  await screenshot(page, 'dashboard_issue');
  assert.equal(await page.locator('img[src="x"]').count(), 0);
  await page.close();
});

test('/docs shows the operations and asks no other host', async () => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1600 } });
  const paths = page.locator('.opblock-summary-path');
  const hosts = await openAndListHosts(page, `${server.api}/docs`, () => paths.first().waitFor());
  await screenshot(page, 'docs');
  assert.deepEqual(hosts, [new URL(server.api).host]);
  // Swagger UI lets long paths break behind each slash, by an invisible character.
  const text = (await paths.allInnerTexts()).join(' ').replaceAll('\u200b', '');
  for (const operation of ['/api/v1/issues', '/api/v1/issues/{id}', '/api/v1/issues/{id}/history']) {
    assert.ok(text.includes(operation), `${operation} is not in:\n${text}`);
  }
  const list = page.locator('.opblock-get').filter({ hasText: 'List issues' });
  await list.locator('.opblock-summary-path').click();
  await list.getByRole('button', { name: 'Execute' }).click();
  await list.locator('.live-responses-table').getByText(PLACE.file).first().waitFor();
  await page.close();
});
