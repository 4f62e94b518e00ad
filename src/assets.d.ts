// Shaders are real .wgsl files. An import gives a function that loads the text when it is needed: a chunk of its own in
// bundles (scripts/shaders.mjs), the same in vitest.
declare module '*.wgsl' {
  const code: () => Promise<string>;
  export default code;
}
// Weights that travel inside the package: the bytes of the file.
declare module '*.safetensors' {
  const bytes: Uint8Array;
  export default bytes;
}
