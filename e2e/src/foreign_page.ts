import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server as TcpServer } from 'node:net';

/** What a page tries on one listener. */
export interface Target {
  /** As in `http://localhost:8002`. */
  base: string;
  /** Paths with their queries whose answers it wants to see. */
  reads: string[];
  /** What it wants to happen. */
  writes: { methods: string[]; path: string; body: string }[];
}

/** What a page got to see of one try. */
export interface Sight {
  how: string;
  url: string;
  /** Of an answer that the page may look into. */
  status?: number;
  /** What it saw: a text, a size, or that something was loaded. */
  seen?: string;
}

/**
 * Tries everything that a page can make a browser send. It runs in the page, and so uses nothing from outside of itself.
 */
export async function attack(targets: Target[]): Promise<Sight[]> {
  const PATIENCE_MS = 4_000;
  const sights: Sight[] = [];
  const tries: Promise<void>[] = [];

  const attempt = (
    how: string,
    url: string,
    run: (see: (seen: string, status?: number) => void) => unknown,
  ) => {
    const see = (seen: string, status?: number) =>
      sights.push({ how, url, seen, ...(status === undefined ? {} : { status }) });
    const work = (async () => await run(see))().catch(() => {});
    const patience = new Promise<void>((resolve) => setTimeout(resolve, PATIENCE_MS));
    tries.push(Promise.race([work, patience]).then(() => {}));
  };

  const element = (tag: string, attributes: Record<string, string>) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      made.setAttribute(name, value);
    }
    return made;
  };

  /** Adds it to the page; resolves to whether it loaded. */
  const loads = (made: HTMLElement) =>
    new Promise<boolean>((resolve) => {
      for (const event of ['load', 'loadeddata']) {
        made.addEventListener(event, () => resolve(true));
      }
      made.addEventListener('error', () => resolve(false));
      document.body.append(made);
    });

  const frameText = (frame: HTMLIFrameElement | HTMLObjectElement) => {
    try {
      return frame.contentDocument?.documentElement.textContent ?? '';
    } catch {
      return '';
    }
  };

  const request = (how: string, url: string, init: RequestInit) =>
    attempt(how, url, async (see) => {
      const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
      if (answer.type === 'opaque' || answer.type === 'opaqueredirect') {
        return;
      }
      see('head', answer.status);
      // A stream of events has no end: what came is looked at as it comes.
      const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
      for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
        see(piece.value, answer.status);
      }
    });

  const xhr = (method: string, url: string, type?: string, body?: string) =>
    attempt(`XMLHttpRequest ${method} ${type ?? ''}`, url, (see) => {
      const asked = new XMLHttpRequest();
      asked.open(method, url);
      if (type !== undefined) {
        asked.setRequestHeader('Content-Type', type);
      }
      return new Promise<void>((resolve) => {
        asked.addEventListener('progress', () => see(asked.responseText, asked.status));
        asked.addEventListener('loadend', () => {
          if (asked.status) {
            see(asked.responseText, asked.status);
          }
          resolve();
        });
        asked.send(body ?? null);
      });
    });

  const read = (url: string) => {
    attempt('img', url, async (see) => {
      const image = element('img', { src: url }) as HTMLImageElement;
      if (await loads(image)) {
        see(`an image of ${image.naturalWidth}`);
      }
    });
    const embedded: [string, Record<string, string>][] = [
      ['script', { src: url }],
      ['script', { src: url, crossorigin: 'anonymous' }],
      ['script', { src: url, type: 'module' }],
      ['link', { rel: 'stylesheet', href: url }],
      ['link', { rel: 'modulepreload', href: url }],
      ['video', { src: url, preload: 'auto' }],
      ['audio', { src: url, preload: 'auto' }],
    ];
    for (const [tag, attributes] of embedded) {
      attempt(`<${tag} ${JSON.stringify(attributes)}>`, url, async (see) => {
        if (await loads(element(tag, attributes))) {
          see('it loaded');
        }
      });
    }
    // Whether these loaded tells nothing; they are for the requests.
    document.head.append(
      element('link', { rel: 'prefetch', href: url }),
      element('link', { rel: 'preload', as: 'fetch', href: url }),
      element('link', { rel: 'icon', href: url }),
    );
    for (const tag of ['iframe', 'object', 'embed']) {
      attempt(tag, url, async (see) => {
        const frame = element(tag, tag === 'object' ? { data: url } : { src: url });
        await loads(frame);
        const text = tag === 'embed' ? '' : frameText(frame as HTMLIFrameElement);
        if (text) {
          see(text);
        }
      });
    }
    for (const mode of ['cors', 'no-cors', 'same-origin'] as const) {
      for (const credentials of ['omit', 'include'] as const) {
        for (const method of ['GET', 'HEAD']) {
          request(`fetch ${method} ${mode} ${credentials}`, url, { method, mode, credentials });
        }
      }
    }
    request('fetch with a header of its own', url, { headers: { 'X-Requested-With': 'x' } });
    request('fetch with keepalive', url, { keepalive: true });
    xhr('GET', url);
    attempt('import()', url, async (see) => {
      await import(url);
      see('it loaded');
    });
    attempt('EventSource', url, (see) => {
      const source = new EventSource(url);
      source.addEventListener('message', (event) => see(event.data));
      return new Promise<void>((resolve) => {
        source.addEventListener('open', () => see('it opened'));
        source.addEventListener('error', () => {
          source.close();
          resolve();
        });
      });
    });
    attempt('WebSocket', url, (see) => {
      const socket = new WebSocket(url.replace('http', 'ws'));
      socket.addEventListener('open', () => see('it opened'));
      socket.addEventListener('message', (event) => see(String(event.data)));
      return new Promise<void>((resolve) => socket.addEventListener('close', () => resolve()));
    });
    attempt('a worker', url, (see) => {
      const script = `try { importScripts(${JSON.stringify(url)}); postMessage('it loaded'); } catch { postMessage(''); }`;
      const worker = new Worker(URL.createObjectURL(new Blob([script])));
      return new Promise<void>((resolve) => {
        worker.addEventListener('message', (event) => {
          if (event.data) {
            see(event.data);
          }
          resolve();
        });
      });
    });
    attempt('window.open', url, async (see) => {
      const opened = window.open(url);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const text = opened?.document.documentElement.textContent;
      if (text) {
        see(text);
      }
      opened?.close();
    });
  };

  let frames = 0;
  const form = (method: string, url: string, enctype: string, fields: [string, string][]) =>
    attempt(`form ${method} ${enctype}`, url, async (see) => {
      const name = `frame-${frames++}`;
      const frame = element('iframe', { name }) as HTMLIFrameElement;
      document.body.append(frame);
      const made = element('form', { method, action: url, enctype, target: name }) as HTMLFormElement;
      for (const [field, value] of fields) {
        made.append(element('input', { type: 'hidden', name: field, value }));
      }
      document.body.append(made);
      const loaded = new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }));
      made.submit();
      await loaded;
      const text = frameText(frame);
      if (text) {
        see(text);
      }
    });

  const write = (url: string, methods: string[], body: string) => {
    const types = [
      'text/plain',
      'application/json',
      'application/x-www-form-urlencoded',
      'text/plain; application/json',
    ];
    for (const method of [...methods, 'POST', 'PUT', 'DELETE', 'INVENTED']) {
      for (const mode of ['cors', 'no-cors', 'same-origin'] as const) {
        for (const type of types) {
          request(`fetch ${method} ${mode} ${type}`, url, {
            method,
            mode,
            headers: { 'Content-Type': type },
            body,
          });
        }
      }
      request(`fetch ${method} without a type`, url, { method, mode: 'no-cors', body: new Blob([body]) });
      request(`fetch ${method} with keepalive`, url, { method, mode: 'no-cors', keepalive: true, body });
      xhr(method, url, 'text/plain', body);
      xhr(method, url, 'application/json', body);
    }
    const data = new FormData();
    data.set('query', body);
    for (const sent of [body, data, new URLSearchParams({ query: body }), new Blob([body])]) {
      request('fetch POST of a form or bytes', url, { method: 'POST', mode: 'no-cors', body: sent });
      attempt('sendBeacon', url, () => navigator.sendBeacon(url, sent));
    }
    attempt('sendBeacon of JSON', url, () =>
      navigator.sendBeacon(url, new Blob([body], { type: 'application/json' })),
    );
    for (const enctype of ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain']) {
      form('post', url, enctype, [['query', body]]);
      // `name=value` of a plain form is JSON if the sign in between is within a text.
      form('post', url, enctype, [[`${body.slice(0, -1)},"x":"`, '"}']]);
    }
    form('get', url, 'application/x-www-form-urlencoded', [['query', body]]);
  };

  for (const { base, reads, writes } of targets) {
    for (const path of reads) {
      read(base + path);
    }
    for (const { methods, path, body } of writes) {
      write(base + path, methods, body);
    }
    await Promise.all(tries.splice(0));
  }
  return sights;
}

/**
 * A name that led to a site and now leads to this machine: the page at `/page` is the site's, everything else on the same
 * port is what listens at `target`.
 */
export class Rebound {
  private constructor(
    private readonly server: TcpServer,
    readonly port: number,
  ) {}

  static async start(target: string, page: string): Promise<Rebound> {
    const { hostname, port } = new URL(target);
    const server = createServer((incoming) => {
      incoming.on('error', () => incoming.destroy());
      incoming.once('data', (first) => {
        if (first.toString('latin1').startsWith('GET /page ')) {
          incoming.end(
            `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: ${page.length}\r\n\r\n${page}`,
          );
          return;
        }
        const outgoing = connect(Number(port), hostname);
        outgoing.on('error', () => incoming.destroy());
        incoming.on('close', () => outgoing.destroy());
        outgoing.write(first);
        incoming.pipe(outgoing).pipe(incoming);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Rebound(server, (server.address() as AddressInfo).port);
  }

  stop(): void {
    this.server.close();
  }
}
