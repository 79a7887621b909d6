// Makes the pictures of docs/choosing.md with the commands that it shows: node scripts/choosing.js CAMVID COCO [PICTURE...]
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { main } from '../dist/cli/main.js';

/**
 * Writes the files that docs/choosing.md shows, and reads its commands.
 *
 * @param places path of each data set by its name in the commands.
 * @param folder where files are written, and all outputs of the commands.
 * @returns arguments of each command, with its output.
 */
function commandsOf(places, folder) {
  const text = readFileSync('docs/choosing.md', 'utf8');
  const paths = { ...places };
  for (const [, name, content] of text.matchAll(/`(\S+)`:\n\n```yaml\n(.*?)^```$/gms))
    writeFileSync((paths[name] = join(folder, name)), content);
  return [...text.matchAll(/^npx copypaste (.+)$/gm)].map(([, line]) => {
    const out = /--out (\S+)/.exec(line)?.[1];
    if (out) paths[out] ??= join(folder, basename(out));
    return { line, out: paths[out], argv: line.split(' ').map((one) => paths[one] ?? one) };
  });
}

/** Width of a picture in pixels, and its largest size in bytes. */
const [width, largest] = [1000, 60_000];

/** Parts of contact sheets that are enlarged. */
const rim = { left: 764, top: 104, width: 96, height: 72 };
const parts = { hard: rim, antialias: rim };

/** Encodes a picture as JPEG, in the best quality that is small enough. */
async function shrink(path, part) {
  for (let quality = 85; ; quality -= 5) {
    const picture = part
      ? sharp(path)
          .extract(part)
          .resize({ width: 5 * part.width, kernel: 'nearest' })
      : sharp(path).resize({ width });
    const bytes = await picture.jpeg({ quality, mozjpeg: true }).toBuffer();
    if (bytes.length <= largest || quality === 40) return bytes;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [camvid, coco, ...only] = process.argv.slice(2);
  if (!coco) throw new Error('name the folders of CamVid and COCO: node scripts/choosing.js CAMVID COCO');
  const folder = mkdtempSync(join(tmpdir(), 'choosing-'));
  for (const { line, out, argv } of commandsOf({ camvid, coco }, folder)) {
    const picture = out && /([\w-]+)\.jpg$/.exec(out)?.[1];
    if (picture && only.length > 0 && !only.includes(picture)) continue;
    console.error(`$ copypaste ${line}`);
    process.exitCode = await main(argv, process);
    if (process.exitCode) break;
    if (picture) writeFileSync(`docs/choosing/${picture}.jpg`, await shrink(out, parts[picture]));
  }
  rmSync(folder, { recursive: true });
}
