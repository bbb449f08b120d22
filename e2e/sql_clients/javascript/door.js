// Where ClickHouse's interface is, and the two ways to knock: the tests of each client go through both.

import { randomUUID } from 'node:crypto';

const { LOG_CENTER_ENGINE_HOST, LOG_CENTER_ENGINE_PORT } = process.env;

export const host = LOG_CENTER_ENGINE_HOST;
export const port = Number(LOG_CENTER_ENGINE_PORT);
export const address = `http://${host}:${port}`;
export const password = process.env.LOG_CENTER_ENGINE_PASSWORD;
/** A project whose single event the phase has sent before the tests begin. */
export const project = process.env.LOG_CENTER_TEST_PROJECT;

/** What a refused write says. */
export const refused = /readonly|only statements that read/;

/** A name that no other test has. */
export const newName = (kind) => `${kind}_${randomUUID().replaceAll('-', '')}`;
