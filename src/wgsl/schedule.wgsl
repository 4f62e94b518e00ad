// Begins an update of gradient descent or Adam: is every number finite, and how long is the step?
//   all finite  failures = 0; damping = min(1, 1.1·damping); t += 1; c1 = 1 - beta1^t; c2 = 1 - beta2^t
//               rate = learningRate·damping·2^((t - 1)·decay)
//               stepSize = rate·√c2 / c1; epsilonNow = epsilon·√c2 (torch's form) or epsilon (Keras' form)
//   not         failures += 1; cut = 4^-failures; damping *= cut. Nothing else changes: the step that led here is cut.
// With betas of 0 (gradient descent) c1 = c2 = 1. Numbers are looked at as bits: shaders may take it that no NaN exists.
// Shapes: g any, as vec4s; loss a scalar [1] of four bytes, or g again. A thread takes every (128·groups)-th vec4.
// Dispatch: `groups` groups of 128 threads for each gradient; the last group of all of them decides.

struct Scalars {
  learningRate: f32,
  damping: f32,
  failures: f32, // updates in a row that met a number that is not finite
  t: f32,        // steps so far; whole, exact up to 2^24
  c1: f32,
  c2: f32,
  stepSize: f32,
  epsilonNow: f32,
  cut: f32,
  arrivals: atomic<u32>, // groups that are done, and 2^16 times those that found something; 0 between updates
}

struct Params {
  vectors: u32,
  groups: u32,
  allGroups: u32, // of all gradients of this update, at most 65,535
  beta1: f32,
  beta2: f32,
  rest1: f32, // 1 - beta1, rounded once from float64: 1 - 0.999 in f32 is off by 5e-5
  rest2: f32,
  epsilon: f32,
  keras: u32, // 1: epsilon is added to the uncorrected root
  decay: f32, // log2 of what one update multiplies the learning rate by
}

@group(0) @binding(0) var<storage, read> g: array<vec4u>;
@group(0) @binding(1) var<storage, read> loss: array<u32>;
@group(0) @binding(2) var<storage, read_write> scalars: Scalars;
@group(0) @binding(3) var<uniform> params: Params;

const EXPONENT = 0x7f800000u; // all ones in infinities and NaN

var<workgroup> found: atomic<u32>;

@compute @workgroup_size(128)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  var isOdd = (loss[0] & EXPONENT) == EXPONENT;
  for (var i = group.x * 128u + lane; i < params.vectors; i += params.groups * 128u) {
    isOdd = isOdd || any((g[i] & vec4u(EXPONENT)) == vec4u(EXPONENT));
  }
  if (isOdd) { atomicStore(&found, 1u); }
  workgroupBarrier(); // everybody has looked
  if (lane != 0u) { return; }
  let mine = 1u + (atomicLoad(&found) << 16u);
  // One word counts both, so that whoever comes last knows all.
  let all = atomicAdd(&scalars.arrivals, mine) + mine;
  if ((all & 0xffffu) != params.allGroups) { return; }
  atomicStore(&scalars.arrivals, 0u);
  if ((all >> 16u) != 0u) { fail(); } else { advance(); }
}

fn fail() {
  let failures = scalars.failures + 1.0;
  let cut = exp2(-2.0 * failures);
  scalars.failures = failures;
  scalars.cut = cut;
  scalars.damping = max(scalars.damping * cut, 1e-20);
}

fn advance() {
  let t = scalars.t;
  // 1 - beta^(t+1) = (1 - beta) + beta·(1 - beta^t): no cancellation, no pow. At t = 0 what was there is not read.
  let c1 = params.rest1 + select(params.beta1 * scalars.c1, 0.0, t == 0.0);
  let c2 = params.rest2 + select(params.beta2 * scalars.c2, 0.0, t == 0.0);
  let damping = min(1.0, 1.1 * scalars.damping);
  var rate = scalars.learningRate * damping;
  if (params.decay != 0.0) { rate *= exp2(t * params.decay); }
  scalars.damping = damping;
  scalars.failures = 0.0;
  scalars.t = t + 1.0;
  scalars.c1 = c1;
  scalars.c2 = c2;
  scalars.stepSize = rate * sqrt(c2) / c1;
  scalars.epsilonNow = params.epsilon * select(sqrt(c2), 1.0, params.keras != 0u);
}
