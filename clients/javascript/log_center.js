// Reports errors to Log Center from browsers and Node. See README.md; the promises are in log_center.d.ts.

import { raisedAt } from './stack.js';

/** An attempt to send is given up after this long. */
const TIMEOUT_MS = 3000;
/** Reports under way at once; a further one is dropped and counted. */
const IN_FLIGHT_REPORTS = 100;
/** Longest text of a message, a line of the stack or a string of the context; the rest is cut. */
const TEXT_CHARS = 8192;
/** Most lines of a stack. */
const STACK_LINES = 200;
/** Of these the error itself may take so many if it has causes or inner errors. */
const OWN_STACK_LINES = 100;
/** Deepest chain of causes and inner errors. */
const CAUSES = 5;
/** How many inner errors of one error are shown. */
const INNER_ERRORS = 10;
/** How deep the context may be nested. */
const CONTEXT_DEPTH = 8;
/** How many items a container of the context may have. */
const CONTEXT_ITEMS = 200;
/** Browsers refuse `keepalive` for more bytes than this, all requests under way taken together. */
const KEEPALIVE_BYTES = 60_000;
/** The server takes 1 MiB; a longer body, counted at the worst as three bytes a character, goes without its context. */
const BODY_CHARS = 300_000;

const inBrowser = typeof window !== 'undefined' && typeof document !== 'undefined';

/** @type {import('./log_center.js').Settings} */
const settings = {
  url: 'http://localhost:8002',
  projectId: inBrowser ? 'web' : 'node',
  environment: 'development',
};

/** @type {Set<Promise<void>>} */
const underWay = new Set();
let lost = 0;

/** @type {typeof import('./log_center.js').configure} */
export function configure(changes) {
  Object.assign(settings, changes);
}

/** @type {typeof import('./log_center.js').reportError} */
export function reportError(error, context = {}, level = 'ERROR') {
  try {
    send(encode(describe(error), context, level));
  } catch {
    lost += 1;
  }
}

/** @type {typeof import('./log_center.js').install} */
export function install() {
  return inBrowser ? installInBrowser() : installInNode();
}

/** @type {typeof import('./log_center.js').flush} */
export async function flush(timeoutMs = 2000) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const deadline = new Promise((resolve) => {
    timer = setTimeout(resolve, timeoutMs, false);
  });
  const sent = Promise.all(underWay).then(() => true);
  const result = await Promise.race([sent, deadline]);
  clearTimeout(timer);
  return Boolean(result);
}

/** @type {typeof import('./log_center.js').dropped} */
export function dropped() {
  return lost;
}

/**
 * @typedef {object} ErrorFields
 * @property {string} type
 * @property {string} message
 * @property {string} file_path
 * @property {number} line_number
 * @property {string[]} stack_trace
 */

/**
 * @param {unknown} thrown
 * @returns {ErrorFields}
 */
function describe(thrown) {
  const error = errorLike(thrown);
  if (!error) {
    return {
      type: `Thrown ${thrown === null ? 'null' : typeof thrown}`,
      message: text(thrown),
      file_path: 'unknown',
      line_number: 0,
      stack_trace: [],
    };
  }
  const lines = stackLines(thrown);
  // An error without frames of its own (that of Promise.any has none) has the place of the first inner error.
  const place = raisedAt(lines.join('\n'), error.message);
  return {
    type: error.name,
    message: text(error.message),
    file_path: text(place?.file ?? 'unknown'),
    line_number: place?.line ?? 0,
    stack_trace: lines.filter(Boolean).map(text),
  };
}

/**
 * What an error says. Its properties decide what is an error: `instanceof` does not know those of frames, of workers and of
 * Node's `vm`, and some libraries throw objects of their own.
 *
 * @param {unknown} value
 */
function errorLike(value) {
  const [name, message, stack] = ['name', 'message', 'stack'].map((key) => property(value, key));
  if (typeof value !== 'object' || (typeof message !== 'string' && typeof stack !== 'string')) {
    return undefined;
  }
  return {
    name: name ? text(name) : 'Error',
    message: typeof message === 'string' ? message : '',
    stack: typeof stack === 'string' ? stack : '',
  };
}

/**
 * A property of anything; `undefined` if its getter throws.
 *
 * @param {unknown} value
 * @param {string} key
 * @returns {unknown}
 */
function property(value, key) {
  try {
    return Object(value)[key];
  } catch {
    return undefined;
  }
}

/**
 * The stack, and behind it those of the inner errors and of the causes.
 *
 * @param {unknown} thrown
 */
function stackLines(thrown) {
  /** @type {string[]} */
  const lines = [];
  const seen = new Set();
  /**
   * @param {unknown} value
   * @param {string} heading
   * @param {number} depth
   */
  const add = (value, heading, depth) => {
    if (value === undefined || depth > CAUSES || lines.length >= STACK_LINES || seen.has(value)) {
      return;
    }
    if (typeof value === 'object') seen.add(value);
    const errors = property(value, 'errors');
    const inner = Array.isArray(errors) ? errors.slice(0, INNER_ERRORS) : [];
    const cause = property(value, 'cause');
    const limit = inner.length || cause !== undefined ? OWN_STACK_LINES : STACK_LINES;
    lines.push(...`${heading}${wholeStack(value)}`.split('\n', limit));
    for (const [index, error] of inner.entries()) {
      add(error, `Caused by (${index + 1} of ${errors.length}): `, depth + 1);
    }
    add(cause, 'Caused by: ', depth + 1);
  };
  add(thrown, '', 0);
  return lines.slice(0, STACK_LINES);
}

