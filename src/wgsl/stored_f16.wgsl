// How four channels of a pixel lie in a buffer: as half floats, which takes no feature. Values beyond +-65504 become
// that, since what else they become is up to the adapter. gpu/storage.ts puts the name of a binding for Stored.

alias Stored = vec2u;
fn fromStored(v: Stored) -> vec4f { return vec4f(unpack2x16float(v.x), unpack2x16float(v.y)); }
fn toStored(v: vec4f) -> Stored {
  let inside = clamp(v, vec4f(-65504.0), vec4f(65504.0));
  return vec2u(pack2x16float(inside.xy), pack2x16float(inside.zw));
}

// One channel: what holds it, where that is, and how to get at it.
alias StoredWord = u32;
fn wordOfStored(i: u32) -> u32 { return i / 2u; }
fn pickStored(word: StoredWord, i: u32) -> f32 {
  let pair = unpack2x16float(word);
  return select(pair.x, pair.y, i % 2u == 1u);
}
