// Asks Dawn for a device and prints one line of JSON about it. Always run as a child process: a broken driver may
// crash or hang whoever loads it.

let answer;
try {
  const { create } = await import('webgpu');
  const gpu = create([]);
  globalThis.keepAlive = gpu;
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter) {
    const device = await adapter.requestDevice();
    const { vendor, architecture, device: name, description, isFallbackAdapter } = adapter.info;
    answer = { info: { vendor, architecture, device: name, description, isFallbackAdapter } };
    device.destroy();
  } else {
    answer = { reason: 'no adapter answered' };
  }
} catch (error) {
  const isMissing = error?.code === 'ERR_MODULE_NOT_FOUND' || error?.code === 'ERR_DLOPEN_FAILED';
  answer = { reason: String(error?.message ?? error).split('\n')[0], isMissing };
}
process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0));