/**
 * The stack of an error with its heading, which Firefox and Safari leave out; of anything else its text.
 *
 * @param {unknown} value
 */
function wholeStack(value) {
  const error = errorLike(value);
  if (!error) return text(value);
  const { name, message, stack } = error;
  return stack !== '' && stack.includes(message) ? stack : `${name}: ${message}\n${stack}`;
}

/**
 * @param {ErrorFields} error
 * @param {unknown} context
 * @param {import('./log_center.js').Level} level
 */
function encode(error, context, level) {
  const where = inBrowser ? { url: location.href, userAgent: navigator.userAgent } : {};
  const report = {
    project_id: settings.projectId,
    environment: settings.environment,
    level,
    timestamp: new Date().toISOString(),
    version: settings.version,
    commit_hash: settings.commitHash,
    error,
    context: plain({ ...where, ...Object(context) }, CONTEXT_DEPTH),
  };
  const body = JSON.stringify(report);
  if (body.length <= BODY_CHARS) {
    return body;
  }
  return JSON.stringify({
    ...report,
    context: { ...where, log_center: 'the context was left out: too large' },
  });
}

/** @param {string} body */
function send(body) {
  const address = `${settings.url.replace(/\/+$/, '')}/api/v1/logs/report`;
  // A string goes as text/plain, which needs no preflight. `false`: the browser's queue is full.
  if (inBrowser && navigator.sendBeacon?.(address, body)) {
    return;
  }
  if (underWay.size >= IN_FLIGHT_REPORTS) {
    lost += 1;
    return;
  }
  const request = post(address, body)
    .catch(() => {
      lost += 1;
    })
    .finally(() => underWay.delete(request));
  underWay.add(request);
}

/**
 * @param {string} address
 * @param {string} body
 */
async function post(address, body) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  try {
    const answer = await fetch(address, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
      credentials: 'omit',
      keepalive: inBrowser && body.length * 3 < KEEPALIVE_BYTES,
      signal: abort.signal,
    });
    await answer.arrayBuffer();
    if (!answer.ok) {
      throw new Error(`answered ${answer.status}`);
    }
  } finally {
    clearTimeout(timer);
  }
}

function installInBrowser() {
  /** @param {ErrorEvent} event */
  const onError = (event) => {
    // Scripts of other origins give no error object, and failed images no message either.
    if (event.error ?? event.message) {
      reportError(event.error ?? fromEvent(event), { handler: 'error' });
    }
  };
  /** @param {PromiseRejectionEvent} event */
  const onRejection = (event) => reportError(event.reason, { handler: 'unhandledrejection' });
  window.addEventListener('error', onError);
  window.addEventListener('unhandledrejection', onRejection);
  return () => {
    window.removeEventListener('error', onError);
    window.removeEventListener('unhandledrejection', onRejection);
  };
}

/** @param {ErrorEvent} event */
function fromEvent(event) {
  const error = new Error(event.message);
  error.stack = event.filename ? `@${event.filename}:${event.lineno}:${event.colno}` : '';
  return error;
}

function installInNode() {
  /** @param {unknown} error */
  const onUncaught = async (error) => {
    reportError(error, { handler: 'uncaughtException' }, 'CRITICAL');
    console.error(error);
    await flush();
    process.exit(1);
  };
  process.on('uncaughtException', onUncaught);
  return () => {
    process.off('uncaughtException', onUncaught);
  };
}

/**
 * A bounded text without lone surrogates, which are no UTF-8.
 *
 * @param {unknown} value
 */
function text(value) {
  let result;
  try {
    result = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
  } catch {
    result = Object.prototype.toString.call(value);
  }
  const short = result.length > TEXT_CHARS ? `${result.slice(0, TEXT_CHARS)}…` : result;
  return short.replace(/\p{Surrogate}/gu, '\ufffd');
}

/**
 * `value` as plain JSON: bounded, without cycles, strangers as their text.
 *
 * @param {unknown} value
 * @param {number} depth
 * @returns {unknown}
 */
function plain(value, depth) {
  if (value === null || typeof value === 'boolean' || Number.isFinite(value)) {
    return value;
  }
  if (value === undefined) {
    return undefined;
  }
  const isError = Object.prototype.toString.call(value) === '[object Error]';
  if (typeof value !== 'object' || depth === 0 || value instanceof Date || isError) {
    return value instanceof Date && !Number.isNaN(value.getTime())
      ? value.toISOString()
      : text(isError ? String(value) : value);
  }
  if (Array.isArray(value)) {
    return value.slice(0, CONTEXT_ITEMS).map((item) => plain(item, depth - 1));
  }
  const items = Object.entries(value).slice(0, CONTEXT_ITEMS);
  return Object.fromEntries(items.map(([key, item]) => [text(key), plain(item, depth - 1)]));
}
