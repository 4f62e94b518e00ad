// 3x3 convolution as anyone would write it first: one thread per output value, no reuse. The first row of the ladder.
//   y[p, o] = sum over taps t and channels i of x[p + t - 1, i] * weights[t, i, o]
// x [h, w, ci], weights [3, 3, ci, co], y [h, w, co]; zero padding, every channel count a multiple of 4.
// Dispatch: linear over h * w * co threads, groups of 64 folded into x and y.

struct Params { h: u32, w: u32, ci: u32, co: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.h * params.w * params.co) { return; }
  let o = index % params.co;
  let column = i32((index / params.co) % params.w);
  let row = i32(index / (params.co * params.w));
  var sum = 0.0;
  for (var ky = 0; ky < 3; ky++) {
    for (var kx = 0; kx < 3; kx++) {
      let sy = row + ky - 1;
      let sx = column + kx - 1;
      if (sy < 0 || sx < 0 || sy >= i32(params.h) || sx >= i32(params.w)) { continue; }
      let pixel = (u32(sy) * params.w + u32(sx)) * params.ci;
      let tap = u32(ky * 3 + kx) * params.ci;
      for (var i = 0u; i < params.ci; i++) { sum += x[pixel + i] * weights[(tap + i) * params.co + o]; }
    }
  }
  y[index] = sum;
}
