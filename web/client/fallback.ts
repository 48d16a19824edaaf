/**
 * Runs before everything else and comes from the container: a file of the assets bucket that does not arrive is
 * asked for once more, from the container.
 */

import { paths } from '../../contract/http.ts';

addEventListener(
  'error',
  ({ target }) => {
    if (target instanceof HTMLScriptElement) retry(target, 'src');
    if (target instanceof HTMLLinkElement) retry(target, 'href');
  },
  // Errors of elements do not bubble; they are seen on the way down.
  true,
);

function retry(element: HTMLElement, attribute: 'src' | 'href'): void {
  const address = element.getAttribute(attribute);
  if (!address?.startsWith(paths.assets)) return;
  const again = document.createElement(element.tagName);
  for (const { name, value } of element.attributes) again.setAttribute(name, value);
  again.setAttribute(attribute, paths.fallbackAssets + address.slice(paths.assets.length));
  element.replaceWith(again);
}
