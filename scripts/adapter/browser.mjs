// Finding Chrome or Chromium for the browser tests, and installing one. Nothing else needs a browser.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { aptMachine, install } from './apt.mjs';
import { loadSearch, root } from './dist.mjs';

const ON_PATH = ['google-chrome-stable', 'google-chrome', 'chromium', 'chromium-browser'];
const IN_FOLDER = {
  linux: ['chrome', 'chromium', 'chromium-browser', 'google-chrome'],
  darwin: ['Google Chrome for Testing.app/Contents/MacOS/Google Chrome for Testing'],
  win32: ['chrome.exe', 'msedge.exe'],
};
const MAC_APPLICATIONS = ['Google Chrome', 'Chromium', 'Microsoft Edge'];
const DOWNLOAD_TIMEOUT = 5 * 60_000;

/** Path of a Chrome or Chromium that starts, or undefined. */
export async function findBrowser() {
  return (await candidates()).find((file) => existsSync(file) && starts(file));
}

/** A browser's path, installing one if need be; `{ reason }` when none can be had. */
export async function ensureBrowser(say) {
  const found = await findBrowser();
  if (found) return { executable: found };
  const machine = aptMachine();
  // Ubuntu's package is an empty one that asks for a snap, which containers cannot run.
  if (machine?.isRoot && machine.id !== 'ubuntu') {
    say('No Chrome or Chromium for the browser tests.');
    install(['chromium'], [], say);
  } else {
    say('No Chrome or Chromium for the browser tests: downloading one with puppeteer.');
    download(machine?.isRoot === true, say);
  }
  const executable = await findBrowser();
  if (executable) return { executable };
  return { reason: 'no Chrome or Chromium was found or could be installed (npx puppeteer browsers install chrome)' };
}

function download(canInstallLibraries, say) {
  const cli = path.join(root, 'node_modules', 'puppeteer', 'lib', 'cjs', 'puppeteer', 'node', 'cli.js');
  const args = ['browsers', 'install', 'chrome', ...(canInstallLibraries ? ['--install-deps'] : [])];
  const { status, stderr } = spawnSync(process.execPath, [cli, ...args], {
    cwd: root,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    encoding: 'utf8',
    timeout: DOWNLOAD_TIMEOUT,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const error = stderr?.split('\n').find((line) => line.startsWith('Error'));
  if (status !== 0) say(`The download failed. ${error ?? ''}`);
}

async function candidates() {
  const { browserFolders } = await loadSearch();
  const { PUPPETEER_EXECUTABLE_PATH, CHROME_PATH, PATH = '' } = process.env;
  const files = [PUPPETEER_EXECUTABLE_PATH, CHROME_PATH].filter(Boolean);
  for (const folder of PATH.split(path.delimiter)) files.push(...ON_PATH.map((name) => path.join(folder, name)));
  const names = IN_FOLDER[process.platform] ?? IN_FOLDER.linux;
  for (const folder of browserFolders()) files.push(...names.map((name) => path.join(folder, name)));
  if (process.platform === 'darwin') {
    files.push(...MAC_APPLICATIONS.map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`));
  }
  return files;
}

/** Ubuntu's chromium-browser exists but only says that it wants a snap. Windows' Chrome would open a window. */
function starts(file) {
  if (process.platform === 'win32') return true;
  const child = spawnSync(file, ['--version'], { encoding: 'utf8', timeout: 20_000, stdio: ['ignore', 'pipe', 'ignore'] });
  return child.status === 0 && /\d+\.\d+\.\d+/.test(child.stdout);
}
