// 2-D convolution of any kernel, stride, dilation and padding mode, and its transpose. One thread: one pixel, 4
// channels. The general fallback: correct everywhere, fast nowhere.
//   forward    y[p, o] (+)= bias[o] + sum over t, i of x[p * stride + t * dilation - pad, i] * weights[t, i, o]
//   transpose  y[q, o] (+)= bias[o] + sum over t, i of x[p, i] * weights[t, i, o]
//              where q = p * stride + t * dilation - pad: backward-data of a strided convolution (weights with their
//              channel axes swapped), and the forward pass of a transposed one. Zero padding only.
// x [h, w, ci], weights [kh, kw, ci, co], bias [co], gate and y [oh, ow, co]; NHWC, channels padded to vec4s.
// Dispatch: linear over oh * ow * ceil(co / 4), 64 threads a group, folded into x and y.

struct Params {
  h: u32, w: u32, ci: u32,       // input [h, w, ci]
  oh: u32, ow: u32, co: u32,     // output [oh, ow, co]
  kh: u32, kw: u32,              // kernel
  padTop: i32, padLeft: i32,     // padding before the first row and column; may be negative
  mode: u32,                     // what lies outside: 0 zero, 1 replicate, 2 reflect, 3 wrap
  hasBias: u32, accumulate: u32, relu: u32, hasGate: u32, // epilogue: + bias, + y, max(., 0), 0 where gate <= 0
  strideY: i32, strideX: i32, dilationY: i32, dilationX: i32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> weights: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> gate: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

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

// Adds the products of input pixel `pixel` with the weights of tap `tap` for output channels `block`.
fn products(pixel: u32, tap: u32, block: u32) -> vec4f {
  let ci4 = (params.ci + 3u) / 4u;
  let co4 = (params.co + 3u) / 4u;
  var sum = vec4f();
  for (var i = 0u; i < params.ci; i++) {
    sum += x[pixel * ci4 + i / 4u][i % 4u] * weights[(tap * params.ci + i) * co4 + block];
  }
  return sum;
}

fn put(at: u32, block: u32, sum: vec4f) {
  var v = sum;
  if (params.hasBias != 0u) { v += bias[block]; }
  if (params.accumulate != 0u) { v += y[at]; }
  if (params.relu != 0u) { v = max(v, vec4f(0.0)); }
  if (params.hasGate != 0u) { v = select(vec4f(0.0), v, gate[at] > vec4f(0.0)); }
  y[at] = v;
}

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let co4 = (params.co + 3u) / 4u;
  let at = id.x + id.y * groups.x * 64u;
  if (at >= params.oh * params.ow * co4) { return; }
  let block = at % co4;
  let line = i32(at / co4 / params.ow);
  let column = i32(at / co4 % params.ow);
  var sum = vec4f();
  for (var ky = 0u; ky < params.kh; ky++) {
    let row = source(line * params.strideY + i32(ky) * params.dilationY - params.padTop, i32(params.h));
    if (row < 0) { continue; }
    for (var kx = 0u; kx < params.kw; kx++) {
      let col = source(column * params.strideX + i32(kx) * params.dilationX - params.padLeft, i32(params.w));
      if (col < 0) { continue; }
      sum += products(u32(row) * params.w + u32(col), ky * params.kw + kx, block);
    }
  }
  put(at, block, sum);
}

@compute @workgroup_size(64)
fn transpose(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let co4 = (params.co + 3u) / 4u;
  let at = id.x + id.y * groups.x * 64u;
  if (at >= params.oh * params.ow * co4) { return; }
  let block = at % co4;
  let line = i32(at / co4 / params.ow);
  let column = i32(at / co4 % params.ow);
  var sum = vec4f();
  for (var ky = 0u; ky < params.kh; ky++) {
    let down = line + params.padTop - i32(ky) * params.dilationY;
    if (down < 0 || down % params.strideY != 0 || down / params.strideY >= i32(params.h)) { continue; }
    for (var kx = 0u; kx < params.kw; kx++) {
      let across = column + params.padLeft - i32(kx) * params.dilationX;
      if (across < 0 || across % params.strideX != 0 || across / params.strideX >= i32(params.w)) { continue; }
      let pixel = u32(down / params.strideY) * params.w + u32(across / params.strideX);
      sum += products(pixel, ky * params.kw + kx, block);
    }
  }
  put(at, block, sum);
}
