enable subgroups;

// Backward-weights of a 3x3 convolution, stride 1, for software adapters whose subgroups have 4 or 8 lanes: the first
// step of conv_weights.wgsl, whose bindings and second step it shares.
//   part[chunk, t, i, o] = sum over the chunk's pixels p of x[p + t - pad, i] * dy[p, o]
// x [h, w, ci], dy [oh, ow, co]; NHWC, channels padded to vec4s; part: chunks x [9, ci, co].
// Workgroup: one subgroup; 9 taps x 4 channels of x x 4 * L channels of dy. Lane: 36 accumulators. Three columns of x
// slide along a row; lanes hold a channel of four each and hand it to the others, so that a pixel costs a lane 3 loads
// of f32 and one of vec4 for 144 multiply-adds.
// Dispatch: ceil(ci / 4) * ceil(co / (4 * L)) folded into x and y, z = chunks.

override L: u32 = 8; // 4 or 8, the lanes of every subgroup

struct Params {
  h: u32, w: u32, ci: u32,       // input [h, w, ci]
  oh: u32, ow: u32, co: u32,     // output [oh, ow, co]
  kh: u32, kw: u32,              // 3, 3
  padTop: i32, padLeft: i32,
  mode: u32,                     // what lies outside: 0 zero, 1 replicate, 2 reflect, 3 wrap
  rowsPerChunk: u32, chunks: u32, accumulate: u32,
  strideY: i32, strideX: i32, dilationY: i32, dilationX: i32, // 1
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> part: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

// Where row `line` of x begins, in pixels; -1 outside.
fn rowAt(line: i32) -> i32 {
  let row = source(line, i32(params.h));
  return select(row * i32(params.w), -1, row < 0);
}

fn load(row: i32, column: i32, channel: u32) -> f32 {
  let at = vec2i(row, column);
  return select(0.0, x[u32(max(at.x + at.y, 0)) * ((params.ci + 3u) / 4u * 4u) + channel], row >= 0 && column >= 0);
}

fn put(at: u32, i: u32, block: u32, sum: vec4f) {
  if (i < params.ci && block < (params.co + 3u) / 4u) { part[at] = sum; }
}

@compute @workgroup_size(L)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let co4 = (params.co + 3u) / 4u;
  let across = (co4 + L - 1u) / L;
  let spot = group.x + group.y * groups.x;
  let block = spot % across * L + lane;
  let own = min(block, co4 - 1u);
  let firstChannel = min(spot / across, (params.ci + 3u) / 4u - 1u) * 4u; // a group too many repeats the last
  let channel = firstChannel + lane % 4u;
  var d00 = vec4f(); var d01 = vec4f(); var d02 = vec4f(); var d03 = vec4f();
  var d10 = vec4f(); var d11 = vec4f(); var d12 = vec4f(); var d13 = vec4f();
  var d20 = vec4f(); var d21 = vec4f(); var d22 = vec4f(); var d23 = vec4f();
  var d30 = vec4f(); var d31 = vec4f(); var d32 = vec4f(); var d33 = vec4f();
  var d40 = vec4f(); var d41 = vec4f(); var d42 = vec4f(); var d43 = vec4f();
  var d50 = vec4f(); var d51 = vec4f(); var d52 = vec4f(); var d53 = vec4f();
  var d60 = vec4f(); var d61 = vec4f(); var d62 = vec4f(); var d63 = vec4f();
  var d70 = vec4f(); var d71 = vec4f(); var d72 = vec4f(); var d73 = vec4f();
  var d80 = vec4f(); var d81 = vec4f(); var d82 = vec4f(); var d83 = vec4f();
  let end = min((group.z + 1u) * params.rowsPerChunk, params.oh);
  for (var line = group.z * params.rowsPerChunk; line < end; line++) {
    let first = i32(line) - params.padTop;
    let row0 = rowAt(first); let row1 = rowAt(first + 1); let row2 = rowAt(first + 2);
    let source0 = source(-params.padLeft, i32(params.w));
    let source1 = source(1 - params.padLeft, i32(params.w));
    // Slides by one at the start of each pixel.
    var x00 = 0.0; var x01 = load(row0, source0, channel); var x02 = load(row0, source1, channel);
    var x10 = 0.0; var x11 = load(row1, source0, channel); var x12 = load(row1, source1, channel);
    var x20 = 0.0; var x21 = load(row2, source0, channel); var x22 = load(row2, source1, channel);
    for (var column = 0u; column < params.ow; column++) {
      let ahead = source(i32(column) + 2 - params.padLeft, i32(params.w));
      x00 = x01; x01 = x02; x02 = load(row0, ahead, channel);
      x10 = x11; x11 = x12; x12 = load(row1, ahead, channel);
      x20 = x21; x21 = x22; x22 = load(row2, ahead, channel);
      let g = dy[(line * params.ow + column) * co4 + own];
      d00 += subgroupBroadcast(x00, 0u) * g; d01 += subgroupBroadcast(x00, 1u) * g;
      d02 += subgroupBroadcast(x00, 2u) * g; d03 += subgroupBroadcast(x00, 3u) * g;
      d10 += subgroupBroadcast(x01, 0u) * g; d11 += subgroupBroadcast(x01, 1u) * g;
      d12 += subgroupBroadcast(x01, 2u) * g; d13 += subgroupBroadcast(x01, 3u) * g;
      d20 += subgroupBroadcast(x02, 0u) * g; d21 += subgroupBroadcast(x02, 1u) * g;
      d22 += subgroupBroadcast(x02, 2u) * g; d23 += subgroupBroadcast(x02, 3u) * g;
      d30 += subgroupBroadcast(x10, 0u) * g; d31 += subgroupBroadcast(x10, 1u) * g;
      d32 += subgroupBroadcast(x10, 2u) * g; d33 += subgroupBroadcast(x10, 3u) * g;
      d40 += subgroupBroadcast(x11, 0u) * g; d41 += subgroupBroadcast(x11, 1u) * g;
      d42 += subgroupBroadcast(x11, 2u) * g; d43 += subgroupBroadcast(x11, 3u) * g;
      d50 += subgroupBroadcast(x12, 0u) * g; d51 += subgroupBroadcast(x12, 1u) * g;
      d52 += subgroupBroadcast(x12, 2u) * g; d53 += subgroupBroadcast(x12, 3u) * g;
      d60 += subgroupBroadcast(x20, 0u) * g; d61 += subgroupBroadcast(x20, 1u) * g;
      d62 += subgroupBroadcast(x20, 2u) * g; d63 += subgroupBroadcast(x20, 3u) * g;
      d70 += subgroupBroadcast(x21, 0u) * g; d71 += subgroupBroadcast(x21, 1u) * g;
      d72 += subgroupBroadcast(x21, 2u) * g; d73 += subgroupBroadcast(x21, 3u) * g;
      d80 += subgroupBroadcast(x22, 0u) * g; d81 += subgroupBroadcast(x22, 1u) * g;
      d82 += subgroupBroadcast(x22, 2u) * g; d83 += subgroupBroadcast(x22, 3u) * g;
    }
  }
  let i = firstChannel;
  let tap = params.ci * co4;
  let at = group.z * 9u * tap + i * co4 + block;
  put(at + 0u * tap + 0u * co4, i + 0u, block, d00); put(at + 0u * tap + 1u * co4, i + 1u, block, d01);
  put(at + 0u * tap + 2u * co4, i + 2u, block, d02); put(at + 0u * tap + 3u * co4, i + 3u, block, d03);
  put(at + 1u * tap + 0u * co4, i + 0u, block, d10); put(at + 1u * tap + 1u * co4, i + 1u, block, d11);
  put(at + 1u * tap + 2u * co4, i + 2u, block, d12); put(at + 1u * tap + 3u * co4, i + 3u, block, d13);
  put(at + 2u * tap + 0u * co4, i + 0u, block, d20); put(at + 2u * tap + 1u * co4, i + 1u, block, d21);
  put(at + 2u * tap + 2u * co4, i + 2u, block, d22); put(at + 2u * tap + 3u * co4, i + 3u, block, d23);
  put(at + 3u * tap + 0u * co4, i + 0u, block, d30); put(at + 3u * tap + 1u * co4, i + 1u, block, d31);
  put(at + 3u * tap + 2u * co4, i + 2u, block, d32); put(at + 3u * tap + 3u * co4, i + 3u, block, d33);
  put(at + 4u * tap + 0u * co4, i + 0u, block, d40); put(at + 4u * tap + 1u * co4, i + 1u, block, d41);
  put(at + 4u * tap + 2u * co4, i + 2u, block, d42); put(at + 4u * tap + 3u * co4, i + 3u, block, d43);
  put(at + 5u * tap + 0u * co4, i + 0u, block, d50); put(at + 5u * tap + 1u * co4, i + 1u, block, d51);
  put(at + 5u * tap + 2u * co4, i + 2u, block, d52); put(at + 5u * tap + 3u * co4, i + 3u, block, d53);
  put(at + 6u * tap + 0u * co4, i + 0u, block, d60); put(at + 6u * tap + 1u * co4, i + 1u, block, d61);
  put(at + 6u * tap + 2u * co4, i + 2u, block, d62); put(at + 6u * tap + 3u * co4, i + 3u, block, d63);
  put(at + 7u * tap + 0u * co4, i + 0u, block, d70); put(at + 7u * tap + 1u * co4, i + 1u, block, d71);
  put(at + 7u * tap + 2u * co4, i + 2u, block, d72); put(at + 7u * tap + 3u * co4, i + 3u, block, d73);
  put(at + 8u * tap + 0u * co4, i + 0u, block, d80); put(at + 8u * tap + 1u * co4, i + 1u, block, d81);
  put(at + 8u * tap + 2u * co4, i + 2u, block, d82); put(at + 8u * tap + 3u * co4, i + 3u, block, d83);
}
