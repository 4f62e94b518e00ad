// The terms of a loss, each still in parts, summed in a fixed order, weighted and, where asked for, added up:
//   y[i] = weights[i] * factor_i * (sum over vectors_i vec4s from first_i of parts, and their lanes);   total = sum of y
// parts any, as vec4s; weights, y [n]; total a scalar [1]. Dispatch: one workgroup.

struct Params {
  count: u32,
  hasTotal: u32,
  terms: array<vec4u, 15>, // first, vectors, bits of factor, unused
}

@group(0) @binding(0) var<storage, read> parts: array<vec4f>;
@group(0) @binding(1) var<storage, read> weights: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> total: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) thread: u32) {
  var whole = 0.0;
  var four = vec4f();
  for (var i = 0u; i < params.count; i++) {
    let term = params.terms[i];
    var sum = vec4f();
    for (var k = thread; k < term.y; k += 256u) { sum += parts[term.x + k]; }
    workgroupBarrier(); // thread 0 has read the sum of the term before
    sums[thread] = sum.x + sum.y + sum.z + sum.w;
    for (var half = 128u; half > 0u; half /= 2u) {
      workgroupBarrier(); // the sums of the level above are written
      if (thread < half) { sums[thread] += sums[thread + half]; }
    }
    if (thread == 0u) {
      let value = weights[i / 4u][i % 4u] * bitcast<f32>(term.z) * sums[0];
      whole += value;
      four[i % 4u] = value;
      if (i % 4u == 3u || i + 1u == params.count) {
        y[i / 4u] = four;
        four = vec4f();
      }
    }
  }
  if (thread == 0u && params.hasTotal != 0u) { total[0] = vec4f(whole, 0.0, 0.0, 0.0); }
}
