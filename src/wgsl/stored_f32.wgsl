// How four channels of a pixel lie in a buffer: as they are. gpu/storage.ts puts the name of a binding for Stored.

alias Stored = vec4f;
fn fromStored(v: Stored) -> vec4f { return v; }
fn toStored(v: vec4f) -> Stored { return v; }

// One channel: what holds it, where that is, and how to get at it.
alias StoredWord = f32;
fn wordOfStored(i: u32) -> u32 { return i; }
fn pickStored(word: StoredWord, i: u32) -> f32 { return word; }
