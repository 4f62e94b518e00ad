// Paints an image buffer into a texture of any renderable format, with a triangle that covers the target.
//   colour = (image + mean) * gain, clamped by the target's format; alpha 1
// image: rows first … of [h, w, 3], padded to vec4s, in the optimiser's space. The target may have another size: nearest pixel.
// Draw: 3 vertices.

struct Params {
  h: u32, w: u32,              // the image
  targetH: f32, targetW: f32,  // the target
  mean: vec4f,
  gain: vec4f,
  linear: u32,                 // 1 where linear light is wanted: by formats that encode sRGB themselves (…-srgb) too
  first: u32, rows: u32,       // which rows of the image are at hand; the others are left alone
}

@group(0) @binding(0) var<storage, read> image: array<vec4f>;
@group(0) @binding(1) var<uniform> params: Params;

@vertex
fn cover(@builtin(vertex_index) i: u32) -> @builtin(position) vec4f {
  return vec4f(f32(i % 2u) * 4.0 - 1.0, f32(i / 2u) * 4.0 - 1.0, 0.0, 1.0);
}

fn toLinear(c: vec3f) -> vec3f {
  return select(pow((c + 0.055) / 1.055, vec3f(2.4)), c / 12.92, c <= vec3f(0.04045));
}

@fragment
fn colour(@builtin(position) at: vec4f) -> @location(0) vec4f {
  let x = min(u32(at.x / params.targetW * f32(params.w)), params.w - 1u);
  let y = min(u32(at.y / params.targetH * f32(params.h)), params.h - 1u);
  if (y < params.first || y - params.first >= params.rows) { discard; }
  let v = (image[(y - params.first) * params.w + x] + params.mean) * params.gain;
  let rgb = clamp(v.rgb, vec3f(0.0), vec3f(1.0));
  return vec4f(select(rgb, toLinear(rgb), params.linear != 0u), 1.0);
}
