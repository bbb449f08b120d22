/** Where reports go and what they say about the program. */
export interface Settings {
  /** Base URL of the server. Default: `http://localhost:8002`. */
  url: string;
  /** The project's name. Default: `web` in a browser, `node` elsewhere. */
  projectId: string;
  /** `development`, `staging`, `production` or a word of your own. Default: `development`. */
  environment: string;
  /** The application's version. */
  version?: string;
  /** The git commit that it was built from. */
  commitHash?: string;
}

/** Facts about the moment of the error. Whatever is no plain JSON is sent as its text. */
export interface Context {
  /** Ties the report to a request: the `X-Request-Id` of the answer that failed. */
  request_id?: string;
  /** Ties the report to a user. */
  user_id?: string;
  [name: string]: unknown;
}

/** How much an error matters. */
export type Level = 'ERROR' | 'WARNING' | 'CRITICAL';

/** Sets any of the settings; the others stay as they are. */
export function configure(settings: Partial<Settings>): void;

/**
 * Reports `error`, whatever was thrown, without waiting and without ever throwing. In a browser by `sendBeacon`, which
 * outlives the page, else by `fetch` with a limit of 3 s. A failure is counted in {@link dropped} and otherwise ignored.
 */
export function reportError(error: unknown, context?: Context, level?: Level): void;

/**
 * Reports what nobody catches. In a browser: the events `error` and `unhandledrejection`. In Node: an uncaught exception
 * or rejection is reported and printed, and the process ends with code 1, as it does without this.
 * Call what it returns to undo it.
 */
export function install(): () => void;

/** Waits for reports under way, at most `timeoutMs` (default 2000). `false`: some still were. */
export function flush(timeoutMs?: number): Promise<boolean>;

/** How many reports could not be sent. */
export function dropped(): number;
