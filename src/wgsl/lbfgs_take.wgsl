// L-BFGS, how an update begins: the new gradient comes in and makes a pair with the last step. By `kind`:
//   begin  first update: q = -g; partials ‖g‖₁ and the count of numbers that are not finite
//   pair   later ones: y = g - last; s = q (the last step); q = -g; partials s·q, y·s, y·y and the count
// Shapes: g, last (the gradient before), q, s, y any, the same, as vec4s; loss a scalar [1] of four bytes, or g again. `state`: see Params.
// Stands in front of lbfgs_sums.wgsl. Dispatch: `groups` groups of 128 threads, for each buffer of x; a thread takes every (128·groups)-th vec4.

struct Params {
  vectors: u32,
  groups: u32,
  rho: u32,
  alpha: u32,
  readAt: u32,
  writeAt: u32, // where this buffer's partials of s·q begin
  ys: u32,      // … of y·s (of ‖g‖₁ in the first update), of y·y
  yy: u32,
  odd: u32,     // … and of the count of numbers that are not finite
  clamps: u32,
  kind: u32,
}

const BEGIN = 0u; // kinds: this and PAIR = 2
const LOSS = 5u; // place in `state`

@group(0) @binding(0) var<storage, read> g: array<vec4f>;
@group(0) @binding(1) var<storage, read> loss: array<f32>;
@group(0) @binding(2) var<storage, read> last: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> q: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> state: array<f32>;
@group(0) @binding(5) var<storage, read_write> s: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(128)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  var sq = vec4f(0.0);
  var ys = vec4f(0.0);
  var yy = vec4f(0.0);
  var odd = select(0.0, 1.0, isOdd(vec4f(loss[0])).x);
  for (var i = group.x * LANES + lane; i < params.vectors; i += params.groups * LANES) {
    let gradient = g[i];
    if (any(isOdd(gradient))) { odd = 1.0; }
    if (params.kind == BEGIN) {
      ys += abs(gradient);
    } else {
      let change = gradient - last[i];
      let step = q[i];
      y[i] = change;
      s[i] = step;
      sq -= step * gradient;
      ys += change * step;
      yy += change * change;
    }
    q[i] = -gradient;
  }
  let sum = sumOverLanes(vec4f(sumOfVector(sq), sumOfVector(ys), sumOfVector(yy), odd), lane);
  if (lane != 0u) { return; }
  state[params.ys + group.x] = sum.y;
  state[params.odd + group.x] = sum.w;
  if (group.x == 0u) { state[LOSS] = loss[0]; }
  if (params.kind == BEGIN) { return; }
  state[params.writeAt + group.x] = sum.x;
  state[params.yy + group.x] = sum.z;
}
