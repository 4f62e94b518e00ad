// Renders all example pictures again, byte for byte: node examples/pictures/render/all.mjs
for (const name of ['landscape', 'houses', 'brush', 'glass', 'hatching', 'woodblock', 'regions']) {
  await import(`./${name}.mjs`);
}
