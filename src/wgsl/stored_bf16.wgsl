// How four channels of a pixel lie in a buffer: as the upper halves of f32, rounded to nearest even. Gradients are far
// apart in magnitude and would leave the range of half floats. gpu/storage.ts puts the name of a binding for Stored.

alias Stored = vec2u;
fn fromStored(v: Stored) -> vec4f {
  return bitcast<vec4f>(vec4u(v.x << 16u, v.x & 0xffff0000u, v.y << 16u, v.y & 0xffff0000u));
}
fn toStored(v: vec4f) -> Stored {
  let bits = bitcast<vec4u>(v);
  let rounded = bits + 0x7fffu + ((bits >> vec4u(16u)) & vec4u(1u));
  return (rounded.xz >> vec2u(16u)) | (rounded.yw & vec2u(0xffff0000u));
}

// One channel: what holds it, where that is, and how to get at it.
alias StoredWord = u32;
fn wordOfStored(i: u32) -> u32 { return i / 2u; }
fn pickStored(word: StoredWord, i: u32) -> f32 { return bitcast<f32>(select(word << 16u, word & 0xffff0000u, i % 2u == 1u)); }
