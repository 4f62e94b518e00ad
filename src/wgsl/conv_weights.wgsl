// Backward-weights of a 2-D convolution, in two steps without atomics:
//   partial  one chunk of output pixels:  part[chunk, t, i, o] = sum over p of x[p * stride + t * dilation - pad, i] * dy[p, o]
//   finish   dw[t, i, o] (+)= sum over chunks of part[chunk, t, i, o], in order
// x [h, w, ci], dy [oh, ow, co], dw [kh, kw, ci, co]; NHWC, channels padded to vec4s; part: chunks x dw's layout.
// One partial thread: one tap, 4 input channels x 4 output channels, `rowsPerChunk` rows of dy.
// Dispatch partial: x = linear over kh * kw * ceil(ci / 4) * ceil(co / 4) / 64 folded into x and y; z = chunks.
// Dispatch finish: linear over the vec4s of dw / 64.

struct Params {
  h: u32, w: u32, ci: u32,       // input [h, w, ci]
  oh: u32, ow: u32, co: u32,     // output [oh, ow, co]
  kh: u32, kw: u32,              // kernel
  padTop: i32, padLeft: i32,
  mode: u32,                     // what lies outside: 0 zero, 1 replicate, 2 reflect, 3 wrap
  rowsPerChunk: u32, chunks: u32, accumulate: u32,
  strideY: i32, strideX: i32, dilationY: i32, dilationX: i32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> part: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

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

@compute @workgroup_size(64)
fn partial(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let ci4 = (params.ci + 3u) / 4u;
  let co4 = (params.co + 3u) / 4u;
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.kh * params.kw * ci4 * co4) { return; }
  let block = index % co4;
  let c = index / co4 % ci4;
  let tap = index / co4 / ci4;
  let ky = i32(tap / params.kw);
  let kx = i32(tap % params.kw);
  var w0 = vec4f(); var w1 = vec4f(); var w2 = vec4f(); var w3 = vec4f();
  let end = min((id.z + 1u) * params.rowsPerChunk, params.oh);
  for (var line = id.z * params.rowsPerChunk; line < end; line++) {
    let row = source(i32(line) * params.strideY + ky * params.dilationY - params.padTop, i32(params.h));
    if (row < 0) { continue; }
    // Each row is summed by itself first: long sums of f32 stay accurate.
    var r0 = vec4f(); var r1 = vec4f(); var r2 = vec4f(); var r3 = vec4f();
    for (var column = 0u; column < params.ow; column++) {
      let col = source(i32(column) * params.strideX + kx * params.dilationX - params.padLeft, i32(params.w));
      if (col < 0) { continue; }
      let v = x[(u32(row) * params.w + u32(col)) * ci4 + c];
      let g = dy[(line * params.ow + column) * co4 + block];
      r0 += v.x * g; r1 += v.y * g; r2 += v.z * g; r3 += v.w * g;
    }
    w0 += r0; w1 += r1; w2 += r2; w3 += r3;
  }
  let i = c * 4u;
  let at = ((id.z * params.kh * params.kw + tap) * params.ci + i) * co4 + block;
  part[at] = w0;
  if (i + 1u < params.ci) { part[at + co4] = w1; }
  if (i + 2u < params.ci) { part[at + 2u * co4] = w2; }
  if (i + 3u < params.ci) { part[at + 3u * co4] = w3; }
}

@group(0) @binding(0) var<storage, read> parts: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> dw: array<vec4f>;
@group(0) @binding(2) var<uniform> finishParams: Params;

@compute @workgroup_size(64)
fn finish(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = finishParams;
  let count = p.kh * p.kw * p.ci * ((p.co + 3u) / 4u);
  let at = id.x + id.y * groups.x * 64u;
  if (at >= count) { return; }
  var sum = vec4f();
  for (var chunk = 0u; chunk < p.chunks; chunk++) { sum += parts[chunk * count + at]; }
  if (p.accumulate != 0u) { sum += dw[at]; }
  dw[at] = sum;
}
