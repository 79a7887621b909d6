/**
 * `npm run test:corpora -- FOLDER…` gives the built tool whole corpora of image files, as images and, where they are PNGs, as masks:
 * each beside two good samples; `augment`, `check` and `inspect` look at them. It counts what was used and what was refused by name, and fails where the tool crashed, hung, took too
 * much memory, named nobody, or read other pixels than Pillow. Not in CI: corpora are large and have licences of their own.
 */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { decodeImage, imageHeaderOf } from '../dist/codecs/image.js';
import { extensions } from '../dist/codecs/image-names.js';
import { encodePng, pngHeader } from '../dist/codecs/png.js';
import { decodeMask, encodeMask } from '../dist/codecs/png-masks.js';

const batchSize = 48;
const patienceMs = 120_000;
const mostMegabytes = 3000;
/** Exit codes that are allowed for a data set with some bad samples. */
const fineCodes = { augment: [0, 3, 65], check: [0, 1], inspect: [0] };

const folders = process.argv.slice(2);
if (folders.length === 0) {
  console.error('usage: npm run test:corpora -- FOLDER...');
  process.exit(2);
}
const work = mkdtempSync(join(tmpdir(), 'corpora-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));

const files = folders.flatMap((folder) =>
  readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => statSync(path).isFile())
    .sort(),
);

/** A grey image, and a mask with a square if there is room for one. */
const picture = ({ width, height }) =>
  encodePng({ width, height, depth: 8, channels: 1, data: new Uint8Array(width * height).fill(99), filter: 'up' });
const annotation = ({ width, height }) => {
  const ids = new Uint8Array(width * height);
  for (let y = height >> 2; y < (3 * height) >> 2; y++) ids.fill(1, y * width + (width >> 2), y * width + ((3 * width) >> 2));
  return encodeMask({ width, height, ids });
};
const small = { width: 8, height: 8 };

/** The size of a file by its header; a small size if the header cannot be read. */
async function sizeOf(bytes, role) {
  const header =
    role === 'mask'
      ? pngHeader(bytes)
      : await imageHeaderOf(bytes, '')
          .then(({ upright }) => upright)
          .catch(() => undefined);
  return header && header.width * header.height <= 2 ** 26 ? header : small;
}

async function writeSet(root, entries) {
  for (const folder of ['images', 'masks']) mkdirSync(join(root, folder), { recursive: true });
  for (const id of ['good1', 'good2']) {
    writeFileSync(join(root, 'images', `${id}.png`), await picture({ width: 32, height: 32 }));
    writeFileSync(join(root, 'masks', `${id}.png`), await annotation({ width: 32, height: 32 }));
  }
  for (const { id, path, role, name } of entries) {
    const size = await sizeOf(readFileSync(path), role);
    copyFileSync(path, join(root, `${role}s`, name));
    if (role === 'image') writeFileSync(join(root, 'masks', `${id}.png`), await annotation(size));
    else writeFileSync(join(root, 'images', `${id}.png`), await picture(size));
  }
}

/** Runs the tool, and ends it if it takes too much time or memory. */
function runTool(argv) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['bin/copypaste.cjs', ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr, ended, peak] = ['', '', undefined, 0];
    child.stdout.on('data', (part) => (stdout += part));
    child.stderr.on('data', (part) => (stderr += part));
    const end = (why) => {
      ended ??= why;
      child.kill('SIGKILL');
    };
    const patience = setTimeout(() => end('hang'), patienceMs);
    // Without /proc, memory is not limited.
    const watch = setInterval(() => {
      const megabytes = residentMegabytes(child.pid);
      peak = Math.max(peak, megabytes);
      if (megabytes > mostMegabytes) end('memory');
    }, 50);
    child.on('close', (code, signal) => {
      clearTimeout(patience);
      clearInterval(watch);
      resolve({ code, stdout, stderr, peak, ended: ended ?? (signal === null ? undefined : `signal ${signal}`) });
    });
  });
}

