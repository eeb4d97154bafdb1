// Takes the pictures of the pages that `cargo test --profile ci -p portcullis-e2e --test pages`
// left in target/screenshots/ into docs/images/, with at most 64 colours each:
//     node docs/images/update.mjs
// Pictures of pages with much to say (`-long-`) are for whoever looks, and stay there.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync, inflateSync } from 'node:zlib';

const from = new URL('../../target/screenshots/', import.meta.url);
const to = new URL('./', import.meta.url);
const COLORS = 64;
const isPage = (name) => /^pages?-.*\.png$/.test(name) && !name.includes('-long-');

/** The pixels of a PNG with 8 bits a channel, without interlacing: four bytes each, as 0xRRGGBB. */
export function decode(png) {
  let width, height, channels;
  const data = [];
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at), kind = png.toString('latin1', at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + length);
    if (kind === 'IHDR') {
      [width, height, channels] = [body.readUInt32BE(0), body.readUInt32BE(4), { 2: 3, 6: 4 }[body[9]]];
      if (body[8] !== 8 || body[12] !== 0 || !channels) throw new Error('not a screenshot');
    }
    if (kind === 'IDAT') data.push(body);
    at += length + 12;
  }
  const raw = inflateSync(Buffer.concat(data)), stride = width * channels;
  const rows = Buffer.alloc(height * stride), pixels = new Uint32Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x += 1) {
      const left = x < channels ? 0 : rows[y * stride + x - channels];
      const up = y === 0 ? 0 : rows[(y - 1) * stride + x];
      const corner = x < channels || y === 0 ? 0 : rows[(y - 1) * stride + x - channels];
      const guess = left + up - corner;
      const [a, b, c] = [left, up, corner].map((value) => Math.abs(guess - value));
      const paeth = a <= b && a <= c ? left : b <= c ? up : corner;
      const added = [0, left, up, (left + up) >> 1, paeth][filter];
      rows[y * stride + x] = raw[y * (stride + 1) + 1 + x] + added;
    }
  }
  for (let at = 0; at < pixels.length; at += 1) {
    const pixel = at * channels;
    pixels[at] = (rows[pixel] << 16) | (rows[pixel + 1] << 8) | rows[pixel + 2];
  }
  return { width, height, pixels };
}

const channelsOf = (color) => [color >> 16, (color >> 8) & 255, color & 255];

/** The most frequent colours; each other one becomes the nearest of them. */
function palette(pixels) {
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const byCount = [...counts].sort(([a, m], [b, n]) => n - m || a - b).map(([color]) => color);
  const colors = byCount.slice(0, COLORS), index = new Map(colors.map((color, at) => [color, at]));
  for (const color of byCount.slice(COLORS)) {
    const [r, g, b] = channelsOf(color);
    let best = 0, least = Infinity;
    colors.forEach((other, at) => {
      const [x, y, z] = channelsOf(other);
      const distance = 2 * (r - x) ** 2 + 4 * (g - y) ** 2 + 3 * (b - z) ** 2;
      if (distance < least) [best, least] = [at, distance];
    });
    index.set(color, best);
  }
  return { colors, index };
}

/** The same as a PNG with a palette. */
export function encode({ width, height, pixels }) {
  const { colors, index } = palette(pixels);
  const chunk = (kind, body) => {
    const named = Buffer.concat([Buffer.from(kind, 'latin1'), body]);
    const framed = Buffer.alloc(named.length + 8);
    framed.writeUInt32BE(body.length, 0);
    named.copy(framed, 4);
    framed.writeUInt32BE(crc32(named), named.length + 4);
    return framed;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  const rows = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) rows[y * (width + 1) + 1 + x] = index.get(pixels[y * width + x]);
  }
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', head),
    chunk('PLTE', Buffer.from(colors.flatMap(channelsOf))),
    chunk('IDAT', deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function update() {
  const names = readdirSync(from).filter(isPage);
  if (names.length === 0) throw new Error('there are no pictures: run the test first');
  for (const name of readdirSync(to).filter(isPage)) rmSync(new URL(name, to));
  let bytes = 0;
  for (const name of names) {
    const png = encode(decode(readFileSync(new URL(name, from))));
    writeFileSync(new URL(name, to), png);
    bytes += png.length;
  }
  console.log(`${names.length} pictures, ${Math.ceil(bytes / 1024)} KiB`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) update();
