// The pages a person sees. They need no script and load nothing.

const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (value) => String(value).replace(/[&<>"']/g, (c) => ESCAPES[c]);

const STYLE = `
  :root { color-scheme: light dark; --ink: #1c2330; --paper: #eef1f6; --card: #fff; --line: #cfd6e2; --field: #7b8698; --accent: #2f5bd7; --wrong: #b3261e; }
  @media (prefers-color-scheme: dark) { :root { --ink: #e8ebf1; --paper: #12151c; --card: #1c212c; --line: #39414f; --field: #78839a; --accent: #7d9bff; --wrong: #ff8a80; } }
  * { box-sizing: border-box; }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
  main { width: min(24rem, 92vw); padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: 14px; }
  h1 { margin: 0 0 .25rem; font-size: 1.4rem; }
  p { margin: 0 0 1.25rem; opacity: .8; }
  p.wrong { opacity: 1; color: var(--wrong); font-weight: 600; }
  label { display: block; margin-bottom: 1rem; font-weight: 600; }
  input { display: block; width: 100%; font-weight: 400; margin-top: .3rem; padding: .6rem .7rem; font-family: inherit; font-size: inherit; color: inherit; background: transparent; border: 1px solid var(--field); border-radius: 8px; }
  input:focus-visible, button:focus-visible, a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
  button { width: 100%; padding: .7rem; font: inherit; font-weight: 600; color: #fff; background: #2f5bd7; border: 0; border-radius: 8px; cursor: pointer; }
  a { display: block; margin-top: 1rem; text-align: center; color: var(--accent); }`;

function page(title, body) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body><main>
${body}
</main></body>
</html>
`;
}

/** The login form; `wrong` says that the last attempt was refused. */
export function loginPage({ uid, login, wrong }) {
  const base = `/interaction/${encodeURIComponent(uid)}`;
  return page(wrong ? 'Wrong password – Sign in' : 'Sign in', `<h1>Sign in</h1>
<p>Example identity provider</p>
${wrong ? '<p class="wrong" role="alert" id="wrong">Wrong e-mail address or password.</p>' : ''}
<form method="post" action="${base}/login" autocomplete="on">
<label>E-mail address
<input type="email" name="login" value="${escape(login ?? '')}" required autocomplete="username"${login ? '' : ' autofocus'}></label>
<label>Password
<input type="password" name="password" required autocomplete="current-password"${wrong ? ' aria-invalid="true" aria-describedby="wrong"' : ''}${login ? ' autofocus' : ''}></label>
<button type="submit">Sign in</button>
</form>
<a href="${base}/cancel">Cancel</a>`);
}

/** The logout page sends itself; the button is for browsers without script. */
export function logoutPage(form) {
  return page('Sign out', `<h1>Signing out</h1>
${form}
<button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>
<script>
const form = document.getElementById('op.logoutForm');
form.appendChild(Object.assign(document.createElement('input'), { type: 'hidden', name: 'logout', value: 'yes' }));
form.submit();
</script>`);
}

/** Shown after a logout without a place to return to. */
export function loggedOutPage() {
  return page('Signed out', '<h1>Signed out</h1>\n<p>You have left the example identity provider.</p>');
}

/** An error that cannot be sent back to the client. */
export function errorPage(out) {
  return page('Error', `<h1>Something is wrong</h1>
<p class="wrong">${escape(out.error)}</p>
<p>${escape(out.error_description ?? '')}</p>`);
}
