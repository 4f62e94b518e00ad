// Backward-weights of a 2-D convolution, in two steps without atomics:
//   partial  one chunk of output pixels:  part[chunk, t, i, o] = sum over p of x[p * stride + t * dilation - pad, i] * dy[p, o]
//   finish   dw[t, i, o] (+)= sum over chunks of part[chunk, t, i, o], in order
// x [h, w, ci], dy [oh, ow, co], dw [kh, kw, ci, co]; NHWC, channels padded to vec4s; part: chunks x dw's layout.
// One partial thread: three taps of a row, 4 input channels x 8 output channels, `rowsPerChunk` rows of dy: a pixel costs 5
// loads of vec4 for 96 multiply-adds.
// Dispatch partial: linear over kh * ceil(kw / 3) * ceil(ci / 4) * ceil(co / 8), 64 threads a group, folded into x and y;
// z = chunks.
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

// Four channels c of x at `column` of the row that starts at `row`; -1 means outside.
fn load(row: i32, column: i32, c: u32, ci4: u32) -> vec4f {
  let at = source(column, i32(params.w));
  if (at < 0) { return vec4f(); }
  return x[u32(row + at) * ci4 + c];
}

// The sums of tap kx, channel i with 8 channels from `block`.
fn put(chunk: u32, ky: u32, kx: u32, i: u32, block: u32, a: vec4f, b: vec4f) {
  if (kx >= params.kw || i >= params.ci) { return; }
  let co4 = (params.co + 3u) / 4u;
  let at = ((chunk * params.kh * params.kw + ky * params.kw + kx) * params.ci + i) * co4 + block;
  part[at] = a;
  if (block + 1u < co4) { part[at + 1u] = b; }
}

@compute @workgroup_size(64)
fn partial(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let ci4 = (params.ci + 3u) / 4u;
  let co4 = (params.co + 3u) / 4u;
  let pairs = (co4 + 1u) / 2u;
  let thirds = (params.kw + 2u) / 3u;
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.kh * thirds * ci4 * pairs) { return; }
  let block = index % pairs * 2u;
  let c = index / pairs % ci4;
  let third = index / pairs / ci4;
  let ky = third / thirds;
  let kx = third % thirds * 3u;
  // With an odd number of vec4s the last thread's second half repeats the first; it is not stored.
  let second = select(0u, 1u, block + 1u < co4);
  let step = params.dilationX;
  var a00 = vec4f(); var b00 = vec4f(); var a01 = vec4f(); var b01 = vec4f();
  var a02 = vec4f(); var b02 = vec4f(); var a03 = vec4f(); var b03 = vec4f();
  var a10 = vec4f(); var b10 = vec4f(); var a11 = vec4f(); var b11 = vec4f();
  var a12 = vec4f(); var b12 = vec4f(); var a13 = vec4f(); var b13 = vec4f();
  var a20 = vec4f(); var b20 = vec4f(); var a21 = vec4f(); var b21 = vec4f();
  var a22 = vec4f(); var b22 = vec4f(); var a23 = vec4f(); var b23 = vec4f();
  let end = min((id.z + 1u) * params.rowsPerChunk, params.oh);
  for (var line = id.z * params.rowsPerChunk; line < end; line++) {
    let lineIn = source(i32(line) * params.strideY + i32(ky) * params.dilationY - params.padTop, i32(params.h));
    if (lineIn < 0) { continue; }
    let row = lineIn * i32(params.w);
    for (var column = 0u; column < params.ow; column++) {
      let first = i32(column) * params.strideX + i32(kx) * step - params.padLeft;
      let x0 = load(row, first, c, ci4);
      let x1 = load(row, first + step, c, ci4);
      let x2 = load(row, first + 2 * step, c, ci4);
      let at = (line * params.ow + column) * co4 + block;
      let g = dy[at];
      let h = dy[at + second];
      a00 += x0.x * g; b00 += x0.x * h; a01 += x0.y * g; b01 += x0.y * h;
      a02 += x0.z * g; b02 += x0.z * h; a03 += x0.w * g; b03 += x0.w * h;
      a10 += x1.x * g; b10 += x1.x * h; a11 += x1.y * g; b11 += x1.y * h;
      a12 += x1.z * g; b12 += x1.z * h; a13 += x1.w * g; b13 += x1.w * h;
      a20 += x2.x * g; b20 += x2.x * h; a21 += x2.y * g; b21 += x2.y * h;
      a22 += x2.z * g; b22 += x2.z * h; a23 += x2.w * g; b23 += x2.w * h;
    }
  }
  let i = c * 4u;
  put(id.z, ky, kx + 0u, i + 0u, block, a00, b00); put(id.z, ky, kx + 0u, i + 1u, block, a01, b01);
  put(id.z, ky, kx + 0u, i + 2u, block, a02, b02); put(id.z, ky, kx + 0u, i + 3u, block, a03, b03);
  put(id.z, ky, kx + 1u, i + 0u, block, a10, b10); put(id.z, ky, kx + 1u, i + 1u, block, a11, b11);
  put(id.z, ky, kx + 1u, i + 2u, block, a12, b12); put(id.z, ky, kx + 1u, i + 3u, block, a13, b13);
  put(id.z, ky, kx + 2u, i + 0u, block, a20, b20); put(id.z, ky, kx + 2u, i + 1u, block, a21, b21);
  put(id.z, ky, kx + 2u, i + 2u, block, a22, b22); put(id.z, ky, kx + 2u, i + 3u, block, a23, b23);
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
