// What a browser sees: who the gateway says you are, and what it sent.
const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (value) => String(value).replace(/[&<>"']/g, (c) => ESCAPES[c]);

const STYLE = `
  :root { color-scheme: light dark; --ink: #1c2330; --paper: #eef1f6; --card: #fff; --line: #dfe4ec; --good: #1b6e3c; --wrong: #b3261e; }
  @media (prefers-color-scheme: dark) { :root { --ink: #e8ebf1; --paper: #12151c; --card: #1c212c; --line: #323a48; --good: #6fd39a; --wrong: #ff8a80; } }
  body { margin: 0; padding: 2rem 1rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
  main { max-width: 60rem; margin: auto; }
  section { margin-top: 1rem; padding: 1.25rem 1.5rem; background: var(--card); border: 1px solid var(--line); border-radius: 14px; overflow-x: auto; }
  h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.05rem; margin: 0 0 .6rem; }
  table { border-collapse: collapse; width: 100%; } th, td { padding: .35rem .6rem .35rem 0; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
  th { width: 16rem; font-weight: 600; overflow-wrap: anywhere; } td { font-family: ui-monospace, monospace; font-size: .9rem; overflow-wrap: anywhere; }
  @media (max-width: 40rem) { section { padding: 1rem; } th, td { display: block; width: auto; padding-right: 0; } td { padding-top: 0; border-top: 0; } }
  .good { color: var(--good); font-weight: 600; } .wrong { color: var(--wrong); font-weight: 600; }`;

const show = (value) => escape(typeof value === 'string' ? value : JSON.stringify(value));
const row = ([name, value]) => `<tr><th scope="row">${escape(name)}</th><td>${show(value)}</td></tr>`;
const table = (rows) => `<table><tbody>${rows.map(row).join('\n')}</tbody></table>`;

/** Renders what the application received. */
export function renderPage(seen) {
  const { assertion } = seen;
  const who = assertion.verified ? assertion.claims.email || 'nobody in particular (no login was asked for)' : 'unknown';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Behind Portcullis</title>
<style>${STYLE}</style>
</head>
<body><main>
<h1>You are behind Portcullis</h1>
<p>The application sees: <strong id="who">${escape(who)}</strong></p>
<section><h2>Assertion</h2>
<p class="${assertion.verified ? 'good' : 'wrong'}" id="verified">${assertion.verified ? 'verified against the gateway’s keys' : `not verified: ${escape(assertion.error)}`}</p>
${assertion.verified ? table(Object.entries(assertion.claims)) : ''}</section>
<section><h2>Request</h2>
${table([['method', seen.method], ['path', seen.path]])}</section>
<section><h2>Headers</h2>
${table(seen.raw_headers)}</section>
</main></body>
</html>
`;
}
