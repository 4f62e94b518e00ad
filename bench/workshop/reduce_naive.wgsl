// The mean of squared differences by one workgroup: result = factor * sum of (a - b)². 256 threads stride over the
// values, then halve their sums in workgroup memory; the rest of the device is idle.
// a, b [count], result [4] (the scalar in its first lane, zeros behind).
// Dispatch: one workgroup.

struct Params { count: u32, factor: f32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> result: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) thread: u32) {
  var sum = 0.0;
  for (var i = thread; i < params.count; i += 256u) {
    let difference = a[i] - b[i];
    sum += difference * difference;
  }
  sums[thread] = sum;
  for (var half = 128u; half > 0u; half /= 2u) {
    workgroupBarrier(); // the upper half is written before the lower half reads it
    if (thread < half) { sums[thread] += sums[thread + half]; }
  }
  if (thread == 0u) { result[0] = vec4f(params.factor * sums[0], 0.0, 0.0, 0.0); }
}
