// Where software graphics drivers may be on this machine: Mesa lavapipe, and the SwiftShader that comes with Chrome or
// Chromium. Only looks at files; whether a driver works is found out by asking Dawn (device.ts, or a child process in
// scripts/adapter). Real GPUs need no search: the Vulkan loader, Metal and D3D12 know them.

import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** A Vulkan driver that is chosen by its manifest file (an "ICD" in Vulkan's words). */
export interface SoftwareDriver {
  readonly kind: 'lavapipe' | 'swiftshader';
  /** Path of the .json manifest that names the driver's library. */
  readonly manifest: string;
}

/** What the search may see of the machine; tests hand in another one. */
export interface Machine {
  readonly platform: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly exists: (path: string) => boolean;
  /** Names in a folder; empty where there is none. */
  readonly list: (folder: string) => readonly string[];
}

/** The machine we run on. */
export const thisMachine: Machine = {
  platform: process.platform,
  home: homedir(),
  env: process.env,
  exists: existsSync,
  list(folder) {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  },
};

/** Folders where distributions and Mesa put Vulkan manifests. */
const MANIFEST_FOLDERS = [
  '/usr/local/share/vulkan/icd.d',
  '/usr/share/vulkan/icd.d',
  '/etc/vulkan/icd.d',
  '/opt/homebrew/share/vulkan/icd.d',
];

/** Folders of installed Chromes and Chromiums on Linux. */
const LINUX_BROWSERS = [
  '/usr/lib/chromium',
  '/usr/lib/chromium-browser',
  '/usr/lib64/chromium',
  '/usr/lib64/chromium-browser',
  '/snap/chromium/current/usr/lib/chromium-browser',
  '/opt/google/chrome',
  '/opt/google/chrome-beta',
  '/opt/google/chrome-unstable',
  '/opt/chromium',
];

/**
 * Software drivers on this machine, the better ones first: lavapipe (5 to 10 times faster, and it has float16), then
 * SwiftShader.
 */
export function softwareDrivers(machine: Machine = thisMachine): readonly SoftwareDriver[] {
  const drivers: SoftwareDriver[] = [];
  for (const folder of MANIFEST_FOLDERS) {
    for (const name of machine.list(folder)) {
      // lvp_icd.json, or one per architecture: lvp_icd.x86_64.json. The 32-bit ones cannot load into Node.
      if (!/^lvp_icd.*\.json$/.test(name) || /i[36]86/.test(name)) continue;
      drivers.push({ kind: 'lavapipe', manifest: `${folder}/${name}` });
    }
  }
  for (const folder of browserFolders(machine)) {
    const manifest = pathsOf(machine).join(folder, 'vk_swiftshader_icd.json');
    if (machine.exists(manifest)) drivers.push({ kind: 'swiftshader', manifest });
  }
  return drivers;
}

/**
 * Folders in which a Chrome or Chromium may keep its executable and its graphics libraries, those that a user names by
 * `PUPPETEER_EXECUTABLE_PATH` or `CHROME_PATH` first, then puppeteer's own downloads, then installed ones.
 */
export function browserFolders(machine: Machine = thisMachine): readonly string[] {
  const { env, platform } = machine;
  const paths = pathsOf(machine);
  const named = [env['PUPPETEER_EXECUTABLE_PATH'], env['CHROME_PATH']];
  const folders = named.filter((file) => file !== undefined && file !== '').map((file) => paths.dirname(file!));
  const cache = env['PUPPETEER_CACHE_DIR'] ?? paths.join(machine.home, '.cache', 'puppeteer');
  for (const browser of ['chrome', 'chrome-headless-shell']) {
    const builds = [...machine.list(paths.join(cache, browser))].sort(byVersion).reverse();
    for (const build of builds) {
      for (const inner of machine.list(paths.join(cache, browser, build))) {
        folders.push(paths.join(cache, browser, build, inner));
      }
    }
  }
  if (platform === 'linux') folders.push(...LINUX_BROWSERS);
  if (platform === 'win32') folders.push(...windowsBrowsers(machine));
  return folders;
}

/** Chrome and Edge keep one folder per version beside their launcher. */
function windowsBrowsers(machine: Machine): readonly string[] {
  const { env } = machine;
  const folders: string[] = [];
  for (const root of [env['PROGRAMFILES'], env['PROGRAMFILES(X86)'], env['LOCALAPPDATA']]) {
    if (root === undefined) continue;
    for (const product of ['Google\\Chrome', 'Chromium', 'Microsoft\\Edge']) {
      const application = path.win32.join(root, product, 'Application');
      folders.push(application);
      for (const name of machine.list(application)) {
        if (/^\d+\./.test(name)) folders.push(path.win32.join(application, name));
      }
    }
  }
  return folders;
}

/** Names like `linux-131.0.6778.204` in the order of their numbers, not of their letters. */
function byVersion(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

function pathsOf({ platform }: Machine): path.PlatformPath {
  return platform === 'win32' ? path.win32 : path.posix;
}

/** The environment that makes the Vulkan loader see this one driver and no other. */
export function driverEnvironment(driver: SoftwareDriver): Record<string, string> {
  // The second is the newer loaders' name for the first; a user's setting of either must not win over ours.
  return { VK_ICD_FILENAMES: driver.manifest, VK_DRIVER_FILES: driver.manifest };
}

/** What kind of adapter answered, by what it says of itself. */
export type AdapterKind = 'gpu' | 'lavapipe' | 'swiftshader' | 'software' | 'null';

/** Sorts an adapter by its own description; `gpu` is everything that is no known software renderer. */
export function adapterKind(info: GPUAdapterInfo): AdapterKind {
  const text = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`;
  if (/swiftshader/i.test(text)) return 'swiftshader';
  if (/llvmpipe|lavapipe/i.test(text)) return 'lavapipe';
  if (/null backend/i.test(text)) return 'null';
  if (/\bwarp\b|basic render|software/i.test(text)) return 'software';
  return info.isFallbackAdapter === true ? 'software' : 'gpu';
}

/** One plain sentence: which adapter was taken. */
export function adapterSentence(info: GPUAdapterInfo): string {
  const kind = adapterKind(info);
  const name = info.description || info.device || `${info.vendor} ${info.architecture}`.trim();
  if (kind === 'gpu') return `Using the GPU: ${name || 'unnamed'}.`;
  const what = { lavapipe: 'Mesa lavapipe', swiftshader: 'SwiftShader', software: 'a software adapter' };
  const called = kind === 'null' ? "Dawn's null backend" : what[kind];
  return `No GPU found: using ${called} on the CPU (${name}).`;
}
