// Gradients through gate words.
// A gate word holds one bit for each element of a block of 2 rows x 4 columns x 4 channels of an activation [h, w, c]:
//   word  (row / 2 * ceil(w / 4) + column / 4) * ceil(c / 4) + channel / 4
//   bit   (row % 2 * 4 + column % 4) * 4 + channel % 4
// The kernel that makes the activation writes them: a bit is 1 where a gradient passes, that is where the value is
// positive (ReLU), or where it is also its 2x2 window's first maximum in scan order (ReLU, then maximum pooling).
//   relu    dx (+)= dy where the bit is 1                dy [h, w, c]
//   unpool  dx (+)= dy of the window where the bit is 1, times 1/4 for means         dy [h / 2, w / 2, c]
// words as above; dx [h, w, c], NHWC, channels padded to vec4s. One thread, one vec4 of dx.
// Stands in front of gate_word.wgsl and of what says how dy and dx are stored (stored_f32.wgsl).
// Dispatch: linear over h * w * ceil(c / 4), 64 threads a group, folded into x and y.

struct Params {
  h: u32, w: u32,
  perPixel: u32,     // ceil(c / 4)
  accumulate: u32,
  factor: f32,
}

@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read> dy: array<DY>;
@group(0) @binding(2) var<storage, read_write> dx: array<DX>;
@group(0) @binding(3) var<uniform> params: Params;

// The bits of vec4 i of dx.
fn isOpen(row: u32, column: u32, c: u32) -> vec4<bool> {
  return gateBits(words[gateWordAt(row, column, params.w, params.perPixel, c)], row, column);
}

fn put(i: u32, isOpen: vec4<bool>, g: vec4f) {
  var v = select(vec4f(), params.factor * g, isOpen);
  if (params.accumulate != 0u) { v += fromDX(dx[i]); }
  dx[i] = toDX(v);
}

@compute @workgroup_size(64)
fn relu(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  let pixel = i / params.perPixel;
  if (pixel >= params.h * params.w) { return; }
  put(i, isOpen(pixel / params.w, pixel % params.w, i % params.perPixel), fromDY(dy[i]));
}

@compute @workgroup_size(64)
fn unpool(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  let pixel = i / params.perPixel;
  if (pixel >= params.h * params.w) { return; }
  let row = pixel / params.w;
  let column = pixel % params.w;
  let c = i % params.perPixel;
  var g = vec4f();
  if (row / 2u < params.h / 2u && column / 2u < params.w / 2u) { // an odd last row or column was not pooled
    g = fromDY(dy[(row / 2u * (params.w / 2u) + column / 2u) * params.perPixel + c]);
  }
  put(i, isOpen(row, column, c), g);
}
