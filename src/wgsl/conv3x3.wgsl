// 3x3 convolution, stride 1, as a halo tile in workgroup memory: forward, and backward-data with rotated weights.
//   y[p, o] (+)= bias[o] + sum over the 9 taps t and channels i of x[p + t - pad, i] * weights[t, i, o]
// and, where asked for, the 2x2 pooling of y in its place, and the gate words of y (see gate.wgsl).
// x [h, w, ci] or, where it is unpooled on load, [h / 2, w / 2, ci] with gate words of [h, w, ci]; weights
// [3, 3, ci, co], bias [co], y [oh, ow, co] or [oh / 2, ow / 2, co], gate y's shape or gate words of it; NHWC, vec4s.
// Workgroup: 8x8 pixels x 4 * CO_VEC channels, 8 * CO_VEC threads. Thread: 4x2 pixels x 4 channels = 8 accumulators,
// one gate word. Chunks of 4 input channels: a halo of 10x10 pixels, channel-major (1.6 KiB), and 9 x 4 x CO_VEC vec4s
// of weights (9.2 KiB at CO_VEC 16): 10.8 KiB. Per channel a thread reads 24 floats and 9 vec4s for 288 multiply-adds.
// Stands in front of conv_epilogue.wgsl, which has the other bindings and all that follows on the sums.
// Dispatch: [ceil(ow / 8), ceil(oh / 8), ceil(co / (4 * CO_VEC))].

override CO_VEC: u32 = 16; // vec4s of output channels in a workgroup's tile: 16 or 8

@group(0) @binding(0) var<storage, read> x: array<X>;

var<workgroup> tile: array<f32, 400>;                    // [4 channels][10][10]
var<workgroup> weightTile: array<vec4f, 36u * CO_VEC>;   // [9 taps][4 channels][CO_VEC]

fn load(row: i32, column: i32, c: u32, ci4: u32) -> vec4f {
  if (row < 0 || column < 0) { return vec4f(); }
  let at = vec2u(u32(row), u32(column));
  if (params.unpool == 0u) { return fromX(x[(at.x * params.w + at.y) * ci4 + c]); }
  let half = at / 2u;
  if (half.x >= params.h / 2u || half.y >= params.w / 2u) { return vec4f(); } // an odd last row or column
  let word = unpoolWords[gateWordAt(at.x, at.y, params.w, ci4, c)];
  let v = fromX(x[(half.x * (params.w / 2u) + half.y) * ci4 + c]) * select(1.0, 0.25, params.unpool == 2u);
  return select(vec4f(), v, gateBits(word, at.x, at.y));
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
      let at = i * 100u + spotY * 10u + spotX;
      var w: vec4f;
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
  storeBlock(at, firstBlock + lane, 1.0, s00, s01, s02, s03, s10, s11, s12, s13);
}
