// How gate words are read; their layout is described in gate.wgsl. Stands behind every shader that does.

// The word of channels 4c .. 4c + 3 at a pixel of an image `width` pixels wide, with `perPixel` vec4s in each.
fn gateWordAt(row: u32, column: u32, width: u32, perPixel: u32, c: u32) -> u32 {
  return (row / 2u * ((width + 3u) / 4u) + column / 4u) * perPixel + c;
}

// The four bits of a pixel in its word.
fn gateBits(word: u32, row: u32, column: u32) -> vec4<bool> {
  let shift = (row % 2u * 4u + column % 4u) * 4u;
  return ((vec4u(word) >> (vec4u(shift) + vec4u(0u, 1u, 2u, 3u))) & vec4u(1u)) != vec4u();
}
