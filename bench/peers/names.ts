// The peers by name, for those who must not load them.

/** npm packages that solve the problem, or a part of it, through WebGPU. */
export const PEER_PACKAGES = {
  tfjs: '@tensorflow/tfjs-backend-webgpu',
  jax: '@jax-js/jax',
  onnxruntime: 'onnxruntime-web',
} as const;

/** How a peer is called on the command line. */
export type PeerName = keyof typeof PEER_PACKAGES;
