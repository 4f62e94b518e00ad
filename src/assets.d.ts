// Shaders are real .wgsl files, imported as text by the bundler (and by vitest through the same rule).
declare module '*.wgsl' {
  const code: string;
  export default code;
}
// Weights that travel inside the package: the bytes of the file.
declare module '*.safetensors' {
  const bytes: Uint8Array;
  export default bytes;
}