function residentMegabytes(pid) {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

const counts = { files: files.length, asImage: 0, asMask: 0, used: 0, refused: 0, compared: 0, peakMegabytes: 0 };
/** Failures: the file, and the problem. */
const faults = { crash: [], hang: [], memory: [], unnamed: [], wrong: [] };

/** Tries entries in one data set; if that fails, tries its halves, down to the entry that causes the failure. */
async function attempt(entries) {
  const root = mkdtempSync(join(work, 'set-'));
  const ended = [];
  const found = {};
  try {
    await writeSet(root, entries);
    for (const command of Object.keys(fineCodes)) {
      const argv = command === 'augment' ? ['--in', root, '--out', `${root}-out`, '--skip-bad', '-p', '1', '--allow-self'] : [root];
      const result = await runTool([command, ...argv, '--quiet', '--json']);
      counts.peakMegabytes = Math.max(counts.peakMegabytes, Math.round(result.peak));
      const kind = result.ended ?? (fineCodes[command].includes(result.code) ? undefined : `exit code ${result.code}`);
      if (kind !== undefined) ended.push({ kind, how: `${command}: ${kind}: ${result.stderr.trim().split('\n').slice(-3).join(' | ')}` });
      else found[command] = JSON.parse(result.stdout || '{}');
    }
  } finally {
    for (const path of [root, `${root}-out`]) rmSync(path, { recursive: true, force: true });
  }
  if (ended.length > 0) {
    if (entries.length > 1) {
      const half = entries.length >> 1;
      await attempt(entries.slice(0, half));
      await attempt(entries.slice(half));
      return;
    }
    for (const { kind, how } of ended) (faults[kind] ?? faults.crash).push(`${entries[0].role} ${entries[0].path}: ${how}`);
    return;
  }
  const reasons = new Map((found.augment.skipped ?? []).map(({ id, reason }) => [id, reason]));
  for (const entry of entries) {
    const reason = reasons.get(entry.id);
    if (reason === undefined) {
      counts.used++;
      await keepPixels(entry);
      continue;
    }
    counts.refused++;
    if (!/^(images|masks)\/\d+\.\w+: \S.*$/.test(reason)) faults.unnamed.push(`${entry.role} ${entry.path}: ${reason}`);
    // A file that augment refuses must be named by check and, if it is a mask, by inspect, which decodes no images.
    const names = (list = []) => list.some(({ path }) => path === reason.split(': ')[0]);
    if (!names(found.check.differences)) faults.unnamed.push(`${entry.role} ${entry.path}: check is silent`);
    if (entry.role === 'mask' && !names(found.inspect.odd)) faults.unnamed.push(`${entry.role} ${entry.path}: inspect is silent`);
    if (process.env.VERBOSE) console.log(`${entry.role} ${entry.path}: ${reason}`);
  }
}

const comparisons = [];

/** Pixels that the tool reads from a PNG, for the comparison with Pillow. */
async function keepPixels({ id, path, role }) {
  const bytes = readFileSync(path);
  const header = pngHeader(bytes);
  if (!header) return;
  const raw = join(work, `${id}.raw`);
  if (role === 'mask') {
    const { ids } = decodeMask(bytes, path);
    writeFileSync(raw, new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
  } else {
    const { stored, format } = await imageHeaderOf(bytes, path);
    // Pillow reads no colours with 16 bits per channel.
    if (format.depth === 16) return;
    const { pixels } = await decodeImage(bytes, stored, path, { ...format, upright: false });
    writeFileSync(raw, new Uint8Array(pixels.buffer));
  }
  comparisons.push({ path, raw, role, depth: header.depth, grey: header.colour === 'grey' });
}

const pillow = `
import json, sys, warnings
from PIL import Image, ImageFile
warnings.simplefilter('ignore')
Image.MAX_IMAGE_PIXELS = None
for line in sys.stdin:
    one = json.loads(line)
    ours = open(one['raw'], 'rb').read()
    try:
        image = Image.open(one['path'])
        image.load()
    except Exception as error:
        print(json.dumps({'path': one['path'], 'role': one['role'], 'unread': str(error)}))
        continue
    if one['role'] == 'image':
        # Pillow scales grey of few bits, and forgets to scale the grey that is transparent.
        if one['grey'] and one['depth'] < 8 and image.info.get('transparency', 255) < 2 ** one['depth']:
            image.info['transparency'] *= 255 // (2 ** one['depth'] - 1)
        theirs = image.convert('RGBA').tobytes()
    elif one['depth'] == 16:
        theirs = image.convert('I').point(lambda v: v).tobytes()
        theirs = b''.join(theirs[i:i + 2] for i in range(0, len(theirs), 4)) if sys.byteorder == 'little' else None
    else:
        scale = 255 // (2 ** one['depth'] - 1) if one['grey'] and one['depth'] < 8 else 1
        theirs = (image.convert('L') if image.mode == '1' else image).tobytes()
        theirs = bytes(v // scale for v in theirs) if scale > 1 else theirs
    if theirs is not None and theirs != ours:
        at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), -1)
        print(json.dumps({'path': one['path'], 'role': one['role'], 'mode': image.mode, 'lengths': [len(ours), len(theirs)], 'at': at}))
`;

const entries = files.flatMap((path, n) => {
  const extension = extname(path).toLowerCase();
  // The tool ignores files with other extensions, so these are named `.png`.
  const name = Object.values(extensions).flat().includes(extension.slice(1)) ? `${n}${extension}` : `${n}.png`;
  const roles = pngHeader(readFileSync(path)) || extension === '.png' ? ['image', 'mask'] : ['image'];
  return roles.map((role) => ({
    id: String(role === 'mask' ? n + files.length : n),
    path,
    role,
    name: role === 'mask' ? `${n + files.length}.png` : name,
  }));
});
counts.asImage = entries.filter(({ role }) => role === 'image').length;
counts.asMask = entries.length - counts.asImage;
for (let at = 0; at < entries.length; at += batchSize) {
  await attempt(entries.slice(at, at + batchSize));
  if (process.stderr.isTTY) process.stderr.write(`\r${Math.min(at + batchSize, entries.length)}/${entries.length} `);
}

const lines = comparisons.map((one) => `${JSON.stringify(one)}\n`).join('');
const python = spawnSync(process.env.PYTHON ?? 'python3', ['-c', pillow], { input: lines, encoding: 'utf8', maxBuffer: 2 ** 28 });
if (python.status === 0) {
  counts.compared = comparisons.length;
  for (const line of python.stdout.split('\n').filter((text) => text !== '')) {
    const { unread, ...rest } = JSON.parse(line);
    if (unread === undefined) faults.wrong.push(JSON.stringify(rest));
    else console.log(`Pillow does not read ${rest.role} ${rest.path}, which was used: ${unread}`);
  }
} else {
  console.log(`pixels were not compared: Pillow does not run: ${python.stderr?.trim().split('\n').at(-1)}`);
}

for (const [kind, list] of Object.entries(faults)) for (const line of list) console.log(`${kind}: ${line}`);
const totals = Object.fromEntries(Object.entries(faults).map(([kind, list]) => [kind, list.length]));
console.log(JSON.stringify({ ...counts, ...totals }));
process.exitCode = Object.values(faults).some((list) => list.length > 0) ? 1 : 0;
