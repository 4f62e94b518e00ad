// The worker's device, and another one when it is lost.

import { requestDevice } from 'wgpu-style';

/** Waits before asking again, in milliseconds: a browser whose GPU process has crashed has no adapter for a moment. */
const WAITS = [0, 500, 1500, 3000];

/** Holds one device at a time. Nothing here ever destroys a device on purpose, so every loss is one to recover from. */
export class Gpu {
  #device: Promise<GPUDevice> | undefined;
  #isLost = false;
  readonly #onLost: () => void;

  constructor(onLost: () => void) {
    this.#onLost = onLost;
  }

  /** The device at hand. Throws `no-webgpu` and `no-adapter` as `requestDevice` does, after some attempts. */
  device(): Promise<GPUDevice> {
    this.#device ??= this.#request();
    return this.#device;
  }

  /** Whether an error was the end of its device: the loss is told a moment later than the work that failed of it. */
  async wasLost(device: GPUDevice): Promise<boolean> {
    const aMoment = new Promise((resolve) => setTimeout(resolve, 500, undefined));
    return (await Promise.race([device.lost, aMoment])) !== undefined;
  }

  async #request(): Promise<GPUDevice> {
    // A first device is there or it is not; only after a loss is it worth waiting.
    const waits = this.#isLost ? WAITS : [0];
    let failure: unknown;
    for (const wait of waits) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      try {
        const device = await requestDevice();
        void device.lost.then(() => {
          this.#isLost = true;
          this.#device = undefined;
          this.#onLost();
        });
        return device;
      } catch (error) {
        failure = error;
      }
    }
    this.#device = undefined;
    throw failure;
  }
}
