// The gradients of a 3x3 convolution as anyone would write them first, and as libraries ship them.
//   toData     dX[q, i] = sum over taps t and channels o of dY[q - t + 1, o] * weights[t, i, o]
//              one thread per value of dX
//   toWeights  dW[t, i, o] = sum over pixels p of x[p + t - 1, i] * dY[p, o]
//              one thread per weight, walking over the whole picture
// x, dX [h, w, ci], weights, dW [3, 3, ci, co], dY [h, w, co]; zero padding, every channel count a multiple of 4.
// `a` is dY for toData and x for toWeights, `b` is weights for toData and dY for toWeights.
// Dispatch: linear over the values of the result, groups of 64 folded into x and y.

struct Params { h: u32, w: u32, ci: u32, co: u32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> result: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn toData(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.h * params.w * params.ci) { return; }
  let i = index % params.ci;
  let column = i32((index / params.ci) % params.w);
  let row = i32(index / (params.ci * params.w));
  var sum = 0.0;
  for (var ky = 0; ky < 3; ky++) {
    for (var kx = 0; kx < 3; kx++) {
      let sy = row - ky + 1;
      let sx = column - kx + 1;
      if (sy < 0 || sx < 0 || sy >= i32(params.h) || sx >= i32(params.w)) { continue; }
      let pixel = (u32(sy) * params.w + u32(sx)) * params.co;
      let tap = (u32(ky * 3 + kx) * params.ci + i) * params.co;
      for (var o = 0u; o < params.co; o++) { sum += a[pixel + o] * b[tap + o]; }
    }
  }
  result[index] = sum;
}

@compute @workgroup_size(64)
fn toWeights(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= 9u * params.ci * params.co) { return; }
  let o = index % params.co;
  let i = (index / params.co) % params.ci;
  let tap = i32(index / (params.co * params.ci));
  var sum = 0.0;
  for (var row = 0; row < i32(params.h); row++) {
    let sy = row + tap / 3 - 1;
    if (sy < 0 || sy >= i32(params.h)) { continue; }
    for (var column = 0; column < i32(params.w); column++) {
      let sx = column + tap % 3 - 1;
      if (sx < 0 || sx >= i32(params.w)) { continue; }
      let source = (u32(sy) * params.w + u32(sx)) * params.ci + i;
      sum += a[source] * b[(u32(row) * params.w + u32(column)) * params.co + o];
    }
  }
  result[index] = sum;
}
