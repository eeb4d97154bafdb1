// The OpenID provider: code flow with PKCE for everybody, claims in the id token
// and in userinfo, consent granted without asking.
import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { Provider } from 'oidc-provider';
import { errorPage, loggedOutPage, logoutPage } from './pages.mjs';

function signingKey() {
  // By way of PEM: in Node 20 a key that is exported as a JWK while the garbage collector
  // ends the job that made it, which holds the same lock, hangs for ever. Once in some
  // hundred starts it does.
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { ...createPrivateKey(privateKey).export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: randomBytes(8).toString('hex') };
}

function account(user) {
  return {
    accountId: user.sub,
    claims: async () => ({
      ...user.claims,
      sub: user.sub,
      email: user.email,
      email_verified: user.email_verified,
      name: user.name,
      groups: user.groups,
    }),
  };
}

// Whoever signed in here has agreed: every scope that the client may ask for is granted.
async function grantAll(ctx) {
  const { provider, session, client, params } = ctx.oidc;
  const known = session.grantIdFor(client.clientId);
  const grant = (known && (await provider.Grant.find(known)))
    || new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope(params.scope);
  await grant.save();
  return grant;
}

/** Builds the provider for an issuer URL whose port is known. */
export function createProvider(issuer, config) {
  const users = new Map(config.users.map((user) => [user.sub, user]));
  const extra = [...new Set(config.users.flatMap((user) => Object.keys(user.claims)))];
  const provider = new Provider(issuer, {
    clients: config.clients.map((client) => ({
      ...client,
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    })),
    jwks: { keys: [signingKey()] },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    scopes: ['openid', 'email', 'profile', 'groups', 'offline_access'],
    // Groups belong to `profile` as well: the usual default scopes carry no `groups`.
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'groups', ...extra],
      groups: ['groups'],
    },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    loadExistingGrant: grantAll,
    findAccount: async (_ctx, sub) => (users.has(sub) ? account(users.get(sub)) : undefined),
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    ttl: { AccessToken: config.accessTokenSeconds, IdToken: config.idTokenSeconds, Session: 86400, Grant: 86400, Interaction: 600, RefreshToken: 86400 },
    // Clients of this provider are on this machine, where the library would not call them.
    fetch: (url, { dispatcher: _, ...options }) => globalThis.fetch(url, options),
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      // Clients with a `backchannel_logout_uri` hear of the end of a session.
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: async (ctx, form) => { ctx.body = logoutPage(form); },
        postLogoutSuccessSource: async (ctx) => { ctx.body = loggedOutPage(); },
      },
    },
    renderError: async (ctx, out) => {
      ctx.type = 'html';
      ctx.body = errorPage(out);
    },
  });
  provider.on('backchannel.error', (_ctx, error) => console.error('back-channel logout:', error.cause ?? error));
  provider.on('server_error', (_ctx, error) => console.error('provider error:', error));
  return provider;
}
