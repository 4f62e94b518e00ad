// npm run ensure-adapter: finds or installs a graphics adapter and says which; exit status 1 when there is none.
// With --browser also a Chrome or Chromium, which only the browser tests need.

import { ensureBrowser } from './adapter/browser.mjs';
import { ensureAdapter } from './adapter/ensure.mjs';

const adapter = await ensureAdapter();
if (adapter && Object.keys(adapter.env).length > 0) {
  const settings = Object.entries(adapter.env).map(([name, value]) => `${name}=${value}`);
  console.log(`Environment for Dawn: ${settings.join(' ')}`);
}
if (process.argv.includes('--browser')) {
  const { executable, reason } = await ensureBrowser(console.log);
  console.log(executable ? `Browser: ${executable}` : `No browser: ${reason}`);
}
process.exit(adapter ? 0 : 1);
