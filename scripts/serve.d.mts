/** Serves what `find` has for an address on this machine; 404 for undefined. */
export function serve(
  find: (address: string) => Uint8Array | string | undefined,
  options?: { readonly port?: number; readonly headers?: Readonly<Record<string, string>> },
): Promise<StaticServer>;

/** A server that listens. */
export interface StaticServer {
  /** `http://localhost:8080` */
  readonly origin: string;
  /** Ends it and its connections. */
  close(): Promise<void>;
}
