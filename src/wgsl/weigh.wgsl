// Scalars gathered into a vector and weighted: the terms of a loss, ready to be summed and to be read back at once.
//   y[i] = weights[i] * term_i        four terms a dispatch, one vec4 of y
// term_i scalars [1]; weights, y [n]. One thread does it: [1, 1, 1].

struct Params {
  index: u32, // which vec4 of y
  count: u32, // terms in this vec4
}

@group(0) @binding(0) var<storage, read> weights: array<vec4f>;
@group(0) @binding(1) var<storage, read> term0: array<vec4f>;
@group(0) @binding(2) var<storage, read> term1: array<vec4f>;
@group(0) @binding(3) var<storage, read> term2: array<vec4f>;
@group(0) @binding(4) var<storage, read> term3: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(1)
fn main() {
  let terms = vec4f(term0[0].x, term1[0].x, term2[0].x, term3[0].x);
  let isTerm = vec4u(0u, 1u, 2u, 3u) < vec4u(params.count);
  y[params.index] = select(vec4f(0.0), weights[params.index] * terms, isTerm);
}
