// What convolutions by runs of pixels share, for the shaders that stand in front of it: conv_run.wgsl,
// conv_run_subgroup8.wgsl and conv_general.wgsl.
//   y (+)= sums + bias, then max(., 0), then 0 where gate <= 0
// x [h, w, ci], weights [kh, kw, ci, co], bias [co], gate and y [oh, ow, co]; NHWC, channels padded to vec4s.
// Stands in front of what says how x and y are stored (stored_f32.wgsl).

struct Params {
  h: u32, w: u32, ci: u32,       // input [h, w, ci]
  oh: u32, ow: u32, co: u32,     // output [oh, ow, co]
  kh: u32, kw: u32,              // kernel
  padTop: i32, padLeft: i32,     // padding before the first row and column; may be negative
  mode: u32,                     // what lies outside: 0 zero, 1 replicate, 2 reflect, 3 wrap
  hasBias: u32, accumulate: u32, relu: u32, hasGate: u32, // epilogue: + bias, + y, max(., 0), 0 where gate <= 0
  strideY: i32, strideX: i32, dilationY: i32, dilationX: i32,
}

@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read> weights: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> gate: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<Y>;
@group(0) @binding(5) var<uniform> params: Params;

// Finishes and stores vec4s `block` and `block + 1` of a pixel.
fn store(line: u32, column: u32, block: u32, a: vec4f, b: vec4f) {
  if (column >= params.ow) { return; }
  let co4 = (params.co + 3u) / 4u;
  let at = (line * params.ow + column) * co4 + block;
  put(at, block, a);
  if (block + 1u < co4) { put(at + 1u, block + 1u, b); }
}

fn put(at: u32, block: u32, sum: vec4f) {
  var v = sum;
  if (params.hasBias != 0u) { v += bias[block]; }
  if (params.accumulate != 0u) { v += fromY(y[at]); }
  if (params.relu != 0u) { v = max(v, vec4f(0.0)); }
  if (params.hasGate != 0u) { v = select(vec4f(0.0), v, gate[at] > vec4f(0.0)); }
  y[at] = toY(v);
}
