// npm run soak: the long form of test/style/soak.test.ts. 20,000 iterations and 500 sessions on one device, with what is
// held and how long it took printed on the way.

process.env.WGPU_STYLE_SOAK = '1';
process.argv.push('test/style/soak.test.ts');
await import('./test.mjs');
