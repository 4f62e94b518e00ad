// Third step: one thread per run of four pixels of a row and four output channels. The three taps of a row share the
// six pixels that they see, and a loaded weight serves four pixels: 2.7 multiply-adds a loaded float, against 0.5 in the
// naive kernel and 0.8 in the second step.
//   y[p, o] = sum over taps t and channels i of x[p + t - 1, i] * weights[t, i, o]
// x [h, w, ci], weights [3, 3, ci, co], y [h, w, co]; zero padding, every channel count a multiple of 4.
// Dispatch: linear over h * ceil(w / 4) * co / 4 threads, groups of 64 folded into x and y.

struct Params { h: u32, w: u32, ci: u32, co: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> weights: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

fn pixelAt(row: u32, column: i32, i: u32) -> vec4f {
  if (column < 0 || column >= i32(params.w)) { return vec4f(0.0); }
  return x[(row * params.w + u32(column)) * (params.ci / 4u) + i];
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let vectorsOut = params.co / 4u;
  let runs = (params.w + 3u) / 4u;
  if (index >= params.h * runs * vectorsOut) { return; }
  let o = index % vectorsOut;
  let first = i32((index / vectorsOut) % runs) * 4;
  let row = i32(index / (vectorsOut * runs));
  var a = vec4f(0.0); var b = vec4f(0.0); var c = vec4f(0.0); var d = vec4f(0.0);
  for (var ky = 0; ky < 3; ky++) {
    let sy = row + ky - 1;
    if (sy < 0 || sy >= i32(params.h)) { continue; }
    let line = u32(sy);
    for (var i = 0u; i < params.ci / 4u; i++) {
      let p0 = pixelAt(line, first - 1, i); let p1 = pixelAt(line, first, i); let p2 = pixelAt(line, first + 1, i);
      let p3 = pixelAt(line, first + 2, i); let p4 = pixelAt(line, first + 3, i); let p5 = pixelAt(line, first + 4, i);
      for (var lane = 0u; lane < 4u; lane++) {
        let k = (u32(ky) * 3u * params.ci + 4u * i + lane) * vectorsOut + o;
        let left = weights[k];
        let middle = weights[k + params.ci * vectorsOut];
        let right = weights[k + 2u * params.ci * vectorsOut];
        a += p0[lane] * left + p1[lane] * middle + p2[lane] * right;
        b += p1[lane] * left + p2[lane] * middle + p3[lane] * right;
        c += p2[lane] * left + p3[lane] * middle + p4[lane] * right;
        d += p3[lane] * left + p4[lane] * middle + p5[lane] * right;
      }
    }
  }
  let pixel = (u32(row) * params.w + u32(first)) * vectorsOut + o;
  let left = params.w - u32(first);
  y[pixel] = a;
  if (left > 1u) { y[pixel + vectorsOut] = b; }
  if (left > 2u) { y[pixel + 2u * vectorsOut] = c; }
  if (left > 3u) { y[pixel + 3u * vectorsOut] = d; }
}
