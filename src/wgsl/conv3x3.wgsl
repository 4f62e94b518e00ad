// 3x3 convolution, stride 1, as a halo tile in workgroup memory: forward, and backward-data with rotated weights.
//   y[p, o] (+)= bias[o] + sum over the 9 taps t and channels i of x[p + t - pad, i] * weights[t, i, o]
// and, where asked for, the 2x2 pooling of y in its place, and the gate words of y (see gate.wgsl).
// x [h, w, ci] or, where it is unpooled on load, [h / 2, w / 2, ci] with gate words of [h, w, ci]; weights
// [3, 3, ci, co], bias [co], y [oh, ow, co] or [oh / 2, ow / 2, co], gate y's shape or gate words of it; NHWC, vec4s.
// Workgroup: 8x8 pixels x 4 * CO_VEC channels, 8 * CO_VEC threads. Thread: 4x2 pixels x 4 channels = 8 accumulators,
// one gate word. Chunks of 4 input channels: a halo of 10x10 pixels, channel-major (1.6 KiB), and 9 x 4 x CO_VEC vec4s
// of weights (9.2 KiB at CO_VEC 16): 10.8 KiB. Per channel a thread reads 24 floats and 9 vec4s for 288 multiply-adds.
// Dispatch: [ceil(ow / 8), ceil(oh / 8), ceil(co / (4 * CO_VEC))].

override CO_VEC: u32 = 16; // vec4s of output channels in a workgroup's tile: 16 or 8

