// What lies outside of an image, by params.mode: 0 zero, 1 replicate, 2 reflect, 3 wrap. Stands behind every shader that
// pads.

// Where index i of an axis of n elements really lies; -1 outside under zero padding.
fn source(i: i32, n: i32) -> i32 {
  if (i >= 0 && i < n) { return i; }
  switch params.mode {
    case 0u: { return -1; }
    case 1u: { return clamp(i, 0, n - 1); }
    case 2u: { return select(2 * (n - 1) - i, -i, i < 0); }
    default: { return ((i % n) + n) % n; }
  }
}
