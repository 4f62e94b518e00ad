// An image enlarged by whole factors, and the adjoint of it.
//   forward    y[p] = x[p / factor] (nearest), or the mean of four neighbours weighted by distance (bilinear)
//   backward   dx[s] (+)= sum over p that see s of weight(p, s) * dy[p], p in scan order
// Bilinear with half-pixel centres: output p lies at (p + 0.5) / factor - 0.5, held inside the image (align_corners =
// false of PyTorch); computed in integers, so the weights are exact fractions of 2 * factor.
// x, dx [h, w, c]; y, dy [h * factorY, w * factorX, c]; NHWC, channels padded to vec4s.
// One thread, one vec4 of the output. Dispatch: linear, 64 threads a group, folded into x and y.

override BILINEAR: bool = false;

struct Params {
  h: i32, w: i32,            // small image
  factorY: i32, factorX: i32,
  vectors: u32,              // ceil(c / 4)
  accumulate: u32,           // backward: add to dx
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;       // backward: dy
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>; // backward: dx
@group(0) @binding(2) var<uniform> params: Params;

// What output p of an axis sees: element `near` with weight 1 - far, the next one with weight far.
struct View { near: i32, next: i32, far: f32 }

fn view(p: i32, n: i32, factor: i32) -> View {
  if (!BILINEAR) { return View(p / factor, p / factor, 0.0); }
  let place = max(2 * p + 1 - factor, 0); // in units of 1 / (2 factor)
  let near = place / (2 * factor);
  return View(near, min(near + 1, n - 1), f32(place % (2 * factor)) / f32(2 * factor));
}

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let index = id.x + id.y * groups.x * 64u;
  let width = p.w * p.factorX;
  if (index >= u32(p.h * p.factorY * width) * p.vectors) { return; }
  let pixel = i32(index / p.vectors);
  let channel = index % p.vectors;
  let v = view(pixel / width, p.h, p.factorY);
  let u = view(pixel % width, p.w, p.factorX);
  var value = x[u32(v.near * p.w + u.near) * p.vectors + channel];
  if (BILINEAR) {
    let right = x[u32(v.near * p.w + u.next) * p.vectors + channel];
    let below = x[u32(v.next * p.w + u.near) * p.vectors + channel];
    let across = x[u32(v.next * p.w + u.next) * p.vectors + channel];
    value = mix(mix(value, right, u.far), mix(below, across, u.far), v.far);
  }
  y[index] = value;
}

// The outputs of an axis that may see element s: x..y-1.
fn seers(s: i32, n: i32, factor: i32) -> vec2i {
  let reach = select(0, factor, BILINEAR);
  return vec2i(max(s * factor - reach, 0), min((s + 1) * factor + reach, n * factor));
}

fn weight(p: i32, s: i32, n: i32, factor: i32) -> f32 {
  let v = view(p, n, factor);
  return select(0.0, 1.0 - v.far, v.near == s) + select(0.0, v.far, v.next == s);
}

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let index = id.x + id.y * groups.x * 64u;
  if (index >= u32(p.h * p.w) * p.vectors) { return; }
  let pixel = i32(index / p.vectors);
  let row = pixel / p.w;
  let column = pixel % p.w;
  let rows = seers(row, p.h, p.factorY);
  let columns = seers(column, p.w, p.factorX);
  var total = vec4f();
  for (var py = rows.x; py < rows.y; py++) {
    var line = vec4f();
    for (var px = columns.x; px < columns.y; px++) {
      let d = x[u32(py * p.w * p.factorX + px) * p.vectors + index % p.vectors];
      line += weight(px, column, p.w, p.factorX) * d;
    }
    total += weight(py, row, p.h, p.factorY) * line;
  }
  if (p.accumulate != 0u) { total += y[index]; }
  y[index] = total;
}
