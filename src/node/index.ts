// The Node entry: everything of the public face, with Dawn as the GPU and sharp for pictures. Importing it fills in
// the host's services, so that paths, JPEG and a device work as they do in a browser.

import { installHost } from './host.ts';

installHost();

export * from '../index.ts';
// Node's own takes the place of the browser's.
export { requestDevice, type NodeDeviceRequest } from './device.ts';
export { readImageFile, writeImageFile, type WritableImage, type WriteOptions } from './images.ts';
