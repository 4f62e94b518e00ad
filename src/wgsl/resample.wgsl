// A picture resampled along one axis: each sample of y is a weighted sum of samples of x that lie one behind the other.
//   resample   y[i] = sum over k of weights[i, k] * x[first(i) + k], then, where asked for, what makes it a picture again
//   prepare    x as it is to be resampled, in place: linear light, colours times alpha
// Only samples begin … end - 1 of x may be at hand: y[i] is begun where its first tap is among them, added to where it was
// begun before, finished where its last tap is. Taps are taken in their order, so that pieces change no bit.
// x [lines, w, 4] and y [rows, width, 4], RGBA as vec4s. Across, samples are the columns of a row, and x has all of them; down, the rows.
// One thread, one texel of y (prepare: of x). Dispatch: linear, 64 threads a group, folded into x and y.

struct Params {
  count: u32,             // texels to write
  width: u32,             // texels in a row of y; down: of x too
  first: u32,             // down: the row of the result that is written first
  origin: u32,            // down: the row of the result that y begins with
  begin: u32, end: u32,   // the samples of the axis that x holds
  stride: u32,            // across: texels in a row of x
  flags: u32,
}

const ACROSS = 1u;  // else down
const LIGHT = 2u;   // sRGB values stand for light, which is what is resampled
const ALPHA = 4u;   // colours count as much as they cover
const FINISH = 8u;  // y is a picture where it is finished

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> spans: array<vec2u>; // by output sample: its first input sample, where its weights begin
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read_write> texels: array<vec4f>; // prepare: x
@group(0) @binding(1) var<uniform> prepared: Params;

// sRGB (IEC 61966-2-1) to linear light and back, of values in [0, 1].
fn toLinear(c: vec3f) -> vec3f {
  return select(pow((c + 0.055) / 1.055, vec3f(2.4)), c / 12.92, c <= vec3f(0.04045));
}

fn toEncoded(c: vec3f) -> vec3f {
  return select(1.055 * pow(c, vec3f(1.0 / 2.4)) - 0.055, c * 12.92, c <= vec3f(0.0031308));
}

fn finished(value: vec4f, flags: u32) -> vec4f {
  var rgb = value.rgb;
  if ((flags & ALPHA) != 0u) { rgb = select(vec3f(), rgb / value.a, value.a > 0.0); }
  rgb = clamp(rgb, vec3f(), vec3f(1.0));
  if ((flags & LIGHT) != 0u) { rgb = clamp(toEncoded(rgb), vec3f(), vec3f(1.0)); }
  // Rounded weights need not sum to 1: what covers all stays at that.
  return vec4f(rgb, select(1.0, clamp(value.a, 0.0, 1.0), (flags & ALPHA) != 0u));
}

@compute @workgroup_size(64)
fn resample(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let index = id.x + id.y * groups.x * 64u;
  if (index >= p.count) { return; }
  let row = index / p.width;
  let column = index % p.width;
  let isAcross = (p.flags & ACROSS) != 0u;
  let i = select(p.first + row, column, isAcross);
  let line = select(column, row * p.stride, isAcross);  // where sample `begin` of x lies
  let along = select(p.width, 1u, isAcross);
  let at = index + (p.first - p.origin) * p.width;
  let span = spans[i];
  let after = span.x + spans[i + 1u].y - span.y;
  var sum = vec4f();
  if (span.x < p.begin) { sum = y[at]; }
  for (var k = max(span.x, p.begin); k < min(after, p.end); k++) {
    sum += weights[span.y + k - span.x] * x[line + (k - p.begin) * along];
  }
  if ((p.flags & FINISH) != 0u && after <= p.end) { sum = finished(sum, p.flags); }
  y[at] = sum;
}

@compute @workgroup_size(64)
fn prepare(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = prepared;
  let index = id.x + id.y * groups.x * 64u;
  if (index >= p.count) { return; }
  let value = texels[index];
  var rgb = value.rgb;
  if ((p.flags & LIGHT) != 0u) { rgb = toLinear(clamp(rgb, vec3f(), vec3f(1.0))); }
  if ((p.flags & ALPHA) != 0u) { rgb *= value.a; }
  texels[index] = vec4f(rgb, value.a);
}
