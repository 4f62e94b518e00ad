import { expect, test } from 'vitest';
import { adapterKind, adapterSentence, softwareDrivers, type Machine } from '../../src/node/adapters.ts';

/** A machine that has just these files. */
function machine(platform: string, files: readonly string[], env: Record<string, string> = {}): Machine {
  const separator = platform === 'win32' ? '\\' : '/';
  return {
    platform,
    home: '/home/me',
    env,
    exists: (path) => files.includes(path),
    list: (folder) => {
      const inside = files.filter((file) => file.startsWith(folder + separator));
      return [...new Set(inside.map((file) => file.slice(folder.length + 1).split(separator)[0]!))];
    },
  };
}

function info(fields: Partial<Record<'vendor' | 'architecture' | 'device' | 'description', string>>): GPUAdapterInfo {
  const nothing = { vendor: '', architecture: '', device: '', description: '', isFallbackAdapter: false };
  return { ...nothing, ...fields } as GPUAdapterInfo;
}

test('lavapipe comes before SwiftShader, and 32-bit drivers are left out', () => {
  const drivers = softwareDrivers(
    machine('linux', [
      '/usr/lib/chromium/vk_swiftshader_icd.json',
      '/usr/share/vulkan/icd.d/intel_icd.x86_64.json',
      '/usr/share/vulkan/icd.d/lvp_icd.i686.json',
      '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json',
    ]),
  );
  expect(drivers).toEqual([
    { kind: 'lavapipe', manifest: '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json' },
    { kind: 'swiftshader', manifest: '/usr/lib/chromium/vk_swiftshader_icd.json' },
  ]);
});

test("puppeteer's own Chromes are found, the newest first, wherever its cache is", () => {
  const cached = (build: string): string => `/cache/chrome/${build}/chrome-linux64/vk_swiftshader_icd.json`;
  const files = [cached('linux-99.0.1'), cached('linux-148.0.7778.97'), cached('linux-148.0.7778.100')];
  const drivers = softwareDrivers(machine('linux', files, { PUPPETEER_CACHE_DIR: '/cache' }));
  expect(drivers.map(({ manifest }) => manifest)).toEqual([
    cached('linux-148.0.7778.100'),
    cached('linux-148.0.7778.97'),
    cached('linux-99.0.1'),
  ]);
});

test("Chrome's version folder is looked into on Windows", () => {
  const manifest = 'C:\\Program Files\\Google\\Chrome\\Application\\131.0.1\\vk_swiftshader_icd.json';
  const windows = machine('win32', [manifest], { PROGRAMFILES: 'C:\\Program Files' });
  expect(softwareDrivers(windows)).toEqual([{ kind: 'swiftshader', manifest }]);
});

test('a machine with nothing has no drivers', () => {
  expect(softwareDrivers(machine('linux', []))).toEqual([]);
});

test('adapters are told apart by what they say of themselves', () => {
  const lavapipe = info({ vendor: 'mesa', architecture: 'software', description: 'llvmpipe: Mesa 25.0.7' });
  expect(adapterKind(lavapipe)).toBe('lavapipe');
  expect(adapterKind(info({ vendor: 'google', architecture: 'swiftshader' }))).toBe('swiftshader');
  expect(adapterKind(info({ description: 'Microsoft Basic Render Driver' }))).toBe('software');
  expect(adapterKind(info({ description: 'Null backend' }))).toBe('null');
  expect(adapterKind(info({ vendor: 'nvidia', architecture: 'hopper', description: 'NVIDIA H200' }))).toBe('gpu');
  expect(adapterSentence(lavapipe)).toBe('No GPU found: using Mesa lavapipe on the CPU (llvmpipe: Mesa 25.0.7).');
  expect(adapterSentence(info({ vendor: 'apple', architecture: 'metal-3' }))).toBe('Using the GPU: apple metal-3.');
});
