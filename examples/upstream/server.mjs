// An application behind Portcullis: it shows what it received and whether the
// identity assertion is genuine. No dependencies.
//
//   node server.mjs --port PORT --jwks-url URL [--ca FILE] --audience HOST...
//
// HTML for browsers, JSON for `Accept: application/json`. Prints `listening URL`
// once it serves. It listens on 127.0.0.1 alone.
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { createVerifier } from './assertion.mjs';
import { renderPage } from './page.mjs';

const HOST = '127.0.0.1';
const MAX_BODY_BYTES = 1 << 20;

function fail(message) {
  console.error(`upstream: ${message}`);
  process.exit(1);
}

let options;
try {
  options = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      'jwks-url': { type: 'string' },
      ca: { type: 'string' },
      audience: { type: 'string', multiple: true, default: [] },
    },
  }).values;
  if (!options['jwks-url']) throw new Error('--jwks-url is needed');
} catch (error) {
  fail(error.message);
}

const verifier = createVerifier({ jwksUrl: options['jwks-url'], caFile: options.ca, audiences: options.audience });

// [name, value, name, value, …] as received → [[name, value], …]
function pairs(flat) {
  const out = [];
  for (let i = 0; i < flat.length; i += 2) out.push([flat[i], flat[i + 1]]);
  return out;
}

// { lower-case name: value }, repeated lines joined by a comma.
function grouped(flat) {
  const out = {};
  for (const [name, value] of pairs(flat)) {
    const key = name.toLowerCase();
    out[key] = key in out ? `${out[key]}, ${value}` : value;
  }
  return out;
}

async function drain(request) {
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > MAX_BODY_BYTES) throw new Error('body too large');
  }
  return size;
}

async function answer(request, response) {
  const bodyBytes = await drain(request);
  const seen = {
    method: request.method,
    path: request.url,
    headers: grouped(request.rawHeaders),
    trailers: grouped(request.rawTrailers),
    // Every line as it came, repeated names and letter case included.
    raw_headers: pairs(request.rawHeaders),
    raw_trailers: pairs(request.rawTrailers),
    body_bytes: bodyBytes,
    assertion: await verifier(request.headers['x-pomerium-jwt-assertion']),
  };
  const json = (request.headers.accept ?? '').includes('application/json');
  response.writeHead(200, {
    'content-type': json ? 'application/json' : 'text/html; charset=utf-8',
    'cache-control': 'no-store',
  });
  response.end(json ? `${JSON.stringify(seen, null, 2)}\n` : renderPage(seen));
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error('request:', error.message);
    if (response.headersSent) return response.destroy();
    response.writeHead(400, { 'content-type': 'text/plain' });
    return response.end('bad request\n');
  });
});
server.on('error', (error) => fail(`${HOST}:${options.port}: ${error.message}`));
server.listen(Number(options.port), HOST, () => console.log(`listening http://${HOST}:${server.address().port}`));

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
}
