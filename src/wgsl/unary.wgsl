// Elementwise functions of one tensor, forward and backward.
//   forward   y = f(x)                      backward   dx (+)= dy · f'(·), from `saved` = x or y, whichever is cheaper
// Shapes: any, the same for all tensors, as vec4s. One thread, one vec4.
// Dispatch: linear, 64 threads a group, ceil(vectors / 64) groups folded into x and y.

override OP: u32 = 0; // 0 relu, 1 tanh, 2 sigmoid, 3 square, 4 abs, 5 scale, 6 reciprocal, 7 rsqrt

struct Params {
  vectors: u32,    // vec4s in the tensor
  perRow: u32,     // vec4s in a row
  channels: u32,   // channels of a row without padding
  accumulate: u32, // backward: add to dx instead of overwriting it
  factor: f32,     // scale: the factor; rsqrt: what is added to x
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

// Lanes that hold channels. Functions with f(0) != 0 must put the padding lanes back to zero.
fn inside(i: u32) -> vec4<bool> {
  return vec4u((i % params.perRow) * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.channels);
}

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= params.vectors) { return; }
  let v = x[i];
  var r: vec4f;
  switch OP {
    case 0u: { r = max(v, vec4f(0.0)); }
    case 1u: { r = tanh(clamp(v, vec4f(-15.0), vec4f(15.0))); } // some drivers overflow beyond: tanh(15) rounds to 1
    case 2u: { r = select(vec4f(0.0), 1.0 / (1.0 + exp(-v)), inside(i)); }
    case 3u: { r = v * v; }
    case 4u: { r = abs(v); }
    case 6u: { r = select(vec4f(0.0), 1.0 / v, inside(i)); }
    case 7u: { r = select(vec4f(0.0), inverseSqrt(v + params.factor), inside(i)); }
    default: { r = v * params.factor; }
  }
  y[i] = r;
}

@group(0) @binding(0) var<storage, read> saved: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(3) var<uniform> backwardParams: Params;

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= backwardParams.vectors) { return; }
  let s = saved[i];
  let g = dy[i];
  var r: vec4f;
  switch OP {
    case 0u: { r = select(vec4f(0.0), g, s > vec4f(0.0)); } // saved = y; the derivative at 0 is 0, as in PyTorch
    case 1u: { r = g * (1.0 - s * s); }                     // saved = y
    case 2u: { r = g * s * (1.0 - s); }                     // saved = y
    case 3u: { r = 2.0 * g * s; }                           // saved = x
    case 4u: { r = g * sign(s); }                           // saved = x
    case 6u: { r = -g * s * s; }                            // saved = y
    case 7u: { r = -0.5 * g * s * s * s; }                  // saved = y
    default: { r = g * backwardParams.factor; }             // saved is not used
  }
  if (backwardParams.accumulate != 0u) { r += dx[i]; }
  dx[i] = r;
}
