// Both ways of turning weights against the definition of the two layouts.

import { expect, test } from 'vitest';
import { turned, turnInPlace } from '../../src/vgg/turn.ts';
import { randomValues } from '../check.ts';

test.each([
  [1, 1, 1],
  [1, 5, 9],
  [7, 1, 9],
  [3, 3, 1],
  [8, 8, 9],
  [31, 9, 9],
  [64, 60, 9],
])('%i filters of %i channels and %i taps', (cout, cin, taps) => {
  const values = randomValues(cout * cin * taps, 3);
  const scale = Float64Array.from(randomValues(cout, 5), (value) => value + 2);
  const expected = new Float32Array(values.length);
  for (let tap = 0; tap < taps; tap++)
    for (let ci = 0; ci < cin; ci++)
      for (let co = 0; co < cout; co++)
        expected[(tap * cin + ci) * cout + co] = values[(co * cin + ci) * taps + tap]! * scale[co]!;
  const shape = { cout, cin, taps };
  expect(turned(values, shape, scale)).toEqual(expected);
  const own = Float32Array.from(values);
  expect(turnInPlace(own, shape, scale)).toBe(own);
  expect(own).toEqual(expected);
});
