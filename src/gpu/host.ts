// The few things that a page and Node do differently, behind one seam. In browsers every field stays empty and the
// standard objects are used; the Node entry fills the fields in when it is imported. Nothing else in src may ask
// which platform it runs on.

/** What to ask of the adapter, beyond the limits that are raised anyway. */
export interface DeviceRequest {
  readonly label?: string;
  readonly powerPreference?: GPUPowerPreference;
  readonly requiredFeatures?: readonly GPUFeatureName[];
  readonly requiredLimits?: Readonly<Record<string, number>>;
}

/** Pixels as a decoder gives them: interleaved RGBA, 8-bit or floats in [0, 1], sRGB-encoded. */
export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray | Float32Array;
}

/** An open file that is read in pieces. `read` gives fewer bytes than asked for only at the end of the file. */
export interface RandomAccessFile {
  readonly size: number;
  readonly read: (offset: number, length: number) => Promise<Uint8Array>;
  readonly close: () => Promise<void>;
}

/** Small texts that outlive the process. */
export interface TextStorage {
  read(key: string): string | undefined;
  write(key: string, text: string): void;
}

/** How far the download of a network is. */
export interface DownloadProgress {
  /** The name of a known network, else the address. */
  readonly name: string;
  /** Bytes that are here, those of an earlier attempt included. */
  readonly received: number;
  /** Bytes that will be needed in all, once that is known; seldom the whole file. */
  readonly needed: number | undefined;
  /** Size of the whole file, where the server tells. */
  readonly size: number | undefined;
}

/** How to fetch a known network. */
export interface NetworkOptions {
  /** The deepest layer wanted. */
  readonly upTo: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onDownload: ((progress: DownloadProgress) => void) | undefined;
  readonly onWarning: (message: string) => void;
}

/** Gives the bytes of a weights file. */
export type FetchNetwork = (options: NetworkOptions) => Promise<Uint8Array>;

/** Platform services that a browser has by itself and Node has to bring. */
export interface Host {
  /** Requests an adapter and a device where `navigator.gpu` is absent. */
  requestDevice?: (request?: DeviceRequest) => Promise<GPUDevice>;
  /** Makes the names of WebGPU (`GPUBufferUsage`, …) known where the platform lacks them. */
  loadNames?: () => Promise<void>;
  /** Keeps small texts where `localStorage` is absent. */
  storage?: TextStorage;
  /** True where `fetch` can give a redirect instead of following it: pages are not shown where they are sent. */
  seesRedirects?: boolean;
  /** The only servers that may be asked: see `allowHosts`. */
  allowedHosts?: readonly string[] | undefined;
  /** True where a path may name another server: `\\server\share` on Windows. */
  hasServerPaths?: boolean;
  /** Reads a file by its path. */
  readFile?: (path: string) => Promise<Uint8Array<ArrayBuffer>>;
  /** Opens a file by its path, to read pieces of it. */
  openFile?: (path: string) => Promise<RandomAccessFile>;
  /**
   * How to come by the weights file of a known network ('vgg19'): from the file cache, downloaded if need be;
   * undefined for other words.
   */
  findNetwork?: (name: string) => Promise<FetchNetwork | undefined>;
  /** Decodes JPEG, WebP, AVIF, TIFF, … to sRGB pixels, orientation applied. `where` names the input in errors. */
  decodeImage?: (bytes: Uint8Array, where: string) => Promise<DecodedImage>;
}

/** The services of the platform at hand. */
export const host: Host = {};
