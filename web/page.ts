/** The page: a shell without anything personal, which the client's script fills. */

import { paths } from '../contract/http.ts';
import type { ClientFiles } from '../runtime/client-files.ts';

/**
 * HTML of the page. Files come from the assets bucket; the small first script comes from the container and asks
 * the container for every file that the bucket fails to give. There is no inline script: a content security
 * policy of `'self'` is enough.
 */
export function renderPage(client: ClientFiles): string {
  const script = paths.assets + client.hashed('app.js');
  const style = paths.assets + client.hashed('app.css');
  const fallback = paths.fallbackAssets + client.hashed('fallback.js');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="Drop a photograph and see what is in it.">
<title>Meridian</title>
<link rel="icon" href="data:,">
<script src="${fallback}"></script>
<link rel="stylesheet" href="${style}">
<script type="module" src="${script}"></script>
</head>
<body>
<header>
<h1>Meridian</h1>
<p id="served" role="status">Connecting…</p>
</header>
<main>
<form id="drop">
<label for="files">
<strong>Drop photographs here</strong>
<span>or choose them: JPEG or PNG, up to 10 MB each</span>
</label>
<input id="files" type="file" accept="image/jpeg,image/png" multiple>
</form>
<p id="notice" role="alert"></p>
<section aria-labelledby="recent">
<h2 id="recent">Recent pictures</h2>
<ol id="pictures" aria-live="polite"></ol>
<button id="more" type="button" hidden>Show older pictures</button>
</section>
<noscript>This page needs JavaScript to upload pictures and to show what is in them.</noscript>
</main>
</body>
</html>
`;
}
