// What 3x3 convolutions of stride 1 share, for the shaders that stand in front of it: conv3x3.wgsl,
// conv_patch.wgsl. A block of 2 x 4 pixels x 4 channels, whose sums one thread holds, becomes
//   y (+)= factor * sums + bias, then max(., 0), then gated by an activation or by gate words (see gate.wgsl)
// or the 2x2 pooling of that, and the block's gate word. Accumulation reads y before the ReLU, after the bias.
// bias [co], y [oh, ow, co] or pooled [oh / 2, ow / 2, co], gate y's shape or gate words of it, words y's gate words.

struct Params {
  h: u32, w: u32, ci: u32,       // input [h, w, ci]
  oh: u32, ow: u32, co: u32,     // output [oh, ow, co]
  kh: u32, kw: u32,              // 3, 3
  padTop: i32, padLeft: i32,     // padding before the first row and column; may be negative
  mode: u32,                     // what lies outside: 0 zero, 1 replicate, 2 reflect, 3 wrap
  hasBias: u32, accumulate: u32, relu: u32,               // epilogue: + bias, + y, max(., 0),
  gateKind: u32,                 // then 0 where 1: gate <= 0, 2: the bit of the gate word is 0
  strideY: i32, strideX: i32, dilationY: i32, dilationX: i32, // 1
  writesWords: u32,
  pool: u32,                     // store 1: the maximum, 2: the mean of 2x2 pixels, not the pixels
  unpool: u32,                   // x holds gradients of 1: maxima, 2: means of 2x2 pixels
}

@group(0) @binding(1) var<storage, read> weights: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> gate: array<vec4u>;
@group(0) @binding(4) var<storage, read> unpoolWords: array<u32>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> words: array<u32>;
@group(0) @binding(7) var<uniform> params: Params;

// Where index i of an axis of n elements really lies; -1 outside under zero padding.
fn source(i: i32, n: i32) -> i32 {
  if (i >= 0 && i < n) { return i; }
  switch params.mode {
    case 0u: { return -1; }
    case 1u: { return clamp(i, 0, n - 1); }
    case 2u: { return select(2 * (n - 1) - i, -i, i < 0); }
    default: { return ((i % n) + n) % n; }
  }
}

fn pack(bits: vec4<bool>) -> u32 { return dot(vec4u(bits), vec4u(1u, 2u, 4u, 8u)); }

fn isInside(at: vec2u) -> bool { return at.x < params.oh && at.y < params.ow; }

// The value to store at pixel `at`, from the sum of products; 0 outside the image.
fn finish(at: vec2u, block: u32, word: u32, sum: vec4f) -> vec4f {
  if (!isInside(at)) { return vec4f(); }
  let i = (at.x * params.ow + at.y) * ((params.co + 3u) / 4u) + block;
  var v = sum;
  if (params.hasBias != 0u) { v += bias[block]; }
  if (params.accumulate != 0u) { v += y[i]; }
  if (params.relu != 0u) { v = max(v, vec4f(0.0)); }
  if (params.gateKind == 1u) { v = select(vec4f(0.0), v, bitcast<vec4f>(gate[i]) > vec4f(0.0)); }
  if (params.gateKind == 2u) { v = select(vec4f(0.0), v, gateBits(word, at.x, at.y)); }
  return v;
}

fn put(at: vec2u, block: u32, v: vec4f) {
  if (isInside(at)) { y[(at.x * params.ow + at.y) * ((params.co + 3u) / 4u) + block] = v; }
}

// Pools the 2x2 pixels from `at`, in scan order, and returns their bits: of the first maximum, or of all positive ones.
fn putPooled(at: vec2u, block: u32, a: vec4f, b: vec4f, c: vec4f, d: vec4f) -> vec4u {
  if (!isInside(at + 1u)) { return vec4u(); } // an odd last row or column is not pooled
  let i = (at.x / 2u * (params.ow / 2u) + at.y / 2u) * ((params.co + 3u) / 4u) + block;
  if (params.pool == 2u) {
    y[i] = 0.25 * ((a + b) + (c + d)); // in the order of pool.wgsl
    return vec4u(pack(a > vec4f()), pack(b > vec4f()), pack(c > vec4f()), pack(d > vec4f()));
  }
  let most = max(max(a, b), max(c, d));
  y[i] = most;
  var free = most > vec4f();
  let isA = free & (a == most); free = free & !isA;
  let isB = free & (b == most); free = free & !isB;
  let isC = free & (c == most); free = free & !isC;
  return vec4u(pack(isA), pack(isB), pack(isC), pack(free & (d == most)));
}

// Finishes and stores a block of 2 x 4 pixels from `at`, and its gate word.
fn storeBlock(
  at: vec2u, block: u32, factor: f32,
  a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f, f: vec4f, g: vec4f, h: vec4f,
) {
  let co4 = (params.co + 3u) / 4u;
  if (!isInside(at) || block >= co4) { return; }
  let wordAt = gateWordAt(at.x, at.y, params.ow, co4, block);
  var word = 0u;
  if (params.gateKind == 2u) { word = gate[wordAt / 4u][wordAt % 4u]; }
  let below = at + vec2u(1u, 0u);
  let s00 = finish(at, block, word, factor * a); let s01 = finish(at + vec2u(0u, 1u), block, word, factor * b);
  let s02 = finish(at + vec2u(0u, 2u), block, word, factor * c); let s03 = finish(at + vec2u(0u, 3u), block, word, factor * d);
  let s10 = finish(below, block, word, factor * e); let s11 = finish(below + vec2u(0u, 1u), block, word, factor * f);
  let s12 = finish(below + vec2u(0u, 2u), block, word, factor * g); let s13 = finish(below + vec2u(0u, 3u), block, word, factor * h);
  var upper: vec4u; // four bits of each pixel
  var lower: vec4u;
  if (params.pool == 0u) {
    put(at, block, s00); put(at + vec2u(0u, 1u), block, s01);
    put(at + vec2u(0u, 2u), block, s02); put(at + vec2u(0u, 3u), block, s03);
    put(below, block, s10); put(below + vec2u(0u, 1u), block, s11);
    put(below + vec2u(0u, 2u), block, s12); put(below + vec2u(0u, 3u), block, s13);
    upper = vec4u(pack(s00 > vec4f()), pack(s01 > vec4f()), pack(s02 > vec4f()), pack(s03 > vec4f()));
    lower = vec4u(pack(s10 > vec4f()), pack(s11 > vec4f()), pack(s12 > vec4f()), pack(s13 > vec4f()));
  } else {
    let left = putPooled(at, block, s00, s01, s10, s11);
    let right = putPooled(at + vec2u(0u, 2u), block, s02, s03, s12, s13);
    upper = vec4u(left.xy, right.xy);
    lower = vec4u(left.zw, right.zw);
  }
  if (params.writesWords != 0u) {
    let shifts = vec4u(0u, 4u, 8u, 12u);
    words[wordAt] = dot(upper << shifts, vec4u(1u)) | (dot(lower << shifts, vec4u(1u)) << 16u);
  }
}
