// The regions of houses.png, a colour for each: sky, houses, water. A mask for the command line's --mask.

import sharp from 'sharp';
import { output } from './canvas.mjs';

const [width, height] = [768, 576];
const [sky, houses, water] = ['#3080ff', '#ff8000', '#00a060'];

/** The skyline from left to right, in 400ths of the width and 300ths of the height. */
const skyline = [
  ...[[0, 62], [20, 60], [22, 95], [35, 95], [40, 72], [62, 62], [85, 95], [100, 112], [128, 92], [150, 112]],
  ...[[165, 82], [190, 85], [212, 112], [255, 112], [262, 82], [285, 82], [295, 122], [303, 110], [306, 35]],
  ...[[309, 110], [318, 125], [330, 128], [350, 105], [375, 112], [390, 108], [400, 112]],
];
const points = [[0, 300], ...skyline, [400, 300]].map(([x, y]) => `${x},${y}`).join(' ');

const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 400 300" shape-rendering="crispEdges">
  <rect width="400" height="300" fill="${sky}"/>
  <polygon points="${points}" fill="${houses}"/>
  <rect y="242" width="400" height="58" fill="${water}"/>
</svg>`;
await sharp(Buffer.from(svg)).png({ palette: true }).toFile(output('houses-regions').pathname);
