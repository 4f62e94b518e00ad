// Runs once before all tests. `npm test` has named a browser, or the reason why there is none, in the environment;
// where vitest is run by itself, one is looked for here (but none is installed).

import { findBrowser } from '../scripts/adapter/browser.mjs';

/** Called by vitest before it starts the process that runs the tests. */
export async function setup(): Promise<void> {
  if (process.env['PUPPETEER_EXECUTABLE_PATH'] ?? process.env['WGPU_STYLE_NO_BROWSER']) return;
  const executable = await findBrowser();
  if (executable) process.env['PUPPETEER_EXECUTABLE_PATH'] = executable;
  else process.env['WGPU_STYLE_NO_BROWSER'] = 'no Chrome or Chromium; "npm run ensure-adapter -- --browser" gets one';
}
