// The exponential average of the iterates, without bias: a weighted mean of x_1 … x_t with weights decay^(t - k).
//   average = kept + w·(x - kept), w = (1 - decay) / (1 - decay^t), where `kept` is the average of x_1 … x_(t-1)
// That is the average E = decay·E + (1 - decay)·x over 1 - decay^t. An update that was not made (failures is not 0) has
// put a shorter step in place of the last x: then t and `kept` stay as they were.
// Shapes: x, average, kept any, the same, as vec4s. `count`: [1]. A thread takes every (128·groups)-th vec4.
// Dispatch: `groups` groups of 128 threads.

struct Params {
  vectors: u32,
  groups: u32,
  rest: f32,         // 1 - decay
  logDecay: f32,     // ln(decay)
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> failures: array<f32>; // failures[2]
@group(0) @binding(2) var<storage, read_write> average: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> kept: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> count: atomic<u32>; // of groups that have taken an x: t = count / groups
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> samples: u32;

// 1 - e^z for z <= 0, by its series where the difference would cancel.
fn oneMinusExp(z: f32) -> f32 {
  if (z < -0.5) { return 1.0 - exp(z); }
  return -z * (1.0 + z / 2.0 * (1.0 + z / 3.0 * (1.0 + z / 4.0 * (1.0 + z / 5.0 * (1.0 + z / 6.0)))));
}

@compute @workgroup_size(128)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let isNew = failures[2] == 0.0;
  if (lane == 0u) {
    // The word only grows: whatever the order of the groups, each finds the same t.
    if (isNew) {
      samples = atomicAdd(&count, 1u) / params.groups + 1u;
    } else {
      samples = atomicLoad(&count) / params.groups;
    }
  }
  let t = workgroupUniformLoad(&samples);
  let w = select(params.rest / oneMinusExp(f32(t) * params.logDecay), 1.0, t <= 1u);
  for (var i = group.x * 128u + lane; i < params.vectors; i += params.groups * 128u) {
    if (isNew) { kept[i] = average[i]; }
    // At t = 1 what was there is not read: a reset need not clear it.
    average[i] = select(kept[i] + w * (x[i] - kept[i]), x[i], t <= 1u);
  }
}
