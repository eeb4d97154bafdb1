// Reads and checks the provider's configuration, so that a mistake is one clear
// line at start and not a surprise in the middle of a login.
import { readFileSync } from 'node:fs';

const USER_KEYS = new Set(['sub', 'email', 'email_verified', 'name', 'groups', 'password', 'claims']);

function text(value, what) {
  if (typeof value !== 'string' || value === '') throw new Error(`${what} must be a non-empty string`);
  return value;
}

function list(value, what) {
  if (!Array.isArray(value)) throw new Error(`${what} must be a list`);
  return value;
}

function user(entry, at) {
  for (const key of Object.keys(entry)) {
    if (!USER_KEYS.has(key)) throw new Error(`${at}: unknown key \`${key}\``);
  }
  return {
    sub: text(entry.sub, `${at}.sub`),
    email: text(entry.email, `${at}.email`),
    email_verified: entry.email_verified ?? true,
    name: text(entry.name, `${at}.name`),
    groups: list(entry.groups ?? [], `${at}.groups`),
    password: text(entry.password, `${at}.password`),
    claims: entry.claims ?? {},
  };
}

function client(entry, at) {
  return {
    client_id: text(entry.client_id, `${at}.client_id`),
    client_secret: text(entry.client_secret, `${at}.client_secret`),
    redirect_uris: list(entry.redirect_uris, `${at}.redirect_uris`),
    post_logout_redirect_uris: list(entry.post_logout_redirect_uris ?? [], `${at}.post_logout_redirect_uris`),
    ...(entry.backchannel_logout_uri !== undefined && {
      backchannel_logout_uri: text(entry.backchannel_logout_uri, `${at}.backchannel_logout_uri`),
      backchannel_logout_session_required: true,
    }),
  };
}

/** Parses the configuration file; `port` 0 lets the system choose one. */
export function readConfig(path) {
  const raw = JSON.parse(readFileSync(path, 'utf8'));
  const port = raw.port ?? 0;
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Error('port must be 0 to 65535');
  const users = list(raw.users, 'users').map((entry, i) => user(entry, `users[${i}]`));
  for (const key of ['sub', 'email']) {
    if (new Set(users.map((u) => u[key])).size !== users.length) throw new Error(`two users share one \`${key}\``);
  }
  return {
    port,
    clients: list(raw.clients, 'clients').map((entry, i) => client(entry, `clients[${i}]`)),
    users,
    accessTokenSeconds: raw.access_token_seconds ?? 3600,
    idTokenSeconds: raw.id_token_seconds ?? 3600,
  };
}
