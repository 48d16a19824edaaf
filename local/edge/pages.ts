/** Pages of the edge's own: the choice of where one is, and the answers for what no origin answered. */

import type { Viewer } from '../routing.ts';
import { chooserPath, placeOf, viewerOf } from './viewer.ts';

/** Places on the chooser's page: at least one of every inhabited continent. */
const places = ['US', 'US-CA', 'CA', 'BR', 'GB', 'DE', 'FR', 'TR', 'NG', 'ZA', 'IN', 'JP', 'SG', 'AU'];

const countryNames = new Intl.DisplayNames('en', { type: 'region' });
const continentNames: Readonly<Record<string, string>> = {
  AF: 'Africa',
  AN: 'Antarctica',
  AS: 'Asia',
  EU: 'Europe',
  NA: 'North America',
  OC: 'Oceania',
  SA: 'South America',
};

/** A place for people, as `Germany` or `United States (CA)`. */
export function placeName({ country = '', state }: Viewer): string {
  return `${countryNames.of(country) ?? country}${state ? ` (${state})` : ''}`;
}

/**
 * The page on which a person says where they are.
 * @param current where they are now
 * @param regionFor region that would answer a viewer now, or a sentence why none would
 */
export function chooserPage(current: Viewer, regionFor: (viewer: Viewer) => string): string {
  const rows = places.map((place) => {
    const viewer = viewerOf(place)!;
    const here = placeOf(viewer) === placeOf(current);
    const name = escapeHtml(placeName(viewer));
    return `<tr${here ? ' class="here" aria-current="true"' : ''}><td><a href="${chooserPath}?country=${place}">${name}</a></td><td>${continentNames[viewer.continent ?? ''] ?? ''}</td><td>${escapeHtml(regionFor(viewer))}</td></tr>`;
  });
  return page(
    'Where are you?',
    `<p>You are in <strong>${escapeHtml(placeName(current))}</strong>. Choose another place and the site is shown as people there get it. Any country works: <code>${chooserPath}?country=IT</code>, and a state of the US as <code>US-NY</code>.</p>
<table><thead><tr><th>Place</th><th>Continent</th><th>Answered by, now</th></tr></thead><tbody>
${rows.join('\n')}
</tbody></table>
<p><a href="/">To the site</a></p>`,
  );
}

/** What CloudFront says when it has no answer of the origin ("Troubleshooting error responses from your origin"). */
export function errorPage(status: number, sentence: string): string {
  return page(`${status} ERROR`, `<p>The request could not be satisfied.</p><p>${escapeHtml(sentence)}</p>`);
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><title>${title}</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
.here { font-weight: bold; }
</style></head>
<body><h1>${title}</h1>
${body}
</body></html>
`;
}

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
