// Gradients of the sums in reduce.wgsl: a scalar flows back to every element.
//   da (+)= dy * factor * g,   g = 1, a, or a − b
// Shapes: a, b, da any, as vec4s; dy a scalar [1]. One thread, one vec4.
// Dispatch: linear, 64 threads a group, ceil(vectors / 64) groups folded into x and y.

override OP: u32 = 0; // g: 0 one, 1 a, 2 a − b

struct Params {
  vectors: u32,
  perRow: u32,   // vec4s in a row
  channels: u32, // channels of a row without padding
  accumulate: u32,
  factor: f32,
}

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> da: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= params.vectors) { return; }
  let flow = dy[0].x * params.factor;
  var g: vec4f;
  switch OP {
    case 0u: {
      let channel = vec4u((i % params.perRow) * 4u) + vec4u(0u, 1u, 2u, 3u);
      g = select(vec4f(0.0), vec4f(1.0), channel < vec4u(params.channels));
    }
    case 1u: { g = a[i]; }
    default: { g = a[i] - b[i]; }
  }
  g *= flow;
  if (params.accumulate != 0u) { g += da[i]; }
  da[i] = g;
}
