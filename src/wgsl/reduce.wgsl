// Sums in a fixed order, without atomics.
//   partial   part[t] = sum over vec4s t, t + T, t + 2T, … of f(a, b), lane by lane
//   total     op 3: y = factor * (sum over t and lanes of part[t])                   one workgroup, y is a scalar [1]
//             op 4: y[chunk, c] (+)= factor * (sum over the chunk's rows of part[row, c])   bias gradients, broadcasts
// Shapes: a, b any, as vec4s (padding lanes hold zeros and stay out of every sum); part as named.
// Stands in front of what says how a is stored (stored_f32.wgsl).
// Dispatch: partial: linear over T threads / 64. total, op 3: 1 group; op 4: linear over chunks * vec4s of a row / 64,
// folded into x and y.

struct Params {
  vectors: u32,    // vec4s in a (partial), threads T (3), vec4s in a row (4)
  threads: u32,    // T (partial), rows (4)
  chunk: u32,      // rows per chunk (4)
  accumulate: u32,
  factor: f32,
  op: u32,         // partial, f: 0 a, 1 a², 2 (a − b)²; total: 3 to a scalar, 4 over rows
}

@group(0) @binding(0) var<storage, read> a: array<A>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> part: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn partial(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.threads) { return; }
  var sum = vec4f();
  for (var i = id.x; i < params.vectors; i += params.threads) {
    var v = fromA(a[i]);
    if (params.op == 2u) { v -= b[i]; }
    if (params.op != 0u) { v *= v; }
    sum += v;
  }
  part[id.x] = sum;
}

@group(0) @binding(0) var<storage, read> parts: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> totalParams: Params;

var<workgroup> sums: array<f32, 64>;

fn toScalar(thread: u32) {
  var sum = vec4f();
  for (var i = thread; i < totalParams.vectors; i += 64u) { sum += parts[i]; }
  sums[thread] = sum.x + sum.y + sum.z + sum.w;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier(); // the sums of the level above are written
    if (thread < half) { sums[thread] += sums[thread + half]; }
  }
  if (thread == 0u) { y[0] = vec4f(sums[0] * totalParams.factor, 0.0, 0.0, 0.0); }
}

fn overRows(i: u32) {
  let p = totalParams;
  let begin = i / p.vectors * p.chunk;
  if (begin >= p.threads) { return; }
  let end = min(begin + p.chunk, p.threads);
  var sum = vec4f();
  for (var row = begin; row < end; row++) { sum += parts[row * p.vectors + i % p.vectors]; }
  sum *= p.factor;
  if (p.accumulate != 0u) { sum += y[i]; }
  y[i] = sum;
}

@compute @workgroup_size(64)
fn total(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  if (totalParams.op == 3u) {
    toScalar(thread);
  } else {
    overRows(id.x + id.y * groups.x * 64u);
  }
}
