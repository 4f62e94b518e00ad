// Gram matrices and their gradient as anyone would write them first.
//   forward    G[i, j] = factor * sum over pixels p of x[p, i] * x[p, j]     one thread per entry, all pixels in a row:
//              a layer of 64 channels has 4,096 threads, however large the picture is
//   partial    the same over one chunk of pixels, four j a thread: part[chunk, i, j]; as many chunks times more threads
//   finish     G = factor * sum over chunks of part
//   backward   dX[p, i] = factor * sum over j of x[p, j] * (dG[i, j] + dG[j, i])    one thread per value
// x, dX [pixels, c], G, dG [c, c]; c a multiple of 4. `a` is x; `b` is x for the sums (part for finish), dG for backward.
// Dispatch: linear over the values of the result (a quarter of them for partial), groups of 64 folded into x and y.

struct Params { pixels: u32, c: u32, chunks: u32, factor: f32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> result: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.c * params.c) { return; }
  let i = index / params.c;
  let j = index % params.c;
  var sum = 0.0;
  for (var p = 0u; p < params.pixels; p++) { sum += a[p * params.c + i] * b[p * params.c + j]; }
  result[index] = params.factor * sum;
}

@compute @workgroup_size(64)
fn partial(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let vectors = params.c / 4u;
  if (index >= params.chunks * params.c * vectors) { return; }
  let j = (index % vectors) * 4u;
  let i = (index / vectors) % params.c;
  let chunk = index / (vectors * params.c);
  let length = (params.pixels + params.chunks - 1u) / params.chunks;
  let end = min(params.pixels, (chunk + 1u) * length);
  var sum = vec4f(0.0);
  for (var p = chunk * length; p < end; p++) {
    let at = p * params.c + j;
    sum += a[p * params.c + i] * vec4f(b[at], b[at + 1u], b[at + 2u], b[at + 3u]);
  }
  let to = index * 4u;
  result[to] = sum.x; result[to + 1u] = sum.y; result[to + 2u] = sum.z; result[to + 3u] = sum.w;
}

@compute @workgroup_size(64)
fn finish(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.c * params.c) { return; }
  var sum = 0.0;
  for (var chunk = 0u; chunk < params.chunks; chunk++) { sum += b[chunk * params.c * params.c + index]; }
  result[index] = params.factor * sum;
}

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.pixels * params.c) { return; }
  let i = index % params.c;
  let p = index / params.c;
  var sum = 0.0;
  for (var j = 0u; j < params.c; j++) { sum += a[p * params.c + j] * (b[i * params.c + j] + b[j * params.c + i]); }
  result[index] = params.factor * sum;
}
