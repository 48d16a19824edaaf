/** A real browser, where this machine has one. */

import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Program of the browser, or undefined when none is installed. */
export const browserProgram = [process.env['CHROME_PATH'] ?? '', ...places].find(
  (path) => path && existsSync(path),
);

export function startBrowser(): Promise<Browser> {
  // Chromium's sandbox does not run as root.
  return chromium.launch({
    executablePath: browserProgram!,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
}
