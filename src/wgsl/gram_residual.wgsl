// The end of a Gram loss mean((G - A)^2): from partial products to the residual and partial sums of the loss.
//   g = factor * (sum over the splits of parts);   d = (g - a) + (g - a)T;   part[t] = sum over vec4s t, t + T, … of (g - a)^2
// parts [splits, c, c], a [c, c], d [c, c], rows padded to vec4s; part [T, 4]. g is symmetric to the bit (its products
// are summed in one order), a need not be. The sum of part is reduce.wgsl's `finish`.
// Dispatch: linear over T threads / 64.

struct Params {
  c: u32,
  splits: u32,
  threads: u32, // T
  factor: f32,
}

@group(0) @binding(0) var<storage, read> parts: array<vec4f>;
@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> d: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> part: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.threads) { return; }
  let stride = (params.c + 3u) / 4u;
  let vectors = params.c * stride;
  var total = vec4f();
  for (var i = id.x; i < vectors; i += params.threads) {
    var g = vec4f();
    for (var split = 0u; split < params.splits; split++) { g += parts[split * vectors + i]; }
    g *= params.factor;
    let row = i / stride;
    let column = i % stride * 4u;
    var mirrored = vec4f(); // a of the transposed place; padding lanes stay 0
    for (var lane = 0u; lane < 4u; lane++) {
      if (column + lane < params.c) { mirrored[lane] = a[(column + lane) * stride + row / 4u][row % 4u]; }
    }
    let residual = g - a[i];
    total += residual * residual;
    d[i] = residual + (g - mirrored);
  }
  part[id.x] = total;
}
