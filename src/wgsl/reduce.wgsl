// Sums in a fixed order, without atomics.
//   op 0–2  y[t] = sum over vec4s t, t + T, t + 2T, … of f(a, b), lane by lane: T partial sums
//   op 3    y = factor * (sum over t and lanes of a[t])                   one workgroup, y is a scalar [1]
//   op 4    y[chunk, c] (+)= factor * (sum over the chunk's rows of a[row, c])   bias gradients, broadcasts
// Shapes: a, b any, as vec4s (padding lanes hold zeros and stay out of every sum). One pipeline for all: each that a run
// needs more costs it time before its first iteration.
// Stands in front of what says how a is stored (stored_f32.wgsl).
// Dispatch: op 0–2: linear over T threads / 64; 3: 1 group; 4: linear over chunks * vec4s of a row / 64, folded into x and y.

struct Params {
  vectors: u32,    // vec4s in a (0–2), threads T (3), vec4s in a row (4)
  threads: u32,    // T (0–2), rows (4)
  chunk: u32,      // rows per chunk (4)
  accumulate: u32, // (4)
  factor: f32,     // (3, 4)
  op: u32,         // f: 0 a, 1 a², 2 (a − b)²; 3 to a scalar, 4 over rows
}

@group(0) @binding(0) var<storage, read> a: array<A>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

fn partial(thread: u32) {
  if (thread >= params.threads) { return; }
  var sum = vec4f();
  for (var i = thread; i < params.vectors; i += params.threads) {
    var v = fromA(a[i]);
    if (params.op == 2u) { v -= b[i]; }
    if (params.op != 0u) { v *= v; }
    sum += v;
  }
  y[thread] = sum;
}

var<workgroup> sums: array<f32, 64>;

fn toScalar(thread: u32) {
  var sum = vec4f();
  for (var i = thread; i < params.vectors; i += 64u) { sum += fromA(a[i]); }
  sums[thread] = sum.x + sum.y + sum.z + sum.w;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier(); // the sums of the level above are written
    if (thread < half) { sums[thread] += sums[thread + half]; }
  }
  if (thread == 0u) { y[0] = vec4f(sums[0] * params.factor, 0.0, 0.0, 0.0); }
}

fn overRows(i: u32) {
  let begin = i / params.vectors * params.chunk;
  if (begin >= params.threads) { return; }
  let end = min(begin + params.chunk, params.threads);
  var sum = vec4f();
  for (var row = begin; row < end; row++) { sum += fromA(a[row * params.vectors + i % params.vectors]); }
  sum *= params.factor;
  if (params.accumulate != 0u) { sum += y[i]; }
  y[i] = sum;
}

@compute @workgroup_size(64)
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = id.x + id.y * groups.x * 64u;
  switch params.op {
    case 3u: { toScalar(thread); }
    case 4u: { overRows(index); }
    default: { partial(index); }
  }
}
