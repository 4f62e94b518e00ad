// npm ci must work where no browser can be downloaded, so puppeteer's own download is off. scripts/ensure-adapter.mjs
// finds an installed Chrome or Chromium for the browser tests, or installs one when asked to.
module.exports = { skipDownload: true };
