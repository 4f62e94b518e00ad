// Second step: one thread per pixel and four output channels, so that a loaded value serves four sums and weights come
// as vec4s. Nothing else is shared: the adapter's caches have to do the rest.
//   y[p, o] = sum over taps t and channels i of x[p + t - 1, i] * weights[t, i, o]
// x [h, w, ci], weights [3, 3, ci, co], y [h, w, co]; zero padding, every channel count a multiple of 4.
// Dispatch: linear over h * w * co / 4 threads, groups of 64 folded into x and y.

struct Params { h: u32, w: u32, ci: u32, co: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> weights: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let vectorsOut = params.co / 4u;
  let vectorsIn = params.ci / 4u;
  if (index >= params.h * params.w * vectorsOut) { return; }
  let o = index % vectorsOut;
  let column = i32((index / vectorsOut) % params.w);
  let row = i32(index / (vectorsOut * params.w));
  var sum = vec4f(0.0);
  for (var ky = 0; ky < 3; ky++) {
    for (var kx = 0; kx < 3; kx++) {
      let sy = row + ky - 1;
      let sx = column + kx - 1;
      if (sy < 0 || sx < 0 || sy >= i32(params.h) || sx >= i32(params.w)) { continue; }
      let pixel = (u32(sy) * params.w + u32(sx)) * vectorsIn;
      let tap = u32(ky * 3 + kx) * params.ci;
      for (var i = 0u; i < vectorsIn; i++) {
        let v = x[pixel + i];
        let k = (tap + 4u * i) * vectorsOut + o;
        sum += v.x * weights[k] + v.y * weights[k + vectorsOut];
        sum += v.z * weights[k + 2u * vectorsOut] + v.w * weights[k + 3u * vectorsOut];
      }
    }
  }
  y[index] = sum;
}
