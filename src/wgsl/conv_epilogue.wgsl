// What 3x3 convolutions of stride 1 share, for the shaders that stand in front of it: conv3x3.wgsl,
// conv_patch.wgsl and winograd_output.wgsl. A block of 2 x 4 pixels x 4 channels, whose sums one thread holds, becomes
//   y (+)= factor * sums + bias, then max(., 0), then gated by an activation or by gate words (see gate.wgsl)
// or the 2x2 pooling of that, and the block's gate word. Accumulation reads y before the ReLU, after the bias.
// Stands in front of gate_word.wgsl, and of what says how x and y are stored (stored_f32.wgsl).
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
  firstRow: u32, tiles: u32,     // a band of winograd_output.wgsl
}

@group(0) @binding(1) var<storage, read> weights: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> gate: array<vec4u>;
@group(0) @binding(4) var<storage, read> unpoolWords: array<u32>;
@group(0) @binding(5) var<storage, read_write> y: array<Y>;
@group(0) @binding(6) var<storage, read_write> words: array<u32>;
@group(0) @binding(7) var<uniform> params: Params;

fn pack(bits: vec4<bool>) -> u32 { return dot(vec4u(bits), vec4u(1u, 2u, 4u, 8u)); }

fn isInside(at: vec2u) -> bool { return at.x < params.oh && at.y < params.ow; }

// The value to store at pixel `at`, from the sum of products; 0 outside the image.
fn finish(at: vec2u, block: u32, word: u32, sum: vec4f) -> vec4f {
  if (!isInside(at)) { return vec4f(); }
  let i = (at.x * params.ow + at.y) * ((params.co + 3u) / 4u) + block;
  var v = sum;
  if (params.hasBias != 0u) { v += bias[block]; }
  if (params.accumulate != 0u) { v += fromY(y[i]); }
  if (params.relu != 0u) { v = max(v, vec4f(0.0)); }
  if (params.gateKind == 1u) { v = select(vec4f(0.0), v, bitcast<vec4f>(gate[i]) > vec4f(0.0)); }
  if (params.gateKind == 2u) { v = select(vec4f(0.0), v, gateBits(word, at.x, at.y)); }
  return v;
}

// Pools the 2x2 pixels from `at`, in scan order, and returns their bits: of the first maximum, or of all positive ones.
fn putPooled(at: vec2u, block: u32, a: vec4f, b: vec4f, c: vec4f, d: vec4f) -> vec4u {
  if (!isInside(at + 1u)) { return vec4u(); } // an odd last row or column is not pooled
  let i = (at.x / 2u * (params.ow / 2u) + at.y / 2u) * ((params.co + 3u) / 4u) + block;
  if (params.pool == 2u) {
    y[i] = toY(0.25 * ((a + b) + (c + d))); // in the order of pool.wgsl
    return vec4u(pack(a > vec4f()), pack(b > vec4f()), pack(c > vec4f()), pack(d > vec4f()));
  }
  let most = max(max(a, b), max(c, d));
  y[i] = toY(most);
  var free = most > vec4f();
  let isA = free & (a == most); free = free & !isA;
  let isB = free & (b == most); free = free & !isB;
  let isC = free & (c == most); free = free & !isC;
  return vec4u(pack(isA), pack(isB), pack(isC), pack(free & (d == most)));
}

// Finishes and stores a block of 2 x 4 pixels from `at`, the upper four first, and its gate word. The loops turn the eight
// through one place, because code that is there once compiles several times as fast as code that is there eight times.
fn storeBlock(
  at: vec2u, block: u32, factor: f32,
  s0: vec4f, s1: vec4f, s2: vec4f, s3: vec4f, s4: vec4f, s5: vec4f, s6: vec4f, s7: vec4f,
) {
  let co4 = (params.co + 3u) / 4u;
  if (!isInside(at) || block >= co4) { return; }
  let wordAt = gateWordAt(at.x, at.y, params.ow, co4, block);
  var gates = 0u;
  if (params.gateKind == 2u) { gates = gate[wordAt / 4u][wordAt % 4u]; }
  var a = s0; var b = s1; var c = s2; var d = s3; var e = s4; var f = s5; var g = s6; var h = s7;
  var word = 0u;
  let count = 4u * min(params.oh - at.x, 2u); // known at run time only, so that nobody unrolls it
  for (var k = 0u; k < count; k++) {
    let pixel = at + vec2u(k / 4u, k % 4u);
    let v = finish(pixel, block, gates, factor * a);
    if (params.pool == 0u && isInside(pixel)) {
      y[(pixel.x * params.ow + pixel.y) * co4 + block] = toY(v);
      word |= pack(v > vec4f()) << (4u * k);
    }
    a = b; b = c; c = d; d = e; e = f; f = g; g = h; h = v;
  }
  if (params.pool != 0u) {
    for (var k = 0u; k < 2u; k++) {
      let bits = putPooled(at + vec2u(0u, 2u * k), block, a, b, e, f);
      word |= (bits.x | (bits.y << 4u) | (bits.z << 16u) | (bits.w << 20u)) << (8u * k);
      a = c; b = d; e = g; f = h;
    }
  }
  if (params.writesWords != 0u) { words[wordAt] = word; }
}
