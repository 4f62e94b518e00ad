// Weights with their channel axes swapped, and their taps rotated by 180 degrees if `flip`.
//   y[t, o, i] (+)= x[t', i, o],  t' = t, or taps - 1 - t if `flip`
// x [taps, ci, co], y [taps, co, ci]; rows of the last axis padded to vec4s.
// One thread: one tap, a block of 4 input channels x 4 output channels. Dispatch: linear over
// taps * ceil(ci / 4) * ceil(co / 4), 64 threads a group, folded into x and y.

struct Params {
  taps: u32,       // kh * kw
  ci: u32,         // third axis of x
  co: u32,         // last axis of x
  flip: u32,       // 1: rotate the taps
  accumulate: u32, // 1: add to y
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

fn put(at: u32, value: vec4f) {
  if (params.accumulate != 0u) { y[at] += value; } else { y[at] = value; }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let ci4 = (params.ci + 3u) / 4u;
  let co4 = (params.co + 3u) / 4u;
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.taps * ci4 * co4) { return; }
  let o = index % co4;
  let i = index / co4 % ci4;
  let tap = index / co4 / ci4;
  let source = (tap * params.ci + 4u * i) * co4 + o;
  let rows = params.ci - 4u * i; // 1, 2 or 3 in the last block: what is beyond becomes the padding of y
  var block = mat4x4f();
  block[0] = x[source];
  if (rows > 1u) { block[1] = x[source + co4]; }
  if (rows > 2u) { block[2] = x[source + 2u * co4]; }
  if (rows > 3u) { block[3] = x[source + 3u * co4]; }
  let turned = transpose(block);
  let toTap = select(tap, params.taps - 1u - tap, params.flip != 0u);
  let destination = (toTap * params.co + 4u * o) * ci4 + i;
  let columns = params.co - 4u * o;
  put(destination, turned[0]);
  if (columns > 1u) { put(destination + ci4, turned[1]); }
  if (columns > 2u) { put(destination + 2u * ci4, turned[2]); }
  if (columns > 3u) { put(destination + 3u * ci4, turned[3]); }
}