struct Params {
  h: u32, w: u32, ci: u32,       // input [h, w, ci]
  oh: u32, ow: u32, co: u32,     // output [oh, ow, co]
  kh: u32, kw: u32, padTop: i32, padLeft: i32, // 3, 3; padding before the first row and column, may be negative
  mode: u32,                     // what lies outside: 0 zero, 1 replicate, 2 reflect, 3 wrap
  hasBias: u32, accumulate: u32, relu: u32,               // epilogue: + bias, + y, max(., 0),
  gateKind: u32,                 // then 0 where 1: gate <= 0, 2: the bit of the gate word is 0
  strideY: i32, strideX: i32, dilationY: i32, dilationX: i32, // 1
  writesWords: u32,
  pool: u32,                     // store 1: the maximum, 2: the mean of 2x2 pixels, not the pixels
  unpool: u32,                   // x holds gradients of 1: maxima, 2: means of 2x2 pixels
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> weights: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> gate: array<vec4u>;
@group(0) @binding(4) var<storage, read> unpoolWords: array<u32>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> words: array<u32>;
@group(0) @binding(7) var<uniform> params: Params;

var<workgroup> tile: array<f32, 400>;                    // [4 channels][10][10]
var<workgroup> weightTile: array<vec4f, 36u * CO_VEC>;   // [9 taps][4 channels][CO_VEC]

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

fn load(row: i32, column: i32, c: u32, ci4: u32) -> vec4f {
  if (row < 0 || column < 0) { return vec4f(); }
  let at = vec2u(u32(row), u32(column));
  if (params.unpool == 0u) { return x[(at.x * params.w + at.y) * ci4 + c]; }
  let half = at / 2u;
  if (half.x >= params.h / 2u || half.y >= params.w / 2u) { return vec4f(); } // an odd last row or column
  let word = unpoolWords[(half.x * ((params.w + 3u) / 4u) + at.y / 4u) * ci4 + c];
  let v = x[(half.x * (params.w / 2u) + half.y) * ci4 + c] * select(1.0, 0.25, params.unpool == 2u);
  return select(vec4f(), v, bitsAt(word, at));
}

// The four bits of pixel `at` (row, column) in its gate word.
fn bitsAt(word: u32, at: vec2u) -> vec4<bool> {
  let shift = (at.x % 2u * 4u + at.y % 4u) * 4u;
  return ((vec4u(word) >> (vec4u(shift) + vec4u(0u, 1u, 2u, 3u))) & vec4u(1u)) != vec4u();
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
  if (params.gateKind == 2u) { v = select(vec4f(0.0), v, bitsAt(word, at)); }
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

@compute @workgroup_size(8u * CO_VEC)
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let ci4 = (params.ci + 3u) / 4u;
  let co4 = (params.co + 3u) / 4u;
  let lane = thread % CO_VEC;               // channels: neighbours read neighbouring weights
  let spot = thread / CO_VEC;               // which of the 2 x 4 blocks of pixels
  let spotX = spot % 2u * 4u;
  let spotY = spot / 2u * 2u;
  let firstBlock = group.z * CO_VEC;
  var s00 = vec4f(); var s01 = vec4f(); var s02 = vec4f(); var s03 = vec4f();
  var s10 = vec4f(); var s11 = vec4f(); var s12 = vec4f(); var s13 = vec4f();

  for (var c = 0u; c < ci4; c++) {
    workgroupBarrier(); // the chunk before has been read by all
    for (var cell = thread; cell < 100u; cell += 8u * CO_VEC) {
      let row = source(i32(group.y * 8u + cell / 10u) - params.padTop, i32(params.h));
      let column = source(i32(group.x * 8u + cell % 10u) - params.padLeft, i32(params.w));
      let v = load(row, column, c, ci4);
      tile[cell] = v.x; tile[100u + cell] = v.y; tile[200u + cell] = v.z; tile[300u + cell] = v.w;
    }
    for (var k = thread; k < 36u * CO_VEC; k += 8u * CO_VEC) {
      let block = firstBlock + k % CO_VEC;
      let i = c * 4u + k / CO_VEC % 4u;
      let tap = k / CO_VEC / 4u;
      var v = vec4f();
      if (i < params.ci && block < co4) { v = weights[(tap * params.ci + i) * co4 + block]; }
      weightTile[k] = v;
    }
    workgroupBarrier(); // the chunk is complete

    for (var i = 0u; i < 4u; i++) {
      let at = i * 100u + spotY * 10u + spotX; var w: vec4f;
      let p00 = tile[at + 0u]; let p01 = tile[at + 1u]; let p02 = tile[at + 2u];
      let p03 = tile[at + 3u]; let p04 = tile[at + 4u]; let p05 = tile[at + 5u];
      let p10 = tile[at + 10u]; let p11 = tile[at + 11u]; let p12 = tile[at + 12u];
      let p13 = tile[at + 13u]; let p14 = tile[at + 14u]; let p15 = tile[at + 15u];
      let p20 = tile[at + 20u]; let p21 = tile[at + 21u]; let p22 = tile[at + 22u];
      let p23 = tile[at + 23u]; let p24 = tile[at + 24u]; let p25 = tile[at + 25u];
      let p30 = tile[at + 30u]; let p31 = tile[at + 31u]; let p32 = tile[at + 32u];
      let p33 = tile[at + 33u]; let p34 = tile[at + 34u]; let p35 = tile[at + 35u];
      w = weightTile[(0u * 4u + i) * CO_VEC + lane];
      s00 += p00 * w; s01 += p01 * w; s02 += p02 * w; s03 += p03 * w;
      s10 += p10 * w; s11 += p11 * w; s12 += p12 * w; s13 += p13 * w;
      w = weightTile[(1u * 4u + i) * CO_VEC + lane];
      s00 += p01 * w; s01 += p02 * w; s02 += p03 * w; s03 += p04 * w;
      s10 += p11 * w; s11 += p12 * w; s12 += p13 * w; s13 += p14 * w;
      w = weightTile[(2u * 4u + i) * CO_VEC + lane];
      s00 += p02 * w; s01 += p03 * w; s02 += p04 * w; s03 += p05 * w;
      s10 += p12 * w; s11 += p13 * w; s12 += p14 * w; s13 += p15 * w;
      w = weightTile[(3u * 4u + i) * CO_VEC + lane];
      s00 += p10 * w; s01 += p11 * w; s02 += p12 * w; s03 += p13 * w;
      s10 += p20 * w; s11 += p21 * w; s12 += p22 * w; s13 += p23 * w;
      w = weightTile[(4u * 4u + i) * CO_VEC + lane];
      s00 += p11 * w; s01 += p12 * w; s02 += p13 * w; s03 += p14 * w;
      s10 += p21 * w; s11 += p22 * w; s12 += p23 * w; s13 += p24 * w;
      w = weightTile[(5u * 4u + i) * CO_VEC + lane];
      s00 += p12 * w; s01 += p13 * w; s02 += p14 * w; s03 += p15 * w;
      s10 += p22 * w; s11 += p23 * w; s12 += p24 * w; s13 += p25 * w;
      w = weightTile[(6u * 4u + i) * CO_VEC + lane];
      s00 += p20 * w; s01 += p21 * w; s02 += p22 * w; s03 += p23 * w;
      s10 += p30 * w; s11 += p31 * w; s12 += p32 * w; s13 += p33 * w;
      w = weightTile[(7u * 4u + i) * CO_VEC + lane];
      s00 += p21 * w; s01 += p22 * w; s02 += p23 * w; s03 += p24 * w;
      s10 += p31 * w; s11 += p32 * w; s12 += p33 * w; s13 += p34 * w;
      w = weightTile[(8u * 4u + i) * CO_VEC + lane];
      s00 += p22 * w; s01 += p23 * w; s02 += p24 * w; s03 += p25 * w;
      s10 += p32 * w; s11 += p33 * w; s12 += p34 * w; s13 += p35 * w;
    }
  }

  let at = vec2u(group.y * 8u + spotY, group.x * 8u + spotX);
  let block = firstBlock + lane;
  if (!isInside(at) || block >= co4) { return; }
  let wordAt = (at.x / 2u * ((params.ow + 3u) / 4u) + at.y / 4u) * co4 + block;
  var word = 0u;
  if (params.gateKind == 2u) { word = gate[wordAt / 4u][wordAt % 4u]; }
  let below = at + vec2u(1u, 0u);
  s00 = finish(at, block, word, s00); s01 = finish(at + vec2u(0u, 1u), block, word, s01);
  s02 = finish(at + vec2u(0u, 2u), block, word, s02); s03 = finish(at + vec2u(0u, 3u), block, word, s03);
  s10 = finish(below, block, word, s10); s11 = finish(below + vec2u(0u, 1u), block, word, s11);
  s12 = finish(below + vec2u(0u, 2u), block, word, s12); s13 = finish(below + vec2u(0u, 3u), block, word, s13);
  var upper: vec4u; var lower: vec4u; // four bits of each pixel
  if (params.pool == 0u) {
    put(at, block, s00); put(at + vec2u(0u, 1u), block, s01); put(at + vec2u(0u, 2u), block, s02); put(at + vec2u(0u, 3u), block, s03);
    put(below, block, s10); put(below + vec2u(0u, 1u), block, s11); put(below + vec2u(0u, 2u), block, s12); put(below + vec2u(0u, 3u), block, s13);
    upper = vec4u(pack(s00 > vec4f()), pack(s01 > vec4f()), pack(s02 > vec4f()), pack(s03 > vec4f()));
    lower = vec4u(pack(s10 > vec4f()), pack(s11 > vec4f()), pack(s12 > vec4f()), pack(s13 > vec4f()));
  } else {
    let left = putPooled(at, block, s00, s01, s10, s11);
    let right = putPooled(at + vec2u(0u, 2u), block, s02, s03, s12, s13);
    upper = vec4u(left.xy, right.xy); lower = vec4u(left.zw, right.zw);
  }
  if (params.writesWords != 0u) {
    let shifts = vec4u(0u, 4u, 8u, 12u);
    words[wordAt] = dot(upper << shifts, vec4u(1u)) | (dot(lower << shifts, vec4u(1u)) << 16u);
  }
}
