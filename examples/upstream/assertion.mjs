// Verifies the `x-pomerium-jwt-assertion` header the way an application should:
// signature against the gateway's JWKS, then issuer, audience and times.
import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import { get as httpsGet } from 'node:https';

const MAX_JWKS_BYTES = 65536;
const CACHE_MS = 60_000;
const LEEWAY_SECONDS = 60;

// `*.localhost` does not resolve through every system resolver; it is always this machine.
function lookup(_host, options, done) {
  return options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);
}

function download(url, ca) {
  return new Promise((resolve, reject) => {
    const get = url.protocol === 'https:' ? httpsGet : httpGet;
    const options = { ca, timeout: 5000, ...(url.hostname.endsWith('.localhost') ? { lookup } : {}) };
    const request = get(url, options, (response) => {
      const parts = [];
      let size = 0;
      response.on('data', (part) => {
        size += part.length;
        if (size > MAX_JWKS_BYTES) request.destroy(new Error('JWKS too large'));
        else parts.push(part);
      });
      response.on('end', () => (response.statusCode === 200
        ? resolve(Buffer.concat(parts).toString('utf8'))
        : reject(new Error(`JWKS answered ${response.statusCode}`))));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('JWKS timed out')));
    request.on('error', reject);
  });
}

const decode = (part) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));

/** Makes a verifier for one JWKS URL and the host names this application serves. */
export function createVerifier({ jwksUrl, caFile, audiences }) {
  const url = new URL(jwksUrl);
  let cached = { at: 0, keys: [] };

  async function keyFor(kid) {
    const find = () => cached.keys.find((key) => key.kid === kid);
    if (!find() || Date.now() - cached.at > CACHE_MS) {
      const text = await download(url, caFile ? readFileSync(caFile) : undefined);
      cached = { at: Date.now(), keys: JSON.parse(text).keys ?? [] };
    }
    const jwk = find();
    if (!jwk) throw new Error(`no key \`${kid}\` in the JWKS`);
    return createPublicKey({ key: jwk, format: 'jwk' });
  }

  async function check(token) {
    const parts = token.split('.');
    if (parts.length !== 3) throw new Error('not a JWT');
    const header = decode(parts[0]);
    // The algorithm is ours to choose, never the token's.
    if (header.alg !== 'ES256') throw new Error(`unexpected algorithm \`${header.alg}\``);
    const signed = Buffer.from(`${parts[0]}.${parts[1]}`);
    const signature = Buffer.from(parts[2], 'base64url');
    const key = await keyFor(header.kid);
    if (!verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)) throw new Error('wrong signature');
    const claims = decode(parts[1]);
    const now = Date.now() / 1000;
    if (!(claims.exp > now - LEEWAY_SECONDS)) throw new Error('expired');
    if (!(claims.iat < now + LEEWAY_SECONDS)) throw new Error('issued in the future');
    if (!audiences.includes(claims.aud)) throw new Error(`unexpected audience \`${claims.aud}\``);
    if (claims.iss !== claims.aud) throw new Error(`unexpected issuer \`${claims.iss}\``);
    return claims;
  }

  return async (token) => {
    if (!token) return { verified: false, error: 'no assertion' };
    try {
      return { verified: true, claims: await check(token) };
    } catch (error) {
      return { verified: false, error: error.message };
    }
  };
}
