// A small service that logs with node-bunyan alone, as services did before Log Center: to standard output, and nothing else.

import { createServer } from 'node:http';
import bunyan from 'bunyan';

const log = bunyan.createLogger({
  name: process.env.WEB_NAME ?? 'web',
  serializers: bunyan.stdSerializers,
  region: 'eu-1',
});

function price(text) {
  if (!/^\d+$/.test(text)) {
    throw new RangeError(`no amount: ${text}`); // The place of the failure.
  }
  return Number(text);
}

const server = createServer((req, res) => {
  const { pathname, searchParams } = new URL(req.url, 'http://localhost');
  const ofRequest = log.child({ req_id: req.headers['x-request-id'], component: 'cart' });
  ofRequest.info({ req }, 'request');
  try {
    ofRequest.debug('not written at this level');
    ofRequest.warn({ amount: price(searchParams.get('amount') ?? ''), items: ['a', 'b'] }, 'cart is large');
  } catch (err) {
    res.statusCode = 500;
    ofRequest.error({ err, route: pathname }, 'checkout failed');
  }
  res.end();
  ofRequest.info({ res }, 'answered');
});

server.listen(0, '127.0.0.1', () => log.info({ port: server.address().port }, 'listening'));
process.on('SIGTERM', () => server.close(() => log.info('stopped')));
