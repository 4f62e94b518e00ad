// Gradients of the sums in reduce.wgsl: a scalar flows back to every element.
//   da (+)= dy * factor * g,   g = 1, a, a − b, or one element of a
// and then, where asked for, 0 where a gate is closed: the gradient of the ReLU that made a.
// Shapes: a, b, da any, as vec4s; dy a scalar [1], or of any shape where one element is meant; gate of da's shape, or gate words (gate.wgsl) of da as an image
// [h, w, c]. One thread, one vec4.
// Stands in front of gate_word.wgsl, and of what says how a and da (Y) are stored (stored_f32.wgsl).
// Dispatch: linear, 64 threads a group, ceil(vectors / 64) groups folded into x and y.

struct Params {
  vectors: u32,
  perRow: u32,   // vec4s in a row
  channels: u32, // channels of a row without padding
  accumulate: u32,
  factor: f32,
  gateKind: u32, // 0 where 1: gate <= 0, 2: the bit of the gate word is 0
  width: u32,    // pixels in a row of the image that the gate words are of
  op: u32,       // g: 0 one, 1 a, 2 a − b, 3 element `element` of a, da a scalar [1]
  element: u32,  // of dy, and of a (3)
}

@group(0) @binding(0) var<storage, read> a: array<A>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read> gate: array<vec4u>;
@group(0) @binding(4) var<storage, read_write> da: array<Y>;
@group(0) @binding(5) var<uniform> params: Params;

fn isOpen(i: u32) -> vec4<bool> {
  if (params.gateKind == 1u) { return bitcast<vec4f>(gate[i]) > vec4f(); }
  let pixel = i / params.perRow;
  let row = pixel / params.width;
  let column = pixel % params.width;
  let word = gateWordAt(row, column, params.width, params.perRow, i % params.perRow);
  return gateBits(gate[word / 4u][word % 4u], row, column);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= params.vectors) { return; }
  let at = params.element / 4u;
  let lane = params.element % 4u;
  let flow = dy[at][lane] * params.factor;
  var g: vec4f;
  switch params.op {
    case 0u: {
      let channel = vec4u((i % params.perRow) * 4u) + vec4u(0u, 1u, 2u, 3u);
      g = select(vec4f(0.0), vec4f(1.0), channel < vec4u(params.channels));
    }
    case 1u: { g = fromA(a[i]); }
    case 3u: { g = vec4f(fromA(a[at])[lane], 0.0, 0.0, 0.0); }
    default: { g = fromA(a[i]) - b[i]; }
  }
  g *= flow;
  if (params.accumulate != 0u) { g += fromY(da[i]); }
  if (params.gateKind != 0u) { g = select(vec4f(), g, isOpen(i)); }
  da[i] = toY(g);
}
