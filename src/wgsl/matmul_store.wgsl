// What matrix products share, for the shaders that stand in front of it, matmul.wgsl and matmul_subgroup8.wgsl: bindings, and
// what follows on the sums. Stands in front of gate_word.wgsl, and of what says how a, b and y are stored (stored_f32.wgsl).

struct Params {
  m: u32, n: u32, k: u32,
  strideA: u32, strideB: u32, strideY: u32, // vec4s in a row
  chunk: u32,                               // length of K per split, a multiple of 16, or of 4 (registers)
  accumulate: u32,
  columnGroups: u32,                        // workgroups along n
  alpha: f32,
  hasScale: u32,
  gateKind: u32,                            // 0 where 1: gate <= 0, 2: the bit of the gate word is 0
  width: u32,                               // pixels in a row of the image that the gate words are of
}

@group(0) @binding(0) var<storage, read> a: array<A>;
@group(0) @binding(1) var<storage, read> b: array<B>;
@group(0) @binding(2) var<storage, read> scale: array<vec4f>;
@group(0) @binding(3) var<storage, read> gate: array<vec4u>;
@group(0) @binding(4) var<storage, read_write> y: array<Y>;
@group(0) @binding(5) var<uniform> params: Params;

// What all sums are multiplied by.
fn factor() -> f32 {
  if (params.hasScale != 0u) { return params.alpha * scale[0].x; }
  return params.alpha;
}

fn isOpen(at: u32, pixel: u32, c: u32) -> vec4<bool> {
  if (params.gateKind == 1u) { return bitcast<vec4f>(gate[at]) > vec4f(); }
  let row = pixel / params.width;
  let column = pixel % params.width;
  let i = gateWordAt(row, column, params.width, params.strideY, c);
  return gateBits(gate[i / 4u][i % 4u], row, column);
}

fn store(split: u32, row: u32, block: u32, alpha: f32, sum: vec4f) {
  if (row >= params.m || block >= params.strideY) { return; }
  let at = (split * params.m + row) * params.strideY + block;
  let inside = vec4u(block * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.n);
  var v = select(vec4f(), alpha * sum, inside);
  if (params.accumulate != 0u) { v += fromY(y[at]); }
  if (params.gateKind != 0u) { v = select(vec4f(), v, isOpen(at, row, block)); }
  y[at] = toY(v);
}
