// A workaround by itself. The chunks of a stream die at once, but V8 lets 32 MB and more of such
// memory pass before it looks for dead ones: beside the 80 MB of weights that a stream may have to
// keep, that is too much. Asking for 33 MB makes it look at once. The memory asked for is never
// touched, so that the system never provides it; other engines lose nothing by it.
// Measured on Linux, 2026-11-27: a stream of 575 MB that has to keep 80 MB peaks at 95, 101, 110 MB
// in Node 20, 22, 24; without this at 124, 130, 180 MB (test/vgg/memory.test.ts).
// May go when Node and browsers fill a buffer of ours from any stream without making chunks.

/** So much makes V8 collect; above the 32 MiB up to which glibc may take it from touched memory. */
const enough = 33 * 2 ** 20;
/** Dead bytes that may lie around. */
const tolerated = 2 ** 20;

/** A function that is told how many bytes are dead since it was last called. */
export function collector(): (bytes: number) => void {
  let dead = 0;
  return (bytes) => {
    dead += bytes;
    if (dead < tolerated) return;
    dead = 0;
    try {
      new ArrayBuffer(enough);
    } catch {
      // There is not even room for that: the engine has looked by itself.
    }
  };
}
