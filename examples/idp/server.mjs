// An identity provider for the demo and the tests. NOT for production: users and
// passwords stand in a JSON file, and all state is lost with the process.
//
//   node server.mjs CONFIG.json
//
// Prints `listening URL` once it serves. It listens on 127.0.0.1 alone.
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { readConfig } from './config.mjs';
import { loginPage } from './pages.mjs';
import { createProvider } from './provider.mjs';

const HOST = '127.0.0.1';
const MAX_FORM_BYTES = 8192;

const digest = (value) => createHash('sha256').update(value).digest();
const same = (a, b) => timingSafeEqual(digest(a), digest(b));

async function readForm(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > MAX_FORM_BYTES) throw new Error('form too large');
    parts.push(part);
  }
  return new URLSearchParams(Buffer.concat(parts).toString('utf8'));
}

function send(response, status, html) {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
  });
  response.end(html);
}

/** Answers `/interaction/UID`, `/interaction/UID/login` and `/interaction/UID/cancel`. */
async function interaction(provider, config, request, response, action) {
  // Throws unless the browser holds the cookie of this very interaction.
  const { uid, params } = await provider.interactionDetails(request, response);
  if (action === 'cancel') {
    return provider.interactionFinished(request, response, {
      error: 'access_denied',
      error_description: 'the user cancelled the login',
    });
  }
  if (action !== 'login' || request.method !== 'POST') {
    return send(response, 200, loginPage({ uid, login: params.login_hint }));
  }
  const form = await readForm(request);
  const login = form.get('login') ?? '';
  const user = config.users.find((candidate) => candidate.email === login.toLowerCase());
  if (!user || !same(user.password, form.get('password') ?? '')) {
    return send(response, 401, loginPage({ uid, login, wrong: true }));
  }
  return provider.interactionFinished(request, response, { login: { accountId: user.sub } }, { mergeWithLastSubmission: false });
}

function handler(provider, config) {
  const callback = provider.callback();
  return (request, response) => {
    const match = /^\/interaction\/[^/?]+(?:\/(login|cancel))?$/.exec(request.url.split('?')[0]);
    if (!match) return callback(request, response);
    return interaction(provider, config, request, response, match[1]).catch((error) => {
      console.error('interaction:', error.message);
      if (response.headersSent) return response.destroy();
      return send(response, 400, '<!doctype html><title>Error</title><p>This login has expired or was started in another browser.</p>\n');
    });
  };
}

function fail(message) {
  console.error(`idp: ${message}`);
  process.exit(1);
}

const path = process.argv[2];
if (!path) fail('usage: node server.mjs CONFIG.json');
let config;
try {
  config = readConfig(path);
} catch (error) {
  fail(`${path}: ${error.message}`);
}

const server = createServer();
server.on('error', (error) => fail(`${HOST}:${config.port}: ${error.message}`));
server.listen(config.port, HOST, () => {
  const issuer = `http://${HOST}:${server.address().port}`;
  server.on('request', handler(createProvider(issuer, config), config));
  console.log(`listening ${issuer}`);
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
}
